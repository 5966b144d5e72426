/* SPDX-License-Identifier: MIT */
#include "stages/kinds/file_source_p.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "common/beat.h"
#include "common/bounds.h"
#include "common/bytes.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/memory.h"
#include "stages/kit/file_tail.h"
#include "stages/kit/line_records.h"
#include "stages/kit/record_formats.h"
#include "stages/kit/record_notes.h"
#include "stages/kit/rotation.h"
#include "stages/kit/rotation_past.h"

/* Offsets in the cursor's payload. */
enum {
    AT_SEQ = 0,
    AT_OFFSET = 8,
    AT_LINE = 16,
    AT_DEVICE = 24,
    AT_INODE = 32,
    AT_PREFIX_CRC = 40,
    AT_TAIL_CRC = 44,
    AT_UNTERMINATED = 48,
    AT_FLAGS = 52,
    AT_BIRTH = 56,
    AT_END_SEQ = 64,
    AT_END_LINE = 72,
    AT_SINCE = 80,
    AT_LEFT_INODE = 88,
    AT_GIVEN_SEQ = 96,
    AT_GIVEN_OFFSET = 104,
    AT_GIVEN_CRC = 112,
    AT_PASSED_COUNT = 116, /* the count plus 1; 0: all, as written by an earlier version */
    AT_PASSED = 120,
    AT_LEFT_BYTES = AT_PASSED + 8 * PASSED_FILES_MAX,
};
_Static_assert(AT_LEFT_BYTES + 8 == CURSOR_PAYLOAD_BYTES, "they fill it");

enum {
    FLAG_COPIED = 1,
    FLAG_CUT = 2,
    FLAG_GIVEN_UNTERMINATED = 4,
    FLAG_UNREADABLE = 8,
    FLAG_PACKED = 16,
    FLAG_BITS = 8
}; /* the lowest number is stored above the flags */

int file_source_check_regular(int fd, const char *path, struct stat *ret_st, struct err *e)
{
    if (fstat(fd, ret_st) != 0)
        return err_set_errno(e, "cannot stat '%s'", path);
    if (!S_ISREG(ret_st->st_mode))
        return err_set(e, ERR_MISMATCH, "'%s' is not a regular file, so it cannot be read twice",
                       path);
    return 0;
}

int file_source_crc(const struct file_source *self, uint64_t from, uint64_t to, uint32_t *ret_crc,
                    struct err *e)
{
    return file_source_crc_behind(self, 0, from, to, ret_crc, e);
}

int file_source_crc_behind(const struct file_source *self, uint32_t before, uint64_t from,
                           uint64_t to, uint32_t *ret_crc, struct err *e)
{
    /* No larger than needed: a mark covers a few thousand bytes, and there are many marks. */
    size_t room = to - from < SOURCE_READ_BYTES ? (size_t)(to - from) : SOURCE_READ_BYTES;
    uint8_t *piece = memory_new(room, 1);
    uint32_t crc = before;
    int rc = 0;
    while (rc == 0 && from < to) {
        beat_once(self->beats);
        size_t wanted = to - from < room ? (size_t)(to - from) : room;
        size_t got = 0;
        rc = file_read_at(self->fd, from, piece, wanted, &got, e);
        if (rc == 0 && got < wanted && self->follow)
            to = from + got; /* it was truncated; the CRC will differ, which is all that matters */
        else if (rc == 0 && got < wanted)
            rc = err_set(e, ERR_MISMATCH, "'%s' was truncated while it was being read", self->path);
        crc = hash_crc32c(crc, piece, got);
        from += got;
    }
    free(piece);
    *ret_crc = crc;
    return rc;
}

int file_source_is_shorter(const struct file_source *self, uint64_t offset, bool *ret_shorter,
                           struct err *e)
{
    uint8_t last;
    size_t got = 1;
    int rc = offset != 0 ? file_read_at(self->fd, offset - 1, &last, 1, &got, e) : 0;
    *ret_shorter = got == 0;
    return rc;
}

int file_source_tail_crc(const struct file_source *self, uint64_t offset, uint32_t *ret_crc,
                         struct err *e)
{
    return file_source_crc(self, file_tail_start(offset), offset, ret_crc, e);
}

/* Finds what is known about the file after a mark. */
static int find_given(const struct file_source *self, const struct source_mark *mark,
                      struct source_given *ret_given, struct err *e)
{
    const struct source_mark *at = &self->at;
    *ret_given = (struct source_given){.seq = mark->seq, .offset = mark->offset};
    if (self->fd < 0 || mark->is_cut || self->begun_anew)
        return 0;
    bool is_here = rotation_is_same(&mark->file, &at->file) && at->offset >= mark->offset;
    /* The source has not reached that place yet, or has moved on to the next file. */
    if (self->given.unterminated && mark->seq < self->given.record &&
        (!is_here || at->seq < self->given.seq)) {
        *ret_given = self->given;
        return 0;
    }
    if (!is_here)
        return 0;
    if (at->offset > 0) {
        *ret_given = (struct source_given){.seq = at->seq,
                                           .offset = at->offset,
                                           .crc = at->prefix_crc,
                                           .unterminated = at->unterminated};
        return 0;
    }
    uint8_t first[FILE_TAIL_BYTES];
    size_t len;
    int rc = file_read_at(self->fd, 0, first, sizeof first, &len, e);
    if (rc == 0)
        *ret_given =
            (struct source_given){.seq = at->seq, .offset = len, .crc = hash_crc32c(0, first, len)};
    return rc;
}

static void put_passed(uint8_t *payload, const struct passed_files *passed)
{
    bytes_put_u32(payload + AT_PASSED_COUNT, passed->all ? 0 : passed->count + 1);
    for (uint32_t i = 0; !passed->all && i < passed->count && i < PASSED_FILES_MAX; i++)
        bytes_put_u64(payload + AT_PASSED + 8 * i, passed->keys[i]);
}

static struct passed_files take_passed(const uint8_t *payload)
{
    uint32_t stored = bytes_get_u32(payload + AT_PASSED_COUNT);
    struct passed_files passed = {.all = stored == 0, .count = stored == 0 ? 0 : stored - 1};
    for (uint32_t i = 0; i < passed.count && i < PASSED_FILES_MAX; i++)
        passed.keys[i] = bytes_get_u64(payload + AT_PASSED + 8 * i);
    return passed;
}

int file_source_write_cursor(struct file_source *self, const struct source_mark *mark,
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
    bytes_put_u64(payload + AT_SINCE, mark->past.since_ns);
    bytes_put_u64(payload + AT_LEFT_INODE, mark->past.left_inode);
    bytes_put_u64(payload + AT_LEFT_BYTES, mark->past.left_bytes);
    put_passed(payload, &mark->past.passed);
    struct source_given given;
    int rc = find_given(self, mark, &given, e);
    if (rc != 0)
        return rc;
    bytes_put_u32(payload + AT_FLAGS,
                  (mark->past.copied ? FLAG_COPIED : 0u) | (mark->is_cut ? FLAG_CUT : 0u) |
                      (given.unterminated ? FLAG_GIVEN_UNTERMINATED : 0u) |
                      (mark->unreadable ? FLAG_UNREADABLE : 0u) |
                      (self->is_packed ? FLAG_PACKED : 0u) | mark->past.lowest << FLAG_BITS);
    bytes_put_u64(payload + AT_GIVEN_SEQ, given.seq);
    bytes_put_u64(payload + AT_GIVEN_OFFSET, given.offset);
    bytes_put_u32(payload + AT_GIVEN_CRC, given.crc);
    rc = cursor_write(&self->cursor, SOURCE_MAGIC, payload, e);
    if (rc != 0)
        return rc;
    self->committed = *mark;
    self->end = *end;
    return 0;
}

/*
 * Refuses a change of the format after the beginning: a place between two records of one format is
 * not one of another.
 */
static int check_format(const struct file_source *self, uint32_t flags, struct err *e)
{
    bool was_packed = (flags & FLAG_PACKED) != 0;
    if (was_packed == self->is_packed || self->at.offset == 0)
        return 0;
    return err_set(e, ERR_MISMATCH,
                   "'%s' was read up to offset %" PRIu64
                   ", which is between two %ss, and %ss cannot continue there; change back to "
                   "records: %s, or use --discard STAGE to read all that it holds as new",
                   self->path, self->at.offset, was_packed ? "packed record" : "line",
                   self->records.format->unit, record_format_names[was_packed]);
}

int file_source_take_payload(struct file_source *self, const uint8_t *payload, struct err *e)
{
    uint32_t flags = bytes_get_u32(payload + AT_FLAGS);
    self->at = (struct source_mark){.seq = bytes_get_u64(payload + AT_SEQ),
                                    .offset = bytes_get_u64(payload + AT_OFFSET),
                                    .line = bytes_get_u64(payload + AT_LINE),
                                    .prefix_crc = bytes_get_u32(payload + AT_PREFIX_CRC),
                                    .tail_crc = bytes_get_u32(payload + AT_TAIL_CRC),
                                    .unterminated = bytes_get_u32(payload + AT_UNTERMINATED) != 0,
                                    .file = {.device = bytes_get_u64(payload + AT_DEVICE),
                                             .inode = bytes_get_u64(payload + AT_INODE),
                                             .birth_ns = bytes_get_u64(payload + AT_BIRTH)},
                                    .past = {.since_ns = bytes_get_u64(payload + AT_SINCE),
                                             .passed = take_passed(payload),
                                             .left_inode = bytes_get_u64(payload + AT_LEFT_INODE),
                                             .left_bytes = bytes_get_u64(payload + AT_LEFT_BYTES),
                                             .lowest = flags >> FLAG_BITS,
                                             .copied = (flags & FLAG_COPIED) != 0},
                                    .unreadable = (flags & FLAG_UNREADABLE) != 0,
                                    .is_cut = (flags & FLAG_CUT) != 0};
    if (self->at.past.since_ns == 0) /* from an earlier version */
        self->at.past.since_ns = self->at.file.birth_ns;
    self->committed = self->at;
    self->given = (struct source_given){.seq = bytes_get_u64(payload + AT_GIVEN_SEQ),
                                        .offset = bytes_get_u64(payload + AT_GIVEN_OFFSET),
                                        .crc = bytes_get_u32(payload + AT_GIVEN_CRC),
                                        .unterminated = (flags & FLAG_GIVEN_UNTERMINATED) != 0};
    self->end = (struct input_end){.seq = bytes_get_u64(payload + AT_END_SEQ),
                                   .line = bytes_get_u64(payload + AT_END_LINE)};
    bool is_end = self->end.seq != 0 && self->given.seq == self->end.seq;
    self->given.record = self->given.seq - (is_end ? 1 : 0);
    return check_format(self, flags, e);
}

void file_source_read_on(struct file_source *self)
{
    record_reader_set(&self->records, self->at.offset, self->at.prefix_crc, self->at.unreadable);
}

/*
 * The mark of a text that is not UTF-8 is at the beginning of the file, wherever reading resumes.
 */
static int look_for_mark(struct file_source *self, struct err *e)
{
    uint8_t beginning[4];
    size_t got = 0;
    int rc =
        self->at.offset != 0 ? file_read_at(self->fd, 0, beginning, sizeof beginning, &got, e) : 0;
    self->at.unreadable = line_is_foreign(beginning, got);
    return rc;
}

int file_source_begin(struct file_source *self, struct err *e)
{
    struct stat st;
    int rc = file_source_check_regular(self->fd, self->path, &st, e);
    if (rc == 0)
        rc = rotation_identify(self->fd, &self->at.file, e);
    if (rc != 0)
        return rc;
    if (self->at.past.since_ns == 0)
        rotation_past_add(&self->at.past, &self->at.file);
    rc = self->is_packed ? 0 : look_for_mark(self, e);
    if (rc != 0)
        return rc;
    file_source_read_on(self);
    self->file_bytes = (uint64_t)st.st_size;
    self->state = FOLLOW_OPEN;
    self->empty_look = (struct empty_look){0};
    if (self->notify_fd < 0)
        return 0;
    char link[64];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", self->fd);
    if (self->watch >= 0)
        (void)inotify_rm_watch(self->notify_fd, self->watch);
    self->watch = inotify_add_watch(self->notify_fd, link, IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF);
    return 0;
}

void file_source_begin_again(struct file_source *self)
{
    file_source_note_rest(self);
    self->noted_rest = false;
    self->lost_begin = self->lost_end = 0;
    self->at.offset = self->at.line = 0;
    self->at.prefix_crc = self->at.tail_crc = 0;
    self->tail.len = 0;
    self->tail.end = 0;
    self->at.unterminated = self->at.unreadable = self->at.is_cut = false;
    if (self->given.record > self->at.seq) /* it was in the part that is gone */
        self->given.unterminated = false;
}

/* Reports a text and frees it. Does nothing if it is NULL. */
static void say(const struct file_source *self, char *text)
{
    if (text != NULL)
        self->note(text);
    free(text);
}

#define LOST_WHY "because of the dead letter with the reason lost-framing"

void file_source_note_lost(const struct file_source *self)
{
    const char *lasts = self->follow ? "; this lasts until another file takes its place" : "";
    if (self->lost_end == 0)
        say(self,
            memory_format("'%s': nothing more of it is read, " LOST_WHY "%s", self->path, lasts));
    else
        say(self, memory_format("'%s': nothing from offset %" PRIu64 " on is read, " LOST_WHY
                                " (its record begins at offset %" PRIu64 ")%s",
                                self->path, self->lost_end, self->lost_begin, lasts));
}

void file_source_note_rest(struct file_source *self)
{
    if (self->noted_rest || !self->is_packed || !self->at.unreadable)
        return;
    self->noted_rest = true;
    if (self->lost_end == 0)
        say(self, memory_format("'%s': what comes after the dead letter with the reason "
                                "lost-framing, up to offset %" PRIu64 ", was not read",
                                self->path, self->at.offset));
    else if (self->at.offset != self->lost_end)
        say(self, memory_format("'%s': nothing from offset %" PRIu64 " to %" PRIu64
                                " was read, " LOST_WHY,
                                self->path, self->lost_end, self->at.offset));
}

void file_source_note_overlong(struct file_source *self)
{
    char input[PATH_MAX + 3];
    (void)snprintf(input, sizeof input, "'%s'", self->path);
    if (self->follow)
        say(self, record_note_overlong(&self->records, input));
}

void file_source_note_fault(struct file_source *self, const struct record_cut *cut)
{
    if (cut->fault == RECORD_LOST) {
        self->lost_end = self->records.offset;
        self->lost_begin = self->lost_end - cut->whole_len;
        file_source_note_lost(self);
    } else if (cut->fault == RECORD_NO_MAP && !self->noted_no_map) {
        char input[PATH_MAX + 3];
        (void)snprintf(input, sizeof input, "'%s'", self->path);
        self->noted_no_map = true;
        say(self, record_note_no_map(&self->records, cut, input));
    }
}

void file_source_note_truncated(const struct file_source *self, uint64_t offset)
{
    char *text =
        memory_format("'%s' was truncated or rewritten after it was read up to offset %" PRIu64
                      "; reading continues from its beginning",
                      self->path, offset);
    self->note(text);
    free(text);
}

int file_source_load_tail(struct file_source *self, uint64_t offset, struct err *e)
{
    struct tail *tail = &self->tail;
    size_t wanted = offset < FILE_TAIL_BYTES ? (size_t)offset : FILE_TAIL_BYTES;
    tail->end = offset;
    return file_read_at(self->fd, offset - wanted, tail->bytes, wanted, &tail->len, e);
}

void file_source_add_to_tail(struct tail *tail, const uint8_t *bytes, size_t len)
{
    size_t added = len < FILE_TAIL_BYTES ? len : FILE_TAIL_BYTES;
    size_t kept = tail->len < FILE_TAIL_BYTES - added ? tail->len : FILE_TAIL_BYTES - added;
    memmove(tail->bytes, tail->bytes + tail->len - kept, kept);
    memcpy(tail->bytes + kept, bytes + len - added, added);
    tail->len = kept + added;
    tail->end += len;
}

int file_source_check_tail(struct file_source *self, uint64_t offset, struct err *e)
{
    uint8_t found[FILE_TAIL_BYTES];
    const struct tail *tail = &self->tail;
    if (tail->end != offset)
        return file_source_load_tail(self, offset, e);
    size_t got;
    int rc = file_read_at(self->fd, offset - tail->len, found, tail->len, &got, e);
    bool same = rc != 0 || (got == tail->len && memcmp(found, tail->bytes, tail->len) == 0);
    if (!same && self->state != FOLLOW_TRUNCATED) {
        file_source_note_truncated(self, self->at.offset);
        self->state = FOLLOW_TRUNCATED;
    }
    return rc;
}

int file_source_take_mark(struct file_source *self, struct source_mark *ret_mark, struct err *e)
{
    *ret_mark = self->at;
    int rc = file_source_tail_crc(self, self->at.offset, &ret_mark->tail_crc, e);
    if (rc == 0 && self->follow)
        rc = file_source_check_tail(self, self->tail.end, e);
    ret_mark->is_cut = self->state == FOLLOW_TRUNCATED;
    return rc;
}

int file_source_add_mark(struct file_source *self, struct err *e)
{
    struct source_mark mark;
    int rc = file_source_take_mark(self, &mark, e);
    if (rc == 0)
        source_marks_add(&self->marks, &mark);
    return rc;
}

int file_source_remember(struct file_source *self, struct err *e)
{
    struct source_mark mark;
    int rc = file_source_take_mark(self, &mark, e);
    return rc == 0 ? file_source_write_cursor(self, &mark, &self->end, e) : rc;
}

int file_source_check_numbers(const struct file_source *self, struct err *e)
{
    if (self->peer_seq <= self->at.seq)
        return 0;
    return err_set(e, ERR_MISMATCH,
                   "'%s' was truncated or rewritten after record %" PRIu64
                   ", the last one known, but stage '%s' already has record %" PRIu64
                   " of it, so the new records cannot be told from the old ones; put back what was "
                   "cut off, or use --discard STAGE to read all that it holds as new",
                   self->path, self->at.seq, self->peer_name, self->peer_seq);
}
