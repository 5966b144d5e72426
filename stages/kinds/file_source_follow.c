/* SPDX-License-Identifier: MIT */
#include "stages/kinds/file_source_p.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"
#include "common/path.h"
#include "stages/kit/rotation.h"
#include "stages/kit/rotation_past.h"

/* How long a file may be missing in a rotation that is still going on. */
#define DOUBT_MS 2000u

void file_source_take_events(struct file_source *self)
{
    char events[4096];
    while (self->notify_fd >= 0 && read(self->notify_fd, events, sizeof events) > 0)
        ;
}

/* Whether a condition has held long enough to count, at every look. */
static bool stays(struct doubt *doubt, bool seems)
{
    uint64_t now_ms = clock_monotonic_ms();
    if (!doubt->is || now_ms - doubt->looked_ms >= DOUBT_MS)
        doubt->since_ms = now_ms;
    doubt->is = seems;
    doubt->looked_ms = now_ms;
    return seems && now_ms - doubt->since_ms >= DOUBT_MS;
}

/*
 * Finds what follows a rotated file. While files are being renamed one after the other, one of them
 * may seem to be missing; that counts only if it lasts.
 */
static int find_next(struct file_source *self, struct rotation_step *ret_step, struct err *e)
{
    struct rotation_view view = file_source_view(self);
    int rc = file_source_pass(self, rotation_next(&view, ret_step, e), e);
    return stays(&self->gap, rc == ERR_MISMATCH) || rc != ERR_MISMATCH ? rc : ERR_AGAIN;
}

/* --- the files that are there while ours is at the path --- */

/*
 * When a file was last renamed, created or removed in the directory. 0 if the path is a link,
 * because the directory of its target is not watched.
 */
static struct timespec directory_time(const struct file_source *self)
{
    char *directory = path_directory(self->path);
    struct stat st, link;
    bool known =
        stat(directory, &st) == 0 && lstat(self->path, &link) == 0 && !S_ISLNK(link.st_mode);
    free(directory);
    return known ? st.st_mtim : (struct timespec){0};
}

static bool is_at_path(const struct file_source *self)
{
    struct stat st;
    return stat(self->path, &st) == 0 && st.st_dev == self->at.file.device &&
           st.st_ino == self->at.file.inode;
}

/* Notes that the files that were seen next to this one are older than what comes after it. */
static int learn(struct file_source *self, struct err *e)
{
    struct stock *stock = &self->stock;
    /* The next file was not born then: more than a tick of the clock has passed since. */
    uint64_t since_ns = stock->past.since_ns + 1;
    stock->waits = false;
    if (stock->past.since_ns == 0 || since_ns < self->at.past.since_ns)
        since_ns = self->at.past.since_ns;
    bool moves = since_ns != self->at.past.since_ns;
    if (!moves && stock->past.lowest == self->at.past.lowest)
        return 0;
    /* Not for the time before the same file was truncated: a copy of it may be needed. */
    bool is_committed = rotation_is_same(&self->committed.file, &self->at.file) &&
                        self->committed.past.since_ns == self->at.past.since_ns &&
                        self->committed.past.left_inode == self->at.past.left_inode;
    struct source_mark mark = self->committed;
    if (moves) {
        self->at.past.since_ns = mark.past.since_ns = since_ns;
        self->at.past.passed = mark.past.passed = (struct passed_files){0};
    }
    self->at.past.lowest = mark.past.lowest = stock->past.lowest;
    if (!is_committed)
        return 0;
    return file_source_write_cursor(self, &mark, &self->end, e);
}

/*
 * Whether, after a kill, a copy of the file could only be recognized by the time of its last write,
 * if it keeps that: nothing of the file is acked. Then nothing made later may become part of the
 * past.
 */
static bool is_unacked(const struct file_source *self)
{
    return self->committed.offset == 0 && self->file_bytes > 0 &&
           rotation_is_same(&self->committed.file, &self->at.file);
}

/*
 * Now and then, and only if the directory has changed: notes which files are there while ours is at
 * its path. A file that is created in advance may be created a moment before it gets the path. So
 * the listing counts only if ours is still there later and the others are the same. What fails is
 * done the next time.
 */
static int take_stock(struct file_source *self, struct err *e)
{
    struct stock *stock = &self->stock;
    uint64_t now_ms = clock_monotonic_ms();
    if ((stock->taken_ms != 0 && now_ms - stock->taken_ms < DOUBT_MS) || is_unacked(self) ||
        !is_at_path(self))
        return 0;
    stock->taken_ms = now_ms;
    struct timespec changed = directory_time(self), before = stock->directory_time;
    if (!stock->waits && changed.tv_sec != 0 && changed.tv_sec == before.tv_sec &&
        changed.tv_nsec == before.tv_nsec)
        return 0;
    struct rotation_view view = file_source_view(self);
    struct file_past past;
    bool taken = rotation_take_stock(&view, false, &past, NULL) == 0;
    /* Another file may have been created in the last tick that was seen, after the look. */
    if (taken && stock->waits && rotation_past_is_same(&past, &stock->past))
        return learn(self, e);
    stock->waits = taken;
    if (taken) {
        stock->past = past;
        stock->directory_time = changed;
    }
    return 0;
}

/* --- from one file to the next --- */

/*
 * Reports lines that are written to a rotated file after its successor has some: nothing reads
 * them.
 */
static void check_left(struct file_source *self)
{
    struct stat st;
    if (self->left_fd < 0 || fstat(self->left_fd, &st) != 0 ||
        (uint64_t)st.st_size <= self->left_bytes)
        return;
    uint64_t added = (uint64_t)st.st_size - self->left_bytes;
    char *text = memory_format("%" PRIu64 " byte%s written to the file that was rotated from '%s' "
                               "after its successor was begun %s not read",
                               added, added == 1 ? "" : "s", self->path, added == 1 ? "is" : "are");
    self->note(text);
    free(text);
    self->left_bytes = (uint64_t)st.st_size;
    self->at.past.left_bytes = self->left_bytes + 1;
}

/*
 * After a copy, the file has the same bytes before the offset, unless it was truncated since they
 * were compared. So the tail need not be read again. Returns whether it was kept.
 */
static bool keep_tail(struct file_source *self)
{
    struct tail *tail = &self->tail;
    uint64_t behind = tail->end - self->at.offset; /* bytes of a record that has no end yet */
    if (tail->end < self->at.offset || behind >= tail->len)
        return false;
    tail->len -= (size_t)behind;
    tail->end = self->at.offset;
    return true;
}

/* Continues in another file, at its beginning or where the last one was read to. */
static int enter_next(struct file_source *self, const struct rotation_step *step, struct err *e)
{
    check_left(self);
    if (self->left_fd >= 0)
        (void)close(self->left_fd);
    self->left_fd = self->fd;
    bool was_copy = self->at.past.copied;
    /*
     * What is written to a copy comes from the program that makes it; the file has it too, or the
     * copy is needed.
     */
    self->left_bytes = was_copy ? UINT64_MAX : self->at.offset;
    self->fd = step->fd;
    self->stock = (struct stock){0};
    bool is_over = !was_copy && !step->past.copied && step->past.left_inode == self->at.file.inode;
    uint64_t left_bytes = is_over ? self->at.offset + 1 : 0;
    if (!step->continues)
        file_source_begin_again(self);
    self->at.past = step->past;
    self->at.past.left_bytes = left_bytes;
    int rc = file_source_begin(self, e);
    if (rc == 0 && step->continues && !(was_copy && keep_tail(self)))
        rc = file_source_load_tail(self, self->at.offset, e);
    /* So the last file is no longer needed once everything in it is acked. */
    return rc == 0 ? file_source_add_mark(self, e) : rc;
}

/* How long a file or directory may keep the same time while it changes: a clock tick. */
#define TICK_MS 100u

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != 0 && a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/*
 * Whether the open file, which has nothing to read, may have been truncated since the last look: it
 * has changed. If it was renamed, its copy is found as one of the files that came later.
 */
static bool may_be_emptied(struct file_source *self)
{
    struct empty_look *look = &self->empty_look;
    struct stat st;
    if (!is_at_path(self) || fstat(self->fd, &st) != 0)
        return false;
    uint64_t now_ms = clock_monotonic_ms();
    bool is_same = is_same_time(&st.st_ctim, &look->file_time);
    if (!is_same)
        *look = (struct empty_look){.file_time = st.st_ctim, .first_ms = now_ms};
    return !is_same || now_ms - look->first_ms < TICK_MS;
}

int file_source_check_unread(struct file_source *self, bool is_empty, struct err *e)
{
    if (is_empty && !may_be_emptied(self))
        return 0;
    struct rotation_view view = file_source_view(self);
    struct rotation_step step;
    int rc = rotation_find_copy(&view, &step, e);
    if (rc == 0)
        (void)close(step.fd);
    /* If it cannot be decided, it is checked again, as long as a rotation may be going on. */
    if (rc == 0 || rc == ERR_MISMATCH)
        self->state = FOLLOW_TRUNCATED;
    if (rc == 0 || rc == ERR_MISMATCH || rc == ERR_NOT_FOUND)
        return 0;
    self->empty_look = (struct empty_look){0};
    return rc;
}

int file_source_check_cut(struct file_source *self, uint64_t from, uint64_t to, struct err *e)
{
    struct cut_look *look = &self->cut_look;
    struct timespec now = directory_time(self);
    uint64_t now_ms = clock_monotonic_ms();
    bool is_same = is_same_time(&now, &look->directory_time);
    if (self->state != FOLLOW_OPEN || self->at.past.copied ||
        (is_same && !look->waits && now_ms - look->first_ms >= TICK_MS))
        return 0;
    if (!is_same)
        *look = (struct cut_look){.directory_time = now, .first_ms = now_ms};
    struct rotation_view view = file_source_view(self);
    bool cut;
    int rc = rotation_find_cut(&view, from, to, &cut, &look->waits, e);
    if (rc != 0)
        look->directory_time = (struct timespec){0};
    if (rc == ERR_MISMATCH)
        return stays(&self->gap, true) ? rc : ERR_AGAIN;
    if (rc == 0 && cut) {
        file_source_note_truncated(self, self->at.offset);
        self->state = FOLLOW_TRUNCATED;
    }
    return rc;
}

/* Opens a file that has appeared, to read it from its beginning. ERR_AGAIN: it is not there. */
static int open_first(struct file_source *self, struct err *e)
{
    int rc;
    if (self->is_lost) {
        rc = file_source_open(self, true, e);
        if (rc == 0 && self->begun_anew)
            rc = file_source_check_numbers(self, e);
        return rc == 0 && self->fd < 0 ? ERR_AGAIN : rc;
    }
    struct rotation_step step = {0};
    rc = file_open(AT_FDCWD, self->path, O_RDONLY | O_NONBLOCK, 0, &step.fd, e);
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? ERR_AGAIN : file_source_pass(self, rc, e);
    rc = enter_next(self, &step, e);
    /* It does not matter if another file has its name already. */
    if (rc == 0)
        (void)file_source_begin_past(self, NULL);
    return rc == 0 ? file_source_remember(self, e) : rc;
}

/*
 * At the present end, there must be no less than downstream has. For a moment it may seem so while
 * files are being renamed. Returns ERR_AGAIN or ERR_MISMATCH.
 */
static int check_enough(struct file_source *self, struct err *e)
{
    bool too_few = self->at.seq < self->peer_seq;
    return stays(&self->too_few, too_few) ? file_source_check_numbers(self, e) : ERR_AGAIN;
}

/*
 * Whole files may have to be compared now, so what was read before is passed on first. Returns 0 or
 * ERR_UNFINISHED.
 */
static int let_go(struct file_source *self)
{
    bool gone = self->let_go == self->at.seq;
    self->let_go = self->at.seq;
    return gone ? 0 : ERR_UNFINISHED;
}

/* Another directory may hold more of the log than can be seen from here. */
static void note_nameless(const struct file_source *self)
{
    char *text =
        memory_format("the file that was read as '%s' was removed, compressed, or moved to another "
                      "directory; if that happened more than once since the last look, what came "
                      "in between is not read; rotate within the directory",
                      self->path);
    self->note(text);
    free(text);
}

/* Reports, once per directory, that files are rotated to it. */
static void note_elsewhere(struct file_source *self, char *elsewhere)
{
    if (self->elsewhere == NULL || strcmp(self->elsewhere, elsewhere) != 0) {
        char *text = memory_format(
            "'%s' is rotated to '%s'; files there and next to the path are read in their order, "
            "but files in any other directory are not seen; after a kill of this stage, the file "
            "that was read must be next to the path or in a subdirectory there",
            self->path, elsewhere);
        self->note(text);
        free(text);
    }
    free(self->elsewhere);
    self->elsewhere = elsewhere;
}

/*
 * Reports, once, that a file is read as a rotated one although its name could belong to another
 * log.
 */
static void note_other(struct file_source *self, char *other)
{
    if (!self->noted_other) {
        char *text = memory_format("'%s' is read as a rotated file of '%s'; if it is another log, "
                                   "move it to another directory",
                                   other, self->path);
        self->note(text);
        free(text);
    }
    self->noted_other = true;
    free(other);
}

static int take_step(struct file_source *self, const struct rotation_step *step, struct err *e)
{
    if (step->other != NULL)
        note_other(self, step->other);
    if (step->nameless)
        note_nameless(self);
    if (step->elsewhere != NULL)
        note_elsewhere(self, step->elsewhere);
    return enter_next(self, step, e);
}

/*
 * Finds out whether there is a next file, so that this one is read to its end for the last time. A
 * copy is left at once if the file still has what was read of it, or if no record was read: half a
 * record at its end is not one then.
 */
static int look_for_next(struct file_source *self, struct err *e)
{
    struct rotation_step step;
    bool is_copy = self->at.past.copied;
    int rc = find_next(self, is_copy ? &step : NULL, e);
    bool is_unread = is_copy && self->at.offset == 0 && rc == 0 && !step.past.copied;
    if (rc == 0 && is_copy && (step.continues || is_unread))
        return take_step(self, &step, e);
    if (rc == 0 && is_copy)
        rotation_step_done(&step);
    if (rc == 0)
        self->state = FOLLOW_LEAVING;
    return rc;
}

int file_source_look_around(struct file_source *self, struct err *e)
{
    self->gave_all = false;
    if (self->fd < 0)
        return open_first(self, e);
    if (!is_at_path(self) && let_go(self) != 0)
        return ERR_UNFINISHED;
    int rc = look_for_next(self, e);
    if (rc == 0)
        return 0;
    check_left(self);
    if (rc == ERR_AGAIN) {
        rc = take_stock(self, e);
        if (rc == 0)
            rc = check_enough(self, e);
        self->gave_all = rc == ERR_AGAIN && self->at.seq >= self->peer_seq && is_at_path(self);
    }
    return rc;
}

/* Drops what was read of a record whose end was cut off. */
static void note_cut(struct file_source *self)
{
    if (self->cut_bytes != 0) {
        const char *unit = self->records.format->unit;
        char *text = memory_format(
            "%" PRIu64
            " byte%s of a %s at the end of '%s' %s dropped: the rest of the %s was cut off",
            self->cut_bytes, self->cut_bytes == 1 ? "" : "s", unit, self->path,
            self->cut_bytes == 1 ? "is" : "are", unit);
        self->note(text);
        free(text);
    }
    self->cut_bytes = 0;
}

/* Continues in a copy of the truncated file. */
static int enter_copy(struct file_source *self, const struct rotation_step *step, struct err *e)
{
    char *text =
        memory_format("what was cut off from '%s' is read from its copy first", self->path);
    self->note(text);
    free(text);
    if (step->continues)
        self->cut_bytes = 0;
    else
        note_cut(self);
    int rc = enter_next(self, step, e);
    if (self->left_fd >= 0)
        (void)close(self->left_fd);
    self->left_fd = -1; /* it is still being written to, and will be read again */
    return rc == 0 && !step->continues ? file_source_remember(self, e) : rc;
}

/* Reads the same file from its beginning again. */
static int begin_same(struct file_source *self, const struct rotation_step *step, struct err *e)
{
    note_cut(self);
    file_source_begin_again(self);
    self->at.past = step->past;
    int rc = file_source_begin(self, e);
    return rc == 0 ? file_source_remember(self, e) : rc;
}

/*
 * Continues after a file was truncated: in the copy that was made of it before, if there is one;
 * otherwise at the beginning of the next copy or of the file. In the latter case, what was read
 * cannot be read again, so all of it must be acked first.
 */
static int begin_truncated(struct file_source *self, struct err *e)
{
    struct rotation_view view = file_source_view(self);
    struct rotation_step step = {.fd = -1};
    int rc = file_source_pass(self, rotation_find_copy(&view, &step, e), e);
    bool copy = rc == 0;
    if (!stays(&self->gap, rc == ERR_MISMATCH) && rc == ERR_MISMATCH)
        rc = ERR_AGAIN;
    if (copy && step.continues)
        return enter_copy(self, &step, e);
    if (copy || rc == ERR_NOT_FOUND)
        rc = self->committed.seq != self->at.seq ? ERR_AGAIN : file_source_check_numbers(self, e);
    if (rc == 0)
        return copy ? enter_copy(self, &step, e) : begin_same(self, &step, e);
    if (copy)
        (void)close(step.fd);
    return rc;
}

/*
 * Whether a copy has more than was read of it. It was complete when the file was truncated, so its
 * length is checked once that was seen.
 */
static bool has_grown(const struct file_source *self)
{
    struct stat st;
    return self->at.past.copied && fstat(self->fd, &st) == 0 &&
           (uint64_t)st.st_size > self->tail.end;
}

int file_source_leave(struct file_source *self, struct err *e)
{
    if (let_go(self) != 0)
        return ERR_UNFINISHED;
    if (self->state == FOLLOW_TRUNCATED)
        return begin_truncated(self, e);
    struct rotation_step step;
    int rc = find_next(self, &step, e);
    bool grown = rc == 0 && has_grown(self);
    if (rc == ERR_AGAIN || grown)
        self->state = FOLLOW_OPEN;
    if (grown)
        rotation_step_done(&step);
    if (rc != 0 || grown)
        return rc;
    return take_step(self, &step, e);
}
