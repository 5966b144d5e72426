/* SPDX-License-Identifier: MIT */
/*
 * The plan before a start: positions go in, verdicts come out. And a property: whatever the
 * positions are, a plan that is not refused leaves no stage behind one that feeds it, and moves no
 * stage back.
 */
#include <stdio.h>
#include <string.h>

#include "stages/kinds/kinds.h"
#include "stages/stage.h"
#include "supervisor/run/start_plan.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"
#include "topology/load.h"

/* in > parse > once ×2 > enc > out and copy; `left` and `right` are a diamond around two stores. */
static const char text[] = "topology: t\n"
                           "types: { R: { k: string } }\n"
                           "stages:\n"
                           "  in: { kind: file.source, path: i }\n"
                           "  parse: { kind: json.decode, from: in, type: R }\n"
                           "  left: { kind: dedupe, from: parse, key: k, workers: 2 }\n"
                           "  right: { kind: dedupe, from: parse, key: k }\n"
                           "  both: { kind: merge, from: [left, right] }\n"
                           "  enc: { kind: json.encode, from: both }\n"
                           "  out: { kind: file.sink, from: enc, path: o }\n";
static struct topology *topology;

static int set_up(void **state)
{
    (void)state;
    struct diagnostics d;
    diagnostics_init(&d, "t.yaml", text, strlen(text));
    int rc = topology_load("t.yaml", text, strlen(text), bulkhead_kinds, TOPOLOGY_PROCESSES, &d,
                           &topology);
    diagnostics_done(&d);
    return rc;
}

static int tear_down(void **state)
{
    (void)state;
    topology_free(topology);
    return 0;
}

static struct start_stage *facts_of(struct start_plan *plan, const char *name)
{
    for (size_t i = 0; i < topology->stage_count; i++) {
        if (strcmp(topology->stages[i].base, name) == 0 && topology->stages[i].worker == 0)
            return &plan->stages[i];
    }
    fail_msg("there is no '%s'", name);
    return NULL;
}

static void init(struct start_plan *plan)
{
    start_plan_init(plan, topology);
    for (size_t i = 0; i < topology->stage_count; i++)
        plan->stages[i].keeps = kind_keeps(topology->stages[i].kind);
}

/*
 * Facts as words: "in=100 left=100-105 right=gone@7 out=new". A number is a position; gone@N is a
 * stage that is known to begin after N but whose position is not on the disk. "discarded" is "new" by
 * --discard.
 */
static void fill(struct start_plan *plan, const char *facts)
{
    char copy[256], *rest = copy;
    (void)snprintf(copy, sizeof copy, "%s", facts);
    for (char *word; (word = strtok_r(rest, " ", &rest)) != NULL;) {
        char *value = strchr(word, '=');
        *value++ = '\0';
        struct start_stage *stage = facts_of(plan, word);
        unsigned long long a = 0, b = 0;
        stage->discarded = strcmp(value, "discarded") == 0;
        stage->known = strcmp(value, "new") != 0 && !stage->discarded;
        if (sscanf(value, "gone@%llu", &a) == 1) {
            stage->begins_after = a;
            continue;
        }
        stage->found = stage->known;
        int numbers = sscanf(value, "%llu-%llu", &a, &b);
        stage->least = a;
        stage->most = numbers == 2 ? b : a;
    }
    for (size_t i = 0; i < topology->stage_count; i++)
        plan->stages[i].known |= !plan->stages[i].keeps;
}

struct story {
    const char *facts;
    bool accept_gap;
    const char *verdict; /* where stages with a position resume, with gaps in brackets */
    const char *says;    /* a part of the notes or errors; NULL: there are none */
};

static const struct story stories[] = {
    {"in=new left=new right=new out=new dead-letters=new", false, "0 0 0 0 0", NULL},
    {"in=0 left=gone@0 right=gone@0 out=gone@0 dead-letters=gone@0", false, "0 0 0 0 0", NULL},
    {"in=100 left=100 right=100 out=100 dead-letters=100", false, "100 100 100 100 100", NULL},
    {"in=90 left=91-95 right=97 out=105 dead-letters=110", false, "90 91 97 105 110", NULL},
    /* Behind: a worker, a store, a sink that is behind the further of two. */
    {"in=100 left=99-100 right=100 out=100 dead-letters=100", false, NULL,
     "stage 'left' resumes at record 100, but 'in' upstream of it at 101"},
    {"in=100 left=100 right=104 out=103 dead-letters=104", false, NULL,
     "stage 'out' resumes at record 104, but 'right' upstream of it at 105"},
    {"in=100 left=100 right=104 out=103 dead-letters=104", true, "100 100 104 104[104] 104",
     "stage 'out' never receives record 104"},
    {"in=100 left=7 right=104 out=50 dead-letters=104", true, "100 100[8] 104 104[51] 104",
     "never receives records 8 to 100"},
    /* One worker, or a key group, is ahead of a stage downstream of it, however far. */
    {"in=90 left=91-105 right=97 out=105 dead-letters=105", false, "90 91 97 105 105", NULL},
    {"in=90 left=91-106 right=97 out=105 dead-letters=106", false, NULL,
     "stage 'out' resumes at record 106, but 'left' upstream of it at 107: their states do not "
     "belong together, and record 106 cannot be replayed"},
    {"in=90 left=91-106 right=97 out=gone@0 dead-letters=106", false, NULL,
     "stage 'out': its state is gone"},
    {"in=90 left=91-106 right=97 out=95 dead-letters=106", true, "90 91 97 106[96] 106",
     "stage 'out' never receives records 96 to 106"},
    {"in=90 left=91-106 right=97 out=new dead-letters=106", false, "90 91 97 106 106",
     "stage 'out' is new: it begins with record 107"},
    {"in=90 left=80-106 right=97 out=106 dead-letters=106", true, "90 90[81] 97 106 106",
     "stage 'left' never receives records 81 to 90"},
    /* Gone, and never begun. */
    {"in=100 left=gone@0 right=100 out=100 dead-letters=100", false, NULL,
     "stage 'left': its state is gone"},
    {"in=100 left=gone@0 right=100 out=100 dead-letters=100", true, NULL,
     "stage 'left': its state is gone"},
    {"in=100 left=gone@100 right=100 out=100 dead-letters=100", false, "100 100 100 100 100", NULL},
    {"in=0 left=gone@0 right=0 out=80 dead-letters=90", false, "0 0 0 80 90", NULL},
    /* New: it begins after the furthest of those that feed it. */
    {"in=100 left=new right=100 out=110 dead-letters=110", false, "100 100 100 110 110",
     "stage 'left' is new: it begins with record 101"},
    {"in=100 left=102 right=104 out=new dead-letters=110", false, "100 102 104 104 110",
     "stage 'out' is new: it begins with record 105"},
    {"in=100 left=new right=new out=new dead-letters=110", false, "100 100 100 100 110",
     "stage 'right' is new: it begins with record 101"},
    /* The source. */
    {"in=gone@0 left=gone@0 right=0 out=5 dead-letters=0", false, NULL,
     "stage 'in': its position is gone, but 'out' has its records up to 5"},
    {"in=gone@0 left=0 right=0 out=0 dead-letters=0", false, "0 0 0 0 0", NULL},
    {"in=gone@100 left=100 right=gone@100 out=100 dead-letters=100", false, "100 100 100 100 100",
     NULL},
    {"in=new left=100 right=100 out=100 dead-letters=100", false, "100 100 100 100 100",
     "stage 'in' is new: it reads its input from the beginning, and its first record is number "
     "101"},
    {"in=new left=0 right=0 out=0 dead-letters=0", false, "0 0 0 0 0", NULL},
    {"in=discarded left=100 right=100 out=100 dead-letters=100", false, "100 100 100 100 100",
     "stage 'in' begins again, because of --discard: it reads its input from the beginning, and "
     "its first record is number 101; lines of another input that it had not read are not read"},
    {"in=discarded left=0 right=0 out=0 dead-letters=0", false, "0 0 0 0 0", NULL},
    {"in=100 left=discarded right=100 out=110 dead-letters=110", false, NULL,
     "stage 'left' begins again with an empty state, but resumes at record 101, while 'out' has "
     "records up to 110 from before the change"},
    {"in=100 left=discarded right=100 out=110 dead-letters=110", true, "100 100 100 110 110",
     "stage 'left' begins again with an empty state: for records 101 to 110, some outputs are from "
     "before the change and some from after it"},
    {"in=100 left=discarded right=100 out=100 dead-letters=100", false, "100 100 100 100 100",
     "stage 'left' begins again, because of --discard: it has an empty state, and begins with "
     "record 101"},
    {"in=new left=100 right=100 out=102 dead-letters=102", false, NULL,
     "the source that it replaces has not finished: 'left' has records up to 100, 'dead-letters' "
     "up to "
     "102"},
    {"in=new left=100 right=100 out=102 dead-letters=102", true, "102 102[101] 102[101] 102 102",
     "stage 'left' never receives records 101 to 102"},
    {"in=new left=new right=100 out=100 dead-letters=100", false, "100 100 100 100 100",
     "stage 'left' is new: it begins with record 101"},
};

static void describe(struct start_plan *plan, char *out, size_t size)
{
    static const char *const names[] = {"in", "left", "right", "out", "dead-letters"};
    out[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct start_stage *stage = facts_of(plan, names[i]);
        size_t len = strlen(out);
        (void)snprintf(out + len, size - len, "%s%llu", i != 0 ? " " : "",
                       (unsigned long long)stage->goes_on_after);
        len = strlen(out);
        if (stage->gap_first != 0)
            (void)snprintf(out + len, size - len, "[%llu]", (unsigned long long)stage->gap_first);
    }
}

static void what_is_found_and_what_follows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        const struct story *story = &stories[i];
        struct start_plan plan;
        char verdict[256];
        init(&plan);
        fill(&plan, story->facts);
        plan.accept_gap = story->accept_gap;
        start_plan_judge(&plan);
        describe(&plan, verdict, sizeof verdict);
        struct buf said = {0};
        buf_add(&said, plan.errors.data, plan.errors.len);
        buf_add(&said, plan.warnings.data, plan.warnings.len);
        buf_add(&said, plan.notes.data, plan.notes.len);
        bool refused = plan.error_count != 0;
        if (refused != (story->verdict == NULL) ||
            (!refused && strcmp(verdict, story->verdict) != 0) ||
            (story->says == NULL ? said.len != 0 : strstr(buf_text(&said), story->says) == NULL))
            fail_msg("%s: %s%s; %s", story->facts, refused ? "refused " : "", verdict,
                     buf_text(&said));
        buf_done(&said);
        start_plan_done(&plan);
    }
}

/* All that feed a stage, also through others that keep nothing. */
static void check_plan(const struct start_plan *plan)
{
    seq_number reached[16] = {0}; /* of the furthest worker */
    for (size_t i = 0; i < topology->stage_count; i++) {
        const struct start_stage *stage = &plan->stages[i - topology->stages[i].worker];
        for (size_t k = 0; k < topology->edge_count; k++) {
            size_t from = topology->edges[k].from;
            if (topology->edges[k].to == i && reached[from] > reached[i])
                reached[i] = reached[from];
        }
        if (!stage->keeps)
            continue;
        assert_true(stage->goes_on_after >= reached[i]);
        if (stage->known && stage->found)
            assert_true(stage->goes_on_after >= stage->least);
        assert_true(stage->goes_on_after >= (stage->known ? stage->begins_after : 0));
        reached[i] = stage->goes_on_after;
        if (stage->known && stage->found && stage->most > reached[i])
            reached[i] = stage->most;
    }
}

static void no_plan_leaves_a_stage_behind_another(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        struct start_plan plan;
        init(&plan);
        plan.accept_gap = random_below(2) == 0;
        for (size_t k = 0; k < topology->stage_count; k++) {
            struct start_stage *stage = &plan.stages[k];
            stage->known = random_below(8) != 0 || !stage->keeps;
            stage->found = stage->keeps && stage->known && random_below(8) != 0;
            stage->begins_after = stage->known && random_below(2) == 0 ? random_below(6) : 0;
            stage->least = stage->found ? random_below(6) : 0;
            stage->most = stage->least + (random_below(4) == 0 ? random_below(3) : 0);
        }
        start_plan_judge(&plan);
        if (plan.error_count == 0)
            check_plan(&plan);
        start_plan_done(&plan);
    }
}

int main(int argc, char **argv)
{
    random_init("start_plan_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_found_and_what_follows),
        cmocka_unit_test(no_plan_leaves_a_stage_behind_another),
    };
    return CASES_RUN(argc, argv, tests, set_up, tear_down);
}
