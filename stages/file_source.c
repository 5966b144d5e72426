/* SPDX-License-Identifier: MIT */
/*
 * file.source: the lines of a regular file, from where the last acked one ended.
 *
 * The happy path is read_record(): find a newline in what is buffered, or buffer more. A place in
 * the file is remembered as a mark (seq, offset, line number, CRC of everything before); an ack
 * makes the last mark at or below it the cursor. A new process goes on at the cursor, which may be
 * a little before the ack: what it reads again, downstream knows and cuts.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/check.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/limits.h"
#include "common/memory.h"
#include "common/utf8.h"
#include "stages/cursor.h"
#include "stages/kinds.h"
#include "stages/stage.h"

#define SOURCE_MAGIC 0x4f534842u /* "BHSO" */
#define READ_BYTES (256u << 10)
#define RECORDS_PER_MARK 256u
/* How much before the offset is compared when the file is opened again. */
#define TAIL_BYTES_MAX 4096u

/* Places in the cursor's payload. */
enum {
    AT_SEQ = 0,
    AT_OFFSET = 8,
    AT_LINE = 16,
    AT_DEVICE = 24,
    AT_INODE = 32,
    AT_PREFIX_CRC = 40,
    AT_TAIL_CRC = 44,
    AT_UNTERMINATED = 48,
};

/* All lines before offset are read; `line` of them, the last with number seq among the records. */
struct mark {
    seq_number seq;
    uint64_t offset;
    uint64_t line;
    uint32_t prefix_crc;
    bool unterminated; /* the last line ended with the file, not with a newline */
};

struct file_source {
    char *path;
    int fd;
    size_t line_bytes_max;
    struct cursor cursor;
    uint64_t device, inode;
    struct mark at; /* behind the last line that was read */
    struct mark committed;
    struct mark *marks; /* a ring, rising */
    size_t mark_head, mark_count, mark_capacity;
    uint64_t file_bytes; /* length of the file when it was last looked at */
    uint8_t *buffer;
    size_t capacity;
    size_t start;    /* here lies the byte of the file at at.offset + skipped */
    size_t end;      /* behind what is buffered */
    size_t searched; /* so many bytes from start on hold no newline */
    bool skipping;   /* in a line that is too long: its bytes are counted and dropped */
    uint64_t skipped;
    uint8_t skipped_last;
    bool skipped_blank; /* there was nothing but white space in it so far */
    size_t excerpt_len;
    uint8_t excerpt[DEAD_EXCERPT_BYTES];
};

static const struct option_spec specs[] = {
    {.name = "path",
     .tag = OPTION_PATH,
     .required = true,
     .meaning = "the file to read; relative to where bulkhead is started"},
    {.name = "max_line_bytes",
     .tag = OPTION_SIZE,
     .fallback = "1MiB",
     .min = 64,
     .max = LINE_BYTES_MAX,
     .meaning = "a longer line is a dead letter"},
    {0},
};

static void derive(struct kind_check *check)
{
    kind_check_makes(check, "line", (struct type){.tag = VALUE_BYTES}, check->place);
}

static int check_file(int fd, const char *path, struct stat *ret_st, struct err *e)
{
    if (fstat(fd, ret_st) != 0)
        return err_set_errno(e, "'%s'", path);
    if (!S_ISREG(ret_st->st_mode))
        return err_set(e, ERR_MISMATCH, "'%s' is no regular file, so it cannot be read twice",
                       path);
    return 0;
}

static int preflight(const struct topology *topology, const struct stage *stage, struct err *e)
{
    (void)topology;
    const char *path = options_get(stage->options, "path")->text;
    int fd;
    struct stat st;
    int rc = file_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0, &fd, e);
    if (rc != 0)
        return rc;
    rc = check_file(fd, path, &st, e);
    (void)close(fd);
    return rc;
}

/* CRC of the file's bytes in [from, to), read anew. */
static int crc_of(const struct file_source *self, uint64_t from, uint64_t to, uint32_t *ret_crc,
                  struct err *e)
{
    uint8_t *piece = memory_new(READ_BYTES, 1);
    uint32_t crc = 0;
    int rc = 0;
    while (rc == 0 && from < to) {
        size_t wanted = to - from < READ_BYTES ? (size_t)(to - from) : READ_BYTES;
        size_t got = 0;
        rc = file_read_at(self->fd, from, piece, wanted, &got, e);
        if (rc == 0 && got < wanted)
            rc = err_set(e, ERR_MISMATCH, "'%s' became shorter while it was read", self->path);
        crc = hash_crc32c(crc, piece, got);
        from += got;
    }
    free(piece);
    *ret_crc = crc;
    return rc;
}

static int tail_crc(const struct file_source *self, uint64_t offset, uint32_t *ret_crc,
                    struct err *e)
{
    uint64_t from = offset > TAIL_BYTES_MAX ? offset - TAIL_BYTES_MAX : 0;
    return crc_of(self, from, offset, ret_crc, e);
}

static int write_cursor(struct file_source *self, const struct mark *mark, struct err *e)
{
    uint32_t tail;
    int rc = tail_crc(self, mark->offset, &tail, e);
    if (rc != 0)
        return rc;
    uint8_t payload[CURSOR_PAYLOAD_BYTES] = {0};
    bytes_put_u64(payload + AT_SEQ, mark->seq);
    bytes_put_u64(payload + AT_OFFSET, mark->offset);
    bytes_put_u64(payload + AT_LINE, mark->line);
    bytes_put_u64(payload + AT_DEVICE, self->device);
    bytes_put_u64(payload + AT_INODE, self->inode);
    bytes_put_u32(payload + AT_PREFIX_CRC, mark->prefix_crc);
    bytes_put_u32(payload + AT_TAIL_CRC, tail);
    bytes_put_u32(payload + AT_UNTERMINATED, mark->unterminated ? 1 : 0);
    rc = cursor_write(&self->cursor, SOURCE_MAGIC, payload, e);
    if (rc == 0)
        self->committed = *mark;
    return rc;
}

/*
 * Whether the file is the one that the cursor tells of. The same file must still have the same
 * bytes before the offset; another one (a copy, an editor's) must have all of them.
 */
static int check_same(struct file_source *self, const uint8_t *payload, const struct stat *st,
                      struct err *e)
{
    const struct mark *at = &self->at;
    if ((uint64_t)st->st_size < at->offset)
        return err_set(e, ERR_MISMATCH,
                       "'%s' has %jd bytes, but %" PRIu64 " were read from it: it was truncated or "
                       "replaced; put it back, or start over with --fresh",
                       self->path, (intmax_t)st->st_size, at->offset);
    bool same_file = st->st_dev == bytes_get_u64(payload + AT_DEVICE) &&
                     st->st_ino == bytes_get_u64(payload + AT_INODE);
    uint32_t crc;
    int rc = same_file ? tail_crc(self, at->offset, &crc, e) : crc_of(self, 0, at->offset, &crc, e);
    if (rc != 0)
        return rc;
    uint32_t wanted = same_file ? bytes_get_u32(payload + AT_TAIL_CRC) : at->prefix_crc;
    if (crc != wanted)
        return err_set(e, ERR_MISMATCH,
                       "'%s' is not the file that was read up to line %" PRIu64 " (offset %" PRIu64
                       "): what stands before that is different now; put it back, or start over "
                       "with --fresh",
                       self->path, at->line, at->offset);
    return 0;
}

/*
 * A last line without a newline was taken as complete. It may have got its newline since, but if
 * it went on, what was read was half a line.
 */
static int finish_unterminated(struct file_source *self, struct err *e)
{
    uint8_t next[2];
    size_t got;
    int rc = file_read_at(self->fd, self->at.offset, next, sizeof next, &got, e);
    if (rc != 0 || got == 0)
        return rc;
    size_t newline_len = next[0] == '\n' ? 1 : 0;
    if (got == 2 && next[0] == '\r' && next[1] == '\n')
        newline_len = 2;
    if (newline_len == 0)
        return err_set(e, ERR_MISMATCH,
                       "%s:%" PRIu64 ": this line had no newline when it was read, and has been "
                       "continued since; what was read was half of it",
                       self->path, self->at.line);
    self->at.prefix_crc = hash_crc32c(self->at.prefix_crc, next, newline_len);
    self->at.offset += newline_len;
    self->at.unterminated = false;
    return 0;
}

static int go_on(struct file_source *self, const uint8_t *payload, const struct stat *st,
                 struct err *e)
{
    self->at = (struct mark){.seq = bytes_get_u64(payload + AT_SEQ),
                             .offset = bytes_get_u64(payload + AT_OFFSET),
                             .line = bytes_get_u64(payload + AT_LINE),
                             .prefix_crc = bytes_get_u32(payload + AT_PREFIX_CRC),
                             .unterminated = bytes_get_u32(payload + AT_UNTERMINATED) != 0};
    self->committed = self->at;
    int rc = check_same(self, payload, st, e);
    if (rc == 0 && self->at.unterminated)
        rc = finish_unterminated(self, e);
    return rc;
}

static void close_source(void *opaque)
{
    struct file_source *self = opaque;
    if (self->fd >= 0)
        (void)close(self->fd);
    cursor_close(&self->cursor);
    free(self->path);
    free(self->marks);
    free(self->buffer);
    free(self);
}

static int open_source(const struct stage_env *env, void **ret_self, struct err *e)
{
    struct file_source *self = memory_new(1, sizeof *self);
    const char *path = options_get(env->stage->options, "path")->text;
    self->path = memory_dup(path, strlen(path));
    self->line_bytes_max = (size_t)options_get(env->stage->options, "max_line_bytes")->number;
    self->fd = -1;
    self->cursor.fd = -1;
    /* Room for the longest line with its "\r\n", and a whole read behind it. */
    self->capacity = self->line_bytes_max + 2 + 2 * READ_BYTES;
    self->buffer = memory_new(self->capacity, 1);
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    bool found = false;
    struct stat st;
    int rc = file_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0, &self->fd, e);
    if (rc == 0)
        rc = check_file(self->fd, path, &st, e);
    if (rc == 0)
        rc = cursor_open(&self->cursor, env->state_fd, SOURCE_MAGIC, env->durable, payload, &found,
                         e);
    if (rc == 0 && found)
        rc = go_on(self, payload, &st, e);
    if (rc != 0) {
        close_source(self);
        return rc;
    }
    self->device = st.st_dev;
    self->inode = st.st_ino;
    self->file_bytes = (uint64_t)st.st_size;
    *ret_self = self;
    return 0;
}

/* Reads more of the file behind what is buffered. ERR_END at the end of the file. */
static int fill(struct file_source *self, struct err *e)
{
    size_t buffered = self->end - self->start;
    if (self->capacity - self->end < READ_BYTES) {
        memmove(self->buffer, self->buffer + self->start, buffered);
        self->start = 0;
        self->end = buffered;
    }
    uint64_t offset = self->at.offset + self->skipped + buffered;
    size_t got;
    int rc = file_read_at(self->fd, offset, self->buffer + self->end, READ_BYTES, &got, e);
    if (rc != 0)
        return err_wrap(e, "'%s'", self->path);
    self->end += got;
    if (got != 0)
        return 0;
    rc = file_length(self->fd, &self->file_bytes, e);
    if (rc == 0 && self->file_bytes < offset)
        rc = err_set(e, ERR_MISMATCH,
                     "'%s' was truncated to %" PRIu64 " bytes while %" PRIu64 " were read from it",
                     self->path, self->file_bytes, offset);
    return rc != 0 ? rc : ERR_END;
}

static bool is_blank(const uint8_t *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
            return false;
    }
    return true;
}

/* Counts what is buffered of a line that is too long, and drops it. */
static void skip_buffered(struct file_source *self)
{
    size_t len = self->end - self->start;
    const uint8_t *bytes = self->buffer + self->start;
    if (len == 0)
        return;
    if (!self->skipping) {
        self->skipping = true;
        self->skipped_blank = true;
        self->excerpt_len = len < DEAD_EXCERPT_BYTES ? len : DEAD_EXCERPT_BYTES;
        memcpy(self->excerpt, bytes, self->excerpt_len);
    }
    self->at.prefix_crc = hash_crc32c(self->at.prefix_crc, bytes, len);
    self->skipped += len;
    self->skipped_last = bytes[len - 1];
    self->skipped_blank = self->skipped_blank && is_blank(bytes, len);
    self->start = self->end = 0;
    self->searched = 0;
}

/*
 * Buffers until a line is complete. *ret_len is what of it is in the buffer, *ret_end how many
 * bytes end it there: 1 for a newline, 0 at the end of the file.
 */
static int find_line(struct file_source *self, size_t *ret_len, size_t *ret_end, struct err *e)
{
    self->searched = 0;
    for (;;) {
        const uint8_t *from = self->buffer + self->start + self->searched;
        const uint8_t *newline = memchr(from, '\n', self->end - self->start - self->searched);
        if (newline != NULL) {
            *ret_len = (size_t)(newline - self->buffer) - self->start;
            *ret_end = 1;
            return 0;
        }
        self->searched = self->end - self->start;
        if (self->searched > self->line_bytes_max + 1 || self->skipping)
            skip_buffered(self);
        int rc = fill(self, e);
        if (rc == ERR_END && (self->end > self->start || self->skipping)) {
            *ret_len = self->end - self->start;
            *ret_end = 0;
            return 0;
        }
        if (rc != 0)
            return rc;
    }
}

static void add_mark(struct file_source *self)
{
    if (self->mark_count == self->mark_capacity) {
        size_t capacity = self->mark_capacity != 0 ? 2 * self->mark_capacity : 64;
        struct mark *marks = memory_new(capacity, sizeof *marks);
        for (size_t i = 0; i < self->mark_count; i++)
            marks[i] = self->marks[(self->mark_head + i) % self->mark_capacity];
        free(self->marks);
        self->marks = marks;
        self->mark_capacity = capacity;
        self->mark_head = 0;
    }
    self->marks[(self->mark_head + self->mark_count++) % self->mark_capacity] = self->at;
}

/* The beginning of a line that is too long; it does not end within a character. */
static void emit_too_long(struct file_source *self, uint64_t len, const uint8_t *start,
                          size_t start_len, struct emitter *out)
{
    size_t bad_at;
    if (!utf8_valid(start, start_len, &bad_at) && start_len - bad_at < UTF8_BYTES_MAX)
        start_len = bad_at;
    emitter_dead(out, DEAD_LINE_TOO_LONG, start, start_len, false,
                 "%" PRIu64 " bytes; max_line_bytes is %zu; the input shown is its beginning", len,
                 self->line_bytes_max);
}

/* Gives out one whole line, of which `len` bytes are in the buffer and more may be skipped. */
static void emit_line(struct file_source *self, size_t len, struct emitter *out)
{
    const uint8_t *bytes = self->buffer + self->start;
    uint64_t whole_len = self->skipped + len;
    uint8_t last = len > 0 ? bytes[len - 1] : self->skipped_last;
    bool carriage_return = whole_len > 0 && last == '\r';
    if (carriage_return) {
        whole_len--;
        len -= len > 0 ? 1 : 0;
    }
    out->seq = self->at.seq;
    out->position = self->at.line;
    if (self->skipping) {
        emit_too_long(self, whole_len, self->excerpt, self->excerpt_len, out);
    } else if (whole_len > self->line_bytes_max) {
        size_t shown = len < DEAD_EXCERPT_BYTES ? len : DEAD_EXCERPT_BYTES;
        emit_too_long(self, whole_len, bytes, shown, out);
    } else {
        struct value line = value_of_bytes(VALUE_BYTES, bytes, len);
        emitter_emit(out, &line);
    }
}

/* Moves behind the line that was found; its bytes stay in the buffer until the next fill. */
static void pass_line(struct file_source *self, size_t len)
{
    self->at.prefix_crc = hash_crc32c(self->at.prefix_crc, self->buffer + self->start, len);
    self->at.offset += self->skipped + len;
    self->start += len;
    self->skipping = false;
    self->skipped = 0;
}

static int read_record(void *opaque, struct emitter *out, struct err *e)
{
    struct file_source *self = opaque;
    if (self->at.unterminated) {
        /* The end of the file was taken for the end of a line: it must have been. */
        int rc = finish_unterminated(self, e);
        if (rc != 0 || self->at.unterminated)
            return rc != 0 ? rc : ERR_END;
    }
    for (;;) {
        size_t len, end;
        int rc = find_line(self, &len, &end, e);
        if (rc != 0)
            return rc;
        bool blank =
            is_blank(self->buffer + self->start, len) && (!self->skipping || self->skipped_blank);
        self->at.line++;
        self->at.seq += blank ? 0 : 1;
        if (!blank)
            emit_line(self, len, out);
        pass_line(self, len + end);
        self->at.unterminated = end == 0;
        if (blank)
            continue;
        if (self->at.seq % RECORDS_PER_MARK == 0)
            add_mark(self);
        return 0;
    }
}

static seq_number position(const void *opaque)
{
    return ((const struct file_source *)opaque)->at.seq;
}

static int commit(void *opaque, seq_number seq, struct err *e)
{
    struct file_source *self = opaque;
    REQUIRE(seq <= self->at.seq);
    struct mark reached = self->committed;
    while (self->mark_count > 0 && self->marks[self->mark_head].seq <= seq) {
        reached = self->marks[self->mark_head];
        self->mark_head = (self->mark_head + 1) % self->mark_capacity;
        self->mark_count--;
    }
    if (seq == self->at.seq)
        reached = self->at;
    return reached.offset > self->committed.offset ? write_cursor(self, &reached, e) : 0;
}

static void progress(const void *opaque, uint64_t *ret_done, uint64_t *ret_total)
{
    const struct file_source *self = opaque;
    *ret_done = self->at.offset;
    *ret_total = self->file_bytes > self->at.offset ? self->file_bytes : self->at.offset;
}

static const struct stage_ops ops = {
    .preflight = preflight,
    .open = open_source,
    .close = close_source,
    .read = read_record,
    .position = position,
    .commit = commit,
    .progress = progress,
};

const struct kind file_source_kind = {
    .name = "file.source",
    .summary = "reads the lines of a file",
    .manual = "Reads a regular file line by line to its end. LF and CRLF end a line, the last one "
              "may lack it; blank lines are skipped. A later run goes on where the last one "
              "stopped, and stops with an error if the file was replaced or truncated meanwhile.",
    .role = KIND_SOURCE,
    .dead_letters = true,
    .reads = "nothing",
    .makes = "line: bytes",
    .options = specs,
    .derive = derive,
    .ops = &ops,
};
