/* SPDX-License-Identifier: MIT */
/*
 * How a journal is opened. The last segment is verified completely; those before it are verified
 * when they are read. Nothing is changed before everything that could be refused was checked.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/beat.h"
#include "common/file.h"
#include "common/memory.h"
#include "stages/journal/journal_owner.h"
#include "stages/journal/journal_p.h"
#include "stages/journal/journal_tail.h"

static int read_headers(struct journal *j, const uint64_t *numbers, size_t count, struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        struct journal_segment s;
        beat_once(j->config.beats);
        if (i != 0 && numbers[i] != numbers[i - 1] + 1)
            return err_set(e, ERR_CORRUPT, "%s exists, but the segment after it is missing",
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
        journal_add_segment(j, &s);
        if (!journal_is_owned(j->config.dir_fd, s.owner, j->config.owner))
            return err_set(e, ERR_MISMATCH, "%s belongs to another topology or stage", s.name);
        if (s.begin.packed != j->config.packed)
            return err_set(
                e, ERR_MISMATCH,
                "%s holds %s, but the topology now has records: %s; change that back, or use "
                "--discard STAGE, which loses what the journal holds after record %" PRIu64
                " (bulkhead journal shows it)",
                s.name, s.begin.packed ? "packed records" : "lines",
                j->config.packed ? "msgpack" : "lines", j->config.acked.seq);
        if (i != 0 && (s.begin.offset < j->segments[i - 1].begin.offset ||
                       s.begin.next_seq < j->segments[i - 1].begin.next_seq))
            return err_set(e, ERR_CORRUPT, "%s does not continue the segment before it", s.name);
    }
    return 0;
}

/* Whether a block has bytes that are not acked, or an end of the input that is not. */
static bool is_behind(const struct journal_block *block, const struct journal_place *acked)
{
    return block->after.offset > acked->offset ||
           (block->marks && block->after.offset == acked->offset &&
            block->after.next_seq > acked->seq + 1);
}

/*
 * Reads the blocks of the last segment up to one that cannot be read, and returns why, as
 * journal_segment_read(). Also finds the last block that is acked, where the reader will begin.
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

/* Checks that what was acked is there. Otherwise damage at the end would pass for a torn write. */
static int check_acked(const struct journal *j, struct err *e)
{
    const struct journal_place *acked = &j->config.acked;
    if (acked->seq >= j->state.next_seq || acked->offset > j->state.offset)
        return err_set(e, ERR_CORRUPT,
                       "%s does not verify at offset %" PRIu64
                       ": it ends there after record %" PRIu64 ", but everything up to %" PRIu64
                       " was acked",
                       last_segment(j)->name, j->at, j->state.next_seq - 1, acked->seq);
    const struct journal_state *begin = &j->segments[0].begin;
    if (acked->offset < begin->offset || acked->seq + 1 < begin->next_seq)
        return err_set(e, ERR_CORRUPT,
                       "%s is the first segment, but not everything before it was acked; restore "
                       "the state directory as a whole",
                       j->segments[0].name);
    return 0;
}

/* Reads up to the block that has the acked place, and checks that a record begins there. */
static int seek_acked(struct journal *j, struct err *e)
{
    const struct journal_place *acked = &j->config.acked;
    size_t index = j->segment_count - 1;
    while (index > 0 && (j->segments[index].begin.offset > acked->offset ||
                         j->segments[index].begin.next_seq > acked->seq + 1))
        index--;
    int rc = journal_reader_enter(j, index, e);
    if (rc == 0 && index == j->segment_count - 1) {
        j->read_at = j->acked_at;
        j->read_state = j->acked_state;
    }
    while (rc == 0 && (!j->block_read || !is_behind(&j->block, acked))) {
        beat_once(j->config.beats);
        rc = journal_read_block(j, e);
    }
    if (rc != 0 && rc != ERR_AGAIN)
        return rc;
    struct journal_state here = j->read_state;
    if (rc == 0) {
        here = j->block.before;
        journal_state_count(&here, j->payload, (size_t)(acked->offset - here.offset));
    }
    const char *unit = here.packed ? "packed record" : "line";
    if (here.offset != acked->offset || here.next_seq != acked->seq + 1 ||
        here.lines != acked->line || here.carry != 0)
        return err_set(e, ERR_MISMATCH,
                       "the cursor is at record %" PRIu64 ", %s %" PRIu64
                       ", but there the journal (%s) has record %" PRIu64 ", %s %" PRIu64
                       ": they do not belong together; restore the state directory as a whole",
                       acked->seq, unit, acked->line, j->source.name, here.next_seq - 1, unit,
                       here.lines);
    return 0;
}

/* Cuts off what a power failure has torn, and keeps a copy for people to look at. */
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
    /* The next segment might reach the disk first, and what was cut off would be there again. */
    if (rc == 0 && j->config.durable)
        rc = file_sync(s->fd, e);
    j->cut_bytes = at - j->at;
    return rc == 0 ? 0 : err_wrap(e, "%s", s->name);
}

/*
 * Makes the last block safe before we act on it, by writing it again. The process that wrote it may
 * have been killed before it synced, or its sync may have failed, after which the kernel regards
 * the page as clean. The blocks before were synced before this one was begun.
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
 * Cuts off the beginning of a header with nothing after it, such as a mark of the end for which
 * there was no space. It is not part of the journal. It would be overwritten by the next block, but
 * not if another segment follows.
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

/* Prepares a journal that was checked for writing. */
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
        rc = journal_commit_landed(j, &block, e);
    if (rc == 0 && !journal_same_stream(j))
        rc = journal_end(j, e);
    const struct journal_segment *s = last_segment(j);
    bool goes_on =
        s->begin.stream == j->config.stream && memcmp(s->boot, j->config.boot, sizeof s->boot) == 0;
    return rc == 0 && !goes_on ? journal_rotate(j, e) : rc;
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
                       " were acked; restore the state directory as a whole, or use --discard "
                       "STAGE to begin with an empty journal",
                       j->config.acked.seq);
    j->state =
        (struct journal_state){.next_seq = j->config.acked.seq + 1, .packed = j->config.packed};
    int rc = journal_rotate(j, e);
    return rc == 0 ? journal_reader_enter(j, 0, e) : rc;
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
