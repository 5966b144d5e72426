/* SPDX-License-Identifier: MIT */
#include "stages/kit/record_reader.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/hash.h"
#include "common/memory.h"

void record_reader_init(struct record_reader *r, const struct record_format *format,
                        size_t record_bytes_max, record_fill *fill, record_begins *begins,
                        void *context)
{
    *r = (struct record_reader){.format = format,
                                .fill = fill,
                                .begins = begins,
                                .context = context,
                                .record_bytes_max = record_bytes_max};
    /*
     * Nothing is dropped before the excerpt for the dead letter is complete, wherever a read ends.
     */
    r->skip_above = RECORD_MARK_BYTES + record_bytes_max + 1;
    if (r->skip_above < RECORD_MARK_BYTES + DEAD_EXCERPT_BYTES + 1)
        r->skip_above = RECORD_MARK_BYTES + DEAD_EXCERPT_BYTES + 1;
    /* Room for the longest line with its mark and "\r\n", and a whole read after it. */
    r->capacity = r->skip_above + 1 + 2 * SOURCE_READ_BYTES;
    r->buffer = memory_new(r->capacity, 1);
}

void record_reader_done(struct record_reader *r)
{
    free(r->buffer);
    r->buffer = NULL;
}

/* Resets what is known about the next record. */
static inline void begin_record(struct record_reader *r)
{
    r->searched = 0;
    r->skipping = false;
    r->skipped = 0;
    r->mark_len = 0;
}

void record_reader_set(struct record_reader *r, uint64_t offset, uint32_t crc, bool unreadable)
{
    r->offset = offset;
    r->crc = crc;
    r->unreadable = unreadable;
    r->start = r->end = 0;
    r->walk = (struct packed_walk){0};
    begin_record(r);
}

uint64_t record_reader_unfinished(const struct record_reader *r)
{
    return r->skipped + (r->end - r->start);
}

bool record_reader_tell_overlong(struct record_reader *r)
{
    bool tells = r->skipping && !r->told;
    r->told = r->told || tells;
    return tells;
}

/* Reads more of the input into the buffer. */
static int fill(struct record_reader *r, struct err *e)
{
    size_t buffered = r->end - r->start;
    if (r->capacity - r->end < SOURCE_READ_BYTES) {
        memmove(r->buffer, r->buffer + r->start, buffered);
        r->start = 0;
        r->end = buffered;
    }
    size_t got;
    int rc = r->fill(r->context, r->offset + r->skipped + buffered, r->buffer + r->end,
                     SOURCE_READ_BYTES, &got, e);
    if (rc == 0)
        r->end += got;
    return rc;
}

/* Counts and drops what is buffered of a record that is too long. */
static void skip_buffered(struct record_reader *r)
{
    size_t len = r->end - r->start;
    const uint8_t *bytes = r->buffer + r->start;
    if (len == 0)
        return;
    if (r->format->drop != NULL)
        r->format->drop(r, bytes, len);
    if (!r->skipping) {
        r->skipping = true;
        r->told = false;
        REQUIRE(len >= sizeof r->excerpt); /* see skip_above */
        memcpy(r->excerpt, bytes, sizeof r->excerpt);
    }
    r->crc = hash_crc32c(r->crc, bytes, len);
    r->skipped += len;
    r->start = r->end = r->searched = 0;
}

/*
 * Reads until a record is complete. *ret_len is the number of its bytes in the buffer, with its
 * terminator; *ret_ended is false if the end of the input ended it.
 */
static int find_record(struct record_reader *r, size_t *ret_len, bool *ret_ended, struct err *e)
{
    for (unsigned reads = 0;; reads++) {
        size_t unsearched = r->end - r->start - r->searched;
        size_t found = unsearched != 0
                           ? r->format->find_end(r, r->buffer + r->start + r->searched, unsearched)
                           : 0;
        if (found != 0) {
            *ret_len = r->searched + found;
            *ret_ended = true;
            return 0;
        }
        r->searched = r->end - r->start;
        if (r->searched > r->skip_above || r->skipping)
            skip_buffered(r);
        if (reads == SOURCE_READS_PER_TURN)
            return ERR_UNFINISHED;
        int rc = fill(r, e);
        if (rc == ERR_END && record_reader_unfinished(r) != 0) {
            *ret_len = r->end - r->start;
            *ret_ended = false;
            return 0;
        }
        if (rc != 0)
            return rc;
    }
}

/* Moves past the record that was found. Its bytes stay in the buffer until the next fill. */
static void pass(struct record_reader *r, size_t len)
{
    r->crc = hash_crc32c(r->crc, r->buffer + r->start, len);
    r->offset += r->skipped + len;
    r->start += len;
    begin_record(r);
}

/*
 * In a text that can no longer be cut into records: moves past what is buffered of it. Whatever was
 * buffered together with the bad record belongs to the same text, and so does what one fill
 * returns.
 */
static int next_of_rest(struct record_reader *r, struct record_cut *ret_cut, struct err *e)
{
    int rc = r->end == r->start ? fill(r, e) : 0;
    if (rc == 0 && r->begins(r->context, r->offset))
        r->unreadable = false;
    if (rc != 0 || !r->unreadable)
        return rc;
    size_t len = r->end - r->start;
    *ret_cut = (struct record_cut){.whole_len = len, .blank = true, .rest = true};
    pass(r, len);
    return 0;
}

int record_reader_next(struct record_reader *r, struct record_cut *ret_cut, struct err *e)
{
    if (r->unreadable && r->format->is_chain) {
        int rc = next_of_rest(r, ret_cut, e);
        if (rc != 0 || r->unreadable)
            return rc;
    }
    size_t len;
    bool ended;
    int rc = find_record(r, &len, &ended, e);
    if (rc != 0)
        return rc;
    ret_cut->unterminated = !ended;
    ret_cut->rest = false;
    r->format->describe(r, len, ret_cut);
    pass(r, len);
    return 0;
}

void record_emit(const struct record_reader *r, const struct record_cut *cut, struct emitter *out)
{
    if (cut->fault == RECORD_GOOD) {
        struct value value = value_of_bytes(VALUE_BYTES, cut->bytes, cut->len);
        emitter_emit(out, &value);
    } else {
        r->format->refuse(r, cut, out);
    }
}
