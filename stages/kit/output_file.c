/* SPDX-License-Identifier: MIT */
#include "stages/kit/output_file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/bytes.h"
#include "common/file.h"
#include "common/file_lock.h"
#include "common/hash.h"
#include "common/memory.h"
#include "common/path.h"
#include "stages/kit/file_tail.h"
#include "stages/kit/rotation.h"

enum {
    AT_SEQ = 0,
    AT_LENGTH = 8,
    AT_TAIL_CRC = 16,
    AT_ENDED = 20,
    AT_DEVICE = 24,
    AT_INODE = 32,
    AT_BIRTH = 40,
    AT_FORMAT = 48,
};

#define PUT_IT_BACK                                                                                \
    "put it back, or move it away and use --discard STAGE to write what comes from now on to a "   \
    "new file"

/* The file's byte at an offset, from memory. */
static const uint8_t *known_at(const struct output_file *o, uint64_t offset)
{
    return o->bytes.data + (offset - o->kept_from);
}

static size_t waiting_len(const struct output_file *o)
{
    return o->bytes.len - (size_t)(o->length - o->kept_from);
}

/* CRC-32C of the tail before an offset. */
static uint32_t last_crc(const struct output_file *o, uint64_t offset)
{
    uint64_t from = file_tail_start(offset);
    return offset == 0 ? 0 : hash_crc32c(0, known_at(o, from), (size_t)(offset - from));
}

/*
 * `ended`: there is no byte of ours after the length, so whatever is there later was added by
 * another program.
 */
static int write_cursor(struct output_file *o, seq_number seq, uint64_t length, bool ended,
                        struct err *e)
{
    uint8_t payload[CURSOR_PAYLOAD_BYTES] = {0};
    bytes_put_u32(payload + AT_ENDED, ended ? 1 : 0);
    bytes_put_u64(payload + AT_DEVICE, o->file.device);
    bytes_put_u64(payload + AT_INODE, o->file.inode);
    bytes_put_u64(payload + AT_BIRTH, o->file.birth_ns);
    bytes_put_u32(payload + AT_FORMAT, o->format);
    bytes_put_u64(payload + AT_SEQ, seq);
    bytes_put_u64(payload + AT_LENGTH, length);
    bytes_put_u32(payload + AT_TAIL_CRC, last_crc(o, length));
    int rc = cursor_write(&o->cursor, OUTPUT_MAGIC, payload, e);
    /* Otherwise the cursor on disk is unchanged, and must be written before the next byte. */
    if (rc == 0)
        o->ended = ended;
    return rc;
}

/*
 * A file inside the state directory would have two writers: its owner and us. The state directory
 * is the parent of the directory of the stages.
 */
static int refuse_state_file(int stages_fd, const char *path, struct err *e)
{
    char link[64], state[PATH_MAX], parent[PATH_MAX];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d/..", stages_fd);
    char *directory = path_directory(path);
    bool known = realpath(link, state) != NULL && realpath(directory, parent) != NULL;
    free(directory);
    size_t len = known ? strlen(state) : 0;
    if (!known || strncmp(parent, state, len) != 0 || (parent[len] != '/' && parent[len] != '\0'))
        return 0;
    return err_set(e, ERR_MISMATCH,
                   "'%s' is in the state directory, which is reserved for bulkhead", path);
}

/* Opens the file and locks it for this run. */
static int take_file(struct output_file *o, int flags, struct err *e)
{
    /* A user's output may be a link made by the user; ours, in the state directory, never is. */
    bool users = o->dir_fd == AT_FDCWD;
    int rc = file_open(o->dir_fd, o->path, O_RDWR | flags | (users ? 0 : O_NOFOLLOW),
                       users ? 0666 : 0600, &o->fd, e);
    if (rc != 0)
        return rc;
    struct stat st;
    if (fstat(o->fd, &st) != 0)
        return err_set_errno(e, "cannot stat '%s'", o->shown);
    if (!S_ISREG(st.st_mode))
        return err_set(
            e, ERR_MISMATCH,
            "'%s' is not a regular file, so records cannot be written over in place after a kill",
            o->shown);
    rc = file_lock(o->fd, e);
    if (rc == ERR_BUSY)
        return err_set(e, ERR_MISMATCH, "'%s' is being written by another run", o->shown);
    return rc == 0 ? 0 : err_wrap(e, "'%s'", o->shown);
}

static int begin_new(struct output_file *o, struct err *e)
{
    int rc = take_file(o, O_CREAT, e);
    uint64_t found = 0;
    if (rc == 0)
        rc = file_length(o->fd, &found, e);
    if (rc == 0 && found != 0)
        rc = err_set(e, ERR_MISMATCH,
                     "'%s' holds %" PRIu64 " byte%s that this stage is not known to have written; "
                     "move it away, or choose another output",
                     o->shown, found, found == 1 ? "" : "s");
    if (rc == 0)
        rc = rotation_identify(o->fd, &o->file, e);
    if (rc == 0 && o->durable)
        rc = file_sync_entry(o->dir_fd, o->path, e);
    return rc == 0 ? write_cursor(o, o->committed, o->length, false, e) : rc;
}

/*
 * Keeps the bytes before the length as what was written; the caller compares their CRC with the
 * cursor.
 */
static int take_block(struct output_file *o, struct err *e)
{
    o->kept_from = file_tail_start(o->length);
    size_t len = (size_t)(o->length - o->kept_from);
    int rc = file_read_at(o->fd, o->kept_from, buf_reserve(&o->bytes, FILE_TAIL_BYTES), len,
                          &o->bytes.len, e);
    if (rc != 0)
        return err_wrap(e, "'%s'", o->shown);
    if (o->bytes.len < len)
        return err_set(e, ERR_MISMATCH,
                       "'%s' was truncated while it was being opened; " PUT_IT_BACK, o->shown);
    return 0;
}

/*
 * Bytes after the committed length must have been written by a process of ours before it was
 * killed. So they must be in the same file, not in a copy or another file with the same beginning.
 * And the last process must not have come to an orderly end.
 */
static int check_shown(struct output_file *o, const struct file_identity *noted, struct err *e)
{
    int rc = rotation_identify(o->fd, &o->file, e);
    bool same = noted->inode == 0 || rotation_is_same(noted, &o->file);
    if (rc != 0 || o->end == o->length || (same && !o->ended))
        return rc;
    return err_set(e, ERR_MISMATCH,
                   "'%s' has length %" PRIu64 ", but what was written to %s ends at %" PRIu64
                   "; move it away and put back what was written, for example a copy cut with "
                   "truncate -s %" PRIu64
                   ", or use --discard STAGE to write what comes from now on to a new file",
                   o->shown, o->end, same ? "it" : "the file that was in its place", o->length,
                   o->length);
}

static int go_on(struct output_file *o, const uint8_t *payload, struct err *e)
{
    const struct file_identity noted = {.device = bytes_get_u64(payload + AT_DEVICE),
                                        .inode = bytes_get_u64(payload + AT_INODE),
                                        .birth_ns = bytes_get_u64(payload + AT_BIRTH)};
    if (o->committed < bytes_get_u64(payload + AT_SEQ))
        o->committed = bytes_get_u64(payload + AT_SEQ);
    o->length = o->committed_length = bytes_get_u64(payload + AT_LENGTH);
    o->ended = bytes_get_u32(payload + AT_ENDED) != 0;
    int rc = take_file(o, 0, e);
    if (rc == ERR_NOT_FOUND && o->length == 0)
        return o->cursor.fd >= 0 ? begin_new(o, e) : 0;
    if (rc == ERR_NOT_FOUND)
        return err_set(
            e, ERR_MISMATCH,
            "'%s' is missing, but its committed length is %" PRIu64
            "; put it back, or use --discard STAGE to write what comes from now on to a new file",
            o->shown, o->length);
    if (rc == 0)
        rc = file_length(o->fd, &o->end, e);
    if (rc == 0 && o->end < o->length)
        return err_set(e, ERR_MISMATCH,
                       "'%s' was truncated: its length is %" PRIu64
                       ", but its committed length is %" PRIu64 "; " PUT_IT_BACK,
                       o->shown, o->end, o->length);
    if (rc == 0)
        rc = take_block(o, e);
    if (rc == 0 && last_crc(o, o->length) != bytes_get_u32(payload + AT_TAIL_CRC))
        return err_set(e, ERR_MISMATCH,
                       "'%s' is not what was written: the bytes before offset %" PRIu64
                       " are different; " PUT_IT_BACK,
                       o->shown, o->length);
    return rc == 0 ? check_shown(o, &noted, e) : rc;
}

static void init(struct output_file *o, int dir_fd, const char *path)
{
    *o = (struct output_file){.path = memory_dup(path, strlen(path)),
                              .dir_fd = dir_fd,
                              .fd = -1,
                              .cursor = {.fd = -1},
                              .marks = {.item_bytes = sizeof(struct output_mark)}};
    const char *slash = strrchr(o->path, '/');
    o->shown = dir_fd == AT_FDCWD || slash == NULL ? o->path : slash + 1;
}

/*
 * If anything is committed, its format counts. Bytes that a killed process wrote after nothing are
 * written over like any others.
 */
static int check_format(const struct output_file *o, const uint8_t *payload, struct err *e)
{
    bool was_packed = bytes_get_u32(payload + AT_FORMAT) != RECORDS_LINES;
    if (o->length == 0 || was_packed == (o->format == RECORDS_MSGPACK))
        return 0;
    return err_set(
        e, ERR_MISMATCH,
        "'%s' holds %" PRIu64
        " byte%s written with records: %s, but the topology now has records: %s; change that back; "
        "or choose another 'path' or move the file away, and use --discard STAGE, which writes "
        "what comes from now on to a new file; or start over with --fresh, which empties this one",
        o->shown, o->length, o->length == 1 ? "" : "s", record_format_names[was_packed],
        record_format_names[o->format]);
}

int output_file_open(struct output_file *o, int dir_fd, const char *path,
                     enum record_format_number format, int state_fd, bool durable,
                     seq_number begins_after, struct err *e)
{
    init(o, dir_fd, path);
    o->format = format;
    o->durable = durable;
    o->committed = begins_after;
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    bool found = false;
    int rc = cursor_open(&o->cursor, state_fd, OUTPUT_MAGIC, durable, payload, &found, e);
    if (rc == 0)
        rc = found ? go_on(o, payload, e) : begin_new(o, e);
    if (rc == 0 && found)
        rc = check_format(o, payload, e);
    o->usable = rc == 0;
    if (rc != 0)
        output_file_close(o);
    return rc;
}

/*
 * Same as output_file_open(), but creates and writes nothing, and accepts any format. *ret_found:
 * there is a cursor.
 */
static int look(struct output_file *o, int dir_fd, const char *path, int state_fd,
                uint8_t payload[CURSOR_PAYLOAD_BYTES], bool *ret_found, struct err *e)
{
    init(o, dir_fd, path);
    *ret_found = false;
    int rc = state_fd >= 0 ? cursor_read(state_fd, OUTPUT_MAGIC, payload, ret_found, e) : 0;
    if (rc == 0)
        rc = *ret_found ? go_on(o, payload, e) : take_file(o, 0, e);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

int output_file_check(int dir_fd, const char *path, enum record_format_number format, int stages_fd,
                      int state_fd, struct err *e)
{
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    struct output_file o;
    bool found;
    int rc = dir_fd == AT_FDCWD ? refuse_state_file(stages_fd, path, e) : 0;
    if (rc != 0)
        return rc;
    rc = look(&o, dir_fd, path, state_fd, payload, &found, e);
    o.format = format;
    if (rc == 0 && found)
        rc = check_format(&o, payload, e);
    output_file_close(&o);
    return rc;
}

int output_file_is_ours(const char *path, int state_fd, bool *ret_ours, struct stat *ret_st,
                        struct err *e)
{
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    struct output_file o;
    bool found;
    int rc = look(&o, AT_FDCWD, path, state_fd, payload, &found, e);
    *ret_ours = rc == 0 && found && o.fd >= 0 && o.end > 0 && fstat(o.fd, ret_st) == 0;
    output_file_close(&o);
    return rc == ERR_MISMATCH ? 0 : rc;
}

int output_file_shown_bytes(int dir_fd, const char *path, int state_fd, uint64_t *ret_bytes,
                            struct err *e)
{
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    struct output_file o;
    bool found;
    int rc = look(&o, dir_fd, path, state_fd, payload, &found, e);
    *ret_bytes = rc == 0 && found && o.fd >= 0 ? o.end - o.length : 0;
    output_file_close(&o);
    return rc;
}

int output_file_open_bytes(int state_fd, bool *ret_open, uint64_t *ret_bytes, struct err *e)
{
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    bool found = false;
    int rc = cursor_read(state_fd, OUTPUT_MAGIC, payload, &found, e);
    *ret_open = rc == 0 && found && bytes_get_u32(payload + AT_ENDED) == 0;
    *ret_bytes = *ret_open ? bytes_get_u64(payload + AT_LENGTH) : 0;
    return rc;
}

void output_file_close(struct output_file *o)
{
    /*
     * If this fails, bytes that another program adds may later pass for ours. There is no harm
     * before that.
     */
    if (o->usable && !o->ended && o->end == o->committed_length &&
        o->length == o->committed_length && waiting_len(o) == 0)
        (void)write_cursor(o, o->committed, o->committed_length, true, NULL);
    if (o->fd >= 0)
        (void)close(o->fd);
    o->fd = -1;
    cursor_close(&o->cursor);
    buf_done(&o->bytes);
    seq_queue_done(&o->marks);
    free(o->path);
    o->path = NULL;
}

static void note(const struct output_file *o, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void note(const struct output_file *o, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (o->note != NULL)
        o->note(text);
}

/* --- what other programs do to the file meanwhile --- */

/* Whether the file is as long as expected. A write past its end would fill the gap with NULs. */
static int check_length(const struct output_file *o, uint64_t found, struct err *e)
{
    if (found < o->end)
        return err_set(e, ERR_MISMATCH,
                       "'%s' was truncated while it was being written: its length is %" PRIu64
                       ", but was %" PRIu64 "; " PUT_IT_BACK,
                       o->shown, found, o->end);
    if (found > o->end)
        return err_set(
            e, ERR_MISMATCH,
            "'%s' is longer than what was written to it: its length is %" PRIu64 ", not %" PRIu64
            "; another program writes to it; find out which one, and cut off what it has added",
            o->shown, found, o->end);
    return 0;
}

static int check_open_file(const struct output_file *o, struct err *e)
{
    uint64_t found;
    if (file_length(o->fd, &found, e) != 0)
        return err_wrap(e, "'%s'", o->shown);
    return check_length(o, found, e);
}

/* Whether the file holds the bytes that were written there. */
static int check_bytes(const struct output_file *o, uint64_t from, uint64_t to, struct err *e)
{
    uint8_t found[FILE_TAIL_BYTES];
    while (from < to) {
        size_t len = to - from < sizeof found ? (size_t)(to - from) : sizeof found;
        size_t got;
        if (file_read_at(o->fd, from, found, len, &got, e) != 0)
            return err_wrap(e, "'%s'", o->shown);
        if (got < len || memcmp(found, known_at(o, from), len) != 0)
            return err_set(e, ERR_MISMATCH,
                           "'%s' is not what was written: it was truncated or overwritten while it "
                           "was being written, and the bytes from offset %" PRIu64 " to %" PRIu64
                           " are different; " PUT_IT_BACK,
                           o->shown, from, from + len);
        from += len;
    }
    return 0;
}

/*
 * Whether the last bytes are those that were written, and also those where the last commit ended: a
 * file that was truncated right before a write has a hole there.
 */
static int check_written(const struct output_file *o, struct err *e)
{
    uint64_t first = file_tail_start(o->committed_length), last = file_tail_start(o->length);
    uint64_t first_end = first + FILE_TAIL_BYTES < o->length ? first + FILE_TAIL_BYTES : o->length;
    if (last <= first_end)
        return check_bytes(o, first, o->length, e);
    int rc = check_bytes(o, first, first_end, e);
    return rc == 0 ? check_bytes(o, last, o->length, e) : rc;
}

/* Whether the name still leads to the file. Bytes in a file that cannot be found are lost. */
static int check_in_place(const struct output_file *o, struct err *e)
{
    struct stat by_name, by_fd;
    if (fstat(o->fd, &by_fd) != 0 || fstatat(o->dir_fd, o->path, &by_name, 0) != 0 ||
        by_name.st_dev != by_fd.st_dev || by_name.st_ino != by_fd.st_ino)
        return err_set(e, ERR_MISMATCH,
                       "'%s' was moved away or replaced while it was being written; put it back, "
                       "or use --discard STAGE to write what comes from now on to a new file",
                       o->shown);
    int rc = check_length(o, (uint64_t)by_fd.st_size, e);
    return rc == 0 ? check_written(o, e) : rc;
}

/* --- writing --- */

/*
 * Compares what an earlier process wrote with what comes now, and reports a difference, once. The
 * old bytes are written over either way: after a failed sync, what can be read need not be what is
 * on the disk.
 */
static void compare_shown(struct output_file *o)
{
    uint64_t to = o->length + waiting_len(o) < o->end ? o->length + waiting_len(o) : o->end;
    if (o->differs || o->length >= to || check_bytes(o, o->length, to, NULL) == 0)
        return;
    o->differs = true;
    note(o,
         "'%s': what an earlier run wrote after offset %" PRIu64
         " but did not commit is not what comes now, and is overwritten",
         o->shown, o->length);
}

static void show_full(const struct output_file *o)
{
    if (o->full != NULL)
        *o->full = o->length - o->committed_length >= OUTPUT_UNCOMMITTED_BYTES_MAX;
}

/* After a failure, what is after the length is unknown. A lack of space is not such a failure. */
static int failed(struct output_file *o, int rc)
{
    o->usable = o->usable && rc == ERR_NO_SPACE;
    return rc;
}

int output_file_flush(struct output_file *o, struct err *e)
{
    size_t len = waiting_len(o);
    if (len == 0)
        return 0;
    int rc = check_open_file(o, e);
    if (rc == 0 && o->ended)
        rc = write_cursor(o, o->committed, o->committed_length, false, e);
    if (rc != 0)
        return failed(o, rc);
    compare_shown(o);
    rc = file_write_at(o->fd, o->length, known_at(o, o->length), len, e);
    uint64_t found = o->end;
    if (rc == ERR_NO_SPACE && file_length(o->fd, &found, NULL) == 0 && found > o->end &&
        found < o->length + len)
        o->end = found; /* part of it was written */
    if (rc != 0)
        return failed(o, err_wrap(e, "'%s'", o->shown));
    o->length += len;
    if (o->end < o->length)
        o->end = o->length;
    show_full(o);
    return 0;
}

int output_file_begin(struct output_file *o, seq_number seq, struct buf **ret_buffer, struct err *e)
{
    int rc = waiting_len(o) >= OUTPUT_FLUSH_BYTES ? output_file_flush(o, e) : 0;
    if (rc != 0)
        return rc;
    const struct output_mark *last = seq_queue_last(&o->marks);
    if (last == NULL || last->seq != seq) {
        struct output_mark *mark = seq_queue_add(&o->marks, seq);
        mark->start = o->kept_from + o->bytes.len;
    }
    *ret_buffer = &o->bytes;
    return 0;
}

/* Discards what no commit will look at any more, once that is most of what is kept. */
static void forget_bytes(struct output_file *o)
{
    size_t passed = (size_t)(file_tail_start(o->committed_length) - o->kept_from);
    if (passed < o->bytes.len - passed)
        return;
    buf_drop_front(&o->bytes, passed);
    o->kept_from += passed;
}

int output_file_commit(struct output_file *o, seq_number seq, struct err *e)
{
    uint64_t length_before = o->length;
    int rc = output_file_flush(o, e);
    if (rc == 0)
        rc = check_in_place(o, e);
    if (rc == 0 && o->durable && (o->length != length_before || seq != o->committed) &&
        file_sync(o->fd, e) != 0)
        rc = err_wrap(e, "'%s'", o->shown);
    size_t passed = seq_queue_until(&o->marks, seq);
    const struct output_mark *next =
        passed < o->marks.count ? seq_queue_at(&o->marks, passed) : NULL;
    uint64_t end = next != NULL ? next->start : o->length;
    if (rc == 0)
        rc = write_cursor(o, seq, end, o->ended, e);
    if (rc != 0)
        return failed(o, rc);
    o->committed = seq;
    o->committed_length = end;
    seq_queue_drop(&o->marks, passed);
    forget_bytes(o);
    show_full(o);
    return 0;
}

/* --- what an earlier process left --- */

bool output_file_is_empty(const struct output_file *o)
{
    return o->length == 0 && waiting_len(o) == 0;
}

bool output_file_is_unsettled(const struct output_file *o)
{
    return o->end > o->length;
}

int output_file_settle(struct output_file *o, struct err *e)
{
    if (!output_file_is_unsettled(o))
        return 0;
    int rc = check_open_file(o, e);
    if (rc != 0)
        return failed(o, rc);
    rc = file_truncate(o->fd, o->length, e);
    if (rc == 0 && o->durable)
        rc = file_sync(o->fd, e);
    if (rc != 0)
        return failed(o, err_wrap(e, "'%s'", o->shown));
    note(o,
         "'%s': cut off %" PRIu64 " byte%s at the end that an earlier run wrote but did not "
         "commit; all input was read, and this did not come again",
         o->shown, o->end - o->length, o->end - o->length == 1 ? "" : "s");
    o->end = o->length;
    return 0;
}
