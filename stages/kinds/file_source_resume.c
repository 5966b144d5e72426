/* SPDX-License-Identifier: MIT */
#include "stages/kinds/file_source_p.h"

#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hash.h"
#include "stages/kit/rotation.h"

#define RENAMED_ALL_THE_TIME "the files next to '%s' keep being renamed"

/*
 * Checks that the file is the one that the cursor describes. The same file must still have the same
 * bytes right before the offset. A different file (a copy, or one written by an editor) must have
 * all the bytes up to it.
 */
static int check_same(struct file_source *self, const struct stat *st, struct err *e)
{
    const struct source_mark *at = &self->at;
    bool shorter;
    int rc = file_source_is_shorter(self, at->offset, &shorter, e);
    if (rc != 0)
        return rc;
    if (shorter)
        return err_set(e, ERR_MISMATCH,
                       "'%s' was read up to offset %" PRIu64
                       ", but ends before that: it was truncated or replaced; put it back, "
                       "or use --discard STAGE to read all that it holds as new",
                       self->path, at->offset);
    bool same_file = st->st_dev == at->file.device && st->st_ino == at->file.inode;
    uint32_t crc;
    rc = same_file ? file_source_tail_crc(self, at->offset, &crc, e)
                   : file_source_crc(self, 0, at->offset, &crc, e);
    if (rc != 0)
        return rc;
    uint32_t wanted = same_file ? at->tail_crc : at->prefix_crc;
    if (crc != wanted)
        return err_set(e, ERR_MISMATCH,
                       "'%s' is not the file that was read up to %s %" PRIu64 " (offset %" PRIu64
                       "): what comes before that is different now; put it back, or use --discard "
                       "STAGE to read all that it holds as new",
                       self->path, self->records.format->unit, at->line, at->offset);
    return 0;
}

/*
 * Finds the length of a newline at an offset; 0: the file ends there. ERR_MISMATCH: the record
 * continues there, which any byte means for a packed one.
 */
static int find_newline(const struct file_source *self, uint64_t offset, uint64_t line,
                        uint8_t ret_newline[2], size_t *ret_len, struct err *e)
{
    size_t got;
    int rc = file_read_at(self->fd, offset, ret_newline, 2, &got, e);
    bool is_text = rc == 0 && !self->is_packed;
    *ret_len = is_text && got > 0 && ret_newline[0] == '\n' ? 1 : 0;
    if (is_text && got == 2 && ret_newline[0] == '\r' && ret_newline[1] == '\n')
        *ret_len = 2;
    if (rc != 0 || got == 0 || *ret_len != 0)
        return rc;
    if (self->is_packed)
        return err_set(
            e, ERR_MISMATCH,
            "'%s' ended within packed record %" PRIu64 " when it was read, at offset %" PRIu64
            ", and has been continued since; cut off what was added, or use --discard STAGE to "
            "read all that it holds as new%s",
            self->path, line, offset,
            self->follow ? "" : "; to read a file that is still being written, use follow: true");
    return err_set(e, ERR_MISMATCH,
                   "%s:%" PRIu64 ": this line had no newline when it was read, and has been "
                   "continued since; only a part of it was read; cut off what was "
                   "added, or use --discard STAGE to read all that it holds as new",
                   self->path, line);
}

int file_source_finish_record(struct file_source *self, struct err *e)
{
    uint8_t newline[2];
    size_t len;
    int rc = find_newline(self, self->at.offset, self->at.line, newline, &len, e);
    if (rc != 0 || len == 0)
        return rc;
    self->at.prefix_crc = hash_crc32c(self->at.prefix_crc, newline, len);
    self->at.offset += len;
    self->at.unterminated = false;
    return 0;
}

int file_source_check_given_record(const struct file_source *self, struct err *e)
{
    uint8_t newline[2];
    size_t len;
    const struct source_given *given = &self->given;
    if (!given->unterminated || self->peer_seq < given->record || self->fd < 0)
        return 0;
    int rc = find_newline(self, given->offset, 0, newline, &len, e);
    if (rc == ERR_MISMATCH)
        return err_set(e, ERR_MISMATCH,
                       "'%s': record %" PRIu64 ", the %s that ends at offset %" PRIu64
                       ", had no %s when it was read, and has been continued since, but stage '%s' "
                       "has it as it was; cut off what was added, or use --discard STAGE to read "
                       "all that it holds as new",
                       self->path, given->record, self->records.format->unit, given->offset,
                       self->is_packed ? "end" : "newline", self->peer_name);
    return rc;
}

/*
 * With follow: checks that what was read is still in the open file. If the file was truncated,
 * continues in the copy that was made of it before, or begins again.
 */
static int check_followed(struct file_source *self, struct err *e)
{
    int rc = file_source_load_tail(self, self->at.offset, e);
    bool known_cut = self->at.is_cut;
    bool same = !known_cut && hash_crc32c(0, self->tail.bytes, self->tail.len) == self->at.tail_crc;
    struct rotation_view view = file_source_view(self);
    if (rc == 0 && same && self->at.offset > 0) {
        bool cut, waits;
        rc = rotation_find_cut(&view, self->at.offset, UINT64_MAX, &cut, &waits, e);
        rc = rc == ERR_AGAIN ? err_set(e, ERR_IO, RENAMED_ALL_THE_TIME, self->path) : rc;
        same = rc != 0 || !cut;
    }
    if (rc != 0 || (same && self->at.offset > 0))
        return rc;
    if (!same && !known_cut)
        file_source_note_truncated(self, self->at.offset);
    self->tail.len = 0; /* what was read is no longer known */
    view = file_source_view(self);
    struct rotation_step step = {.fd = -1};
    rc = rotation_find_copy(&view, &step, e);
    if (rc == ERR_AGAIN)
        return err_set(e, ERR_IO, RENAMED_ALL_THE_TIME, self->path);
    if (rc == ERR_NOT_FOUND && same)
        return 0;
    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    self->at.past = step.past;
    if (rc == 0) {
        (void)close(self->fd);
        self->fd = step.fd;
    }
    if (rc == ERR_NOT_FOUND || !step.continues) {
        file_source_begin_again(self);
        self->begun_anew = !known_cut;
    }
    self->at.is_cut = false;
    return file_source_load_tail(self, self->at.offset, e);
}

/*
 * With follow, a file that the cursor does not describe is at the path. Finds the old one, which
 * has another name now or of which there is a copy.
 */
static int find_rotated(struct file_source *self, bool *ret_is_copy, struct err *e)
{
    int fd;
    int rc = rotation_find(self->path, &self->at, self->beats, &fd, ret_is_copy, e);
    if (rc == 0) {
        if (self->fd >= 0)
            (void)close(self->fd);
        self->fd = fd;
        return 0;
    }
    if (rc != ERR_NOT_FOUND)
        return rc;
    return err_set(e, ERR_MISMATCH,
                   "the file that was read up to %s %" PRIu64
                   " as '%s' is gone: it was rotated and then removed, compressed, or moved to "
                   "another directory before the rest of it was read; put it back next to '%s' "
                   "under any free name (ln, or gzip -dk), or use --discard STAGE to skip that "
                   "rest and start over with what '%s' holds now",
                   self->records.format->unit, self->at.line, self->path, self->path, self->path);
}

/*
 * Checks the file as far as it was emitted. A different file only matters if stages have more than
 * is proved to be the same; peer_has() finds that out.
 */
static int check_given(struct file_source *self, const struct stat *st, struct err *e)
{
    const struct source_mark *at = &self->at;
    bool shorter, changed = false;
    uint32_t crc = self->given.crc;
    int rc = file_source_is_shorter(self, self->given.offset, &shorter, e);
    if (rc == 0 && !shorter && self->given.offset > at->offset)
        rc = file_source_crc_behind(self, at->prefix_crc, at->offset, self->given.offset, &crc, e);
    changed = shorter || crc != self->given.crc;
    bool same_file = st->st_dev == at->file.device && st->st_ino == at->file.inode;
    self->is_doubtful = changed || !same_file;
    self->proven_seq = !changed && self->given.seq > at->seq ? self->given.seq : at->seq;
    /* There is no other sign of it then. */
    if (rc == 0 && changed && self->follow && at->offset == 0)
        file_source_note_truncated(self, self->given.offset);
    return rc;
}

int file_source_resume(struct file_source *self, struct err *e)
{
    struct file_identity now = {0};
    struct stat st;
    int rc = self->fd >= 0 ? file_source_check_regular(self->fd, self->path, &st, e) : 0;
    if (rc == 0 && self->fd >= 0)
        rc = rotation_identify(self->fd, &now, e);
    bool is_copy = false;
    if (rc == 0 && self->follow && (self->fd < 0 || !rotation_is_same(&now, &self->at.file)))
        rc = find_rotated(self, &is_copy, e);
    if (rc == 0 && fstat(self->fd, &st) != 0)
        rc = err_set_errno(e, "cannot stat '%s'", self->path);
    if (rc == 0 && self->follow && !is_copy)
        rc = check_followed(self, e);
    else if (rc == 0)
        rc = check_same(self, &st, e);
    if (rc == 0 && self->at.offset == self->committed.offset && !self->begun_anew)
        rc = check_given(self, &st, e);
    if (rc == 0 && self->at.unterminated)
        rc = file_source_finish_record(self, e);
    return rc;
}

/* Opens the path. ERR_AGAIN: with follow, the file does not exist yet. */
static int open_path(struct file_source *self, struct err *e)
{
    int rc = file_open(AT_FDCWD, self->path, O_RDONLY | O_NONBLOCK, 0, &self->fd, e);
    return rc == ERR_NOT_FOUND && self->follow ? ERR_AGAIN : rc;
}

/* Makes the open file, or the one of the cursor, the file to read. */
static int take_found(struct file_source *self, bool found, struct err *e)
{
    int rc = found ? file_source_resume(self, e) : 0;
    if (rc == 0 && self->fd >= 0)
        rc = file_source_begin(self, e);
    if (rc == 0 && self->fd >= 0 && self->follow && !found)
        (void)file_source_begin_past(self, NULL);
    if (rc == 0 && self->fd >= 0 && self->follow && found)
        file_source_find_left(self);
    return rc;
}

int file_source_open(struct file_source *self, bool found, struct err *e)
{
    if (found)
        self->at = self->committed;
    int rc = open_path(self, e);
    if (rc == 0 || (rc == ERR_AGAIN && found))
        rc = take_found(self, found, e);
    self->is_lost = found && rc == ERR_IO && self->follow;
    if (rc == ERR_IO && self->follow && self->fd >= 0) {
        (void)close(self->fd);
        self->fd = -1;
    }
    rc = rc == ERR_AGAIN ? 0 : file_source_pass(self, rc, e);
    if (rc != 0 || self->fd < 0)
        return rc == ERR_AGAIN ? 0 : rc;
    bool elsewhere = !found || self->at.offset != self->committed.offset ||
                     !rotation_is_same(&self->at.file, &self->committed.file);
    return self->follow && elsewhere ? file_source_remember(self, e) : 0;
}
