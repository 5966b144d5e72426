/* SPDX-License-Identifier: MIT */
/*
 * A stage gets another name. One rename of its directory decides. Then the name is changed in the
 * files that have it; each has either name, so a kill in between leaves work for the next attempt,
 * and nothing that could be taken for something else. The schema of a store has the name, too: it
 * is a state of another form, which layout_prepare() writes again. Until then an empty file beside
 * the store has the former name: the next start may have a topology that does not give it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/memory.h"
#include "stages/host/layout_p.h"
#include "stages/host/quarantine.h"
#include "stages/journal/journal_owner.h"
#include "stages/journal/journal_segment.h"

static bool is_there(int stages_fd, const char *base)
{
    struct stat st;
    return fstatat(stages_fd, base, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Moves the directory, if that has not been done. */
static int move(int stages_fd, const char *from, const char *to, struct err *e)
{
    int rc = layout_settle_stage(stages_fd, from, e);
    if (rc == 0)
        rc = layout_settle_stage(stages_fd, to, e);
    if (rc != 0 || !is_there(stages_fd, from))
        return rc;
    if (!layout_is_kept(stages_fd, to)) {
        rc = layout_remove(stages_fd, to, e);
        return rc == 0 ? file_rename(stages_fd, from, to, true, e) : rc;
    }
    if (!layout_is_kept(stages_fd, from))
        return layout_remove(stages_fd, from, e);
    return err_set(e, ERR_MISMATCH,
                   "'stages/%s' cannot become 'stages/%s', which has files already; remove "
                   "'renamed_from: %s', or use --discard %s to discard what is there",
                   from, to, from, to);
}

/* Whether one of the files of a worker is of a store. */
static int find_store(int dir_fd, bool *ret_found, struct err *e)
{
    *ret_found = false;
    int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (dir == NULL) {
        int rc = err_set_errno(e, "cannot list it");
        if (copy >= 0)
            (void)close(copy);
        return rc;
    }
    const struct dirent *entry;
    while (!*ret_found && (errno = 0, entry = readdir(dir)) != NULL)
        *ret_found = strncmp(entry->d_name, "store.", 6) == 0;
    int rc = !*ret_found && errno != 0 ? err_set_errno(e, "cannot list it") : 0;
    (void)closedir(dir);
    return rc;
}

/* Says that the store of one worker may have a former name of the stage. */
static int mark_store(int dir_fd, const char *from, struct err *e)
{
    bool found;
    int fd;
    int rc = find_store(dir_fd, &found, e);
    if (rc != 0 || !found)
        return rc;
    char *name = memory_format(LAYOUT_FORMER_PREFIX "%s", from);
    rc = file_open(dir_fd, name, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600, &fd, e);
    free(name);
    if (rc != 0)
        return rc;
    (void)close(fd);
    return file_sync_dir(dir_fd, e);
}

/* Changes the name in the files of one worker. */
static int change_files(int dir_fd, const char *topology, const char *from, const char *to,
                        struct err *e)
{
    char *old = memory_format("%s/%s", topology, from);
    char *new = memory_format("%s/%s", topology, to);
    int rc = quarantine_rename(dir_fd, old, new, e);
    free(old);
    free(new);
    if (rc == 0)
        rc = mark_store(dir_fd, from, e);
    return rc == 0 ? journal_rename(dir_fd, journal_owner(topology, from), e) : rc;
}

static int change_workers(int base_fd, const char *topology, const char *from, const char *to,
                          struct err *e)
{
    struct layout_file layout;
    int rc = layout_file_read(base_fd, &layout, e);
    for (size_t i = 0; rc == 0 && i < layout.workers; i++) {
        int dir_fd = base_fd;
        if (layout.workers > 1)
            rc = layout_open_worker(base_fd, i, &dir_fd, e);
        if (rc == 0)
            rc = change_files(dir_fd, topology, from, to, e);
        if (dir_fd >= 0 && dir_fd != base_fd)
            (void)close(dir_fd);
    }
    return rc;
}

int layout_rename(int stages_fd, const char *topology, const char *from, const char *to,
                  struct err *e)
{
    int base_fd;
    int rc = move(stages_fd, from, to, e);
    if (rc != 0)
        return rc;
    rc = file_open(stages_fd, to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &base_fd, e);
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    /* The rename may not be safe yet, if an earlier attempt was killed. */
    rc = file_sync_dir(stages_fd, e);
    if (rc == 0)
        rc = change_workers(base_fd, topology, from, to, e);
    (void)close(base_fd);
    return rc == 0 ? 0 : err_wrap(e, "'stages/%s'", to);
}
