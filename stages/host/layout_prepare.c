/* SPDX-License-Identifier: MIT */
/*
 * The directories of all stages, before anything starts. Where one needs another form, the new
 * directory is built as NAME.new and synced. Then NAME is renamed to NAME.old, which decides;
 * NAME.new is renamed to NAME; and NAME.old is removed. The directories found at the next start
 * show how far this got. The names of stages have no dots.
 *
 * Nothing is renamed before the directories of all stages are built, so an error at one stage
 * leaves every other as it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/memory.h"
#include "stages/host/layout_p.h"

#define REMOVE_DEPTH_MAX 4u

static bool is_there(int dir_fd, const char *name)
{
    struct stat st;
    return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int remove_tree(int dir_fd, const char *name, struct err *e)
{
    int fd;
    int rc = file_open(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e);
    if (rc == ERR_NOT_FOUND)
        return 0;
    if (rc != 0)
        return rc;
    rc = file_remove_in(fd, "", REMOVE_DEPTH_MAX, e);
    (void)close(fd);
    if (rc == 0 && unlinkat(dir_fd, name, AT_REMOVEDIR) != 0)
        rc = err_set_errno(e, "cannot remove '%s'", name);
    return rc;
}

int layout_remove(int stages_fd, const char *base, struct err *e)
{
    struct layout_names names = layout_names_of(base);
    /* The directory in use comes last: what a kill leaves of it is found by the next attempt. */
    int rc = remove_tree(stages_fd, names.built, e);
    if (rc == 0)
        rc = remove_tree(stages_fd, names.replaced, e);
    if (rc == 0)
        rc = remove_tree(stages_fd, base, e);
    return rc;
}

bool layout_is_between(int stages_fd, const char *base)
{
    return !is_there(stages_fd, base) && is_there(stages_fd, layout_names_of(base).replaced);
}

int layout_settle_stage(int stages_fd, const char *base, struct err *e)
{
    struct layout_names names = layout_names_of(base);
    int rc = 0;
    if (layout_is_between(stages_fd, base)) {
        if (!is_there(stages_fd, names.built))
            return err_set(e, ERR_CORRUPT,
                           "'stages/%s' was about to replace 'stages/%s', but is missing",
                           names.built, names.replaced);
        rc = file_rename(stages_fd, names.built, base, true, e);
    } else if (is_there(stages_fd, names.replaced)) {
        /* The rename of the new one may not be safe yet: its process was killed. The old one must
           not be removed before it is. */
        rc = file_sync_dir(stages_fd, e);
    }
    if (rc == 0)
        rc = remove_tree(stages_fd, names.replaced, e);
    if (rc == 0)
        rc = remove_tree(stages_fd, names.built, e);
    return rc;
}

/* Puts the new directory in the place of the old one. */
static int replace(int stages_fd, const char *base, struct err *e)
{
    struct layout_names names = layout_names_of(base);
    int rc = 0;
    if (is_there(stages_fd, base))
        rc = file_rename(stages_fd, base, names.replaced, true, e);
    if (rc == 0)
        rc = file_rename(stages_fd, names.built, base, true, e);
    return rc == 0 ? remove_tree(stages_fd, names.replaced, e) : rc;
}

int layout_settle(int stages_fd, const struct topology *topology, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < topology->stage_count; i++) {
        const struct stage *stage = &topology->stages[i];
        if (stage->worker != 0)
            continue;
        rc = layout_settle_stage(stages_fd, stage->base, e);
        if (rc == 0 && stage->renamed_from != NULL)
            rc = layout_settle_stage(stages_fd, stage->renamed_from, e);
    }
    return rc;
}

int layout_prepare(int stages_fd, const struct topology *topology, const char *const *lefts,
                   void (*note)(const char *text), struct err *e)
{
    bool *built = memory_new(topology->stage_count, sizeof *built);
    int rc = layout_settle(stages_fd, topology, e);
    for (size_t i = 0; rc == 0 && i < topology->stage_count; i++) {
        if (topology->stages[i].worker == 0)
            rc =
                layout_build(stages_fd, topology, &topology->stages[i],
                             lefts != NULL && lefts[i] != NULL ? lefts[i] : "", note, &built[i], e);
    }
    if (rc != 0) {
        for (size_t i = 0; i < topology->stage_count; i++) {
            if (built[i])
                (void)remove_tree(stages_fd, layout_names_of(topology->stages[i].base).built, NULL);
        }
    }
    for (size_t i = 0; rc == 0 && i < topology->stage_count; i++) {
        if (built[i])
            rc = replace(stages_fd, topology->stages[i].base, e);
    }
    free(built);
    return rc;
}
