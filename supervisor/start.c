/* SPDX-License-Identifier: MIT */
#include "supervisor/start.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/memory.h"
#include "stages/layout.h"
#include "stages/output_file.h"
#include "stages/stage.h"
#include "supervisor/manifest.h"
#include "supervisor/start_plan.h"
#include "topology/options_text.h"

#define MANIFEST_BYTES_MAX (16u << 20)
#define START_REMOVE_DEPTH_MAX 4u
#define FRESH_ADVICE                                                                               \
    "or start over with --fresh, which removes what is kept here and empties the outputs that it " \
    "can prove to be its own"

struct start {
    int state_fd, stages_fd;
    const char *path;
    const struct topology *topology;
    const struct start_options *options;
    struct manifest old; /* empty if there is none */
    struct manifest new;
    struct start_plan plan;
};

/* --- the file --- */

/* Reads the manifest; *ret_found: whether there is one. */
static int read_manifest(const struct start *s, struct manifest *ret_manifest, bool *ret_found,
                         struct buf *text, struct err *e)
{
    int fd;
    struct stat st;
    int rc = file_open(s->state_fd, MANIFEST_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd, e);
    *ret_found = rc == 0;
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? 0 : err_wrap(e, "'%s'", s->path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        rc = err_set(e, ERR_CORRUPT, MANIFEST_FILE " is no regular file");
    if (rc == 0)
        rc = file_read_whole(fd, MANIFEST_BYTES_MAX, text, e);
    (void)close(fd);
    if (rc == 0)
        rc = manifest_read(text->data, text->len, ret_manifest, e);
    return rc == 0 ? 0 : err_wrap(e, "'%s'", s->path);
}

/* Replaces the manifest, which is safe when this returns. */
static int write_manifest(const struct start *s, const struct manifest *m, struct err *e)
{
    struct buf text = {0};
    manifest_write(m, &text);
    int fd;
    int rc = file_open(s->state_fd, MANIFEST_FILE ".new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW,
                       0600, &fd, e);
    if (rc == 0) {
        rc = file_write_at(fd, 0, text.data, text.len, e);
        if (rc == 0)
            rc = file_sync(fd, e);
        (void)close(fd);
    }
    if (rc == 0)
        rc = file_rename(s->state_fd, MANIFEST_FILE ".new", MANIFEST_FILE, true, e);
    buf_done(&text);
    return rc == 0 ? 0 : err_wrap(e, "'%s': " MANIFEST_FILE, s->path);
}

/* --- what is still to be done --- */

static bool is_still(const struct manifest_empty *output, int fd, const char *path)
{
    struct stat st;
    return fstatat(fd, path, &st, path[0] == '\0' ? AT_EMPTY_PATH : 0) == 0 &&
           st.st_dev == output->device && st.st_ino == output->inode;
}

/* Empties an output, if it is still that file. */
static int empty_output(const struct manifest_empty *output, struct err *e)
{
    int fd;
    if (!is_still(output, AT_FDCWD, output->path))
        return 0;
    int rc = file_open(AT_FDCWD, output->path, O_WRONLY | O_NONBLOCK, 0, &fd, e);
    if (rc == ERR_NOT_FOUND)
        return 0;
    if (rc != 0)
        return err_wrap(e, "emptying the output");
    if (is_still(output, fd, "")) {
        rc = file_truncate(fd, 0, e);
        if (rc == 0)
            rc = file_sync(fd, e);
    }
    (void)close(fd);
    return rc == 0 ? 0 : err_wrap(e, "emptying the output '%s'", output->path);
}

/* Outputs first: what proves that they are ours is removed with the stages. */
static int do_work(const struct start *s, const struct manifest *m, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < m->empty_count; i++)
        rc = empty_output(&m->empties[i], e);
    for (size_t i = 0; rc == 0 && i < m->remove_count; i++)
        rc = layout_remove(s->stages_fd, m->removes[i], e);
    if (rc == 0 && m->removes_all)
        rc = file_remove_in(s->stages_fd, "", START_REMOVE_DEPTH_MAX, e);
    if (rc == 0 && m->removes_all)
        rc = file_remove(s->state_fd, DEAD_LETTERS_FILE, e);
    /* A piece that came back after a power loss would not belong to the new beginning. */
    if (rc == 0)
        rc = file_sync_dir(s->stages_fd, e);
    if (rc == 0)
        rc = file_sync_dir(s->state_fd, e);
    return rc == 0 ? 0 : err_wrap(e, "starting over in '%s'", s->path);
}

/* Does what the manifest has left to do, and notes that it is done. */
static int finish_work(const struct start *s, struct manifest *m, struct err *e)
{
    int rc = do_work(s, m, e);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < m->remove_count; i++)
        free(m->removes[i]);
    for (size_t i = 0; i < m->empty_count; i++)
        free(m->empties[i].path);
    m->remove_count = m->empty_count = 0;
    m->removes_all = false;
    return write_manifest(s, m, e);
}

/* --- the manifest to be --- */

struct option_sink {
    struct manifest_stage *stage;
    const char *directory; /* that relative paths are relative to */
};

static void add_option(void *context, enum option_tag tag, const char *name, const char *text)
{
    const struct option_sink *sink = context;
    if (tag != OPTION_PATH || text[0] == '/') {
        manifest_add_option(sink->stage, name, text);
        return;
    }
    char *whole = memory_format("%s/%s", sink->directory, text);
    manifest_add_option(sink->stage, name, whole);
    free(whole);
}

static void add_sources(struct manifest_stage *to, const struct stage *stage)
{
    struct buf from = {0}, by = {0};
    for (size_t i = 0; i < stage->input_count; i++)
        buf_add_format(&from, "%s%s", i != 0 ? ", " : "", stage->inputs[i].from);
    for (size_t i = 0; i < stage->by_count; i++)
        buf_add_format(&by, "%s%s", i != 0 ? ", " : "", stage->in->fields[stage->by[i]].name);
    if (stage->input_count != 0 && !stage->kind->internal) /* which has all there are */
        manifest_add_option(to, "from", buf_text(&from));
    if (stage->by_count != 0)
        manifest_add_option(to, "by", buf_text(&by));
    buf_done(&from);
    buf_done(&by);
}

/* Describes what the topology is now; positions and work come later. */
static void describe(struct start *s)
{
    char directory[PATH_MAX];
    if (getcwd(directory, sizeof directory) == NULL)
        (void)memcpy(directory, ".", 2);
    (void)memcpy(s->new.topology, s->topology->name, sizeof s->new.topology);
    for (size_t i = 0; i < s->topology->stage_count; i++) {
        const struct stage *stage = &s->topology->stages[i];
        if (stage->worker != 0)
            continue;
        const struct stage_ops *ops = stage->kind->ops;
        struct manifest_stage *to = manifest_add_stage(&s->new, stage->base, stage->kind->name);
        to->keeps = ops->store_spec != NULL || ops->cursor_magic != 0;
        add_sources(to, stage);
        struct option_sink sink = {.stage = to, .directory = directory};
        options_text_each(stage->options, add_option, &sink);
    }
}

static struct manifest_stage *new_stage(struct start *s, const char *name)
{
    for (size_t i = 0; i < s->new.stage_count; i++) {
        if (strcmp(s->new.stages[i].name, name) == 0)
            return &s->new.stages[i];
    }
    return NULL;
}

static bool is_discarded(const struct start *s, const char *name)
{
    for (size_t i = 0; i < s->options->discard_count; i++) {
        if (strcmp(s->options->discards[i], name) == 0)
            return true;
    }
    return false;
}

/* --- the facts --- */

static const char *option_text(const struct manifest_stage *stage, const char *name)
{
    for (size_t i = 0; i < stage->option_count; i++) {
        if (strcmp(stage->options[i].name, name) == 0)
            return stage->options[i].text;
    }
    return NULL;
}

static bool writes_file(const struct stage *stage)
{
    return stage->kind->ops->cursor_magic == OUTPUT_MAGIC;
}

/* A stage that begins anew takes no file that holds something. Better said before all is forgotten.
 */
static void refuse_foreign(struct start *s, const struct stage *stage)
{
    const char *path = option_text(new_stage(s, stage->base), "path");
    bool is_ours = stage->kind->internal;
    struct stat st;
    if (is_ours)
        path = DEAD_LETTERS_FILE;
    if (fstatat(is_ours ? s->state_fd : AT_FDCWD, path, &st, 0) == 0 && S_ISREG(st.st_mode) &&
        st.st_size > 0)
        start_plan_refuse(
            &s->plan,
            "stage '%s': '%s' holds %jd bytes that this state directory knows nothing "
            "of; move it away, or choose another output",
            stage->base, path, (intmax_t)st.st_size);
}

/* Appends "lateness was 14d, is 30d; ..." for every option that is another one now. */
static void describe_changes(const struct manifest_stage *was, const struct manifest_stage *is,
                             struct buf *out)
{
    for (size_t i = 0; i < was->option_count; i++) {
        const char *now = option_text(is, was->options[i].name);
        if (now == NULL)
            buf_add_format(out, "%s%s was %s, and is not given now", out->len != 0 ? "; " : "",
                           was->options[i].name, was->options[i].text);
        else if (strcmp(now, was->options[i].text) != 0)
            buf_add_format(out, "%s%s was %s, is %s", out->len != 0 ? "; " : "",
                           was->options[i].name, was->options[i].text, now);
    }
    for (size_t i = 0; i < is->option_count; i++) {
        if (option_text(was, is->options[i].name) == NULL)
            buf_add_format(out, "%s%s was not given, is %s", out->len != 0 ? "; " : "",
                           is->options[i].name, is->options[i].text);
    }
}

/* A stage that was there and is not, or is another kind now, is not forgotten in silence. */
static void check_leaving(struct start *s, const struct manifest_stage *was)
{
    const struct manifest_stage *is = manifest_find(&s->new, was->name);
    if (is != NULL && strcmp(is->kind, was->kind) == 0)
        return;
    bool kept = was->keeps && (was->begins_after != 0 || layout_is_kept(s->stages_fd, was->name));
    if (kept && !is_discarded(s, was->name) && is == NULL)
        start_plan_refuse(&s->plan,
                          "stage '%s' (%s) is not in the topology any more, but the state "
                          "directory holds what is kept of it; put it back, or say --discard %s: "
                          "then that is forgotten, and files that it wrote stay as they are",
                          was->name, was->kind, was->name);
    else if (kept && !is_discarded(s, was->name))
        start_plan_refuse(&s->plan,
                          "stage '%s' was of the kind %s and is of the kind %s now, which cannot "
                          "go on with what is kept of it; give the new stage another name, or say "
                          "--discard %s: then that is forgotten, and the stage begins anew",
                          was->name, was->kind, is->kind, was->name);
    else if (layout_is_kept(s->stages_fd, was->name))
        manifest_add_remove(&s->new, was->name);
}

/* Fills in what is known of a stage of the topology. */
static int find_facts(struct start *s, size_t index, struct err *e)
{
    const struct stage *stage = &s->topology->stages[index];
    struct start_stage *facts = &s->plan.stages[index];
    const struct manifest_stage *was = manifest_find(&s->old, stage->base);
    struct manifest_stage *is = new_stage(s, stage->base);
    bool same_kind = was != NULL && strcmp(was->kind, is->kind) == 0;
    facts->keeps = is->keeps;
    facts->known = same_kind && !is_discarded(s, stage->base);
    if (!facts->known && writes_file(stage))
        refuse_foreign(s, stage);
    /* What lies there of a stage that is to begin anew must not be taken for its own. */
    bool is_left = was == NULL ? layout_is_kept(s->stages_fd, stage->base) : same_kind;
    if (is_left && !facts->known)
        manifest_add_remove(&s->new, stage->base);
    if (!facts->known)
        return 0;
    struct buf changes = {0};
    describe_changes(was, is, &changes);
    for (size_t i = 0; i < was->gap_count; i++)
        manifest_add_gap(is, was->gaps[i].first, was->gaps[i].last);
    facts->begins_after = was->begins_after;
    struct layout_position position;
    int rc = layout_read_position(s->stages_fd, s->topology, stage, &position, e);
    facts->found = rc == 0 && position.found;
    facts->least = position.least;
    facts->most = position.most;
    if (rc == ERR_MISMATCH || rc == ERR_CORRUPT) {
        start_plan_refuse(&s->plan, "stage '%s': %s%s%s", stage->base, e->text,
                          changes.len != 0 ? "; " : "", buf_text(&changes));
        rc = 0;
    } else if (rc == 0 && changes.len != 0) {
        start_plan_note(&s->plan, "stage '%s': %s", stage->base, buf_text(&changes));
    }
    buf_done(&changes);
    return rc;
}

/* --- starting over --- */

/* Whether what is kept under the name of a stage is of another kind, as far as anybody knows. */
static bool is_other_kind(const struct start *s, const struct stage *stage)
{
    const struct manifest_stage *was = manifest_find(&s->old, stage->base);
    return was == NULL || strcmp(was->kind, stage->kind->name) != 0;
}

/* Whether an output is proved to be ours by what is kept of its stage. */
static int find_output(const struct start *s, const struct stage *stage, const char *path,
                       bool *ret_ours, uint64_t *ret_device, uint64_t *ret_inode, struct err *e)
{
    int fd;
    int rc = file_open(s->stages_fd, stage->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e);
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    rc = output_file_is_ours(path, fd, ret_ours, ret_device, ret_inode, e);
    (void)close(fd);
    /* A cursor that says nothing proves nothing. */
    if (rc == ERR_CORRUPT || (rc == ERR_MISMATCH && is_other_kind(s, stage)))
        return 0;
    return rc == 0 ? 0 : err_wrap(e, "stage '%s'", stage->base);
}

/* The outputs of the topology that are ours are to be emptied. */
static int find_outputs(struct start *s, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->topology->stage_count; i++) {
        const struct stage *stage = &s->topology->stages[i];
        bool ours = false;
        uint64_t device, inode;
        if (!writes_file(stage) || stage->kind->internal)
            continue;
        const char *path = option_text(new_stage(s, stage->base), "path");
        rc = find_output(s, stage, path, &ours, &device, &inode, e);
        if (rc == 0 && !ours)
            refuse_foreign(s, stage);
        if (rc != 0 || !ours)
            continue;
        manifest_add_empty(&s->new, path, device, inode);
        start_plan_note(&s->plan, "starting over: the output '%s' is emptied", path);
    }
    return rc;
}

/* --- all of it --- */

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
                   "'%s' holds state, but no " MANIFEST_FILE " that says of what: it is of an "
                   "earlier bulkhead, or the file was removed; restore the directory as a whole, "
                   "use another one, " FRESH_ADVICE,
                   s->path);
}

/* Takes what the plan has decided into the manifest. */
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
        struct manifest_stage *is = new_stage(s, stage->base);
        is->begins_after = begins_after;
        if (verdict->gap_first != 0)
            manifest_add_gap(is, verdict->gap_first, verdict->goes_on_after);
    }
}

/* A name that is known to nobody is a typing error, or what it named is discarded already. */
static void check_discards(struct start *s)
{
    for (size_t i = 0; i < s->options->discard_count; i++) {
        const char *name = s->options->discards[i];
        if (manifest_find(&s->old, name) == NULL)
            start_plan_note(&s->plan, "nothing is kept of a stage '%s', so nothing was discarded",
                            name);
    }
}

static int plan_start(struct start *s, struct err *e)
{
    check_discards(s);
    int rc = layout_settle(s->stages_fd, s->topology, e);
    for (size_t i = 0; i < s->old.stage_count; i++)
        check_leaving(s, &s->old.stages[i]);
    for (size_t i = 0; rc == 0 && i < s->topology->stage_count; i++) {
        if (s->topology->stages[i].worker == 0)
            rc = find_facts(s, i, e);
    }
    /* Of what could not be read nothing can be concluded. */
    if (rc == 0 && s->plan.error_count == 0)
        start_plan_judge(&s->plan);
    return rc;
}

static int advise(struct err *e)
{
    struct err cause = *e;
    return err_set(e, cause.code, "%s; restore the directory as a whole, " FRESH_ADVICE,
                   cause.text);
}

/* Reads what there is, and does what was left to do. */
static int read_past(struct start *s, struct buf *text, struct err *e)
{
    bool found;
    int rc = read_manifest(s, &s->old, &found, text, e);
    if (rc == 0 && found && manifest_has_work(&s->old)) {
        rc = finish_work(s, &s->old, e);
        buf_reset(text);
        if (rc == 0)
            manifest_write(&s->old, text);
    }
    if (rc == 0)
        rc = check_name(s, e);
    if (rc == 0 && !found && !s->options->fresh)
        rc = refuse_nameless(s, e);
    /* What a damaged manifest says is not needed to forget it. */
    if (rc == ERR_CORRUPT && s->options->fresh)
        return 0;
    return rc == ERR_CORRUPT ? advise(e) : rc;
}

static int prepare(struct start *s, void (*note)(const char *text), seq_number *ret_begins_after,
                   struct err *e)
{
    struct buf text = {0};
    int rc = read_past(s, &text, e);
    describe(s);
    if (rc == 0 && s->options->fresh) {
        s->new.removes_all = true;
        rc = find_outputs(s, e);
    } else if (rc == 0) {
        rc = plan_start(s, e);
    }
    if (rc == 0 && s->plan.error_count != 0)
        rc = ERR_MISMATCH;
    if (rc == 0)
        take_verdicts(s, ret_begins_after);
    if (rc == 0 && !same_text(&s->new, &text))
        rc = write_manifest(s, &s->new, e);
    buf_done(&text);
    if (rc == 0 && manifest_has_work(&s->new))
        rc = finish_work(s, &s->new, e);
    return rc == 0 ? layout_prepare(s->stages_fd, s->topology, note, e) : rc;
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
    if (rc == 0)
        buf_add(&ret_report->notes, s.plan.notes.data, s.plan.notes.len);
    manifest_done(&s.old);
    manifest_done(&s.new);
    start_plan_done(&s.plan);
    return rc;
}
