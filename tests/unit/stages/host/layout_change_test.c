/* SPDX-License-Identifier: MIT */
/*
 * States of stages whose options have changed: what is said of them, what a start makes of them, and
 * what is refused, with nothing changed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"
#include "stages/host/layout.h"
#include "stages/kinds/kinds.h"
#include "stages/stage.h"
#include "tests/unit/cases.h"
#include "topology/load.h"
#include "topology/partition.h"

static char directory[64];
static struct buf notes;

static void note(const char *text)
{
    buf_add_format(&notes, "%s\n", text);
}

/* A topology with one stage that has a state, with these options and this name. */
static struct topology *topology_of(const char *name, const char *stage, const char *options)
{
    char *text = memory_format("topology: %s\n"
                               "types:\n"
                               "  T: { k: string, n: int, paid: money(USD), at: timestamp, on: "
                               "timestamp }\n"
                               "stages:\n"
                               "  read: { kind: file.source, path: /dev/null }\n"
                               "  parse: { kind: json.decode, from: read, type: T }\n"
                               "  %s: { from: parse, %s }\n"
                               "  end: { kind: discard, from: %s }\n",
                               name, stage, options, stage);
    struct diagnostics d;
    struct topology *topology = NULL;
    diagnostics_init(&d, "t.yaml", text, strlen(text));
    if (topology_load("t.yaml", text, strlen(text), bulkhead_kinds, TOPOLOGY_PROCESSES, &d,
                      &topology) != 0)
        fail_msg("%s", d.items[0].message);
    diagnostics_done(&d);
    free(text);
    return topology;
}

static const struct stage *first_worker(const struct topology *t)
{
    for (size_t i = 0; i < t->stage_count; i++) {
        if (t->stages[i].kind->store_spec != NULL && t->stages[i].worker == 0)
            return &t->stages[i];
    }
    fail();
    return NULL;
}

static int open_stages(void)
{
    char *path = memory_format("%s/stages", directory);
    (void)mkdir(path, 0700);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    free(path);
    return fd;
}

static int shell(const char *text)
{
    char *command = memory_format("cd '%s' && { %s; } >/dev/null 2>&1", directory, text);
    int rc = system(command);
    free(command);
    return rc;
}

static struct store *open_worker(int stages_fd, const struct topology *t, const struct stage *stage,
                                 int *ret_fd)
{
    struct store_spec layout = {0}, spec;
    struct store *store;
    struct err e;
    if (layout_open(stages_fd, stage, ret_fd, &layout, &e) != 0)
        fail_msg("%s", e.text);
    layout_store_spec(t, stage, stage->worker, stage->workers, &spec);
    spec.has_secret = layout.has_secret;
    memcpy(spec.secret, layout.secret, sizeof spec.secret);
    if (store_open(*ret_fd, -1, &spec, false, &store, &e) != 0)
        fail_msg("%s", e.text);
    return store;
}

#define DAY (INT64_C(86400) * 1000000000)
#define NOW (INT64_C(20000) * DAY)

/* Gives each worker an entry of each of its groups, with worker i committed at seq at[i]. */
static void fill(const struct topology *t, const seq_number *at)
{
    int stages_fd = open_stages();
    struct err e;
    assert_int_equal(layout_prepare(stages_fd, t, NULL, NULL, &e), 0);
    const struct stage *first = first_worker(t);
    for (const struct stage *stage = first; stage < first + first->workers; stage++) {
        int fd;
        struct store *s = open_worker(stages_fd, t, stage, &fd);
        uint8_t value[STORE_VALUE_BYTES_MAX] = {1};
        struct store_spec spec;
        stage->kind->store_spec(stage, &spec);
        store_begin(s, at[stage->worker]);
        for (unsigned group = 0; group < KEY_GROUPS; group++) {
            if (partition_worker_of_group(group, stage->workers) == stage->worker)
                store_put(s, store_key(s, group, &group, sizeof group),
                          spec.expires ? NOW + 3 * DAY : STORE_NEVER, value);
        }
        if (spec.expires)
            store_advance(s, NOW);
        assert_int_equal(store_commit(s, at[stage->worker], &e), 0);
        store_close(s);
        (void)close(fd);
    }
    (void)close(stages_fd);
}

static void count_entry(void *context, struct hash128 key, int64_t expires_at, const void *value)
{
    (void)key;
    (void)value;
    struct buf *out = context;
    if (out->len == 0)
        buf_add_format(out, "%+.0fd",
                       expires_at == STORE_NEVER ? -0.0 : (double)(expires_at - NOW) / (double)DAY);
}

/* "SEQ CLOCK ENTRIES EXPIRY" of each worker; times are days after NOW, -0d is never. */
static void tell(const struct topology *t, struct buf *out)
{
    int stages_fd = open_stages();
    const struct stage *first = first_worker(t);
    for (const struct stage *stage = first; stage < first + first->workers; stage++) {
        int fd;
        struct buf expiry = {0};
        struct store *s = open_worker(stages_fd, t, stage, &fd);
        store_each_live(s, count_entry, &expiry);
        buf_add_format(out, "%llu ", (unsigned long long)store_committed(s));
        if (store_clock(s) == STORE_CLOCK_START)
            buf_add_text(out, "- ");
        else
            buf_add_format(out, "%+.0fd ", (double)(store_clock(s) - NOW) / (double)DAY);
        buf_add_format(out, "%llu %s\n", (unsigned long long)store_entries(s), buf_text(&expiry));
        buf_done(&expiry);
        store_close(s);
        (void)close(fd);
    }
    (void)close(stages_fd);
}

struct story {
    const char *old, *new; /* options of the stage "once" in the topology "t" */
    const char *left;
    const char *says; /* "VERDICT: SAYS", or the error */
    const char *notes;
    const char
        *told; /* of the new workers; NULL: the start is refused, with an error that has says */
};

#define LIMITS "kind: limits, key: k, amount: paid, at: at, rules: { few: { per: day, count: 3 } }"
#define DEDUPE "kind: dedupe, key: [k, n]"
#define WINDOWS "kind: window.count, key: k, at: at, per: day"
#define CONVERTED "stage 'once': its state is converted"
#define LONGER                                                                                     \
    "converted: lateness was 14d, is 30d: windows that are open stay open for longer; those that " \
    "have closed stay closed"

static const struct story stories[] = {
    {LIMITS, LIMITS, "", "goes on: ", "", "7 +0d 256 +3d\n"},
    {LIMITS, LIMITS ", lateness: 30d", "", LONGER, CONVERTED "\n", "7 +16d 256 +19d\n"},
    {LIMITS ", workers: 2", LIMITS ", lateness: 13d, workers: 2", "",
     "converted: lateness was 14d, is 13d: windows that are open close sooner, once a record comes",
     CONVERTED "\n", "7 -1d 128 +2d\n7 -1d 128 +2d\n"},
    /* Options and workers at once. */
    {LIMITS, LIMITS ", lateness: 30d, workers: 2", "", LONGER,
     CONVERTED ", and redistributed from 1 to 2 workers\n", "7 +16d 128 +19d\n7 +16d 128 +19d\n"},
    {LIMITS ", workers: 2", LIMITS ", lateness: 30d", "", LONGER,
     CONVERTED ", and redistributed from 2 to 1 worker\n", "7 +16d 256 +19d\n"},
    {LIMITS ", workers: 2", LIMITS ", workers: 3", "",
     "goes on: ", "stage 'once': its state is redistributed from 2 to 3 workers\n",
     "7 +0d 86 +3d\n7 +0d 85 +3d\n7 +0d 85 +3d\n"},
    /* A state with other entries. */
    {DEDUPE ", keep: 1d, at: at", DEDUPE, "",
     "converted: keep was 1d, is not given: the keys it remembers are never forgotten; those that "
     "it has forgotten stay so",
     CONVERTED "\n", "7 +0d 256 -0d\n"},
    {DEDUPE, DEDUPE ", keep: 1d, at: at", "",
     "converted: keep was not given, is 1d: the keys it remembers are never forgotten, only new "
     "ones are",
     CONVERTED "\n", "7 - 256 -0d\n"},
    {DEDUPE ", keep: 5d, at: at", DEDUPE ", keep: 1d, at: at", "",
     "converted: keep was 5d, is 1d: the keys it remembers are forgotten sooner", CONVERTED "\n",
     "7 +0d 0 \n"},
    {WINDOWS, WINDOWS ", calendar: { week_starts: sunday }", "",
     "converted: week was monday, is sunday: it has no weeks", CONVERTED "\n", "7 +0d 256 +3d\n"},
    /* What is left decides. */
    {LIMITS, "kind: limits, key: k, amount: paid, at: at, rules: { few: { per: week, count: 3 } }",
     "",
     "converted: periods was day, is week: what it has of days is not used any more, and its "
     "weeks begin with nothing in them",
     CONVERTED "\n", "7 +0d 256 +3d\n"},
    {LIMITS, "kind: limits, key: k, amount: paid, at: at, rules: { few: { per: week, count: 3 } }",
     "periods=week",
     "lost: periods was day, is week: what it has of days is not used any more, "
     "and it still has weeks of an earlier time, which lack what came in between",
     "", NULL},
    /* What is lost is refused. */
    {DEDUPE, "kind: dedupe, key: k", "",
     "lost: key was k:string,n:int, is k:string: it remembers other keys", "", NULL},
    {DEDUPE, DEDUPE ", by: k", "something",
     "lost: by was k,n, is k: its entries are kept in groups by these fields", "", NULL},
    {DEDUPE, WINDOWS, "",
     "lost: it is one of 'dedupe 1', and here it would be one of 'window.count 1'", "", NULL},
};

static void check(const struct story *story)
{
    static const char *const verdicts[] = {"goes on", "converted", "lost"};
    static const seq_number at[WORKERS_MAX] = {7, 7, 7};
    struct topology *old = topology_of("t", "once", story->old);
    struct topology *new = topology_of("t", "once", story->new);
    const char *lefts[8] = {NULL};
    struct state_change change;
    struct layout_position position;
    struct buf text = {0};
    struct err e;
    assert_int_equal(shell("rm -rf stages before"), 0);
    buf_reset(&notes);
    fill(old, at);
    assert_int_equal(shell("cp -a stages before"), 0);
    int stages_fd = open_stages();
    const struct stage *stage = first_worker(new);
    lefts[stage->index] = story->left;
    assert_int_equal(layout_read_position(stages_fd, new, stage, &position, &e), 0);
    assert_true(position.found && position.least == 7 && position.most == 7);
    if (layout_read_change(stages_fd, new, stage, story->left, &change, &e) != 0)
        fail_msg("%s", e.text);
    buf_add_format(&text, "%s: %s", verdicts[change.verdict], buf_text(&change.says));
    assert_string_equal(buf_text(&text), story->says);
    assert_true(change.verdict != STATE_LOST || change.left.len == 0);
    assert_int_equal(shell("diff -r stages before"), 0);
    int rc = layout_prepare(stages_fd, new, lefts, note, &e);
    assert_int_equal(rc, story->told != NULL ? 0 : ERR_MISMATCH);
    assert_string_equal(buf_text(&notes), story->notes);
    buf_reset(&text);
    if (rc == 0) {
        tell(new, &text);
        assert_string_equal(buf_text(&text), story->told);
    } else {
        assert_non_null(strstr(e.text, story->says + strlen("lost: ")));
        assert_non_null(strstr(e.text, "'stages/once': the state was written for {t/once "));
        assert_int_equal(shell("diff -r stages before"), 0);
    }
    assert_int_not_equal(shell("ls stages | grep '[.]'"), 0);
    state_change_done(&change);
    buf_done(&text);
    (void)close(stages_fd);
    topology_free(old);
    topology_free(new);
}

static void a_state_becomes_what_the_kind_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        print_message("story %zu\n", i);
        check(&stories[i]);
    }
}

/* Fills a state at these seqs, and says what a start with other options makes of it. */
static int convert(const char *from, const char *to, const seq_number *at, struct err *e)
{
    struct topology *old = topology_of("t", "once", from), *new = topology_of("t", "once", to);
    struct state_change change;
    int stages_fd = open_stages();
    buf_reset(&notes);
    if (at != NULL)
        fill(old, at);
    int rc = layout_read_change(stages_fd, new, first_worker(new), "", &change, e);
    state_change_done(&change);
    struct err again;
    assert_int_equal(layout_prepare(stages_fd, new, NULL, note, &again), rc);
    assert_true(rc == 0 || strcmp(e->text, again.text) == 0);
    if (rc == 0) {
        struct buf text = {0};
        tell(new, &text);
        buf_add(&notes, text.data, text.len);
        buf_done(&text);
    }
    (void)close(stages_fd);
    topology_free(old);
    topology_free(new);
    return rc;
}

static void workers_at_different_seqs_are_converted_each_for_itself(void **state)
{
    (void)state;
    static const seq_number at[] = {7, 9};
    struct err e;
    assert_int_equal(convert(LIMITS ", workers: 2", LIMITS ", workers: 2, lateness: 30d", at, &e),
                     0);
    assert_string_equal(buf_text(&notes), CONVERTED "\n7 +16d 128 +19d\n9 +16d 128 +19d\n");
    assert_int_equal(convert(LIMITS ", workers: 2, lateness: 30d", LIMITS, NULL, &e), ERR_MISMATCH);
    assert_string_equal(e.text,
                        "'stages/once': its workers were killed at different records, so it cannot "
                        "be given other options and another number of workers at once; start first "
                        "with 2 workers, or with the former options");
    /* With the former options it goes to one worker, and some groups are ahead. */
    assert_int_equal(convert(LIMITS, LIMITS ", lateness: 30d", NULL, &e), 0);
    assert_int_equal(convert(LIMITS, LIMITS, NULL, &e), ERR_MISMATCH);
    assert_string_equal(e.text,
                        "'stages/once': some of its key groups are ahead of others since they were "
                        "given to other workers after a kill, so it cannot be given other options "
                        "yet; start first with the former options, until it has read on");
}

/* A name that was given up, a topology that is another one, and nothing at all. */
static void owners_are_told_apart(void **state)
{
    (void)state;
    static const seq_number at[] = {7};
    struct topology *old = topology_of("t", "once", DEDUPE);
    struct topology *named = topology_of("t", "unique", DEDUPE ", renamed_from: once");
    struct topology *other = topology_of("u", "once", DEDUPE);
    struct state_change change;
    struct layout_position position;
    struct err e;
    int stages_fd = open_stages();
    assert_int_equal(layout_read_change(stages_fd, old, first_worker(old), "x", &change, &e), 0);
    assert_true(change.verdict == STATE_GOES_ON && strcmp(buf_text(&change.left), "x") == 0);
    state_change_done(&change);
    fill(old, at);
    static const char *const refusal =
        "'stages/once': the state was written for 't/once', and not for 'u/once'; restore the "
        "state directory as it was, or use --discard once to discard the state of this stage and "
        "begin with an empty one";
    assert_int_equal(layout_read_change(stages_fd, other, first_worker(other), "", &change, &e),
                     ERR_MISMATCH);
    assert_string_equal(e.text, refusal);
    assert_int_equal(layout_read_position(stages_fd, other, first_worker(other), &position, &e),
                     ERR_MISMATCH);
    assert_string_equal(e.text, refusal);
    assert_int_equal(shell("mv stages/once stages/unique"), 0);
    assert_int_equal(layout_read_position(stages_fd, named, first_worker(named), &position, &e), 0);
    assert_true(position.found && position.least == 7);
    assert_int_equal(layout_read_change(stages_fd, named, first_worker(named), "", &change, &e), 0);
    assert_true(change.verdict == STATE_CONVERTED && change.says.len == 0);
    state_change_done(&change);
    buf_reset(&notes);
    assert_int_equal(layout_prepare(stages_fd, named, NULL, note, &e), 0);
    tell(named, &notes); /* nothing is said of it */
    assert_string_equal(buf_text(&notes), "7 - 256 -0d\n");
    assert_int_equal(layout_read_change(stages_fd, named, first_worker(named), "", &change, &e), 0);
    assert_int_equal(change.verdict, STATE_GOES_ON);
    state_change_done(&change);
    (void)close(stages_fd);
    topology_free(old);
    topology_free(named);
    topology_free(other);
}

#define LONG_NAME "a23456789012345678901234567890123456789012345678901234567890123"

/* Its schema is shortened. It can be the same, or that of the former name, and nothing else. */
static void a_long_schema_is_compared_as_a_whole(void **state)
{
    (void)state;
    static const seq_number at[] = {7, 7};
    static const char keys[] = "kind: window.count, at: at, per: day, workers: 2, "
                               "key: [k, n, on, paid, at], window_field: w";
    struct topology *old = topology_of(LONG_NAME, LONG_NAME "", keys);
    struct topology *named =
        topology_of(LONG_NAME, "b",
                    "kind: window.count, at: at, per: day, workers: 2, key: [k, n, on, paid, at], "
                    "window_field: w, renamed_from: " LONG_NAME);
    struct topology *changed =
        topology_of(LONG_NAME, LONG_NAME,
                    "kind: window.count, at: on, per: day, workers: 2, key: [k, n, on, paid, at], "
                    "window_field: w");
    struct state_change change;
    struct store_spec spec;
    struct err e;
    int stages_fd = open_stages();
    fill(old, at);
    layout_store_spec(old, first_worker(old), 0, 2, &spec);
    assert_true(store_spec_is_shortened(spec.schema));
    assert_int_equal(layout_read_change(stages_fd, old, first_worker(old), "", &change, &e), 0);
    assert_int_equal(change.verdict, STATE_GOES_ON);
    state_change_done(&change);
    assert_int_equal(layout_read_change(stages_fd, changed, first_worker(changed), "", &change, &e),
                     0);
    assert_int_equal(change.verdict, STATE_LOST);
    assert_string_equal(buf_text(&change.says),
                        "its description is so long that only a part of it is kept, so it cannot "
                        "be said what has changed");
    state_change_done(&change);
    assert_int_equal(shell("mv stages/" LONG_NAME " stages/b"), 0);
    assert_int_equal(layout_read_change(stages_fd, named, first_worker(named), "", &change, &e), 0);
    assert_true(change.verdict == STATE_CONVERTED && change.says.len == 0);
    state_change_done(&change);
    assert_int_equal(layout_prepare(stages_fd, named, NULL, NULL, &e), 0);
    assert_int_equal(layout_read_change(stages_fd, named, first_worker(named), "", &change, &e), 0);
    assert_int_equal(change.verdict, STATE_GOES_ON);
    state_change_done(&change);
    (void)close(stages_fd);
    topology_free(old);
    topology_free(named);
    topology_free(changed);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "/dev/shm/bulkhead-change-XXXXXX");
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    char *command = memory_format("rm -rf '%s'", directory);
    int rc = system(command);
    free(command);
    buf_done(&notes);
    return rc;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(a_state_becomes_what_the_kind_says),
        TEST(workers_at_different_seqs_are_converted_each_for_itself),
        TEST(owners_are_told_apart),
        TEST(a_long_schema_is_compared_as_a_whole),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
