/* SPDX-License-Identifier: MIT */
/*
 * Reading a journal back, block by block, from segment to segment. Each block is verified before
 * any of its bytes is passed on.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "stages/journal/journal_p.h"

int journal_reader_enter(struct journal *j, size_t index, struct err *e)
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

int journal_read_block(struct journal *j, struct err *e)
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
                           ": it ends there, but %s does not continue from there",
                           j->source.name, j->read_at, next->name);
        rc = journal_reader_enter(j, j->reading + 1, e);
        if (rc != 0)
            return rc;
    }
}

void journal_adopt(struct journal *j, const struct journal_block *block)
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
        int rc = journal_read_block(j, e);
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
