/* SPDX-License-Identifier: MIT */
#include "stages/file_source_p.h"

#include <inttypes.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hash.h"
#include "stages/rotation.h"

/*
 * Whether the file is the one that the cursor tells of. The same file must still have the same
 * bytes before the offset; another one (a copy, an editor's) must have all of them.
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
                       "'%s' ends before the %" PRIu64 " bytes that were read from it: it was "
                       "truncated or replaced; put it back, or start over with --fresh",
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
                       "'%s' is not the file that was read up to line %" PRIu64 " (offset %" PRIu64
                       "): what stands before that is different now; put it back, or start over "
                       "with --fresh",
                       self->path, at->line, at->offset);
    return 0;
}

int file_source_finish_line(struct file_source *self, struct err *e)
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

/* With follow: whether what was read is still in the open file. If not, it begins again. */
static int check_followed(struct file_source *self, struct err *e)
{
    int rc = file_source_load_tail(self, self->at.offset, e);
    if (rc == 0 && hash_crc32c(0, self->tail.bytes, self->tail.len) != self->at.tail_crc) {
        file_source_note_truncated(self);
        file_source_begin_again(self);
        self->begun_anew = true;
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
    if (copy && file_source_crc(self, 0, self->at.offset, &crc, e) == 0 &&
        crc == self->at.prefix_crc)
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

int file_source_resume(struct file_source *self, struct err *e)
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
        rc = file_source_finish_line(self, e);
    return rc;
}
