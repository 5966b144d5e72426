/* SPDX-License-Identifier: MIT */
/*
 * file.source: the lines of a regular file, from where the last acked one ended; with follow, also
 * those that are still to come, through rotations.
 *
 * The happy path is read_record(): find a newline in what is buffered, or buffer more. A place in
 * the file is remembered as a mark (seq, offset, line number, CRC of everything before); an ack
 * makes the last mark at or below it the cursor. A new process goes on at the cursor, which may be
 * a little before the ack: what it reads again, downstream knows and cuts.
 *
 * With follow, other processes append to the file, rename and truncate it at any moment. So nothing
 * is concluded from two looks at different moments: what stands before the bytes that were read is
 * looked at after them (check_tail), and a listing counts if it was the same twice (rotation.c).
 *
 * The end of the file has a seq of its own where the topology marks it. It is in the cursor before
 * it is given out, because the file may grow before it is acked: what is read again must have the
 * seqs that it had.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/limits.h"
#include "common/memory.h"
#include "ipc/status_page.h"
#include "stages/cursor.h"
#include "stages/kinds.h"
#include "stages/line_reader.h"
#include "stages/rotation.h"
#include "stages/source_marks.h"
#include "stages/stage.h"

#define SOURCE_MAGIC 0x4f534842u /* "BHSO" */
/* How much before the offset is compared when the file is opened again. */
#define TAIL_BYTES_MAX 4096u
/* Without news of the open file, and for news of the one that takes its place. */
#define LOOK_MS 250
/* How long a file may be missing between others that are being renamed. */
#define DOUBT_MS 2000u

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
    AT_BIRTH = 56,
    AT_END_SEQ = 64,
    AT_END_LINE = 72,
};

/* With follow: what the end of the file that is open means. */
enum follow_state {
    FOLLOW_OPEN,      /* there may be more */
    FOLLOW_LEAVING,   /* its writer has gone on to the next file: what there is now is all */
    FOLLOW_TRUNCATED, /* it is shorter than what was read of it */
};

/* Where the input was at its end the last time. */
struct input_end {
    seq_number seq; /* its own; 0: never */
    uint64_t line;
};

/* With follow: the last bytes that were read. If others stand there, the file was written anew. */
struct tail {
    uint8_t bytes[TAIL_BYTES_MAX];
    size_t len;
    uint64_t end; /* their offset in the file, behind the last one */
};

struct file_source {
    char *path;
    int fd;
    _Atomic uint64_t *beats;
    struct line_reader lines;
    struct cursor cursor;
    struct source_mark at; /* behind the last line that was read */
    struct source_mark committed;
    struct source_marks marks;
    bool marks_end;       /* the end of the input is given out */
    struct input_end end; /* as it is in the cursor */
    uint64_t file_bytes;  /* length of the file when it was last looked at */

    bool follow;
    enum follow_state state;
    void (*note)(const char *text);
    int notify_fd; /* an inotify that watches the open file; -1: none */
    int watch;     /* in it */
    struct tail tail;
    bool doubts; /* a file seems to be missing, */
    uint64_t doubts_since_ms;
    int left_fd;         /* the file that was read before this one; -1: none */
    uint64_t left_bytes; /* its length then */
};

static const char *const follow_choices[] = {"false", "true", NULL};

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
    {.name = "follow",
     .tag = OPTION_CHOICE,
     .fallback = "false",
     .choices = follow_choices,
     .meaning = "wait at the end of the file for more, and go on in the file that takes its place"},
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

static bool follows(const struct stage *stage)
{
    return options_get(stage->options, "follow")->number == 1;
}

/* A file that is to be followed may come later, but where it is to come must be known. */
static int check_directory(const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/');
    char *parent = slash == NULL ? memory_dup(".", 1)
                                 : memory_dup(path, slash == path ? 1 : (size_t)(slash - path));
    int rc = access(parent, R_OK | X_OK) == 0
                 ? 0
                 : err_set_errno(e, "cannot look into the directory '%s'", parent);
    free(parent);
    return rc;
}

static int preflight(const struct topology *topology, const struct stage *stage, struct err *e)
{
    (void)topology;
    const char *path = options_get(stage->options, "path")->text;
    int fd;
    struct stat st;
    int rc = file_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0, &fd, e);
    if (rc == ERR_NOT_FOUND && follows(stage))
        return check_directory(path, e);
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
    /* No larger than it must be: a mark needs a few thousand bytes, and there are many marks. */
    size_t room = to - from < SOURCE_READ_BYTES ? (size_t)(to - from) : SOURCE_READ_BYTES;
    uint8_t *piece = memory_new(room, 1);
    uint32_t crc = 0;
    int rc = 0;
    while (rc == 0 && from < to) {
        status_page_beat(self->beats);
        size_t wanted = to - from < room ? (size_t)(to - from) : room;
        size_t got = 0;
        rc = file_read_at(self->fd, from, piece, wanted, &got, e);
        if (rc == 0 && got < wanted && self->follow)
            to = from + got; /* it was truncated; the CRC will not fit, and that is all it is for */
        else if (rc == 0 && got < wanted)
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

static int write_cursor(struct file_source *self, const struct source_mark *mark,
                        const struct input_end *end, struct err *e)
{
    uint8_t payload[CURSOR_PAYLOAD_BYTES] = {0};
    bytes_put_u64(payload + AT_SEQ, mark->seq);
    bytes_put_u64(payload + AT_OFFSET, mark->offset);
    bytes_put_u64(payload + AT_LINE, mark->line);
    bytes_put_u64(payload + AT_DEVICE, mark->file.device);
    bytes_put_u64(payload + AT_INODE, mark->file.inode);
    bytes_put_u32(payload + AT_PREFIX_CRC, mark->prefix_crc);
    bytes_put_u32(payload + AT_TAIL_CRC, mark->tail_crc);
    bytes_put_u32(payload + AT_UNTERMINATED, mark->unterminated ? 1 : 0);
    bytes_put_u64(payload + AT_BIRTH, mark->file.birth_ns);
    bytes_put_u64(payload + AT_END_SEQ, end->seq);
    bytes_put_u64(payload + AT_END_LINE, end->line);
    int rc = cursor_write(&self->cursor, SOURCE_MAGIC, payload, e);
    if (rc != 0)
        return rc;
    self->committed = *mark;
    self->end = *end;
    return 0;
}

/*
 * Whether the file is the one that the cursor tells of. The same file must still have the same
 * bytes before the offset; another one (a copy, an editor's) must have all of them.
 */
static int check_same(struct file_source *self, const struct stat *st, struct err *e)
{
    const struct source_mark *at = &self->at;
    if ((uint64_t)st->st_size < at->offset)
        return err_set(e, ERR_MISMATCH,
                       "'%s' has %jd bytes, but %" PRIu64 " were read from it: it was truncated or "
                       "replaced; put it back, or start over with --fresh",
                       self->path, (intmax_t)st->st_size, at->offset);
    bool same_file = st->st_dev == at->file.device && st->st_ino == at->file.inode;
    uint32_t crc;
    int rc = same_file ? tail_crc(self, at->offset, &crc, e) : crc_of(self, 0, at->offset, &crc, e);
    if (rc != 0)
        return rc;
    uint32_t wanted = same_file ? at->tail_crc : at->prefix_crc;
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

static void take_payload(struct file_source *self, const uint8_t *payload)
{
    self->at = (struct source_mark){.seq = bytes_get_u64(payload + AT_SEQ),
                                    .offset = bytes_get_u64(payload + AT_OFFSET),
                                    .line = bytes_get_u64(payload + AT_LINE),
                                    .prefix_crc = bytes_get_u32(payload + AT_PREFIX_CRC),
                                    .tail_crc = bytes_get_u32(payload + AT_TAIL_CRC),
                                    .unterminated = bytes_get_u32(payload + AT_UNTERMINATED) != 0,
                                    .file = {.device = bytes_get_u64(payload + AT_DEVICE),
                                             .inode = bytes_get_u64(payload + AT_INODE),
                                             .birth_ns = bytes_get_u64(payload + AT_BIRTH)}};
    self->committed = self->at;
    self->end = (struct input_end){.seq = bytes_get_u64(payload + AT_END_SEQ),
                                   .line = bytes_get_u64(payload + AT_END_LINE)};
}

/* Takes the open file for the one to be read, from where `at` stands. */
static int begin_file(struct file_source *self, struct err *e)
{
    struct stat st;
    int rc = check_file(self->fd, self->path, &st, e);
    if (rc == 0)
        rc = rotation_identify(self->fd, &self->at.file, e);
    if (rc != 0)
        return rc;
    line_reader_set(&self->lines, self->at.offset, self->at.prefix_crc);
    self->file_bytes = (uint64_t)st.st_size;
    self->state = FOLLOW_OPEN;
    if (self->notify_fd < 0)
        return 0;
    char link[64];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", self->fd);
    if (self->watch >= 0)
        (void)inotify_rm_watch(self->notify_fd, self->watch);
    self->watch = inotify_add_watch(self->notify_fd, link, IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF);
    return 0;
}

/* Goes on at the beginning of a file, the same one or another. */
static void begin_again(struct file_source *self)
{
    self->at.offset = self->at.line = 0;
    self->at.prefix_crc = self->at.tail_crc = 0;
    self->tail.len = 0;
    self->tail.end = 0;
    self->at.unterminated = false;
}

static void note_truncated(const struct file_source *self)
{
    char *text = memory_format("'%s' was truncated or written anew after %" PRIu64
                               " bytes of it were read; reading goes on from its beginning",
                               self->path, self->at.offset);
    self->note(text);
    free(text);
}

/* Takes what stands before an offset for what was read. */
static int load_tail(struct file_source *self, uint64_t offset, struct err *e)
{
    struct tail *tail = &self->tail;
    size_t wanted = offset < TAIL_BYTES_MAX ? (size_t)offset : TAIL_BYTES_MAX;
    tail->end = offset;
    return file_read_at(self->fd, offset - wanted, tail->bytes, wanted, &tail->len, e);
}

/* Adds what was read behind it. */
static void add_to_tail(struct tail *tail, const uint8_t *bytes, size_t len)
{
    size_t added = len < TAIL_BYTES_MAX ? len : TAIL_BYTES_MAX;
    size_t kept = tail->len < TAIL_BYTES_MAX - added ? tail->len : TAIL_BYTES_MAX - added;
    memmove(tail->bytes, tail->bytes + tail->len - kept, kept);
    memcpy(tail->bytes + kept, bytes + len - added, added);
    tail->len = kept + added;
    tail->end += len;
}

/*
 * Looks whether what was read is still in the file. It is called when more was read: so that is
 * known to be behind the same bytes, whatever happened to the file and when.
 */
static int check_tail(struct file_source *self, uint64_t offset, struct err *e)
{
    uint8_t found[TAIL_BYTES_MAX];
    const struct tail *tail = &self->tail;
    if (tail->end != offset)
        return load_tail(self, offset, e);
    size_t got;
    int rc = file_read_at(self->fd, offset - tail->len, found, tail->len, &got, e);
    bool same = rc != 0 || (got == tail->len && memcmp(found, tail->bytes, tail->len) == 0);
    if (!same && self->state != FOLLOW_TRUNCATED) {
        note_truncated(self);
        self->state = FOLLOW_TRUNCATED;
    }
    return rc;
}

/*
 * Where the source is, with what tells the file again. In one that was truncated that is its
 * beginning: what was read of it is not there any more.
 */
static int take_mark(struct file_source *self, struct source_mark *ret_mark, struct err *e)
{
    *ret_mark = self->at;
    int rc = tail_crc(self, self->at.offset, &ret_mark->tail_crc, e);
    if (rc == 0 && self->follow)
        rc = check_tail(self, self->tail.end, e);
    if (rc == 0 && self->state == FOLLOW_TRUNCATED)
        *ret_mark = (struct source_mark){.seq = self->at.seq, .file = self->at.file};
    return rc;
}

static int add_mark(struct file_source *self, struct err *e)
{
    struct source_mark mark;
    int rc = take_mark(self, &mark, e);
    if (rc == 0)
        source_marks_add(&self->marks, &mark);
    return rc;
}

/*
 * Has the cursor tell of the file before anything of it is given out: it may be rotated, or grow
 * until it looks like what was there before, and a new process must find this one.
 */
static int remember_file(struct file_source *self, struct err *e)
{
    struct source_mark mark;
    int rc = take_mark(self, &mark, e);
    return rc == 0 ? write_cursor(self, &mark, &self->end, e) : rc;
}

/* With follow: whether what was read is still in the open file. If not, it begins again. */
static int check_followed(struct file_source *self, struct err *e)
{
    int rc = load_tail(self, self->at.offset, e);
    if (rc == 0 && hash_crc32c(0, self->tail.bytes, self->tail.len) != self->at.tail_crc) {
        note_truncated(self);
        begin_again(self);
    }
    return rc;
}

/*
 * With follow, a file that is not the one that the cursor tells of has taken its place: the old one
 * lies beside it under another name, or this one is a copy of it.
 */
static int find_rotated(struct file_source *self, struct err *e)
{
    int fd;
    int rc = rotation_find(self->path, &self->at.file, &fd, e);
    if (rc == 0) {
        if (self->fd >= 0)
            (void)close(self->fd);
        self->fd = fd;
        return 0;
    }
    struct stat st;
    bool copy = rc == ERR_NOT_FOUND && self->fd >= 0 && fstat(self->fd, &st) == 0 &&
                (uint64_t)st.st_size >= self->at.offset;
    uint32_t crc;
    if (copy && crc_of(self, 0, self->at.offset, &crc, e) == 0 && crc == self->at.prefix_crc)
        return 0;
    if (rc != ERR_NOT_FOUND)
        return rc;
    return err_set(e, ERR_MISMATCH,
                   "the file that was read up to line %" PRIu64 " as '%s' is not there any more: "
                   "it was rotated away and removed, compressed, or moved to another directory "
                   "before its rest was read; put it back under a name that begins with '%s', or "
                   "start over with --fresh",
                   self->at.line, self->path, self->path);
}

/* Finds the file that the cursor tells of and checks that it is that. */
static int go_on(struct file_source *self, struct err *e)
{
    struct file_identity now = {0};
    int rc = self->fd >= 0 ? rotation_identify(self->fd, &now, e) : 0;
    struct stat st;
    if (rc == 0 && self->follow && (self->fd < 0 || !rotation_is_same(&now, &self->at.file)))
        rc = find_rotated(self, e);
    if (rc == 0 && fstat(self->fd, &st) != 0)
        rc = err_set_errno(e, "'%s'", self->path);
    if (rc == 0 && self->follow && rotation_is_same(&now, &self->at.file))
        rc = check_followed(self, e);
    else if (rc == 0)
        rc = check_same(self, &st, e);
    if (rc == 0 && self->at.unterminated)
        rc = finish_unterminated(self, e);
    return rc;
}

/* Whether the file has become shorter than what was read of it, and that is allowed. */
static int end_of_file(struct file_source *self, uint64_t offset, struct err *e)
{
    int rc = file_length(self->fd, &self->file_bytes, e);
    if (rc != 0)
        return rc;
    if (self->file_bytes < offset && !self->follow)
        return err_set(e, ERR_MISMATCH,
                       "'%s' was truncated to %" PRIu64 " bytes while %" PRIu64
                       " were read from it",
                       self->path, self->file_bytes, offset);
    bool over = !self->follow || self->state == FOLLOW_LEAVING;
    return over ? ERR_END : ERR_AGAIN;
}

/* All events together say no more than: look again. They go before the look, so that none is
 * missed. */
static void take_events(struct file_source *self)
{
    char events[4096];
    while (self->notify_fd >= 0 && read(self->notify_fd, events, sizeof events) > 0)
        ;
}

/* Reads more of the file. */
static int fill(void *opaque, uint64_t offset, uint8_t *bytes, size_t len, size_t *ret_len,
                struct err *e)
{
    struct file_source *self = opaque;
    if (self->state == FOLLOW_TRUNCATED)
        return ERR_END;
    take_events(self);
    int rc = file_read_at(self->fd, offset, bytes, len, ret_len, e);
    if (rc == 0 && self->follow)
        rc = check_tail(self, offset, e);
    if (rc != 0)
        return err_wrap(e, "'%s'", self->path);
    if (self->state == FOLLOW_TRUNCATED)
        return ERR_END;
    add_to_tail(&self->tail, bytes, *ret_len);
    return *ret_len != 0 ? 0 : end_of_file(self, offset, e);
}

static void close_source(void *opaque)
{
    struct file_source *self = opaque;
    const int fds[] = {self->fd, self->left_fd, self->notify_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0)
            (void)close(fds[i]);
    }
    cursor_close(&self->cursor);
    line_reader_done(&self->lines);
    source_marks_done(&self->marks);
    free(self->path);
    free(self);
}

static int open_source(const struct stage_env *env, void **ret_self, struct err *e)
{
    struct file_source *self = memory_new(1, sizeof *self);
    const char *path = options_get(env->stage->options, "path")->text;
    self->path = memory_dup(path, strlen(path));
    line_reader_init(&self->lines,
                     (size_t)options_get(env->stage->options, "max_line_bytes")->number, fill,
                     self);
    self->beats = env->beats;
    self->note = env->note;
    self->marks_end = env->topology->marks_end;
    self->follow = follows(env->stage);
    self->fd = self->left_fd = self->watch = self->cursor.fd = -1;
    /* Without it, which a limit may forbid, the end of the file is looked at now and then. */
    self->notify_fd = self->follow ? inotify_init1(IN_NONBLOCK | IN_CLOEXEC) : -1;
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    bool found = false;
    int rc = file_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0, &self->fd, e);
    if (rc == ERR_NOT_FOUND && self->follow)
        rc = 0;
    if (rc == 0)
        rc = cursor_open(&self->cursor, env->state_fd, SOURCE_MAGIC, env->durable, payload, &found,
                         e);
    if (rc == 0 && found) {
        take_payload(self, payload);
        rc = go_on(self, e);
    }
    if (rc == 0 && self->fd >= 0)
        rc = begin_file(self, e);
    bool elsewhere = !found || self->at.offset != self->committed.offset ||
                     !rotation_is_same(&self->at.file, &self->committed.file);
    if (rc == 0 && self->fd >= 0 && self->follow && elsewhere)
        rc = remember_file(self, e);
    if (rc != 0) {
        close_source(self);
        return rc;
    }
    *ret_self = self;
    return 0;
}

/* --- following --- */

/*
 * What follows a rotated file. While files are renamed one after the other it may seem that one of
 * them is missing; it is only if it stays so.
 */
static int find_next(struct file_source *self, int *ret_fd, struct err *e)
{
    int rc = rotation_next(self->path, self->fd, ret_fd, e);
    if (rc != ERR_MISMATCH) {
        self->doubts = false;
        return rc;
    }
    uint64_t now_ms = clock_monotonic_ms();
    if (!self->doubts)
        self->doubts_since_ms = now_ms;
    self->doubts = true;
    return now_ms - self->doubts_since_ms < DOUBT_MS ? ERR_AGAIN : rc;
}

static int enter_next(struct file_source *self, int fd, struct err *e)
{
    if (self->left_fd >= 0)
        (void)close(self->left_fd);
    self->left_fd = self->fd;
    self->left_bytes = self->at.offset;
    self->fd = fd;
    begin_again(self);
    int rc = begin_file(self, e);
    /* So an ack of all that was in the last one is enough to do without it. */
    return rc == 0 ? add_mark(self, e) : rc;
}

/* Opens a file that has come, to be read from its beginning. ERR_AGAIN: it is not there. */
static int open_first(struct file_source *self, struct err *e)
{
    int fd;
    int rc = file_open(AT_FDCWD, self->path, O_RDONLY | O_NONBLOCK, 0, &fd, e);
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? ERR_AGAIN : rc;
    rc = enter_next(self, fd, e);
    return rc == 0 ? remember_file(self, e) : rc;
}

/* Lines that somebody writes to a rotated file after its successor has some are read by nobody. */
static void check_left(struct file_source *self)
{
    struct stat st;
    if (self->left_fd < 0 || fstat(self->left_fd, &st) != 0 ||
        (uint64_t)st.st_size <= self->left_bytes)
        return;
    char *text = memory_format("%" PRIu64 " bytes were written to the rotated file behind '%s' "
                               "after its successor was begun; they are not read",
                               (uint64_t)st.st_size - self->left_bytes, self->path);
    self->note(text);
    free(text);
    self->left_bytes = (uint64_t)st.st_size;
}

/*
 * At the end of what is there: whether to go on in another file. Its writer must be seen there
 * before this one is read to its end for the last time. Returns 0 (read again), ERR_AGAIN (there is
 * nothing now), or an error.
 */
static int look_around(struct file_source *self, struct err *e)
{
    if (self->fd < 0)
        return open_first(self, e);
    int rc = find_next(self, NULL, e);
    if (rc == 0) {
        self->state = FOLLOW_LEAVING;
        return 0;
    }
    check_left(self);
    return rc;
}

/*
 * Begins a file again that was truncated. What was read of it cannot be read a second time, so all
 * of it must be acked first.
 */
static int begin_truncated(struct file_source *self, struct err *e)
{
    if (self->committed.seq != self->at.seq)
        return ERR_AGAIN;
    begin_again(self);
    int rc = begin_file(self, e);
    return rc == 0 ? remember_file(self, e) : rc;
}

/* The open file is at its end for good. */
static int leave_file(struct file_source *self, struct err *e)
{
    if (self->state == FOLLOW_TRUNCATED)
        return begin_truncated(self, e);
    int fd;
    int rc = find_next(self, &fd, e);
    if (rc == 0)
        rc = enter_next(self, fd, e);
    else if (rc == ERR_AGAIN)
        self->state = FOLLOW_OPEN;
    return rc;
}

/* --- reading --- */

static int next_line(struct file_source *self, struct line *ret_line, struct err *e)
{
    int rc = 0;
    while (rc == 0) {
        rc = self->fd >= 0 ? line_reader_next(&self->lines, ret_line, e) : ERR_AGAIN;
        if (rc == 0 || !self->follow)
            return rc;
        if (rc == ERR_AGAIN)
            rc = look_around(self, e);
        else if (rc == ERR_END)
            rc = leave_file(self, e);
    }
    return rc;
}

/* The end of the file was taken for the end of a line: it must have been. */
static int check_ended(struct file_source *self, struct err *e)
{
    if (!self->at.unterminated || self->state != FOLLOW_OPEN)
        return 0;
    int rc = finish_unterminated(self, e);
    if (rc != 0)
        return rc;
    if (!self->at.unterminated)
        line_reader_set(&self->lines, self->at.offset, self->at.prefix_crc);
    return self->at.unterminated && !self->follow ? ERR_END : 0;
}

/* Moves behind the next line that is not blank. */
static int find_record(struct file_source *self, struct line *ret_line, struct err *e)
{
    int rc = check_ended(self, e);
    if (rc != 0)
        return rc;
    do {
        rc = next_line(self, ret_line, e);
        if (rc != 0)
            return rc;
        self->at.line++;
        self->at.seq += ret_line->blank ? 0 : 1;
        self->at.offset = self->lines.offset;
        self->at.prefix_crc = self->lines.crc;
        self->at.unterminated = ret_line->unterminated;
    } while (ret_line->blank);
    return 0;
}

/*
 * Notes that the input is at its end here. The cursor has room for one end: one that is not acked
 * yet is waited for. Returns 0, ERR_END (it was noted before), ERR_AGAIN, or an error.
 */
static int note_end(struct file_source *self, struct err *e)
{
    if (!self->marks_end || self->at.seq == self->end.seq)
        return ERR_END;
    if (self->end.seq > self->at.seq)
        return err_set(e, ERR_MISMATCH,
                       "'%s' ends with record %" PRIu64 ", but was read up to record %" PRIu64
                       " before; put it back, or start over with --fresh",
                       self->path, self->at.seq, self->end.seq - 1);
    if (self->end.seq > self->committed.seq)
        return ERR_AGAIN;
    struct source_mark from = self->committed;
    if (from.offset == 0)
        from.file = self->at.file;
    const struct input_end end = {.seq = self->at.seq + 1, .line = self->at.line};
    return write_cursor(self, &from, &end, e);
}

static int give_end(struct file_source *self, struct emitter *out, struct err *e)
{
    self->at.seq = self->end.seq;
    int rc = add_mark(self, e);
    if (rc != 0)
        return rc;
    out->seq = self->at.seq;
    out->position = self->end.line;
    emitter_end(out);
    return 0;
}

static int give_record(struct file_source *self, const struct line *line, struct emitter *out,
                       struct err *e)
{
    out->seq = self->at.seq;
    out->position = self->at.line;
    line_emit(&self->lines, line, out);
    return self->at.seq % SOURCE_RECORDS_PER_MARK == 0 ? add_mark(self, e) : 0;
}

static int read_record(void *opaque, struct emitter *out, struct err *e)
{
    struct file_source *self = opaque;
    /* Where an end was noted it is given out, though the file may go on there by now. */
    if (self->end.seq != self->at.seq + 1) {
        struct line line;
        int rc = find_record(self, &line, e);
        if (rc == 0)
            return give_record(self, &line, out, e);
        if (rc == ERR_END)
            rc = note_end(self, e);
        if (rc != 0)
            return rc;
    }
    return give_end(self, out, e);
}

static void wait_for_more(const void *opaque, int *ret_fd, int *ret_timeout_ms)
{
    *ret_fd = ((const struct file_source *)opaque)->notify_fd;
    *ret_timeout_ms = LOOK_MS;
}

static seq_number position(const void *opaque)
{
    return ((const struct file_source *)opaque)->at.seq;
}

static int commit(void *opaque, seq_number seq, struct err *e)
{
    struct file_source *self = opaque;
    REQUIRE(seq <= self->at.seq);
    struct source_mark reached;
    bool any = source_marks_find(&self->marks, seq, &reached);
    int rc = 0;
    bool moved = self->at.seq != self->committed.seq || self->at.offset != self->committed.offset ||
                 !rotation_is_same(&self->at.file, &self->committed.file);
    if (seq == self->at.seq && moved) {
        rc = take_mark(self, &reached, e);
        any = true;
    }
    if (rc == 0 && any)
        rc = write_cursor(self, &reached, &self->end, e);
    if (rc == 0)
        source_marks_drop(&self->marks, seq);
    return rc;
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
    .wait = wait_for_more,
    .position = position,
    .commit = commit,
    .progress = progress,
};

const struct kind file_source_kind = {
    .name = "file.source",
    .summary = "reads the lines of a file",
    .manual =
        "Reads a regular file line by line to its end. LF and CRLF end a line, the last one may "
        "lack it; blank lines are skipped. A later run goes on where the last one stopped, and "
        "stops with an error if the file was replaced or truncated meanwhile. With follow: true "
        "it waits at the end for more, and a last line without its end is not read yet. A file "
        "that was renamed is read to its end, then those that were rotated after it, then the one "
        "that has its name now. One that was truncated is read again from its beginning. If a "
        "rotated file is gone before it was read, the run stops: no line is left out in silence.",
    .role = KIND_SOURCE,
    .dead_letters = true,
    .reads = "nothing",
    .makes = "line: bytes",
    .options = specs,
    .derive = derive,
    .ops = &ops,
};
