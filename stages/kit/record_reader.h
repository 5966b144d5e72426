/* SPDX-License-Identifier: MIT */
/*
 * record_reader.h - bytes cut into records, for every source that reads a stream of bytes
 *
 * Where a record ends is a matter of the format: line_records.h, packed_records.h. What all of them
 * share is here: a record that is too long is counted and dropped while it is read, so memory does
 * not depend on input; its beginning is kept for the dead letter. Where the bytes come from is the
 * caller's fill function. Does no IO of its own.
 */
#ifndef BULKHEAD_STAGES_KIT_RECORD_READER_H
#define BULKHEAD_STAGES_KIT_RECORD_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bounds.h"
#include "common/err.h"
#include "stages/kit/packed_walk.h"
#include "stages/stage.h"

/*
 * Gives the bytes from offset on, `len` of them at most.
 * Returns: 0 with *ret_len > 0; ERR_END (the input ends here), ERR_AGAIN (nothing more now), or an
 *          error.
 */
typedef int record_fill(void *context, uint64_t offset, uint8_t *bytes, size_t len, size_t *ret_len,
                        struct err *e);

/* Whether a text begins at an offset: a file, or a stream. */
typedef bool record_begins(const void *context, uint64_t offset);

/* The longest byte order mark that is no part of a record. */
#define RECORD_MARK_BYTES 3u

struct record_reader;
struct record_cut;

/* How bytes are cut into records. */
struct record_format {
    const char *field; /* that a record is given out in */
    const char *unit;  /* what people call one in the input: "line" */
    bool is_chain;     /* where one begins is known by the one before alone */

    /*
     * Where the record in hand ends among bytes that were not looked at yet, which follow those
     * that were: behind so many of them; 0: not here. len is above 0.
     */
    size_t (*find_end)(struct record_reader *r, const uint8_t *bytes, size_t len);

    /* Takes note of bytes of a record that is too long before they are dropped. May be NULL. */
    void (*drop)(struct record_reader *r, const uint8_t *bytes, size_t len);

    /*
     * Says what the record is, of which `len` bytes are in the buffer, with what ends it unless it
     * is unterminated, and more may be dropped. Of *cut, unterminated and rest are set.
     */
    void (*describe)(struct record_reader *r, size_t len, struct record_cut *cut);

    /* Puts out the dead letter of a record with a fault. The reader stands behind the record. */
    void (*refuse)(const struct record_reader *r, const struct record_cut *cut,
                   struct emitter *out);
};

struct record_reader {
    const struct record_format *format;
    record_fill *fill;
    record_begins *begins;
    void *context;
    bool is_stream; /* not a file: offsets count all that was read from it over all runs */
    size_t record_bytes_max;
    size_t skip_above; /* more of a record than this is not kept */
    uint64_t offset;   /* behind the last record */
    uint32_t crc;      /* of all bytes before it, since record_reader_set() */
    uint8_t *buffer;
    size_t capacity;
    size_t start;    /* here lies the byte at offset + skipped */
    size_t end;      /* behind what is buffered */
    size_t searched; /* so many bytes from start on hold no end of a record */
    bool skipping;   /* in a record that is too long: its bytes are counted and dropped */
    uint64_t skipped;
    bool told; /* of what is dropped: record_reader_tell_overlong() was true */
    uint8_t excerpt[DEAD_EXCERPT_BYTES + RECORD_MARK_BYTES];
    bool unreadable; /* the text, from here on: lines in UTF-16, packed bytes behind a wrong one */

    /* Of line_records.c. */
    size_t mark_len; /* bytes of a mark at the beginning of the line in hand */
    uint8_t skipped_last;
    bool skipped_blank; /* there was nothing but white space in it so far */

    /* Of packed_records.c. */
    struct packed_walk walk; /* behind what was searched */
    bool is_lost;            /* the record in hand ends with a byte that begins no value */
};

/* Why a record is a dead letter. */
enum record_fault {
    RECORD_GOOD,
    RECORD_TOO_LONG,
    RECORD_UNREADABLE,
    RECORD_NO_MAP,
    RECORD_LOST,
    RECORD_CUT_OFF,
};

/* One record, without what ends it and without a mark before it. The bytes die with the next call
 * of record_reader_next(). */
struct record_cut {
    const uint8_t *bytes; /* of one that is too long: its beginning */
    size_t len;           /* of these */
    uint64_t whole_len;
    enum record_fault fault;
    bool blank;        /* it is no record: white space alone, or a piece of a rest */
    bool rest;         /* a piece of what comes in a text that cannot be read any more; it has no
                          number, and others are to have a turn before the next */
    bool unterminated; /* it was ended by the end of the input */
};

void record_reader_init(struct record_reader *r, const struct record_format *format,
                        size_t record_bytes_max, record_fill *fill, record_begins *begins,
                        void *context);
void record_reader_done(struct record_reader *r);

/* Goes on at an offset, behind bytes with this CRC, in a text that can be read there or not; what
 * was buffered is forgotten. */
void record_reader_set(struct record_reader *r, uint64_t offset, uint32_t crc, bool unreadable);

/*
 * Finds the next record and moves behind it.
 * Returns: 0, ERR_END (no byte is left), ERR_AGAIN (no whole record yet), ERR_UNFINISHED (much was
 *          read without coming to the end of the record: call again when others had their turn), or
 *          what the fill function returned. After any of these it may be called again.
 */
int record_reader_next(struct record_reader *r, struct record_cut *ret_cut, struct err *e);

/* How many bytes of an unfinished record are read. */
uint64_t record_reader_unfinished(const struct record_reader *r);

/*
 * Whether the record in hand is too long already, and its end was not found; it is true once for a
 * record. Whatever comes, it is no good record any more, but its end may never come, and then
 * nobody would hear of it.
 */
bool record_reader_tell_overlong(struct record_reader *r);

/* Puts out a record that is not blank, or the dead letter that it has a fault. Requires: the reader
 * has not moved on. */
void record_emit(const struct record_reader *r, const struct record_cut *cut, struct emitter *out);

#endif
