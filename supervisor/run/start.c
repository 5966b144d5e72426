/* SPDX-License-Identifier: MIT */
#include "supervisor/run/start.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/random.h"
#include "stages/host/layout.h"
#include "supervisor/run/start_p.h"
#include "supervisor/run/start_watch.h"
#include "supervisor/run/version_copies.h"

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
static void take_verdicts(struct start *s)
{
    for (size_t i = 0; i < s->topology->stage_count; i++) {
        const struct stage *stage = &s->topology->stages[i];
        const struct start_stage *verdict = &s->plan.stages[i];
        if (stage->worker != 0)
            continue;
        bool is_moved = verdict->keeps && (!verdict->known || verdict->gap_first != 0);
        seq_number begins_after = is_moved         ? verdict->goes_on_after
                                  : verdict->keeps ? verdict->begins_after
                                                   : 0;
        struct manifest_stage *is = start_new_stage(s, stage->base);
        is->begins_after = begins_after;
        if (verdict->gap_first != 0)
            manifest_add_gap(is, verdict->gap_first, verdict->goes_on_after);
    }
}

static int plan_start(struct start *s, struct err *e)
{
    s->examined = true;
    int rc = s->options->fresh ? start_find_outputs(s, e) : start_find_facts(s, e);
    /* Nothing can be concluded from state that could not be read. */
    if (rc == 0 && s->plan.error_count == 0 && !s->options->fresh && !s->running) {
        start_plan_judge(&s->plan);
        rc = start_check_gaps(s, e);
    }
    if (rc == 0 && s->plan.error_count == 0)
        start_choose_version(s);
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

/* Whether a start was killed while the manifest lists work, or a stage has no directory. */
static bool is_unfinished(const struct start *s)
{
    bool is = manifest_has_work(&s->old);
    for (size_t i = 0; i < s->old.stage_count; i++)
        is |= layout_is_between(s->stages_fd, s->old.stages[i].name);
    return is;
}

static int refuse_unfinished(const struct start *s, struct err *e)
{
    return err_set(e, ERR_MISMATCH,
                   "'%s': an earlier start was killed before it had done all that it had "
                   "decided; the next start of this topology, in whatever version, does it "
                   "first; let one begin, and ask again",
                   s->path);
}

/* Does the work that the manifest still lists. */
static int finish_past(struct start *s, struct buf *text, struct err *e)
{
    say_unfinished(s);
    int rc = start_finish_work(s, &s->old, e);
    buf_reset(text);
    if (rc == 0)
        manifest_write(&s->old, text);
    return rc;
}

/* Reads the manifest, and does the work that it still lists. */
static int read_past(struct start *s, struct buf *text, struct err *e)
{
    if (s->state_fd < 0)
        return 0;
    int rc = start_read_manifest(s, &s->old, &s->found, text, e);
    if (rc == 0 && s->only_looks && is_unfinished(s))
        rc = refuse_unfinished(s, e);
    else if (rc == 0 && s->found && manifest_has_work(&s->old))
        rc = finish_past(s, text, e);
    if (rc == 0)
        rc = check_name(s, e);
    if (rc == 0 && !s->found && !s->options->fresh)
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

/* Finds out and decides everything, and changes nothing but what an earlier start had decided. */
static int examine(struct start *s, struct buf *text, struct err *e)
{
    int rc = read_past(s, text, e);
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
        take_verdicts(s);
    return rc;
}

static int prepare_layout(struct start *s, void (*note)(const char *text), struct err *e)
{
    const char **lefts = memory_new(s->topology->stage_count, sizeof *lefts);
    for (size_t i = 0; i < s->topology->stage_count; i++) {
        const char *name = s->facts[i].was != NULL ? s->facts[i].was : s->topology->stages[i].base;
        const struct manifest_stage *was = manifest_find(&s->old, name);
        lefts[i] = was != NULL ? was->left : NULL;
    }
    int rc = layout_prepare(s->stages_fd, s->topology, lefts, note, e);
    free(lefts);
    return rc;
}

/* Writes down what was decided, and does it. */
static int carry_out(struct start *s, const struct buf *text, void (*note)(const char *text),
                     struct err *e)
{
    bool is_same = same_text(&s->new, text);
    int rc = version_copies_add(s->state_fd, s->path, s->version, e);
    if (rc == 0 && !is_same) {
        s->new.claims = true;
        rc = start_write_manifest(s, &s->new, e);
    }
    if (rc == 0 && manifest_has_work(&s->new))
        rc = start_finish_work(s, &s->new, e);
    if (rc == 0)
        rc = version_copies_trim(s->state_fd, &s->new, e);
    start_watch_say("converting and redistributing states", NULL);
    return rc == 0 ? prepare_layout(s, note, e) : rc;
}

static void start_init(struct start *s, const struct start_request *request)
{
    *s = (struct start){.state_fd = request->state_fd,
                        .stages_fd = request->stages_fd,
                        .path = request->path,
                        .file = request->file,
                        .topology = request->topology,
                        .version = request->version,
                        .options = request->options,
                        .facts = memory_new(request->topology->stage_count, sizeof *s->facts)};
    start_plan_init(&s->plan, request->topology);
    s->plan.accept_gap = request->options->accept_gap;
}

static void start_done(struct start *s)
{
    for (size_t i = 0; i < s->topology->stage_count; i++) {
        buf_done(&s->facts[i].changes);
        buf_done(&s->facts[i].conversion);
    }
    free(s->facts);
    manifest_done(&s->old);
    manifest_done(&s->new);
    start_plan_done(&s->plan);
}

/* The old topology is needed where it has to come to its end first. */
static void say_where_it_is(const struct start *s, struct start_report *report)
{
    if (s->old.version_count == 0 || !s->plan.needs_old)
        return;
    buf_add_format(&report->errors,
                   "the old topology is kept in '%s/" VERSION_COPIES "/%s/" VERSION_COPY_TOPOLOGY
                   "'\n",
                   s->path, s->old.versions[s->old.version_count - 1].id.text);
}

/* Appends where in the file the stage is that a line is about: "t.yaml:9:3: ". */
static void add_place(const struct start *s, const char *line, struct buf *out)
{
    static const char begin[] = "stage '";
    if (strncmp(line, begin, sizeof begin - 1) != 0)
        return;
    const char *name = line + sizeof begin - 1;
    size_t len = strcspn(name, "'");
    for (size_t i = 0; i < s->topology->stage_count; i++) {
        const struct stage *stage = &s->topology->stages[i];
        if (stage->kind->internal || strlen(stage->base) != len ||
            memcmp(stage->base, name, len) != 0)
            continue;
        buf_add_format(out, "%s:%d:%d: ", s->file, stage->place.line, stage->place.column);
        return;
    }
}

/* Adds the errors of the plan, with their places. */
static void add_errors(const struct start *s, struct buf *out)
{
    const char *line = s->plan.errors.len != 0 ? (const char *)s->plan.errors.data : NULL;
    const char *end = line != NULL ? line + s->plan.errors.len : NULL;
    while (line < end) {
        const char *next = (const char *)memchr(line, '\n', (size_t)(end - line)) + 1;
        add_place(s, line, out);
        buf_add(out, line, (size_t)(next - line));
        line = next;
    }
}

static void fill_report(const struct start *s, int rc, const struct err *e,
                        struct start_report *report)
{
    if (rc != 0) {
        add_errors(s, &report->errors);
        if (rc != ERR_MISMATCH || s->plan.error_count == 0)
            buf_add_format(&report->errors, "%s\n", e->text);
        say_where_it_is(s, report);
    }
    buf_add(&report->warnings, s->plan.warnings.data, rc == 0 ? s->plan.warnings.len : s->done_len);
    if (rc == 0)
        buf_add(&report->notes, s->plan.notes.data, s->plan.notes.len);
}

int start_prepare(const struct start_request *request, seq_number *ret_begins_after,
                  struct timeline *ret_timeline, struct start_report *ret_report)
{
    struct start s;
    struct buf text = {0};
    struct err e;
    start_init(&s, request);
    int rc = examine(&s, &text, &e);
    if (rc == 0)
        rc = carry_out(&s, &text, request->note, &e);
    for (size_t i = 0; rc == 0 && i < s.topology->stage_count; i++)
        ret_begins_after[i] = start_new_stage(&s, s.topology->stages[i].base)->begins_after;
    if (rc == 0)
        start_fill_timeline(&s, ret_timeline);
    fill_report(&s, rc, &e, ret_report);
    buf_done(&text);
    start_done(&s);
    return rc;
}

int start_examine(const struct start_request *request, bool running, struct start_view *ret_view,
                  struct start_report *ret_report)
{
    struct start s;
    struct buf text = {0};
    struct err e;
    start_init(&s, request);
    s.only_looks = true;
    s.running = running;
    int rc = examine(&s, &text, &e);
    *ret_view = (struct start_view){0};
    if (s.examined && (rc == 0 || rc == ERR_MISMATCH))
        start_make_view(&s, ret_view);
    fill_report(&s, rc, &e, ret_report);
    buf_done(&text);
    start_done(&s);
    return rc;
}
