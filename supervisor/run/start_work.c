/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/file_replace.h"
#include "stages/host/layout.h"
#include "supervisor/run/start_p.h"

#define MANIFEST_BYTES_MAX (16u << 20)
#define REMOVE_DEPTH_MAX 4u

int start_read_manifest(const struct start *s, struct manifest *ret_manifest, bool *ret_found,
                        struct buf *text, struct err *e)
{
    int fd;
    struct stat st;
    int rc = file_open(s->state_fd, MANIFEST_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd, e);
    *ret_found = rc == 0;
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? 0 : err_wrap(e, "'%s'", s->path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        rc = err_set(e, ERR_CORRUPT, MANIFEST_FILE " is not a regular file");
    if (rc == 0)
        rc = file_read_whole(fd, MANIFEST_BYTES_MAX, text, e);
    (void)close(fd);
    if (rc == 0)
        rc = manifest_read(text->data, text->len, ret_manifest, e);
    return rc == 0 ? 0 : err_wrap(e, "'%s'", s->path);
}

/*
 * Every stage in the manifest has a directory. A stage whose directory is missing has therefore
 * lost its state.
 */
static int make_directories(const struct start *s, const struct manifest *m, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < m->stage_count; i++) {
        int fd;
        rc = file_make_dir(s->stages_fd, m->stages[i].name, &fd, e);
        if (rc == 0)
            (void)close(fd);
    }
    return rc == 0 ? file_sync_dir(s->stages_fd, e) : rc;
}

int start_write_manifest(const struct start *s, const struct manifest *m, struct err *e)
{
    struct buf text = {0};
    manifest_write(m, &text);
    int rc = make_directories(s, m, e);
    if (rc == 0)
        rc = file_replace(s->state_fd, MANIFEST_FILE, text.data, text.len, true, e);
    buf_done(&text);
    return rc == 0 ? 0 : err_wrap(e, "'%s': " MANIFEST_FILE, s->path);
}

static int refuse_stranger(const struct start *s, const char *name, const char *option,
                           struct err *e)
{
    return err_set(e, ERR_MISMATCH,
                   "'%s/%s' does not belong to bulkhead, and %s would remove it; move it away, or "
                   "use another directory",
                   s->path, name, option);
}

static int check_strangers(const struct start *s, const char *base, const char *option,
                           struct err *e)
{
    char *path;
    int rc = layout_find_stranger(s->stages_fd, base, &path, e);
    if (rc == 0 && path != NULL)
        rc = refuse_stranger(s, path, option, e);
    free(path);
    return rc;
}

int start_check_removals(const struct start *s, struct err *e)
{
    int rc = s->new.removes_all ? check_strangers(s, NULL, "--fresh", e) : 0;
    for (size_t i = 0; rc == 0 && i < s->new.remove_count; i++)
        rc = check_strangers(s, s->new.removes[i], "--discard", e);
    /* Dead letters of ours come with a stage that keeps its position in them. */
    if (rc == 0 && s->new.removes_all && !layout_is_kept(s->stages_fd, DEAD_LETTERS_STAGE) &&
        faccessat(s->state_fd, DEAD_LETTERS_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        rc = refuse_stranger(s, DEAD_LETTERS_FILE, "--fresh", e);
    return rc;
}

/* Emptying cannot be half done: the file still has its old length, or it is empty. */
static bool is_still(const struct manifest_empty *output, int fd, const char *path)
{
    struct stat st;
    return fstatat(fd, path, &st, path[0] == '\0' ? AT_EMPTY_PATH : 0) == 0 &&
           st.st_dev == output->device && st.st_ino == output->inode &&
           (uint64_t)st.st_size == output->length;
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
        return err_wrap(e, "cannot empty the output");
    if (is_still(output, fd, "")) {
        rc = file_truncate(fd, 0, e);
        if (rc == 0)
            rc = file_sync(fd, e);
    }
    (void)close(fd);
    return rc == 0 ? 0 : err_wrap(e, "cannot empty the output '%s'", output->path);
}

/* Outputs come first: the proof that they are ours is removed with the stages. */
static int do_work(const struct start *s, const struct manifest *m, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < m->empty_count; i++)
        rc = empty_output(&m->empties[i], e);
    for (size_t i = 0; rc == 0 && i < m->remove_count; i++)
        rc = layout_remove(s->stages_fd, m->removes[i], e);
    if (rc == 0 && m->removes_all)
        rc = file_remove_in(s->stages_fd, "", REMOVE_DEPTH_MAX, e);
    if (rc == 0 && m->removes_all)
        rc = file_remove(s->state_fd, DEAD_LETTERS_FILE, e);
    for (size_t i = 0; rc == 0 && i < m->rename_count; i++)
        rc = layout_rename(s->stages_fd, m->topology, m->renames[i].from, m->renames[i].to, e);
    for (size_t i = 0; rc == 0 && m->claims && i < m->stage_count; i++)
        rc = layout_claim(s->stages_fd, m->stages[i].name, m->state, e);
    /* Otherwise old state could come back after a power failure, where it no longer belongs. */
    if (rc == 0)
        rc = file_sync_dir(s->stages_fd, e);
    if (rc == 0)
        rc = file_sync_dir(s->state_fd, e);
    bool removes = m->removes_all || m->remove_count != 0 || m->empty_count != 0;
    if (rc != 0 && removes)
        (void)err_wrap(e, "cannot discard state in '%s' (--fresh or --discard)", s->path);
    return rc;
}

/* Does the work that the manifest lists, and writes down that it is done. */
int start_finish_work(const struct start *s, struct manifest *m, struct err *e)
{
    int rc = do_work(s, m, e);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < m->remove_count; i++)
        free(m->removes[i]);
    for (size_t i = 0; i < m->empty_count; i++)
        free(m->empties[i].path);
    for (size_t i = 0; i < m->rename_count; i++) {
        free(m->renames[i].from);
        free(m->renames[i].to);
    }
    m->remove_count = m->rename_count = m->empty_count = 0;
    m->removes_all = m->claims = false;
    return start_write_manifest(s, m, e);
}
