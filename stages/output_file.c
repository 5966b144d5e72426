/* SPDX-License-Identifier: MIT */
#include "stages/output_file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/file.h"
#include "common/memory.h"

#define OUTPUT_MAGIC 0x554f4842u /* "BHOU" */
#define FLUSH_BYTES (256u << 10)

enum {
    AT_SEQ = 0,
    AT_LENGTH = 8,
    AT_DEVICE = 16,
    AT_INODE = 24,
};

static int write_cursor(struct output_file *o, seq_number seq, struct err *e)
{
    uint8_t payload[CURSOR_PAYLOAD_BYTES] = {0};
    bytes_put_u64(payload + AT_SEQ, seq);
    bytes_put_u64(payload + AT_LENGTH, o->length);
    bytes_put_u64(payload + AT_DEVICE, o->device);
    bytes_put_u64(payload + AT_INODE, o->inode);
    return cursor_write(&o->cursor, OUTPUT_MAGIC, payload, e);
}

/*
 * A file inside the state directory would be written by two: its owner and us. The state directory
 * is the second parent of the stage's own.
 */
static int refuse_state_file(int state_fd, const char *path, struct err *e)
{
    char link[64], state[PATH_MAX], parent[PATH_MAX];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d/../..", state_fd);
    const char *slash = strrchr(path, '/');
    char *directory = slash == NULL ? memory_dup(".", 1)
                                    : memory_dup(path, slash == path ? 1 : (size_t)(slash - path));
    bool known = realpath(link, state) != NULL && realpath(directory, parent) != NULL;
    free(directory);
    size_t len = known ? strlen(state) : 0;
    if (!known || strncmp(parent, state, len) != 0 || (parent[len] != '/' && parent[len] != '\0'))
        return 0;
    return err_set(e, ERR_MISMATCH, "'%s' lies in the state directory, which is bulkhead's own",
                   path);
}

/* The directory entry of a new file is as important as its bytes. */
static int sync_parent(int dir_fd, const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/');
    char *parent = slash == NULL ? memory_dup(".", 1)
                                 : memory_dup(path, slash == path ? 1 : (size_t)(slash - path));
    int fd;
    int rc = file_open(dir_fd, parent, O_RDONLY | O_DIRECTORY, 0, &fd, e);
    if (rc == 0) {
        rc = file_sync_dir(fd, e);
        (void)close(fd);
    }
    free(parent);
    return rc;
}

static int check_regular(const struct output_file *o, const struct stat *st, struct err *e)
{
    if (S_ISREG(st->st_mode))
        return 0;
    return err_set(e, ERR_MISMATCH,
                   "'%s' is no regular file, so it cannot be cut back after a kill", o->path);
}

static int begin_new(struct output_file *o, int dir_fd, bool fresh, struct err *e)
{
    int rc = file_open(dir_fd, o->path, O_WRONLY | O_CREAT, 0666, &o->fd, e);
    if (rc != 0)
        return rc;
    struct stat st;
    if (fstat(o->fd, &st) != 0)
        return err_set_errno(e, "'%s'", o->path);
    rc = check_regular(o, &st, e);
    if (rc == 0 && st.st_size != 0 && !fresh)
        rc = err_set(e, ERR_MISMATCH,
                     "'%s' holds %jd bytes that this state directory knows nothing of; move it "
                     "away, choose another output, or start over with --fresh",
                     o->path, (intmax_t)st.st_size);
    if (rc == 0 && st.st_size != 0)
        rc = file_truncate(o->fd, 0, e);
    if (rc == 0 && o->durable)
        rc = sync_parent(dir_fd, o->path, e);
    o->device = st.st_dev;
    o->inode = st.st_ino;
    return rc == 0 ? write_cursor(o, o->committed, e) : rc;
}

static int go_on(struct output_file *o, int dir_fd, const uint8_t *payload, struct err *e)
{
    o->committed = bytes_get_u64(payload + AT_SEQ);
    o->length = bytes_get_u64(payload + AT_LENGTH);
    o->device = bytes_get_u64(payload + AT_DEVICE);
    o->inode = bytes_get_u64(payload + AT_INODE);
    int rc = file_open(dir_fd, o->path, O_WRONLY, 0, &o->fd, e);
    if (rc == ERR_NOT_FOUND && o->length == 0)
        return begin_new(o, dir_fd, false, e);
    if (rc == ERR_NOT_FOUND)
        return err_set(e, ERR_MISMATCH,
                       "'%s' is gone, but %" PRIu64 " bytes of it are committed; put it back, or "
                       "start over with --fresh",
                       o->path, o->length);
    if (rc != 0)
        return rc;
    struct stat st;
    if (fstat(o->fd, &st) != 0)
        return err_set_errno(e, "'%s'", o->path);
    rc = check_regular(o, &st, e);
    if (rc != 0)
        return rc;
    if (st.st_dev != o->device || st.st_ino != o->inode)
        return err_set(e, ERR_MISMATCH,
                       "'%s' is not the file that was written before (inode %ju, now %ju); put "
                       "that one back, or start over with --fresh",
                       o->path, (uintmax_t)o->inode, (uintmax_t)st.st_ino);
    if ((uint64_t)st.st_size < o->length)
        return err_set(e, ERR_MISMATCH,
                       "'%s' has %jd bytes, but %" PRIu64 " are committed: it was truncated; put "
                       "it back, or start over with --fresh",
                       o->path, (intmax_t)st.st_size, o->length);
    return (uint64_t)st.st_size > o->length ? file_truncate(o->fd, o->length, e) : 0;
}

int output_file_open(struct output_file *o, int dir_fd, const char *path, int state_fd,
                     bool durable, bool fresh, struct err *e)
{
    *o = (struct output_file){
        .path = memory_dup(path, strlen(path)), .fd = -1, .cursor = {.fd = -1}, .durable = durable};
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    bool found = false;
    int rc = dir_fd == AT_FDCWD ? refuse_state_file(state_fd, path, e) : 0;
    if (rc == 0)
        rc = cursor_open(&o->cursor, state_fd, OUTPUT_MAGIC, durable, payload, &found, e);
    if (rc == 0)
        rc = found ? go_on(o, dir_fd, payload, e) : begin_new(o, dir_fd, fresh, e);
    if (rc != 0)
        output_file_close(o);
    return rc;
}

void output_file_close(struct output_file *o)
{
    if (o->fd >= 0)
        (void)close(o->fd);
    o->fd = -1;
    cursor_close(&o->cursor);
    buf_done(&o->waiting);
    free(o->path);
    o->path = NULL;
}

static int flush(struct output_file *o, struct err *e)
{
    if (o->waiting.len == 0)
        return 0;
    int rc = file_write_at(o->fd, o->length, o->waiting.data, o->waiting.len, e);
    if (rc != 0)
        return err_wrap(e, "'%s'", o->path);
    o->length += o->waiting.len;
    buf_reset(&o->waiting);
    return 0;
}

int output_file_flush_some(struct output_file *o, struct err *e)
{
    return o->waiting.len >= FLUSH_BYTES ? flush(o, e) : 0;
}

int output_file_commit(struct output_file *o, seq_number seq, struct err *e)
{
    uint64_t length_before = o->length;
    int rc = flush(o, e);
    if (rc == 0 && o->durable && (o->length != length_before || seq != o->committed))
        rc = file_sync(o->fd, e);
    if (rc == 0)
        rc = write_cursor(o, seq, e);
    if (rc == 0)
        o->committed = seq;
    return rc;
}
