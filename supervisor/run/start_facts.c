/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/count.h"
#include "common/file.h"
#include "common/memory.h"
#include "common/text.h"
#include "stages/host/layout.h"
#include "stages/kit/output_file.h"
#include "stages/stage.h"
#include "supervisor/run/start_p.h"
#include "supervisor/run/start_watch.h"

/* --- what it was --- */

/* What a stage was called that is renamed by this start, whether it goes on or not; or NULL. */
static const char *find_former(const struct start *s, const char *name)
{
    for (size_t i = 0; i < s->topology->stage_count; i++) {
        const struct stage *stage = &s->topology->stages[i];
        if (stage->renamed_from != NULL && strcmp(stage->base, name) == 0 &&
            manifest_find(&s->old, name) == NULL &&
            manifest_find(&s->old, stage->renamed_from) != NULL)
            return stage->renamed_from;
    }
    return NULL;
}

/* Whether --discard names a stage of the manifest, by the name that it has or had. */
static bool is_leaving_discarded(const struct start *s, const char *name)
{
    bool is = start_is_discarded(s, name);
    for (size_t i = 0; i < s->options->discard_count; i++) {
        const char *former = find_former(s, s->options->discards[i]);
        is |= former != NULL && strcmp(former, name) == 0;
    }
    return is;
}

/* Whether another stage goes on from the state of the stage that had this name. */
static bool is_taken_over(const struct start *s, const char *name)
{
    for (size_t i = 0; i < s->topology->stage_count; i++) {
        const char *former = start_former_name(s, &s->topology->stages[i]);
        if (former != NULL && strcmp(former, name) == 0)
            return true;
    }
    return false;
}

/* The stage that is to go on from the state of the stage with this name, of whatever kind. */
static const struct stage *find_heir(const struct start *s, const char *name)
{
    for (size_t i = 0; i < s->topology->stage_count; i++) {
        const struct stage *stage = &s->topology->stages[i];
        if (stage->renamed_from != NULL && strcmp(stage->renamed_from, name) == 0)
            return stage;
    }
    return NULL;
}

/* The state of a stage that is gone, or is of another kind now, is never discarded silently. */
static void check_leaving(struct start *s, const struct manifest_stage *was)
{
    const struct manifest_stage *is = manifest_find(&s->new, was->name);
    if ((is != NULL && strcmp(is->kind, was->kind) == 0) || is_taken_over(s, was->name))
        return;
    const struct stage *heir = find_heir(s, was->name);
    bool kept = was->keeps && (was->begins_after != 0 || layout_is_kept(s->stages_fd, was->name));
    kept &= !is_leaving_discarded(s, was->name);
    if (kept && is == NULL && heir != NULL)
        start_plan_refuse(
            &s->plan,
            "stage '%s' is of kind %s, and cannot go on from the state of '%s', which "
            "was of kind %s; remove 'renamed_from: %s' and put that stage back, or use "
            "--discard %s to discard its state",
            heir->base, heir->kind->name, was->name, was->kind, was->name, was->name);
    else if (kept && is == NULL)
        start_plan_refuse(&s->plan,
                          "stage '%s' (%s) is no longer in the topology, but the state directory "
                          "holds its state; put the stage back, give the stage that is to go on "
                          "from it 'renamed_from: %s', or use --discard %s to discard that state; "
                          "outputs stay as they are",
                          was->name, was->kind, was->name, was->name);
    else if (kept)
        start_plan_refuse(&s->plan,
                          "stage '%s' was of kind %s and is now of kind %s, which cannot continue "
                          "from its state; give the new stage another name, or use --discard %s to "
                          "discard that state and begin with an empty one",
                          was->name, was->kind, is->kind, was->name);
    else
        manifest_add_remove(&s->new, was->name);
}

/*
 * An unknown name may be that of a stage that was already discarded. One that is close to the name
 * of a stage is a typing error.
 */
static void check_discards(struct start *s)
{
    size_t count = 0;
    const char **names = memory_new(s->old.stage_count + s->new.stage_count, sizeof(char *));
    for (size_t i = 0; i < s->new.stage_count; i++)
        names[count++] = s->new.stages[i].name;
    for (size_t i = 0; i < s->old.stage_count; i++) {
        if (manifest_find(&s->new, s->old.stages[i].name) == NULL)
            names[count++] = s->old.stages[i].name;
    }
    for (size_t i = 0; i < s->options->discard_count; i++) {
        const char *name = s->options->discards[i];
        if (manifest_find(&s->old, name) != NULL || find_former(s, name) != NULL)
            continue;
        bool is_new = manifest_find(&s->new, name) != NULL;
        const char *nearest = is_new ? NULL : text_nearest(name, names, count);
        if (nearest != NULL)
            start_plan_refuse(&s->plan, "--discard %s: there is no such stage; did you mean '%s'?",
                              name, nearest);
        else if (!layout_is_kept(s->stages_fd, name))
            start_plan_warn(&s->plan, "there is no state of stage '%s', so nothing was discarded",
                            name);
    }
    free(names);
}

/* --- what is on the disk --- */

static bool writes_file(const struct stage *stage)
{
    return stage->kind->cursor_magic == OUTPUT_MAGIC;
}

const char *start_output(struct start *s, const struct stage *stage)
{
    if (stage->kind->internal)
        return DEAD_LETTERS_FILE;
    const struct option_spec *output = kind_output_option(stage->kind);
    return output != NULL ? manifest_option_text(start_new_stage(s, stage->base), output->name)
                          : NULL;
}

/*
 * A stage that begins with an empty state refuses a file that is not empty. It is better to report
 * that before anything is discarded.
 */
static void refuse_foreign(struct start *s, const struct stage *stage)
{
    bool is_internal = stage->kind->internal;
    const char *path = start_output(s, stage);
    struct stat st;
    if (fstatat(is_internal ? s->state_fd : AT_FDCWD, path, &st, 0) != 0 || !S_ISREG(st.st_mode) ||
        st.st_size == 0)
        return;
    if (is_internal)
        start_plan_refuse(&s->plan,
                          "stage '%s': '%s/%s' holds %jd %s, but the stage begins with an empty "
                          "state; move it away",
                          stage->base, s->path, path, (intmax_t)st.st_size,
                          count_word((uint64_t)st.st_size, "byte", "bytes"));
    else
        start_plan_refuse(&s->plan,
                          "stage '%s': '%s' holds %jd %s that this stage is not known to have "
                          "written; move it away, or choose another output",
                          stage->base, path, (intmax_t)st.st_size,
                          count_word((uint64_t)st.st_size, "byte", "bytes"));
}

/*
 * Output that a process wrote but did not commit before it was killed is written again, now to
 * another file. Where it begins in the old file is known only from the cursor, which is about to be
 * discarded. So it is reported first.
 */
static void say_shown(struct start *s, const struct stage *stage)
{
    bool open = false;
    uint64_t bytes = 0;
    int fd;
    if (file_open(s->stages_fd, stage->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, NULL) !=
        0)
        return;
    int rc = output_file_open_bytes(fd, &open, &bytes, NULL);
    (void)close(fd);
    if (rc == 0 && open)
        start_plan_warn(
            &s->plan,
            "stage '%s': its last process was killed with %ju %s of its output committed; what "
            "follows in the file that you keep will be written again to the new one, so cut it off "
            "there (truncate -s %ju)",
            stage->base, (uintmax_t)bytes, count_word(bytes, "byte", "bytes"), (uintmax_t)bytes);
}

/* A stage that begins with an empty state: nothing may be there that could be taken for its own. */
static int find_new(struct start *s, const struct stage *stage, const struct manifest_stage *was,
                    struct err *e)
{
    bool is_kept = layout_is_kept(s->stages_fd, stage->base);
    if (was == NULL && is_kept && !start_is_discarded(s, stage->base))
        start_plan_refuse(&s->plan,
                          "stage '%s': 'stages/%s' holds a state that the manifest does not list, "
                          "so they do not belong together; restore the state directory as a whole, "
                          "or use --discard %s to discard that state",
                          stage->base, stage->base, stage->base);
    bool same_kind = was != NULL && strcmp(was->kind, stage->kind->name) == 0;
    if (same_kind || (was == NULL && is_kept))
        manifest_add_remove(&s->new, stage->base);
    if (same_kind && writes_file(stage))
        say_shown(s, stage);
    if (writes_file(stage))
        refuse_foreign(s, stage);
    int rc = start_check_files(s, stage, true, e);
    if (rc == ERR_MISMATCH) {
        start_plan_refuse(&s->plan, "stage '%s': %s", stage->base, e->text);
        rc = 0;
    }
    return rc;
}

/* Finishes or undoes what an earlier start has made of directories, also of former stages. */
static int settle(const struct start *s, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->old.stage_count; i++)
        rc = layout_settle_stage(s->stages_fd, s->old.stages[i].name, e);
    return rc == 0 ? layout_settle(s->stages_fd, s->topology, e) : rc;
}

int start_find_facts(struct start *s, struct err *e)
{
    int rc = s->only_looks ? 0 : settle(s, e);
    if (rc != 0)
        return rc;
    check_discards(s);
    for (size_t i = 0; i < s->old.stage_count; i++)
        check_leaving(s, &s->old.stages[i]);
    for (size_t i = 0; rc == 0 && i < s->topology->stage_count; i++) {
        const struct stage *stage = &s->topology->stages[i];
        if (stage->worker != 0)
            continue;
        start_watch_say("checking the input, output and state of", stage->base);
        const char *former = start_former_name(s, stage);
        const struct manifest_stage *was =
            manifest_find(&s->old, former != NULL ? former : stage->base);
        struct start_stage *verdict = &s->plan.stages[i];
        verdict->keeps = start_new_stage(s, stage->base)->keeps;
        verdict->discarded = was != NULL && start_is_discarded(s, stage->base);
        verdict->known =
            was != NULL && strcmp(was->kind, stage->kind->name) == 0 && !verdict->discarded;
        if (verdict->known)
            rc = start_find_known(s, stage, was, verdict, e);
        else
            rc = find_new(s, stage, was, e);
    }
    return rc;
}

int start_check_gaps(struct start *s, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->topology->stage_count; i++) {
        const struct stage *stage = &s->topology->stages[i];
        uint64_t bytes = 0;
        int fd;
        const char *was = s->facts[i].was != NULL ? s->facts[i].was : stage->base;
        if (!writes_file(stage) || s->plan.stages[i].gap_first == 0 ||
            file_open(s->stages_fd, was, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, NULL) != 0)
            continue;
        bool is_internal = stage->kind->internal;
        const char *path = start_output(s, stage);
        rc = output_file_shown_bytes(is_internal ? s->state_fd : AT_FDCWD, path, fd, &bytes, e);
        (void)close(fd);
        if (rc == 0 && bytes != 0)
            start_plan_refuse(&s->plan,
                              "stage '%s': '%s' holds %ju %s not committed, and may belong to "
                              "records that the stage never receives again; move it away, and use "
                              "--discard %s to discard the position in it",
                              stage->base, path, (uintmax_t)bytes,
                              count_word(bytes, "byte that is", "bytes that are"), stage->base);
    }
    return rc;
}

/* --- starting over --- */

/* Finds out whether the state of a stage proves that an output is ours. */
static int find_output(const struct start *s, const struct stage *stage, const char *path,
                       bool *ret_ours, struct stat *ret_st, struct err *e)
{
    const char *former = start_former_name(s, stage);
    int fd;
    int rc = file_open(s->stages_fd, former != NULL ? former : stage->base,
                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e);
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    rc = output_file_is_ours(path, fd, ret_ours, ret_st, e);
    (void)close(fd);
    /* A damaged cursor proves nothing. */
    return rc == ERR_CORRUPT ? 0 : rc;
}

int start_find_outputs(struct start *s, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->topology->stage_count; i++) {
        const struct stage *stage = &s->topology->stages[i];
        bool ours = false;
        struct stat st;
        if (!writes_file(stage) || stage->kind->internal)
            continue;
        const char *path = start_output(s, stage);
        rc = start_check_files(s, stage, true, e);
        if (rc == 0)
            rc = find_output(s, stage, path, &ours, &st, e);
        if (rc != 0)
            return err_wrap(e, "stage '%s'", stage->base);
        if (!ours) {
            refuse_foreign(s, stage);
            continue;
        }
        manifest_add_empty(&s->new, path, st.st_dev, st.st_ino, (uint64_t)st.st_size);
        start_plan_warn(&s->plan, "starting over: the output '%s' is emptied", path);
    }
    return rc;
}
