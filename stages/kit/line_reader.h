/* SPDX-License-Identifier: MIT */
/*
 * line_reader.h - bytes cut into lines, for every source that reads text
 *
 * LF and CRLF end a line, and so does the end of the input. A line that is too long is counted and
 * dropped while it is read, so memory does not depend on input; its beginning is kept for the dead
 * letter. Where the bytes come from is the caller's fill function. Does no IO of its own.
 *
 * A byte order mark of UTF-8 at the beginning of a text is no part of its first line. Lines of a
 * text that begins with one of UTF-16 or UTF-32 are foreign: they cannot be read, and are dead
 * letters, since bytes that are cut at a newline would look like lines of something else.
 */
#ifndef BULKHEAD_STAGES_KIT_LINE_READER_H
#define BULKHEAD_STAGES_KIT_LINE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bounds.h"
#include "common/err.h"
#include "stages/stage.h"

/*
 * Gives the bytes from offset on, `len` of them at most.
 * Returns: 0 with *ret_len > 0; ERR_END (the input ends here), ERR_AGAIN (nothing more now), or an
 *          error.
 */
typedef int line_fill(void *context, uint64_t offset, uint8_t *bytes, size_t len, size_t *ret_len,
                      struct err *e);

/* The reasons of line_emit(), for kind.reasons. */
extern const struct dead_reason line_reader_too_long, line_reader_foreign;
#define LINE_READER_REASONS &line_reader_too_long, &line_reader_foreign

/* The byte order mark of UTF-8. */
#define LINE_MARK "\xef\xbb\xbf"
#define LINE_MARK_BYTES 3u

/* Whether a text begins at an offset: a file, or a stream. */
typedef bool line_begins(const void *context, uint64_t offset);

struct line_reader {
    line_fill *fill;
    line_begins *begins;
    void *context;
    size_t line_bytes_max;
    size_t skip_above; /* more of a line than this is not kept */
    uint64_t offset;   /* behind the last line */
    uint32_t crc;      /* of all bytes before it, since line_reader_set() */
    uint8_t *buffer;
    size_t capacity;
    size_t start;    /* here lies the byte at offset + skipped */
    size_t end;      /* behind what is buffered */
    size_t searched; /* so many bytes from start on hold no newline */
    bool skipping;   /* in a line that is too long: its bytes are counted and dropped */
    uint64_t skipped;
    uint8_t skipped_last;
    bool skipped_blank; /* there was nothing but white space in it so far */
    bool foreign;       /* the text is in UTF-16 or UTF-32; whoever goes on within it says so */
    size_t mark_len;    /* bytes of a mark at the beginning of the line in hand */
    uint8_t excerpt[DEAD_EXCERPT_BYTES + LINE_MARK_BYTES];
};

/* One line, without what ends it and without a mark before it. The bytes die with the next call of
 * line_reader_next(). */
struct line {
    const uint8_t *bytes; /* of one that is too long: its beginning */
    size_t len;           /* of these */
    uint64_t whole_len;
    bool too_long;
    bool blank;        /* nothing but spaces, tabs and carriage returns */
    bool unterminated; /* it was ended by the end of the input */
    bool foreign;      /* of a text that is not in UTF-8 */
};

void line_reader_init(struct line_reader *r, size_t line_bytes_max, line_fill *fill,
                      line_begins *begins, void *context);
void line_reader_done(struct line_reader *r);

/* Goes on at an offset, behind bytes with this CRC; what was buffered is forgotten. */
void line_reader_set(struct line_reader *r, uint64_t offset, uint32_t crc);

/*
 * Finds the next line and moves behind it.
 * Returns: 0, ERR_END (no byte is left), ERR_AGAIN (no whole line yet), ERR_UNFINISHED (much was
 *          read without coming to the end of the line: call again when others had their turn), or
 *          what the fill function returned. After any of these it may be called again.
 */
int line_reader_next(struct line_reader *r, struct line *ret_line, struct err *e);

/* How many bytes of an unfinished line are read. */
uint64_t line_reader_unfinished(const struct line_reader *r);

/* Whether bytes are nothing but white space, as far as a line of them is blank. */
bool line_is_blank(const uint8_t *bytes, size_t len);

/* Whether a text that begins with these bytes is in UTF-16 or UTF-32, as its mark says. */
bool line_is_foreign(const uint8_t *bytes, size_t len);

/* Puts out a line that is not blank, or the dead letter that it is too long or foreign. */
void line_emit(const struct line_reader *r, const struct line *line, struct emitter *out);

#endif
