/* SPDX-License-Identifier: MIT */
#include "stages/file_source_p.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"
#include "stages/rotation.h"

/* How long a file may be missing between others that are being renamed. */
#define DOUBT_MS 2000u

void file_source_take_events(struct file_source *self)
{
    char events[4096];
    while (self->notify_fd >= 0 && read(self->notify_fd, events, sizeof events) > 0)
        ;
}

/* Whether something that seems so has seemed so for long enough to be true. */
static bool stays(struct doubt *doubt, bool seems)
{
    uint64_t now_ms = clock_monotonic_ms();
    if (!doubt->is)
        doubt->since_ms = now_ms;
    doubt->is = seems;
    return seems && now_ms - doubt->since_ms >= DOUBT_MS;
}

/*
 * What follows a rotated file. While files are renamed one after the other it may seem that one of
 * them is missing; it is only if it stays so.
 */
static int find_next(struct file_source *self, int *ret_fd, bool *ret_named, struct err *e)
{
    int rc = rotation_next(self->path, self->fd, ret_fd, ret_named, e);
    return stays(&self->gap, rc == ERR_MISMATCH) || rc != ERR_MISMATCH ? rc : ERR_AGAIN;
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

static int enter_next(struct file_source *self, int fd, struct err *e)
{
    check_left(self);
    if (self->left_fd >= 0)
        (void)close(self->left_fd);
    self->left_fd = self->fd;
    self->left_bytes = self->at.offset;
    self->fd = fd;
    file_source_begin_again(self);
    int rc = file_source_begin(self, e);
    /* So an ack of all that was in the last one is enough to do without it. */
    return rc == 0 ? file_source_add_mark(self, e) : rc;
}

/* Opens a file that has come, to be read from its beginning. ERR_AGAIN: it is not there. */
static int open_first(struct file_source *self, struct err *e)
{
    int fd;
    int rc = file_open(AT_FDCWD, self->path, O_RDONLY | O_NONBLOCK, 0, &fd, e);
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? ERR_AGAIN : rc;
    rc = enter_next(self, fd, e);
    return rc == 0 ? file_source_remember(self, e) : rc;
}

/*
 * At the end of what there is: it must be no less than what downstream has had of it. For a moment
 * it may seem so, while files are renamed. Returns ERR_AGAIN, or ERR_MISMATCH.
 */
static int check_enough(struct file_source *self, struct err *e)
{
    bool too_few = self->at.seq < self->peer_seq;
    return stays(&self->too_few, too_few) ? file_source_check_numbers(self, e) : ERR_AGAIN;
}

int file_source_look_around(struct file_source *self, struct err *e)
{
    if (self->fd < 0)
        return open_first(self, e);
    bool named;
    int rc = find_next(self, NULL, &named, e);
    if (rc == 0) {
        self->state = FOLLOW_LEAVING;
        return 0;
    }
    check_left(self);
    return rc == ERR_AGAIN ? check_enough(self, e) : rc;
}

/*
 * Begins a file again that was truncated. What was read of it cannot be read a second time, so all
 * of it must be acked first.
 */
static int begin_truncated(struct file_source *self, struct err *e)
{
    if (self->committed.seq != self->at.seq)
        return ERR_AGAIN;
    int rc = file_source_check_numbers(self, e);
    if (rc != 0)
        return rc;
    file_source_begin_again(self);
    rc = file_source_begin(self, e);
    return rc == 0 ? file_source_remember(self, e) : rc;
}

/* Another directory may have more of it than can be seen from here. */
static void note_nameless(const struct file_source *self)
{
    char *text =
        memory_format("the file that was read as '%s' was removed, compressed, or moved to "
                      "another directory; if that happened more than once since the last "
                      "look, what was in between is not read: rotate within the directory",
                      self->path);
    self->note(text);
    free(text);
}

int file_source_leave(struct file_source *self, struct err *e)
{
    if (self->state == FOLLOW_TRUNCATED)
        return begin_truncated(self, e);
    int fd;
    bool named;
    int rc = find_next(self, &fd, &named, e);
    if (rc == 0 && !named)
        note_nameless(self);
    if (rc == 0)
        rc = enter_next(self, fd, e);
    else if (rc == ERR_AGAIN)
        self->state = FOLLOW_OPEN;
    return rc;
}
