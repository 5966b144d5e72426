/* SPDX-License-Identifier: MIT */
/*
 * The happy path: journal_take() splices bytes behind the place of the next header, reads them once
 * to count lines, writes the header, syncs. The reader, which always was at the end then, goes on
 * in the buffer they were read into.
 *
 * Opening: the last segment is verified as a whole, those before it when they are read. Nothing is
 * changed before everything that can be refused was looked at.
 */
#include "stages/journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/beat.h"
#include "common/check.h"
#include "common/file.h"
#include "common/memory.h"
#include "stages/journal/journal_tail.h"

struct journal {
    struct journal_config config;
    struct journal_segment *segments; /* what their headers say; only the last one is open */
    size_t segment_count, segment_capacity;
    uint64_t at;                /* in the last one: where the next header comes */
    struct journal_state state; /* there */
    uint64_t landed;            /* bytes behind the place of the header that have none yet */
    uint64_t blocks;            /* in it before that */
    uint64_t cut_bytes;
    bool removed; /* a segment was, and that is not safe yet */
    bool usable;  /* it was opened, and no write to it has failed but for want of space */

    size_t reading;                /* index of the segment */
    struct journal_segment source; /* that one, opened for reading; its fd may be -1 */
    uint64_t read_at;              /* in it: the next header */
    struct journal_state read_state;
    struct journal_block block; /* whose bytes payload holds */
    bool block_read;            /* there is one */
    bool end_said;              /* that it ends a line or the input was said */
    uint64_t acked_at;          /* in the last segment: the last block that was acked at the open */
    struct journal_state acked_state;
    uint8_t *payload;
    uint8_t *fresh; /* bytes of the block that is being written */
};

static struct journal_segment *last_segment(const struct journal *j)
{
    return &j->segments[j->segment_count - 1];
}

int journal_boot_id(uint8_t ret_boot[JOURNAL_BOOT_BYTES], struct err *e)
{
    char text[64];
    size_t got, digits = 0;
    int fd;
    int rc = file_open(AT_FDCWD, "/proc/sys/kernel/random/boot_id", O_RDONLY, 0, &fd, e);
    if (rc != 0)
        return rc;
    rc = file_read_at(fd, 0, text, sizeof text, &got, e);
    (void)close(fd);
    if (rc != 0)
        return rc;
    uint8_t boot[JOURNAL_BOOT_BYTES] = {0};
    for (size_t i = 0; i < got && digits < 2 * sizeof boot; i++) {
        static const char alphabet[] = "0123456789abcdef";
        const char *digit = memchr(alphabet, text[i], 16);
        if (digit == NULL)
            continue;
        boot[digits / 2] = (uint8_t)(boot[digits / 2] << 4 | (uint8_t)(digit - alphabet));
        digits++;
    }
    if (digits != 2 * sizeof boot)
        return err_set(e, ERR_INVALID, "boot_id of the kernel has another form");
    memcpy(ret_boot, boot, sizeof boot);
    return 0;
}

/* --- writing --- */

static void add_segment(struct journal *j, const struct journal_segment *segment)
{
    if (j->segment_count == j->segment_capacity) {
        j->segment_capacity = j->segment_capacity != 0 ? 2 * j->segment_capacity : 8;
        j->segments = memory_resize(j->segments, j->segment_capacity, sizeof *j->segments);
    }
    j->segments[j->segment_count++] = *segment;
}

/* Whether what is to come goes on where the last segment ends, also in the middle of a line. */
static bool same_stream(const struct journal *j)
{
    uint64_t last = last_segment(j)->begin.stream, next = j->config.stream;
    return last == next || (j->config.stream_kept && (uint32_t)last == (uint32_t)next);
}

/* Begins the next segment, where the last one ends. */
static int rotate(struct journal *j, struct err *e)
{
    struct journal_segment next = {.fd = -1,
                                   .number =
                                       j->segment_count != 0 ? last_segment(j)->number + 1 : 1,
                                   .owner = j->config.owner,
                                   .begin = j->state,
                                   .previous_chain = j->state.chain};
    if (j->segment_count == 0 || !same_stream(j))
        next.begin.first = true;
    next.begin.stream = j->config.stream;
    memcpy(next.boot, j->config.boot, sizeof next.boot);
    int rc = journal_segment_create(j->config.dir_fd, &next, j->config.durable, e);
    if (rc != 0)
        return rc;
    if (j->segment_count != 0) {
        (void)close(last_segment(j)->fd);
        last_segment(j)->fd = -1;
    }
    j->removed = false; /* the directory was synced */
    add_segment(j, &next);
    j->state = next.begin;
    j->at = JOURNAL_HEADER_BYTES;
    j->blocks = 0;
    return 0;
}

/* Writes the header of a block whose bytes lie behind its place, and makes both safe. */
static int write_block(struct journal *j, const uint8_t *bytes, uint32_t len,
                       struct journal_block *ret_block, struct err *e)
{
    uint8_t header[JOURNAL_BLOCK_HEADER_BYTES];
    struct journal_block block;
    int fd = last_segment(j)->fd;
    journal_block_make(j->at, &j->state, bytes, len, &block, header);
    int rc = file_write_at(fd, j->at, header, sizeof header, e);
    if (rc == 0 && j->config.durable && file_sync(fd, e) != 0)
        rc = journal_segment_renew(last_segment(j), header, &block, bytes, e);
    j->usable = j->usable && (rc == 0 || rc == ERR_NO_SPACE);
    if (rc != 0)
        return err_wrap(e, "%s", last_segment(j)->name);
    j->landed = 0;
    j->state = block.after;
    j->at = journal_block_end(&block);
    j->blocks++;
    *ret_block = block;
    return 0;
}

/* Makes the bytes that have landed a block. */
static int commit_landed(struct journal *j, struct journal_block *ret_block, struct err *e)
{
    size_t got = 0;
    int rc = file_read_at(last_segment(j)->fd, j->at + JOURNAL_BLOCK_HEADER_BYTES, j->fresh,
                          (size_t)j->landed, &got, e);
    if (rc == 0 && got < j->landed)
        rc = err_set(e, ERR_CORRUPT, "became shorter while it was written");
    if (rc != 0)
        return err_wrap(e, "%s", last_segment(j)->name);
    return write_block(j, j->fresh, (uint32_t)j->landed, ret_block, e);
}

/* A segment is read as a whole when it is opened, so it has a bound, of bytes and of blocks. */
static bool segment_is_full(const struct journal *j)
{
    return j->at >= JOURNAL_SEGMENT_BYTES || j->blocks >= JOURNAL_SEGMENT_BLOCKS;
}

static bool reader_at_end(const struct journal *j)
{
    return j->reading == j->segment_count - 1 && j->read_at == j->at;
}

/* The reader was at the end and goes on in the block that was just written. */
static void adopt(struct journal *j, const struct journal_block *block)
{
    uint8_t *bytes = j->payload;
    j->payload = j->fresh;
    j->fresh = bytes;
    j->block = *block;
    j->block_read = true;
    j->end_said = false;
    j->read_at = j->at;
    j->read_state = j->state;
}

/* What has landed so far stays where it is; the next call goes on behind it. */
static int no_space(const struct journal *j, struct err *e)
{
    (void)err_set_errno(e, "%s: cannot take input", last_segment(j)->name);
    if (e != NULL)
        e->code = ERR_NO_SPACE;
    return ERR_NO_SPACE;
}

/*
 * Whether the last segment is there with all that is in it, before more is taken out of the pipe:
 * in a file that nobody finds it would be lost, and what was cut off would be read as NULs. (What
 * fills up the end of a block is not written.)
 */
static int check_last(const struct journal *j, struct err *e)
{
    const struct journal_segment *s = last_segment(j);
    uint64_t written = j->landed != 0 ? j->at + JOURNAL_BLOCK_HEADER_BYTES + j->landed
                                      : j->at - (JOURNAL_BLOCK_HEADER_BYTES - 1);
    return file_check_in_place(j->config.dir_fd, s->name, s->fd, written, e);
}

/* Moves bytes from the pipe behind the place of the next header, as many as a block may hold. */
static int move(struct journal *j, int pipe_fd, struct err *e)
{
    int fd = last_segment(j)->fd;
    while (j->landed < JOURNAL_BLOCK_BYTES) {
        off_t to = (off_t)(j->at + JOURNAL_BLOCK_HEADER_BYTES + j->landed);
        ssize_t n = splice(pipe_fd, NULL, fd, &to, (size_t)(JOURNAL_BLOCK_BYTES - j->landed),
                           SPLICE_F_NONBLOCK);
        if (n == 0)
            return ERR_END;
        if (n > 0)
            j->landed += (uint64_t)n;
        else if (errno == EAGAIN)
            return ERR_AGAIN;
        else if (errno == EINVAL)
            return err_set(e, ERR_MISMATCH,
                           "the file system of the state directory cannot take a pipe by "
                           "splice(2), without which input would be lost in a kill; use another "
                           "--state");
        else if (errno == ENOSPC || errno == EDQUOT)
            return no_space(j, e);
        else if (errno != EINTR)
            return err_set_errno(e, "%s: cannot take input", last_segment(j)->name);
    }
    return 0;
}

/*
 * Lets the disk write the next block while the records of this one are given out. What goes wrong
 * here goes wrong again when the block is taken.
 */
static void fetch_ahead(struct journal *j, int pipe_fd)
{
    if (segment_is_full(j))
        return;
    struct err ignored;
    (void)move(j, pipe_fd, &ignored);
    if (j->landed != 0 && j->config.durable)
        (void)sync_file_range(last_segment(j)->fd, (off_t)j->at, 0, SYNC_FILE_RANGE_WRITE);
}

static int reader_enter(struct journal *j, size_t index, struct err *e);

int journal_take(struct journal *j, int pipe_fd, struct err *e)
{
    REQUIRE(reader_at_end(j));
    int rc = 0;
    if (segment_is_full(j) && j->landed == 0) {
        rc = rotate(j, e);
        if (rc == 0)
            rc = reader_enter(j, j->segment_count - 1, e);
        if (rc != 0)
            return rc;
    }
    rc = check_last(j, e);
    if (rc != 0)
        return rc;
    rc = move(j, pipe_fd, e);
    if (j->landed == 0 || (rc != 0 && rc != ERR_AGAIN && rc != ERR_END))
        return rc;
    struct journal_block block;
    rc = commit_landed(j, &block, e);
    if (rc != 0)
        return rc;
    adopt(j, &block);
    fetch_ahead(j, pipe_fd);
    return 0;
}

int journal_flush(struct journal *j, struct err *e)
{
    REQUIRE(reader_at_end(j));
    struct journal_block block;
    if (j->landed == 0)
        return ERR_AGAIN;
    int rc = commit_landed(j, &block, e);
    if (rc == 0)
        adopt(j, &block);
    return rc;
}

int journal_end(struct journal *j, struct err *e)
{
    REQUIRE(j->landed == 0);
    if (j->state.carry == 0)
        return 0;
    struct journal_block block;
    return write_block(j, j->fresh, 0, &block, e);
}

int journal_mark_end(struct journal *j, struct err *e)
{
    REQUIRE(j->landed == 0 && j->state.carry == 0);
    if (j->state.ended || j->state.next_seq == 1)
        return 0;
    struct journal_block block;
    return write_block(j, j->fresh, 0, &block, e);
}

int journal_trim(struct journal *j, uint64_t offset, seq_number seq, struct err *e)
{
    size_t count = 0;
    while (count < j->reading && j->segments[count + 1].begin.offset <= offset &&
           j->segments[count + 1].begin.next_seq <= seq + 1)
        count++;
    if (count == 0)
        return 0;
    /* From the oldest on, each when the one before is gone for good: so what a kill or a loss of
       power leaves has no holes. */
    for (size_t i = 0; i < count; i++) {
        int rc = j->config.durable && j->removed ? file_sync_dir(j->config.dir_fd, e) : 0;
        if (rc == 0)
            rc = file_remove(j->config.dir_fd, j->segments[i].name, e);
        j->removed = true;
        if (rc == 0)
            rc = journal_segment_remove_torn(j->config.dir_fd, j->segments[i].number, e);
        if (rc != 0)
            return rc;
    }
    j->segment_count -= count;
    j->reading -= count;
    memmove(j->segments, j->segments + count, j->segment_count * sizeof *j->segments);
    return 0;
}

/* --- reading --- */

static int reader_enter(struct journal *j, size_t index, struct err *e)
{
    if (j->source.fd >= 0)
        (void)close(j->source.fd);
    j->source.fd = -1;
    int rc =
        journal_segment_open(j->config.dir_fd, j->segments[index].number, O_RDONLY, &j->source, e);
    if (rc != 0)
        return rc;
    j->reading = index;
    j->read_at = JOURNAL_HEADER_BYTES;
    j->read_state = j->source.begin;
    return 0;
}

/* Reads the next block that is committed. ERR_AGAIN: there is none. */
static int read_block(struct journal *j, struct err *e)
{
    for (;;) {
        if (reader_at_end(j))
            return ERR_AGAIN;
        j->block_read = false;
        int rc =
            journal_segment_read(&j->source, j->read_at, &j->read_state, j->payload, &j->block, e);
        if (rc == 0) {
            j->block_read = true;
            j->end_said = false;
            j->read_at = journal_block_end(&j->block);
            j->read_state = j->block.after;
            return 0;
        }
        bool last = j->reading == j->segment_count - 1;
        if (rc == ERR_AGAIN || (rc == ERR_END && last))
            return err_set(e, ERR_CORRUPT,
                           "%s does not verify at offset %" PRIu64 ": a block is missing",
                           j->source.name, j->read_at);
        if (rc != ERR_END)
            return rc;
        const struct journal_segment *next = &j->segments[j->reading + 1];
        if (!journal_segment_follows(next, &j->read_state))
            return err_set(e, ERR_CORRUPT,
                           "%s does not verify at offset %" PRIu64
                           ": it ends there, but %s does not follow from that",
                           j->source.name, j->read_at, next->name);
        rc = reader_enter(j, j->reading + 1, e);
        if (rc != 0)
            return rc;
    }
}

int journal_read(void *journal, uint64_t offset, uint8_t *bytes, size_t len, size_t *ret_len,
                 struct err *e)
{
    struct journal *j = journal;
    for (;;) {
        const struct journal_block *b = &j->block;
        if (j->block_read && offset < b->after.offset) {
            REQUIRE(offset >= b->before.offset);
            size_t from = (size_t)(offset - b->before.offset), left = b->len - from;
            *ret_len = left < len ? left : len;
            memcpy(bytes, j->payload + from, *ret_len);
            return 0;
        }
        if (j->block_read && (b->ends || b->marks) && !j->end_said) {
            j->end_said = true;
            return ERR_END;
        }
        int rc = read_block(j, e);
        if (rc != 0)
            return rc;
    }
}

seq_number journal_marked(const struct journal *j)
{
    return j->block_read && j->block.marks ? j->block.before.next_seq : 0;
}

bool journal_begins_stream(const void *journal, uint64_t offset)
{
    const struct journal *j = journal;
    for (size_t i = 0; i < j->segment_count; i++) {
        const struct journal_state *begin = &j->segments[i].begin;
        if (begin->first && begin->carry == 0 && begin->offset == offset)
            return true;
    }
    return false;
}

/* --- opening --- */

static int read_headers(struct journal *j, const uint64_t *numbers, size_t count, struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        struct journal_segment s;
        beat_once(j->config.beats);
        if (i != 0 && numbers[i] != numbers[i - 1] + 1)
            return err_set(e, ERR_CORRUPT, "%s is there, but the segment that follows it is not",
                           last_segment(j)->name);
        int rc = journal_segment_open(j->config.dir_fd, numbers[i],
                                      i + 1 == count ? O_RDWR : O_RDONLY, &s, e);
        if (rc != 0)
            return rc;
        s.beats = j->config.beats;
        if (i + 1 != count) {
            (void)close(s.fd);
            s.fd = -1;
        }
        add_segment(j, &s);
        if (s.owner != j->config.owner)
            return err_set(e, ERR_MISMATCH, "%s belongs to another topology or stage", s.name);
        if (i != 0 && (s.begin.offset < j->segments[i - 1].begin.offset ||
                       s.begin.next_seq < j->segments[i - 1].begin.next_seq))
            return err_set(e, ERR_CORRUPT, "%s does not follow from the segment before", s.name);
    }
    return 0;
}

/* What lies behind the last good block. */
/* Whether a block has bytes, or the end of an input, that are not acked. */
static bool is_behind(const struct journal_block *block, const struct journal_place *acked)
{
    return block->after.offset > acked->offset ||
           (block->marks && block->after.offset == acked->offset &&
            block->after.next_seq > acked->seq + 1);
}

/*
 * Reads the blocks of the last segment up to one that cannot be read, and says why that is: as
 * journal_segment_read(). The reader is to begin with the last that is acked.
 */
static int scan_blocks(struct journal *j, struct journal_block *ret_last, struct err *e)
{
    struct journal_segment *s = last_segment(j);
    struct journal_window *window = memory_new(1, sizeof *window);
    s->window = window;
    j->at = j->acked_at = JOURNAL_HEADER_BYTES;
    j->state = j->acked_state = s->begin;
    j->blocks = 0;
    int rc;
    while ((rc = journal_segment_read(s, j->at, &j->state, j->fresh, &j->block, e)) == 0) {
        beat_once(j->config.beats);
        *ret_last = j->block;
        j->at = journal_block_end(&j->block);
        j->state = j->block.after;
        j->blocks++;
        if (!is_behind(&j->block, &j->config.acked)) {
            j->acked_at = j->block.at;
            j->acked_state = j->block.before;
        }
    }
    s->window = NULL;
    free(window);
    return rc;
}

/* Verifies the last segment. */
static int scan_last(struct journal *j, struct journal_block *ret_last, enum journal_tail *ret_tail,
                     struct err *e)
{
    const struct journal_segment *s = last_segment(j);
    *ret_last = (struct journal_block){0};
    int rc = scan_blocks(j, ret_last, e);
    bool same_boot = memcmp(s->boot, j->config.boot, sizeof s->boot) == 0;
    return journal_tail_judge(s, j->at, &j->state, same_boot, rc, j->fresh, ret_tail, &j->landed,
                              e);
}

/* What was acked must be there: damage at the end looks like a torn write otherwise. */
static int check_acked(const struct journal *j, struct err *e)
{
    const struct journal_place *acked = &j->config.acked;
    if (acked->seq >= j->state.next_seq || acked->offset > j->state.offset)
        return err_set(e, ERR_CORRUPT,
                       "%s does not verify at offset %" PRIu64
                       ": it ends there with record %" PRIu64 ", but everything up to %" PRIu64
                       " was acked",
                       last_segment(j)->name, j->at, j->state.next_seq - 1, acked->seq);
    const struct journal_state *begin = &j->segments[0].begin;
    if (acked->offset < begin->offset || acked->seq + 1 < begin->next_seq)
        return err_set(e, ERR_CORRUPT,
                       "%s is the first segment, but not all before it was acked; restore the "
                       "state directory as a whole",
                       j->segments[0].name);
    return 0;
}

/* Reads up to the block that holds the acked place, and checks that a line begins there. */
static int seek_acked(struct journal *j, struct err *e)
{
    const struct journal_place *acked = &j->config.acked;
    size_t index = j->segment_count - 1;
    while (index > 0 && (j->segments[index].begin.offset > acked->offset ||
                         j->segments[index].begin.next_seq > acked->seq + 1))
        index--;
    int rc = reader_enter(j, index, e);
    if (rc == 0 && index == j->segment_count - 1) {
        j->read_at = j->acked_at;
        j->read_state = j->acked_state;
    }
    while (rc == 0 && (!j->block_read || !is_behind(&j->block, acked))) {
        beat_once(j->config.beats);
        rc = read_block(j, e);
    }
    if (rc != 0 && rc != ERR_AGAIN)
        return rc;
    struct journal_state here = j->read_state;
    if (rc == 0) {
        here = j->block.before;
        journal_state_count(&here, j->payload, (size_t)(acked->offset - here.offset));
    }
    if (here.offset != acked->offset || here.next_seq != acked->seq + 1 ||
        here.lines != acked->line || here.carry != 0)
        return err_set(e, ERR_MISMATCH,
                       "the cursor stands at record %" PRIu64 ", line %" PRIu64
                       ", but there the journal (%s) has record %" PRIu64 ", line %" PRIu64
                       ": they do not belong together; restore the state directory as a whole",
                       acked->seq, acked->line, j->source.name, here.next_seq - 1, here.lines);
    return 0;
}

/* Cuts off what a power loss tore; a copy stays in case that somebody wants to look at it. */
static int cut_torn(struct journal *j, struct err *e)
{
    const struct journal_segment *s = last_segment(j);
    char name[JOURNAL_NAME_BYTES + 8];
    (void)snprintf(name, sizeof name, "%s.torn", s->name);
    int fd;
    int rc =
        file_open(j->config.dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, &fd, e);
    if (rc != 0)
        return rc;
    uint64_t at = j->at;
    size_t got = 1;
    while (rc == 0 && got != 0) {
        rc = file_read_at(s->fd, at, j->fresh, JOURNAL_BLOCK_BYTES, &got, e);
        if (rc == 0)
            rc = file_write_at(fd, at - j->at, j->fresh, got, e);
        at += got;
    }
    if (rc == 0 && j->config.durable)
        rc = file_sync(fd, e);
    (void)close(fd);
    if (rc == 0)
        rc = file_truncate(s->fd, j->at, e);
    /* The next segment may be on the disk before; then what was cut off must not come back. */
    if (rc == 0 && j->config.durable)
        rc = file_sync(s->fd, e);
    j->cut_bytes = at - j->at;
    return rc == 0 ? 0 : err_wrap(e, "%s", s->name);
}

/*
 * A process that was killed before its sync, or whose sync failed, has left what will be acted upon
 * now, and after a failed sync the kernel takes the page for clean: the last block is written anew.
 * Those before it were synced before it was begun.
 */
static int renew_last(struct journal *j, const struct journal_block *last, struct err *e)
{
    const struct journal_segment *s = last_segment(j);
    uint8_t header[JOURNAL_BLOCK_HEADER_BYTES];
    struct journal_block block;
    int rc = file_sync_dir(j->config.dir_fd, e);
    if (rc != 0 || last->at == 0)
        return rc;
    rc = journal_segment_read(s, last->at, &last->before, j->fresh, &block, e);
    if (rc != 0)
        return rc;
    journal_block_make(last->at, &last->before, j->fresh, block.len, &block, header);
    rc = journal_segment_renew(s, header, &block, j->fresh, e);
    return rc == 0 ? 0 : err_wrap(e, "%s", s->name);
}

/*
 * The beginning of a header that nothing lies behind, as of the mark of an end that there was no
 * space for, is no part of the journal: it would be overwritten, but not where a segment follows.
 */
static int cut_unfinished(struct journal *j, struct err *e)
{
    const struct journal_segment *s = last_segment(j);
    uint64_t len;
    int rc = file_length(s->fd, &len, e);
    if (rc != 0 || len <= j->at)
        return rc == 0 ? 0 : err_wrap(e, "%s", s->name);
    rc = file_truncate(s->fd, j->at, e);
    if (rc == 0 && j->config.durable)
        rc = file_sync(s->fd, e);
    return rc == 0 ? 0 : err_wrap(e, "%s", s->name);
}

/* Makes the journal that was looked at fit to be written. */
static int settle(struct journal *j, enum journal_tail tail, const struct journal_block *last,
                  struct err *e)
{
    int rc = j->config.durable ? renew_last(j, last, e) : 0;
    if (rc == 0 && tail == JOURNAL_TAIL_TORN)
        rc = cut_torn(j, e);
    if (rc == 0 && tail == JOURNAL_TAIL_CLEAN)
        rc = cut_unfinished(j, e);
    struct journal_block block;
    if (rc == 0 && tail == JOURNAL_TAIL_LANDED)
        rc = commit_landed(j, &block, e);
    if (rc == 0 && !same_stream(j))
        rc = journal_end(j, e);
    const struct journal_segment *s = last_segment(j);
    bool goes_on =
        s->begin.stream == j->config.stream && memcmp(s->boot, j->config.boot, sizeof s->boot) == 0;
    return rc == 0 && !goes_on ? rotate(j, e) : rc;
}

static int open_existing(struct journal *j, struct err *e)
{
    enum journal_tail tail;
    struct journal_block last;
    int rc = scan_last(j, &last, &tail, e);
    if (rc == 0)
        rc = check_acked(j, e);
    if (rc == 0) {
        j->block_read = false;
        rc = seek_acked(j, e);
    }
    return rc == 0 ? settle(j, tail, &last, e) : rc;
}

static int open_new(struct journal *j, struct err *e)
{
    if (!j->config.begins && (j->config.acked.seq != 0 || j->config.acked.offset != 0))
        return err_set(e, ERR_MISMATCH,
                       "the journal is gone, though records up to %" PRIu64
                       " were acked; restore the state directory as a whole, or begin anew at this "
                       "stage with --discard STAGE",
                       j->config.acked.seq);
    j->state = (struct journal_state){.next_seq = j->config.acked.seq + 1};
    int rc = rotate(j, e);
    return rc == 0 ? reader_enter(j, 0, e) : rc;
}

int journal_open(const struct journal_config *config, struct journal **ret_journal, struct err *e)
{
    struct journal *j = memory_new(1, sizeof *j);
    j->config = *config;
    j->source.fd = -1;
    j->payload = memory_new(JOURNAL_BLOCK_BYTES, 1);
    j->fresh = memory_new(JOURNAL_BLOCK_BYTES, 1);
    uint64_t *numbers = NULL;
    size_t count = 0;
    int rc = journal_segment_list(config->dir_fd, &numbers, &count, e);
    if (rc == 0)
        rc = read_headers(j, numbers, count, e);
    free(numbers);
    if (rc == 0)
        rc = count != 0 ? open_existing(j, e) : open_new(j, e);
    if (rc == 0)
        rc = journal_trim(j, config->acked.offset, config->acked.seq, e);
    if (rc != 0) {
        journal_free(j);
        return rc;
    }
    j->usable = true;
    *ret_journal = j;
    return 0;
}

void journal_free(struct journal *j)
{
    if (j == NULL)
        return;
    /* After a power loss the next process could not tell whether these are whole. */
    struct journal_block block;
    struct err ignored;
    if (j->landed != 0 && j->usable)
        (void)commit_landed(j, &block, &ignored);
    if (j->segment_count != 0 && last_segment(j)->fd >= 0)
        (void)close(last_segment(j)->fd);
    if (j->source.fd >= 0)
        (void)close(j->source.fd);
    free(j->segments);
    free(j->payload);
    free(j->fresh);
    free(j);
}

int journal_last_stream(int dir_fd, uint64_t *ret_stream, struct err *e)
{
    uint64_t *numbers = NULL;
    size_t count = 0;
    struct journal_segment last;
    int rc = journal_segment_list(dir_fd, &numbers, &count, e);
    if (rc == 0 && count == 0)
        rc = err_set(e, ERR_NOT_FOUND, "there is no journal");
    if (rc == 0)
        rc = journal_segment_open(dir_fd, numbers[count - 1], O_RDONLY, &last, e);
    free(numbers);
    if (rc != 0)
        return rc;
    (void)close(last.fd);
    *ret_stream = last.begin.stream;
    return 0;
}

seq_number journal_last(const struct journal *j)
{
    return j->state.next_seq - 1;
}

uint64_t journal_bytes(const struct journal *j)
{
    return j->state.offset;
}

uint64_t journal_cut_bytes(const struct journal *j)
{
    return j->cut_bytes;
}
