/* SPDX-License-Identifier: MIT */
#include "supervisor/run/start.h"

#include <string.h>

#include "common/random.h"
#include "stages/host/layout.h"
#include "supervisor/run/start_p.h"
#include "supervisor/run/start_watch.h"

#define FRESH_ADVICE                                                                               \
    "or start over with --fresh, which removes the state kept here and empties the outputs that "  \
    "it can prove to be its own"

static bool same_text(const struct manifest *a, const struct buf *text)
{
    struct buf wanted = {0};
    manifest_write(a, &wanted);
    bool same = wanted.len == text->len && memcmp(wanted.data, text->data, text->len) == 0;
    buf_done(&wanted);
    return same;
}

static int check_name(const struct start *s, struct err *e)
{
    if (s->old.topology[0] == '\0' || strcmp(s->old.topology, s->topology->name) == 0)
        return 0;
    return err_set(e, ERR_MISMATCH,
                   "'%s' holds the state of the topology '%s', not of '%s'; use another directory",
                   s->path, s->old.topology, s->topology->name);
}

static int refuse_nameless(const struct start *s, struct err *e)
{
    if (!layout_is_kept(s->stages_fd, "."))
        return 0;
    return err_set(e, ERR_MISMATCH,
                   "'%s' holds state, but no " MANIFEST_FILE
                   ": an earlier version of bulkhead wrote it, or the file was removed; restore "
                   "the directory as a whole, use another one, " FRESH_ADVICE,
                   s->path);
}

/* Copies the decisions of the plan into the manifest. */
static void take_verdicts(struct start *s, seq_number *ret_begins_after)
{
    for (size_t i = 0; i < s->topology->stage_count; i++) {
        const struct stage *stage = &s->topology->stages[i];
        const struct start_stage *verdict = &s->plan.stages[i - stage->worker];
        bool is_moved = verdict->keeps && (!verdict->known || verdict->gap_first != 0);
        seq_number begins_after = is_moved         ? verdict->goes_on_after
                                  : verdict->keeps ? verdict->begins_after
                                                   : 0;
        ret_begins_after[i] = begins_after;
        if (stage->worker != 0)
            continue;
        struct manifest_stage *is = start_new_stage(s, stage->base);
        is->begins_after = begins_after;
        if (verdict->gap_first != 0)
            manifest_add_gap(is, verdict->gap_first, verdict->goes_on_after);
    }
}

static int plan_start(struct start *s, struct err *e)
{
    int rc = s->options->fresh ? start_find_outputs(s, e) : start_find_facts(s, e);
    /* Nothing can be concluded from state that could not be read. */
    if (rc == 0 && s->plan.error_count == 0 && !s->options->fresh) {
        start_plan_judge(&s->plan);
        rc = start_check_gaps(s, e);
    }
    if (rc == 0 && s->plan.error_count != 0)
        rc = ERR_MISMATCH;
    return rc;
}

static int advise(struct err *e)
{
    struct err cause = *e;
    return err_set(e, cause.code, "%s; restore the directory as a whole, " FRESH_ADVICE,
                   cause.text);
}

static void say_unfinished(struct start *s)
{
    for (size_t i = 0; i < s->old.empty_count; i++)
        start_plan_warn(&s->plan,
                        "an earlier start with --fresh was killed; finishing it: the output '%s' "
                        "is emptied, unless it has been written to since",
                        s->old.empties[i].path);
    for (size_t i = 0; i < s->old.remove_count; i++)
        start_plan_warn(&s->plan,
                        "an earlier start was killed; finishing it: the state of stage '%s' is "
                        "discarded",
                        s->old.removes[i]);
    if (s->old.removes_all)
        start_plan_warn(&s->plan, "an earlier start with --fresh was killed; finishing it: the "
                                  "state of all stages and the dead letters are discarded");
}

/* Reads the manifest, and does the work that it still lists. */
static int read_past(struct start *s, struct buf *text, struct err *e)
{
    bool found;
    int rc = start_read_manifest(s, &s->old, &found, text, e);
    if (rc == 0 && found && manifest_has_work(&s->old)) {
        say_unfinished(s);
        rc = start_finish_work(s, &s->old, e);
        buf_reset(text);
        if (rc == 0)
            manifest_write(&s->old, text);
    }
    if (rc == 0)
        rc = check_name(s, e);
    if (rc == 0 && !found && !s->options->fresh)
        rc = refuse_nameless(s, e);
    /* The contents of a damaged manifest are not needed to discard the state. */
    if (rc == ERR_CORRUPT && s->options->fresh)
        return 0;
    return rc == ERR_CORRUPT ? advise(e) : rc;
}

/* After --fresh, remains of the former state no longer belong to it, so it gets a new number. */
static int choose_state(struct start *s, struct err *e)
{
    s->new.state = s->options->fresh ? 0 : s->old.state;
    int rc = 0;
    while (rc == 0 && s->new.state == 0)
        rc = random_bytes(&s->new.state, sizeof s->new.state, e);
    return rc;
}

static int prepare(struct start *s, void (*note)(const char *text), seq_number *ret_begins_after,
                   struct err *e)
{
    struct buf text = {0};
    int rc = read_past(s, &text, e);
    s->done_len = s->plan.warnings.len;
    start_describe(s);
    s->new.removes_all = s->options->fresh;
    if (rc == 0)
        rc = choose_state(s, e);
    if (rc == 0)
        rc = plan_start(s, e);
    if (rc == 0)
        rc = start_check_removals(s, e);
    if (rc == 0)
        take_verdicts(s, ret_begins_after);
    if (rc == 0 && !same_text(&s->new, &text)) {
        s->new.claims = true;
        rc = start_write_manifest(s, &s->new, e);
    }
    buf_done(&text);
    if (rc == 0 && manifest_has_work(&s->new))
        rc = start_finish_work(s, &s->new, e);
    start_watch_say("redistributing the states of workers", NULL);
    return rc == 0 ? layout_prepare(s->stages_fd, s->topology, NULL, note, e) : rc;
}

int start_prepare(int state_fd, int stages_fd, const char *path, const struct topology *topology,
                  const struct start_options *options, void (*note)(const char *text),
                  seq_number *ret_begins_after, struct start_report *ret_report)
{
    struct start s = {.state_fd = state_fd,
                      .stages_fd = stages_fd,
                      .path = path,
                      .topology = topology,
                      .options = options};
    start_plan_init(&s.plan, topology);
    s.plan.accept_gap = options->accept_gap;
    struct err e;
    int rc = prepare(&s, note, ret_begins_after, &e);
    if (rc != 0)
        buf_add(&ret_report->errors, s.plan.errors.data, s.plan.errors.len);
    if (rc != 0 && (rc != ERR_MISMATCH || s.plan.error_count == 0))
        buf_add_format(&ret_report->errors, "%s\n", e.text);
    buf_add(&ret_report->warnings, s.plan.warnings.data,
            rc == 0 ? s.plan.warnings.len : s.done_len);
    if (rc == 0)
        buf_add(&ret_report->notes, s.plan.notes.data, s.plan.notes.len);
    manifest_done(&s.old);
    manifest_done(&s.new);
    start_plan_done(&s.plan);
    return rc;
}
