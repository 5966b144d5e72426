/* SPDX-License-Identifier: MIT */
#include "stages/output_file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/limits.h"
#include "common/memory.h"

enum {
    AT_SEQ = 0,
    AT_LENGTH = 8,
    AT_TAIL_CRC = 16,
};

/* How much before the committed length is compared when the file is opened again. */
#define TAIL_BYTES_MAX 4096u

static int tail_crc(const struct output_file *o, uint64_t length, uint32_t *ret_crc, struct err *e)
{
    uint8_t tail[TAIL_BYTES_MAX];
    size_t len = length < TAIL_BYTES_MAX ? (size_t)length : TAIL_BYTES_MAX;
    size_t got;
    if (file_read_at(o->fd, length - len, tail, len, &got, e) != 0)
        return err_wrap(e, "'%s'", o->shown);
    *ret_crc = hash_crc32c(0, tail, got);
    return 0;
}

static int write_cursor(struct output_file *o, seq_number seq, uint64_t length, struct err *e)
{
    uint8_t payload[CURSOR_PAYLOAD_BYTES] = {0};
    uint32_t crc = 0;
    int rc = tail_crc(o, length, &crc, e);
    if (rc != 0)
        return rc;
    bytes_put_u64(payload + AT_SEQ, seq);
    bytes_put_u64(payload + AT_LENGTH, length);
    bytes_put_u32(payload + AT_TAIL_CRC, crc);
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

/* Opens the file and takes it for this run alone. */
static int take_file(struct output_file *o, int flags, struct err *e)
{
    /* A user's output may be a link of the user's; ours, in the state directory, never is. */
    bool users = o->dir_fd == AT_FDCWD;
    int rc = file_open(o->dir_fd, o->path, O_RDWR | flags | (users ? 0 : O_NOFOLLOW),
                       users ? 0666 : 0600, &o->fd, e);
    if (rc != 0)
        return rc;
    struct stat st;
    if (fstat(o->fd, &st) != 0)
        return err_set_errno(e, "'%s'", o->shown);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_MISMATCH,
                       "'%s' is no regular file, so it cannot be cut back after a kill", o->shown);
    if (flock(o->fd, LOCK_EX | LOCK_NB) != 0)
        return err_set(e, ERR_MISMATCH, "'%s' is being written by another run", o->shown);
    return 0;
}

static int begin_new(struct output_file *o, struct err *e)
{
    int rc = take_file(o, O_CREAT, e);
    uint64_t found = 0;
    if (rc == 0)
        rc = file_length(o->fd, &found, e);
    if (rc == 0 && found != 0)
        rc = err_set(e, ERR_MISMATCH,
                     "'%s' holds %" PRIu64 " bytes that this state directory knows nothing of; "
                     "move it away, or choose another output",
                     o->shown, found);
    if (rc == 0 && o->durable)
        rc = sync_parent(o->dir_fd, o->path, e);
    return rc == 0 ? write_cursor(o, o->committed, o->length, e) : rc;
}

static int go_on(struct output_file *o, const uint8_t *payload, struct err *e)
{
    if (o->committed < bytes_get_u64(payload + AT_SEQ))
        o->committed = bytes_get_u64(payload + AT_SEQ);
    o->length = bytes_get_u64(payload + AT_LENGTH);
    int rc = take_file(o, 0, e);
    if (rc == ERR_NOT_FOUND && o->length == 0)
        return begin_new(o, e);
    if (rc == ERR_NOT_FOUND)
        return err_set(e, ERR_MISMATCH,
                       "'%s' is not there, but %" PRIu64 " bytes are committed to the output; put "
                       "it back, or begin anew at this stage with --discard STAGE",
                       o->shown, o->length);
    uint64_t found;
    uint32_t crc = 0;
    if (rc == 0)
        rc = file_length(o->fd, &found, e);
    if (rc == 0 && found < o->length)
        return err_set(e, ERR_MISMATCH,
                       "'%s' has %" PRIu64 " bytes, but %" PRIu64 " are committed: it was "
                       "truncated; put it back, or move it away and begin anew at this stage with "
                       "--discard STAGE",
                       o->shown, found, o->length);
    if (rc == 0)
        rc = tail_crc(o, o->length, &crc, e);
    if (rc == 0 && crc != bytes_get_u32(payload + AT_TAIL_CRC))
        return err_set(
            e, ERR_MISMATCH,
            "'%s' is not what was written: the bytes before offset %" PRIu64
            " are others; put it back, or move it away and begin anew at this stage with "
            "--discard STAGE",
            o->shown, o->length);
    return rc;
}

int output_file_open(struct output_file *o, int dir_fd, const char *path, int state_fd,
                     bool durable, seq_number begins_after, struct err *e)
{
    *o = (struct output_file){.path = memory_dup(path, strlen(path)),
                              .committed = begins_after,
                              .dir_fd = dir_fd,
                              .fd = -1,
                              .cursor = {.fd = -1},
                              .durable = durable};
    const char *slash = strrchr(o->path, '/');
    o->shown = dir_fd == AT_FDCWD || slash == NULL ? o->path : slash + 1;
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    bool found = false;
    int rc = dir_fd == AT_FDCWD ? refuse_state_file(state_fd, path, e) : 0;
    if (rc == 0)
        rc = cursor_open(&o->cursor, state_fd, OUTPUT_MAGIC, durable, payload, &found, e);
    if (rc == 0)
        rc = found ? go_on(o, payload, e) : begin_new(o, e);
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
    free(o->marks);
    o->marks = NULL;
    free(o->path);
    o->path = NULL;
}

/* Cuts off what a former life wrote and did not commit; what comes next takes its place. */
static int cut_uncommitted(struct output_file *o, struct err *e)
{
    if (o->cut)
        return 0;
    uint64_t found;
    int rc = file_length(o->fd, &found, e);
    if (rc == 0 && found > o->length)
        rc = file_truncate(o->fd, o->length, e);
    o->cut = rc == 0;
    return rc;
}

int output_file_flush(struct output_file *o, struct err *e)
{
    if (o->waiting.len == 0)
        return 0;
    int rc = cut_uncommitted(o, e);
    if (rc == 0)
        rc = file_write_at(o->fd, o->length, o->waiting.data, o->waiting.len, e);
    if (rc != 0)
        return err_wrap(e, "'%s'", o->shown);
    o->length += o->waiting.len;
    buf_reset(&o->waiting);
    return 0;
}

/* Whether the name still leads to the file: bytes in a file that nobody can find are lost. */
static int check_in_place(const struct output_file *o, struct err *e)
{
    struct stat by_name, by_fd;
    if (fstat(o->fd, &by_fd) == 0 && fstatat(o->dir_fd, o->path, &by_name, 0) == 0 &&
        by_name.st_dev == by_fd.st_dev && by_name.st_ino == by_fd.st_ino)
        return 0;
    return err_set(e, ERR_MISMATCH,
                   "'%s' was moved away or replaced while it was written; put it back, or start "
                   "over with --fresh",
                   o->shown);
}

/* Notes where the lines of a seq begin, unless they have begun. */
static void add_mark(struct output_file *o, seq_number seq)
{
    size_t end = o->mark_first + o->mark_count;
    if (o->mark_count != 0 && o->marks[end - 1].seq == seq)
        return;
    if (end == o->mark_capacity && o->mark_first > o->mark_capacity / 2) {
        memmove(o->marks, o->marks + o->mark_first, o->mark_count * sizeof *o->marks);
        o->mark_first = 0;
    } else if (end == o->mark_capacity) {
        o->mark_capacity = o->mark_capacity != 0 ? 2 * o->mark_capacity : 1024;
        o->marks = memory_resize(o->marks, o->mark_capacity, sizeof *o->marks);
    }
    o->marks[o->mark_first + o->mark_count++] =
        (struct output_mark){.seq = seq, .start = o->length + o->waiting.len};
}

/* How many marks are of lines up to seq. */
static size_t marks_until(const struct output_file *o, seq_number seq)
{
    size_t low = 0, high = o->mark_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (o->marks[o->mark_first + middle].seq <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void forget_marks(struct output_file *o, size_t count)
{
    o->mark_first += count;
    o->mark_count -= count;
    if (o->mark_count == 0)
        o->mark_first = 0;
}

int output_file_begin(struct output_file *o, seq_number seq, struct buf **ret_buffer, struct err *e)
{
    int rc = o->waiting.len >= OUTPUT_FLUSH_BYTES ? output_file_flush(o, e) : 0;
    if (rc != 0)
        return rc;
    add_mark(o, seq);
    *ret_buffer = &o->waiting;
    return 0;
}

int output_file_commit(struct output_file *o, seq_number seq, struct err *e)
{
    uint64_t length_before = o->length;
    int rc = output_file_flush(o, e);
    if (rc == 0 && cut_uncommitted(o, e) != 0)
        rc = err_wrap(e, "'%s'", o->shown);
    if (rc == 0)
        rc = check_in_place(o, e);
    if (rc == 0 && o->durable && (o->length != length_before || seq != o->committed) &&
        file_sync(o->fd, e) != 0)
        rc = err_wrap(e, "'%s'", o->shown);
    size_t passed = marks_until(o, seq);
    uint64_t end = passed < o->mark_count ? o->marks[o->mark_first + passed].start : o->length;
    if (rc == 0)
        rc = write_cursor(o, seq, end, e);
    if (rc != 0)
        return rc;
    o->committed = seq;
    forget_marks(o, passed);
    return 0;
}

int output_file_is_ours(const char *path, int state_fd, bool *ret_ours, struct stat *ret_st,
                        struct err *e)
{
    struct output_file o = {.path = memory_dup(path, strlen(path)), .dir_fd = AT_FDCWD, .fd = -1};
    o.shown = o.path;
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    bool found = false;
    struct stat st = {0};
    *ret_ours = false;
    int rc = cursor_read(state_fd, OUTPUT_MAGIC, payload, &found, e);
    if (rc == 0 && found)
        rc = take_file(&o, 0, e);
    if (rc == 0 && found && fstat(o.fd, &st) != 0)
        rc = err_set_errno(e, "'%s'", path);
    uint64_t length = found ? bytes_get_u64(payload + AT_LENGTH) : 0;
    uint32_t crc = 0;
    if (rc == 0 && found && st.st_size > 0 && (uint64_t)st.st_size >= length)
        rc = tail_crc(&o, length, &crc, e);
    *ret_ours = rc == 0 && found && st.st_size > 0 && (uint64_t)st.st_size >= length &&
                crc == bytes_get_u32(payload + AT_TAIL_CRC);
    *ret_st = st;
    output_file_close(&o);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}
