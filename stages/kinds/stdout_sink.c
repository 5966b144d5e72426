/* SPDX-License-Identifier: MIT */
/*
 * stdout.sink: writes every record to standard output, as a line or as a map in msgpack.
 *
 * Records gather in a buffer and are written when there are enough of them, or at a commit. The
 * cursor only moves when everything is written. Writing never blocks: if the reader is slow, the
 * sink accepts no records, and the host waits.
 *
 * A kill between a write and the cursor repeats records. It does not cut one, because a pipe takes
 * up to PIPE_BUF bytes in one piece or not at all. If a longer line may have been cut, the next
 * process ends it with a newline. Nothing can end a map that was cut, so the run stops.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/memory.h"
#include "stages/kinds/kinds.h"
#include "stages/kit/output_line.h"
#include "stages/kit/record_field.h"
#include "stages/stage.h"
#include "stages/store/cursor.h"

#define CURSOR_MAGIC 0x44534842u /* "BHSD" */
/* How many bytes may wait to be written before no more records are accepted. */
#define WAITING_BYTES_MAX (64u << 10)

/* Offsets in the cursor's payload. */
enum {
    AT_SEQ = 0,
    AT_TORN = 8,
};

struct stdout_sink {
    enum record_format_number format;
    size_t field; /* the field that is written */
    enum kind_lines sure;
    bool numbered;
    int fd;
    bool opened; /* fd is our own: it does not block, and we close it */
    bool is_socket;
    struct cursor cursor;
    seq_number committed;
    bool torn; /* the cursor says that a record may have been cut */
    seq_number seq;
    uint64_t index; /* index of the next record of that seq */
    struct buf waiting;
    size_t written; /* bytes of it that are written */
    /* For RECORDS_MSGPACK: where the records in `waiting` end; the written ones come first. */
    size_t *ends;
    size_t end_count, ends_written, end_capacity;
};

static const struct option_spec specs[] = {
    {.name = "numbered",
     .tag = OPTION_BOOL,
     .fallback = "false",
     .meaning = "begin each line with SEQ.INDEX and a tab, to recognize repeated lines"},
    RECORD_FIELD_OPTION,
    {0},
};

static void derive(struct kind_check *check)
{
    record_field_sink_needs(check);
    const struct option_value *numbered = options_get(check->options, "numbered");
    if (numbered->number == 1 && record_format_chosen(check->options) == RECORDS_MSGPACK)
        diagnostics_add(check->diagnostics, numbered->place,
                        "'numbered:' works only with lines; leave it out with 'records: msgpack'");
}

static int check_output(enum record_format_number format, struct stat *ret_st, struct err *e)
{
    int flags = fcntl(STDOUT_FILENO, F_GETFL);
    if (flags < 0 || fstat(STDOUT_FILENO, ret_st) != 0)
        return errno == EBADF ? err_set(e, ERR_MISMATCH, "standard output is closed")
                              : err_set_errno(e, "cannot stat standard output");
    if (S_ISREG(ret_st->st_mode))
        return err_set(e, ERR_MISMATCH,
                       "standard output is a regular file; use file.sink, which neither repeats "
                       "nor loses a %s, or put '| cat' in front of the '>'",
                       format == RECORDS_LINES ? "line" : "record");
    if (format == RECORDS_MSGPACK && isatty(STDOUT_FILENO))
        return err_set(e, ERR_MISMATCH,
                       "standard output is a terminal, and msgpack is not text; pipe the output "
                       "into a program that reads msgpack, or use file.sink");
    /* main() opens /dev/null in place of a closed standard output. */
    if ((flags & O_ACCMODE) == O_RDONLY && S_ISCHR(ret_st->st_mode) &&
        ret_st->st_rdev == makedev(1, 3))
        return err_set(e, ERR_MISMATCH, "standard output is closed");
    if ((flags & O_ACCMODE) == O_RDONLY)
        return err_set(e, ERR_MISMATCH, "standard output cannot be written");
    return 0;
}

static int preflight(const struct topology *topology, const struct stage *stage, struct err *e)
{
    (void)topology;
    struct stat st;
    return check_output(record_format_chosen(stage->options), &st, e);
}

static int unread(struct err *e)
{
    return err_set(e, ERR_UNREAD,
                   "nothing reads standard output any more; the next run continues from there");
}

/*
 * The descriptor is shared with other processes, which do not expect it to be nonblocking, so we
 * open our own. Where that is not allowed, poll(2) shows when to write.
 */
static int open_output(struct stdout_sink *self, struct err *e)
{
    struct stat st;
    int rc = check_output(self->format, &st, e);
    if (rc != 0)
        return rc;
    self->is_socket = S_ISSOCK(st.st_mode);
    self->fd = self->is_socket
                   ? -1
                   : open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (self->fd < 0 && errno == ENXIO && S_ISFIFO(st.st_mode))
        return unread(e);
    self->opened = self->fd >= 0;
    if (!self->opened)
        self->fd = STDOUT_FILENO;
    return 0;
}

static void close_sink(void *opaque)
{
    struct stdout_sink *self = opaque;
    if (self->opened)
        (void)close(self->fd);
    cursor_close(&self->cursor);
    buf_done(&self->waiting);
    free(self->ends);
    free(self);
}

static int write_cursor(struct stdout_sink *self, seq_number seq, bool torn, struct err *e)
{
    uint8_t payload[CURSOR_PAYLOAD_BYTES] = {0};
    bytes_put_u64(payload + AT_SEQ, seq);
    bytes_put_u32(payload + AT_TORN, torn ? 1 : 0);
    int rc = cursor_write(&self->cursor, CURSOR_MAGIC, payload, e);
    if (rc != 0)
        return rc;
    self->committed = seq;
    self->torn = torn;
    return 0;
}

static int open_sink(const struct stage_env *env, void **ret_self, struct err *e)
{
    struct stdout_sink *self = memory_new(1, sizeof *self);
    self->cursor.fd = -1;
    self->format = record_format_chosen(env->stage->options);
    self->field = (size_t)contract_find(env->stage->in, record_format_field(self->format));
    self->sure = output_line_sure(env->topology, env->stage);
    self->numbered = options_get(env->stage->options, "numbered")->number == 1;
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    bool found = false;
    int rc =
        cursor_open(&self->cursor, env->state_fd, CURSOR_MAGIC, env->durable, payload, &found, e);
    if (rc == 0)
        rc = open_output(self, e);
    if (rc == 0 && found) {
        self->committed = bytes_get_u64(payload + AT_SEQ);
        self->torn = bytes_get_u32(payload + AT_TORN) != 0;
    }
    if (self->committed < env->begins_after)
        self->committed = env->begins_after;
    /* A record that an earlier run cut was in the output of that run. */
    if (rc == 0 && self->torn && env->first)
        rc = write_cursor(self, self->committed, false, e);
    if (rc == 0 && self->torn && self->format == RECORDS_MSGPACK)
        rc = err_set(e, ERR_MISMATCH,
                     "a kill may have cut a record on standard output, and its reader would take "
                     "what follows for a part of it; the next run begins with the whole record");
    if (rc != 0) {
        close_sink(self);
        return rc;
    }
    if (self->torn)
        buf_add_byte(&self->waiting, '\n'); /* the cut piece becomes a line of its own */
    *ret_self = self;
    return 0;
}

/* Writes some bytes without blocking. Returns -1 with errno EAGAIN if none can be written now. */
static ssize_t write_some(const struct stdout_sink *self, const uint8_t *bytes, size_t len)
{
    if (self->is_socket)
        return send(self->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    struct pollfd ready = {.fd = self->fd, .events = POLLOUT};
    if (!self->opened && poll(&ready, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(self->fd, bytes, len);
}

/* A write that failed for lack of a resource has written nothing and can be repeated later. */
static int cannot_write(struct err *e)
{
    int rc = want_of_errno(errno) != WANT_NOTHING ? ERR_NO_SPACE : ERR_IO;
    (void)err_set_errno(e, "cannot write to standard output");
    if (e != NULL)
        e->code = rc;
    return rc;
}

/* Where the next piece to write ends: after whole lines, or within one that is too long. */
static size_t lines_end(const struct stdout_sink *self)
{
    const uint8_t *bytes = self->waiting.data + self->written;
    size_t len = self->waiting.len - self->written;
    if (len <= PIPE_BUF)
        return self->waiting.len;
    const uint8_t *newline = memrchr(bytes, '\n', PIPE_BUF);
    return self->written + (newline != NULL ? (size_t)(newline - bytes) + 1 : PIPE_BUF);
}

/* The same for packed records. */
static size_t packed_end(const struct stdout_sink *self)
{
    size_t end = 0, most = self->written + PIPE_BUF;
    for (size_t i = self->ends_written; i < self->end_count && self->ends[i] <= most; i++)
        end = self->ends[i];
    return end != 0 ? end : most;
}

/* Whether a record ends at this place. */
static bool ends_record(const struct stdout_sink *self, size_t at)
{
    if (self->format == RECORDS_LINES)
        return self->waiting.data[at - 1] == '\n';
    for (size_t i = self->ends_written; i < self->end_count && self->ends[i] <= at; i++) {
        if (self->ends[i] == at)
            return true;
    }
    return at == 0 || (self->ends_written != 0 && self->ends[self->ends_written - 1] == at);
}

static int set_torn(struct stdout_sink *self, bool torn, struct err *e)
{
    return torn != self->torn ? write_cursor(self, self->committed, torn, e) : 0;
}

/* Counts the packed records that are written. */
static void pass_packed(struct stdout_sink *self)
{
    while (self->ends_written < self->end_count && self->ends[self->ends_written] <= self->written)
        self->ends_written++;
}

/*
 * Called when nothing more is written for now. A reader of lines does not mind an extra newline, so
 * for lines the cursor says that one may be cut until the next commit. A run with packed records
 * would stop without a reason, so the cursor is corrected here; but not after every record, because
 * that costs a sync.
 */
static int rest(struct stdout_sink *self, int rc, struct err *e)
{
    bool is_whole = self->format == RECORDS_MSGPACK && ends_record(self, self->written);
    int cursor_rc = is_whole ? set_torn(self, false, e) : 0;
    return cursor_rc != 0 ? cursor_rc : rc;
}

/* Writes everything that waits. ERR_AGAIN: not all of it can be written now. */
static int push(struct stdout_sink *self, struct err *e)
{
    int rc = 0;
    while (rc == 0 && self->written < self->waiting.len) {
        const uint8_t *bytes = self->waiting.data + self->written;
        size_t end = self->format == RECORDS_LINES ? lines_end(self) : packed_end(self);
        if (!ends_record(self, end))
            rc = set_torn(self, true, e);
        if (rc != 0)
            return rc;
        ssize_t n = write_some(self, bytes, end - self->written);
        if (n >= 0)
            self->written += (size_t)n;
        else if (errno == EAGAIN)
            return rest(self, ERR_AGAIN, e);
        else if (errno == EPIPE || errno == ECONNRESET)
            return unread(e);
        else if (errno != EINTR)
            return cannot_write(e);
        if (n > 0 && self->format == RECORDS_MSGPACK)
            pass_packed(self);
    }
    rc = rest(self, 0, e);
    if (rc != 0)
        return rc;
    buf_reset(&self->waiting);
    self->written = self->end_count = self->ends_written = 0;
    return 0;
}

/* Notes that a packed record ends at the end of `waiting`. */
static void add_end(struct stdout_sink *self)
{
    if (self->end_count == self->end_capacity) {
        self->end_capacity = self->end_capacity != 0 ? 2 * self->end_capacity : 64;
        self->ends = memory_resize(self->ends, self->end_capacity, sizeof *self->ends);
    }
    self->ends[self->end_count++] = self->waiting.len;
}

static bool refuse(const void *opaque, const struct record *in, struct emitter *out)
{
    const struct stdout_sink *self = opaque;
    if (self->format == RECORDS_MSGPACK)
        return record_field_refuse_packed(in, self->field, out);
    return !output_line_is_plain(self->sure, &in->fields[self->field]) &&
           output_line_refuse(in, self->field, false, out);
}

static int write_record(void *opaque, const struct record *in, struct err *e)
{
    struct stdout_sink *self = opaque;
    if (self->waiting.len >= WAITING_BYTES_MAX) {
        int rc = push(self, e);
        if (rc != 0)
            return rc;
    }
    self->index = in->seq == self->seq ? self->index + 1 : 0;
    self->seq = in->seq;
    const struct value *record = &in->fields[self->field];
    if (self->numbered)
        buf_add_format(&self->waiting, "%" PRIu64 ".%" PRIu64 "\t", in->seq, self->index);
    buf_add(&self->waiting, record->bytes, record->len);
    if (self->format == RECORDS_LINES)
        buf_add_byte(&self->waiting, '\n');
    else
        add_end(self);
    return 0;
}

static void wait_for_reader(const void *opaque, struct pollfd *ret_sign, int *ret_timeout_ms)
{
    const struct stdout_sink *self = opaque;
    *ret_sign = (struct pollfd){.fd = self->fd, .events = POLLOUT};
    *ret_timeout_ms = -1;
}

static seq_number position(const void *opaque)
{
    return ((const struct stdout_sink *)opaque)->committed;
}

static int commit(void *opaque, seq_number seq, struct err *e)
{
    struct stdout_sink *self = opaque;
    int rc = push(self, e);
    return rc == 0 ? write_cursor(self, seq, false, e) : rc;
}

const struct stage_ops stdout_sink_ops = {
    .preflight = preflight,
    .open = open_sink,
    .close = close_sink,
    .refuse = refuse,
    .write = write_record,
    .wait = wait_for_reader,
    .position = position,
    .commit = commit,
};

const struct kind stdout_sink_kind = {
    .name = "stdout.sink",
    .summary = "writes records to standard output",
    .manual =
        "Writes the field 'line' of every record and a newline to standard output, which must be "
        "a pipe, a terminal or a socket. With 'records: msgpack' it writes only the field "
        "'packed', which must be a single msgpack map, and not to a terminal. A text that is not "
        "a single line is a dead letter, as in file.sink. No line is missing, but after a kill "
        "some may be repeated, because there is no way to know what a reader has received; with "
        "'numbered: true' a repeated line can be recognized by its number. A kill may also cut a "
        "line of more than 4096 bytes; a newline then ends the fragment, and the whole line "
        "follows. A map that may have been cut stops the run, because nothing can follow it. A "
        "regular file is refused; file.sink writes each line exactly once.",
    .role = KIND_SINK,
    .takes_stdout = true,
    .reads = RECORD_FIELD_SINK_READS,
    .makes = "nothing",
    .reasons = DEAD_REASONS(OUTPUT_LINE_REASONS, RECORD_FIELD_REASONS),
    .options = specs,
    .derive = derive,
    .cursor_magic = CURSOR_MAGIC,
};
