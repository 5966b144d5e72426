/* SPDX-License-Identifier: MIT */
/*
 * record_reader.h - cuts a stream of bytes into records, for every source
 *
 * Where a record ends depends on the format: line_records.h, packed_records.h. This file has what
 * all formats share. A record that is too long is counted and dropped while it is read, so memory
 * use does not depend on the input; its beginning is kept for the dead letter. The bytes come from
 * the caller's fill function. Does no IO of its own.
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
 * Reads at most `len` bytes of the input, beginning at `offset`.
 *
 * Returns: 0 with *ret_len > 0; ERR_END (the input ends here), ERR_AGAIN (nothing more now), or an
 * error.
 */
typedef int record_fill(void *context, uint64_t offset, uint8_t *bytes, size_t len, size_t *ret_len,
                        struct err *e);

/* Whether a text begins at this offset: a file, or a new stream. */
typedef bool record_begins(const void *context, uint64_t offset);

/* The length of the longest byte order mark that is removed from a record. */
#define RECORD_MARK_BYTES 3u

struct record_reader;
struct record_cut;

/* A format: how bytes are cut into records. */
struct record_format {
    const char *field; /* the field that holds the record */
    const char *unit;  /* what a user calls a record of the input: "line" */
    bool is_chain;     /* where a record begins follows only from where the one before ended */

    /*
     * Finds the end of the current record in bytes that were not searched before; they follow those
     * that were. Returns the number of bytes up to and including the end; 0: it is not among them.
     * len is at least 1.
     */
    size_t (*find_end)(struct record_reader *r, const uint8_t *bytes, size_t len);

    /*
     * Called with bytes of a record that is too long before they are dropped, so that the format
     * can note what it needs. May be NULL.
     */
    void (*drop)(struct record_reader *r, const uint8_t *bytes, size_t len);

    /*
     * Describes the record in *cut. `len` bytes of it are in the buffer, including its terminator
     * unless it is unterminated; more bytes may have been dropped. The members unterminated and
     * rest are already set.
     */
    void (*describe)(struct record_reader *r, size_t len, struct record_cut *cut);

    /*
     * Emits the dead letter of a record that has a fault. The reader has already moved past the
     * record.
     */
    void (*refuse)(const struct record_reader *r, const struct record_cut *cut,
                   struct emitter *out);
};

/* A reader. The members are for record_reader.c and the formats, but a caller sets is_stream. */
struct record_reader {
    const struct record_format *format;
    record_fill *fill;
    record_begins *begins;
    void *context;
    bool is_stream; /* a stream, not a file: offsets count all bytes read from it over all runs */
    size_t record_bytes_max; /* a longer record is a dead letter */
    size_t skip_above;       /* a longer record is dropped while it is read */
    uint64_t offset;         /* where the last record ended */
    /* CRC-32C of all bytes before offset, beginning with that of record_reader_set(). */
    uint32_t crc;
    uint8_t *buffer;
    size_t capacity;
    size_t start;     /* place in the buffer of the byte at offset + skipped */
    size_t end;       /* end of the buffered bytes */
    size_t searched;  /* this many bytes from start on were searched and hold no end of a record */
    bool skipping;    /* within a record that is too long: its bytes are counted and dropped */
    uint64_t skipped; /* bytes of the current record that were dropped */
    bool told;        /* the record being dropped was reported by record_reader_tell_overlong() */
    uint8_t excerpt[DEAD_EXCERPT_BYTES + RECORD_MARK_BYTES]; /* the beginning of that record */
    /* The rest of this text cannot be read: lines in UTF-16, or bytes after invalid msgpack. */
    bool unreadable;

    /* For line_records.c. */
    size_t mark_len;      /* length of a mark at the beginning of the current line */
    uint8_t skipped_last; /* the last byte that was dropped */
    bool skipped_blank;   /* only white space was dropped so far */

    /* For packed_records.c. */
    struct packed_walk walk; /* the state after the bytes that were searched */
    bool is_lost;            /* the current record ends with a byte that cannot begin a value */
};

/* Why a record is a dead letter. */
enum record_fault {
    RECORD_GOOD,       /* it is not one */
    RECORD_TOO_LONG,   /* longer than record_bytes_max */
    RECORD_UNREADABLE, /* a line of a text in UTF-16 or UTF-32 */
    RECORD_NO_MAP,     /* a msgpack value that is not a map */
    RECORD_LOST,       /* a byte that cannot begin a msgpack value; the rest is not read */
    RECORD_CUT_OFF,    /* the input ends within a msgpack value */
};

/*
 * One record, without its terminator and without a mark before it. The bytes are valid until the
 * next call of record_reader_next().
 */
struct record_cut {
    const uint8_t *bytes; /* of a record that is too long, only its beginning */
    size_t len;           /* the length of bytes */
    uint64_t whole_len;   /* the length of the whole record */
    enum record_fault fault;
    bool blank; /* this is not a record: white space only, or a piece of a rest */
    /*
     * A piece of a text that can no longer be cut into records. It has no number, and the caller
     * lets other work run before the next piece.
     */
    bool rest;
    bool unterminated; /* the record was ended by the end of the input */
};

/*
 * Prepares a reader at offset 0. `context` is passed to fill and begins. Ownership: the caller ends
 * it with record_reader_done().
 */
void record_reader_init(struct record_reader *r, const struct record_format *format,
                        size_t record_bytes_max, record_fill *fill, record_begins *begins,
                        void *context);

/* Frees what a reader holds. */
void record_reader_done(struct record_reader *r);

/*
 * Continues at an offset, after bytes with this CRC-32C, and discards what was buffered.
 *
 *   unreadable  the text cannot be read there, see struct record_reader
 */
void record_reader_set(struct record_reader *r, uint64_t offset, uint32_t crc, bool unreadable);

/*
 * Finds the next record and moves past it.
 *
 * Returns: 0, ERR_END (no byte is left), ERR_AGAIN (no whole record yet), ERR_UNFINISHED (much was
 * read without finding the end of the record: let other work run, then call it again), or what the
 * fill function returned. It may be called again after any of these.
 */
int record_reader_next(struct record_reader *r, struct record_cut *ret_cut, struct err *e);

/* How many bytes of an unfinished record were read. */
uint64_t record_reader_unfinished(const struct record_reader *r);

/*
 * Whether the current record is already too long and its end was not found yet; true once per
 * record. Such a record is a dead letter whatever follows. But its end may never come, and then the
 * user would never hear of it.
 */
bool record_reader_tell_overlong(struct record_reader *r);

/*
 * Emits a record that is not blank, or the dead letter for its fault. Requires: the reader has not
 * moved on since.
 */
void record_emit(const struct record_reader *r, const struct record_cut *cut, struct emitter *out);

#endif
