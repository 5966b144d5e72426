/* SPDX-License-Identifier: MIT */
/*
 * file.source: reads the records of a regular file from where the last acked one ended. A record is
 * a line or a msgpack value. With follow, it also reads records that are appended later, through
 * rotations.
 *
 * The happy path is read_record(): find the end of a record in the buffer, or buffer more. A place
 * in the file is remembered as a mark: seq, offset, number of the line or packed record in the file
 * (called `line` here for both), CRC of everything before. An ack turns the last mark at or below
 * it into the cursor. A new process resumes at the cursor, which may be a little before the ack.
 * What it reads again is recognized downstream and dropped.
 *
 * With follow, other processes may append to the file, rename it and truncate it at any moment. So
 * no conclusion is drawn from two looks at different moments: the bytes before those that were read
 * are checked after reading (file_source_check_tail), and a listing counts only if it was the same
 * twice (rotation.c).
 *
 * Where the topology marks the end of the input, that end has a seq of its own. It is in the cursor
 * before it is emitted, because the file may grow before it is acked: what is read again must have
 * the same seqs as before.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/beat.h"
#include "common/bounds.h"
#include "common/check.h"
#include "common/file.h"
#include "common/memory.h"
#include "common/path.h"
#include "stages/kinds/file_source_p.h"
#include "stages/kinds/kinds.h"
#include "stages/kit/record_formats.h"
#include "stages/kit/rotation.h"
#include "stages/stage.h"

/*
 * How often to look when there are no events: at the open file, and for the file that takes its
 * place.
 */
#define LOOK_MS 250

static const struct option_spec specs[] = {
    {.name = "path",
     .tag = OPTION_PATH_IN,
     .required = true,
     .neutral = true,
     .meaning = "the file to read; a relative path starts where bulkhead is started"},
    RECORD_FORMAT_OPTIONS,
    {.name = "follow",
     .tag = OPTION_BOOL,
     .fallback = "false",
     .neutral = true,
     .meaning = "wait at the end of the file for more, and continue in the file that replaces it"},
    {0},
};

static bool follows(const struct stage *stage)
{
    return options_get(stage->options, "follow")->number == 1;
}

/* A file to follow may be created later, but its directory must exist. */
static int check_directory(const char *path, struct err *e)
{
    char *parent = path_directory(path);
    int rc = access(parent, R_OK | X_OK) == 0
                 ? 0
                 : err_set_errno(e, "cannot read the directory '%s'", parent);
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
    rc = file_source_check_regular(fd, path, &st, e);
    (void)close(fd);
    return rc;
}

/*
 * Called at the present end of the file. Returns ERR_END if nothing more will come. A file that is
 * not followed must not have become shorter.
 */
static int end_of_file(struct file_source *self, uint64_t offset, struct err *e)
{
    if (self->follow) {
        int rc = file_length(self->fd, &self->file_bytes, e);
        /* If stages downstream have a record without its terminator, a run had ended with it. */
        bool given = self->peer_seq > self->at.seq && record_reader_unfinished(&self->records) > 0;
        return rc != 0 ? rc : self->state == FOLLOW_LEAVING || given ? ERR_END : ERR_AGAIN;
    }
    bool shorter;
    int rc = file_source_is_shorter(self, offset, &shorter, e);
    if (rc != 0)
        return rc;
    if (shorter)
        return err_set(
            e, ERR_MISMATCH,
            "'%s' was truncated while it was being read: it was read up to offset %" PRIu64
            ", but now ends before that",
            self->path, offset);
    self->file_bytes = offset; /* whatever its reported size was */
    return ERR_END;
}

/* A record whose end was truncated does not count, unless there is a copy with its end. */
static int end_truncated(struct file_source *self)
{
    self->cut_bytes += record_reader_unfinished(&self->records);
    file_source_read_on(self);
    return ERR_END;
}

/* Reads more of the file. */
static int fill(void *opaque, uint64_t offset, uint8_t *bytes, size_t len, size_t *ret_len,
                struct err *e)
{
    struct file_source *self = opaque;
    file_source_take_events(self);
    if (self->state == FOLLOW_TRUNCATED)
        return end_truncated(self);
    /* What ended with the file was emitted. Other programs may append to it even now. */
    if (self->state == FOLLOW_LEAVING && self->at.unterminated)
        return ERR_END;
    int rc = file_read_at(self->fd, offset, bytes, len, ret_len, e);
    if (rc == 0 && self->follow)
        rc = file_source_check_tail(self, offset, e);
    /* Checked after reading, so that no copy and truncation before the read is missed. */
    if (rc == 0 && self->follow && offset == 0)
        rc = file_source_check_unread(self, *ret_len == 0, e);
    else if (rc == 0 && self->follow)
        rc = file_source_check_cut(self, offset, offset + *ret_len, e);
    self->read_fails = rc != 0;
    if (rc != 0)
        return file_source_pass(self, rc == ERR_AGAIN ? rc : err_wrap(e, "'%s'", self->path), e);
    if (self->state == FOLLOW_TRUNCATED)
        return end_truncated(self);
    if (self->follow)
        file_source_add_to_tail(&self->tail, bytes, *ret_len);
    return *ret_len != 0 ? 0 : end_of_file(self, offset, e);
}

static bool begins(const void *opaque, uint64_t offset)
{
    (void)opaque;
    return offset == 0;
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
    record_reader_done(&self->records);
    source_marks_done(&self->marks);
    free(self->trouble);
    free(self->elsewhere);
    free(self->path);
    free(self);
}

/* A misspelled name looks like a file that has yet to be created. */
static void note_absent(const struct file_source *self)
{
    char *text = memory_format("'%s' does not exist; waiting for it", self->path);
    self->note(text);
    free(text);
}

static struct file_source *source_new(const struct stage_env *env)
{
    struct file_source *self = memory_new(1, sizeof *self);
    const char *path = options_get(env->stage->options, "path")->text;
    self->path = memory_dup(path, strlen(path));
    record_format_open(env->stage->options, fill, begins, self, &self->records);
    self->is_packed = record_format_chosen(env->stage->options) == RECORDS_MSGPACK;
    self->beats = env->beats;
    self->note = env->note;
    self->marks_end = env->topology->marks_end;
    self->follow = follows(env->stage);
    self->fd = self->left_fd = self->watch = self->cursor.fd = -1;
    /* A limit may forbid inotify; then the end of the file is checked now and then. */
    self->notify_fd = self->follow ? inotify_init1(IN_NONBLOCK | IN_CLOEXEC) : -1;
    return self;
}

/* A followed file may be elsewhere for a moment, so open() waits for it. */
static int check(const struct stage_env *env, struct err *e)
{
    if (env->state_fd < 0 || follows(env->stage))
        return 0;
    struct file_source *self = source_new(env);
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    bool found;
    int rc = cursor_read(env->state_fd, SOURCE_MAGIC, payload, &found, e);
    if (rc == 0 && found)
        rc = file_source_take_payload(self, payload, e);
    bool met = rc == 0 && found && self->at.file.inode != 0;
    if (met)
        rc = file_open(AT_FDCWD, self->path, O_RDONLY | O_NONBLOCK, 0, &self->fd, e);
    if (rc == 0 && met)
        rc = file_source_resume(self, e);
    close_source(self);
    return rc;
}

static int open_source(const struct stage_env *env, void **ret_self, struct err *e)
{
    struct file_source *self = source_new(env);
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    bool found = false;
    int rc =
        cursor_open(&self->cursor, env->state_fd, SOURCE_MAGIC, env->durable, payload, &found, e);
    if (rc == 0 && found)
        rc = file_source_take_payload(self, payload, e);
    if (self->at.seq < env->begins_after)
        self->at.seq = self->committed.seq = env->begins_after;
    /* A source that has not seen any file yet accepts the first one. */
    if (rc == 0)
        rc = file_source_open(self, found && self->at.file.inode != 0, e);
    if (rc == 0 && self->is_packed && self->at.unreadable)
        file_source_note_lost(self);
    /* Before anything is emitted: a cursor that is missing later was removed. */
    if (rc == 0 && !found)
        rc = self->fd >= 0 ? file_source_remember(self, e)
                           : file_source_write_cursor(self, &self->at, &self->end, e);
    if (rc != 0) {
        close_source(self);
        return rc;
    }
    if (self->fd < 0 && self->trouble == NULL)
        note_absent(self);
    *ret_self = self;
    return 0;
}

/* --- reading --- */

static int next_cut(struct file_source *self, struct record_cut *ret_cut, struct err *e)
{
    int rc = 0;
    while (rc == 0) {
        rc = self->fd >= 0 ? record_reader_next(&self->records, ret_cut, e) : ERR_AGAIN;
        if (rc == 0 || rc == ERR_UNFINISHED || !self->follow)
            return rc;
        if (rc == ERR_AGAIN && self->read_fails) {
            self->gave_all = false;
            return rc;
        }
        beat_once(self->beats);
        if (rc == ERR_AGAIN)
            rc = file_source_look_around(self, e);
        else if (rc == ERR_END)
            rc = file_source_leave(self, e);
    }
    return rc;
}

/* If the end of the file was taken for the end of a record, makes sure that it was. */
static int check_ended(struct file_source *self, struct err *e)
{
    if (!self->at.unterminated || self->state != FOLLOW_OPEN)
        return 0;
    int rc = file_source_finish_record(self, e);
    if (rc != 0)
        return rc;
    if (!self->at.unterminated)
        file_source_read_on(self);
    return self->at.unterminated && !self->follow ? ERR_END : 0;
}

/* A blank rest that ends with the file is not a line yet; it may be continued one day. */
static int pass_nothing(struct file_source *self)
{
    file_source_read_on(self);
    return ERR_END;
}

/*
 * Makes the last record be read again when there is room for it. This is the last check of the
 * bytes before its end.
 */
static int read_again(struct file_source *self, struct err *e)
{
    int rc = self->follow ? file_source_check_tail(self, self->tail.end, e) : 0;
    file_source_read_on(self);
    return rc;
}

/*
 * Stages that get a record which ends with the file have all of it, although the file may grow
 * there before it is acked. So the cursor must describe the record before it is emitted. The cursor
 * describes only one file. As long as that is the previous one, the record waits, as if it had not
 * arrived yet.
 */
static int make_room_for_last(struct file_source *self, struct err *e)
{
    if (rotation_is_same(&self->committed.file, &self->at.file))
        return 0;
    struct source_mark begun; /* acked up to here, perhaps, but not in the cursor yet */
    if (source_marks_find(&self->marks, self->committed.seq, &begun) &&
        rotation_is_same(&begun.file, &self->at.file))
        return file_source_write_cursor(self, &begun, &self->end, e);
    if (self->committed.seq == self->at.seq)
        return file_source_remember(self, e);
    int rc = read_again(self, e);
    self->gave_all = false;
    return rc != 0 ? rc : ERR_AGAIN;
}

/*
 * Checks that the record that was just read may be emitted. An earlier process may have emitted it
 * as it was then. If no stage has it yet, it is what it is now; and if it ends with the file, or
 * did then, the cursor must record that first.
 */
static int check_given(struct file_source *self, struct err *e)
{
    bool is_given = self->given.unterminated && self->at.seq == self->given.record;
    if (is_given && self->peer_seq >= self->at.seq) {
        int rc = file_source_check_given_record(self, e);
        return rc == 0 && self->at.unterminated
                   ? file_source_write_cursor(self, &self->committed, &self->end, e)
                   : rc;
    }
    if (!is_given && !self->at.unterminated)
        return 0;
    self->given = (struct source_given){.seq = self->at.seq,
                                        .offset = self->at.offset,
                                        .crc = self->at.prefix_crc,
                                        .unterminated = self->at.unterminated,
                                        .record = self->at.seq};
    return file_source_write_cursor(self, &self->committed, &self->end, e);
}

static void move_behind(struct file_source *self, const struct record_cut *cut)
{
    self->begun_anew = false;
    self->at.line += cut->rest ? 0 : 1;
    self->at.seq += cut->blank ? 0 : 1;
    self->at.offset = self->records.offset;
    self->at.prefix_crc = self->records.crc;
    self->at.unterminated = cut->unterminated;
    self->at.unreadable = self->records.unreadable;
}

/*
 * Checks a record that the cursor may have to describe, before it is accepted. If that is not
 * possible, nothing has changed, and it is tried again. Returns the codes of check_given(), and
 * ERR_AGAIN.
 */
static int prepare(struct file_source *self, const struct record_cut *cut, struct err *e)
{
    int rc = cut->unterminated ? make_room_for_last(self, e) : 0;
    if (rc != 0)
        return rc;
    struct source_mark before = self->at;
    struct source_given given = self->given;
    bool begun_anew = self->begun_anew;
    move_behind(self, cut);
    rc = check_given(self, e);
    self->at = before;
    self->begun_anew = begun_anew;
    if (rc == 0)
        return 0;
    self->given = given;
    struct err other;
    int again = read_again(self, &other);
    if (again == 0 || rc == ERR_MISMATCH)
        return rc;
    *e = other;
    return again;
}

/* Moves past the next record. */
static int find_record(struct file_source *self, struct record_cut *ret_cut, struct err *e)
{
    int rc = check_ended(self, e);
    if (rc != 0)
        return rc;
    unsigned blanks = 0;
    do {
        rc = blanks++ == SOURCE_BLANKS_PER_TURN ? ERR_UNFINISHED : next_cut(self, ret_cut, e);
        if (rc != 0)
            return rc;
        if (ret_cut->blank && ret_cut->unterminated && !self->follow)
            return pass_nothing(self);
        if (!ret_cut->blank && (ret_cut->unterminated || self->given.unterminated))
            rc = prepare(self, ret_cut, e);
        if (rc != 0)
            return rc;
        move_behind(self, ret_cut);
    } while (ret_cut->blank && !ret_cut->rest);
    return ret_cut->rest ? ERR_UNFINISHED : 0;
}

/*
 * Records that the input ends here. The cursor has room for one end, so an earlier end must be
 * acked first. Returns 0, ERR_END (it was recorded before), ERR_AGAIN, or an error.
 */
static int note_end(struct file_source *self, struct err *e)
{
    if (!self->marks_end || self->at.seq == self->end.seq)
        return ERR_END;
    if (self->end.seq > self->at.seq)
        return err_set(e, ERR_MISMATCH,
                       "'%s' ends with record %" PRIu64 ", but was read up to record %" PRIu64
                       " before; put back what is missing, or use --discard STAGE to read all that "
                       "it holds as new",
                       self->path, self->at.seq, self->end.seq - 1);
    if (self->end.seq > self->committed.seq)
        return ERR_AGAIN;
    struct source_mark from = self->committed;
    if (from.offset == 0)
        from.file = self->at.file;
    const struct input_end end = {.seq = self->at.seq + 1, .line = self->at.line};
    return file_source_write_cursor(self, &from, &end, e);
}

static int give_end(struct file_source *self, struct emitter *out, struct err *e)
{
    self->at.seq = self->end.seq;
    int rc = file_source_add_mark(self, e);
    if (rc != 0)
        return rc;
    emitter_at(out, self->at.seq, self->end.line);
    emitter_end(out);
    return 0;
}

static int give_record(struct file_source *self, const struct record_cut *cut, struct emitter *out,
                       struct err *e)
{
    emitter_at(out, self->at.seq, self->at.line);
    record_emit(&self->records, cut, out);
    if (cut->fault != RECORD_GOOD)
        file_source_note_fault(self, cut);
    return self->at.seq % SOURCE_RECORDS_PER_MARK == 0 ? file_source_add_mark(self, e) : 0;
}

static int read_record(void *opaque, struct emitter *out, struct err *e)
{
    struct file_source *self = opaque;
    /*
     * No stage has more than is proved. So what is there now is the input, and must be recognized
     * later.
     */
    if (self->is_doubtful) {
        if (self->proven_seq < self->given.record)
            self->given.unterminated = false;
        int known_rc = file_source_remember(self, e);
        if (known_rc != 0)
            return known_rc;
        self->is_doubtful = false;
    }
    /* If an end was recorded, it is emitted, although the file may continue there by now. */
    if (self->end.seq != self->at.seq + 1) {
        struct record_cut cut;
        int rc = find_record(self, &cut, e);
        if (rc == 0)
            return give_record(self, &cut, out, e);
        if (rc == ERR_AGAIN)
            file_source_note_overlong(self);
        if (rc == ERR_END)
            file_source_note_rest(self);
        if (rc == ERR_END)
            rc = self->at.seq < self->peer_seq ? file_source_check_numbers(self, e)
                                               : note_end(self, e);
        if (rc != 0)
            return rc;
    }
    return give_end(self, out, e);
}

static void wait_for_more(const void *opaque, struct pollfd *ret_sign, int *ret_timeout_ms)
{
    const struct file_source *self = opaque;
    *ret_sign = (struct pollfd){.fd = self->notify_fd, .events = POLLIN};
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
        rc = file_source_take_mark(self, &reached, e);
        any = true;
    }
    if (rc == 0 && any)
        rc = file_source_write_cursor(self, &reached, &self->end, e);
    if (rc == 0)
        source_marks_drop(&self->marks, seq);
    return rc;
}

static int peer_has(void *opaque, const char *name, seq_number seq, struct err *e)
{
    struct file_source *self = opaque;
    if (seq > self->peer_seq) {
        self->peer_seq = seq;
        self->peer_name = name;
    }
    if (self->is_doubtful && seq > self->proven_seq)
        return err_set(e, ERR_MISMATCH,
                       "'%s' has been replaced or rewritten since it was read, and is known to be "
                       "the same only up to record %" PRIu64 ", but stage '%s' has record %" PRIu64
                       " of it; put back what was read, or use --discard STAGE to read all that it "
                       "holds as new",
                       self->path, self->proven_seq, name, seq);
    int rc = self->begun_anew ? file_source_check_numbers(self, e) : 0;
    return rc == 0 && self->at.seq < self->given.record ? file_source_check_given_record(self, e)
                                                        : rc;
}

static bool gave_all(const void *opaque)
{
    return ((const struct file_source *)opaque)->gave_all;
}

static void progress(const void *opaque, uint64_t *ret_done, uint64_t *ret_total)
{
    const struct file_source *self = opaque;
    *ret_done = self->at.offset + self->records.skipped;
    *ret_total = self->file_bytes;
    if (*ret_total < *ret_done) /* the reported size of a file that is not followed was too small */
        *ret_total = self->follow ? *ret_done : 0;
}

const struct stage_ops file_source_ops = {
    .preflight = preflight,
    .check = check,
    .open = open_source,
    .close = close_source,
    .read = read_record,
    .wait = wait_for_more,
    .position = position,
    .commit = commit,
    .gave_all = gave_all,
    .peer_has = peer_has,
    .progress = progress,
};

const struct kind file_source_kind = {
    .name = "file.source",
    .summary = "reads records from a file",
    .manual =
        "Reads a regular file to its end, whatever its size says: line by line, or as a sequence "
        "of msgpack values, each of which must be a map. Lines end with LF or CRLF; the last one "
        "may have neither. Blank lines are skipped, and so is a byte order mark at the beginning. "
        "After a byte that cannot begin a msgpack value, the rest of the file is not read. A "
        "later run resumes where the last one stopped, and is refused if the file was replaced or "
        "truncated in the meantime. With 'follow: true' it waits at the end for more, and does "
        "not read a last record before its end arrives. A file that was renamed is read to its "
        "end, then the files that were rotated after it, in the order of their birth, then the "
        "one that has the name now. A truncated file is read again from its beginning, after the "
        "rest of a copy that was made of it. If it is uncertain which file comes next, the run "
        "stops and names the files. A file that cannot be opened for a while is retried.",
    .role = KIND_SOURCE,
    .lines = KIND_LINES_READ,
    .reads = "nothing",
    .makes = RECORD_FORMATS_MAKE,
    .reasons = record_format_reasons,
    .options = specs,
    .derive = record_formats_derive,
    .cursor_magic = SOURCE_MAGIC,
};
