/* SPDX-License-Identifier: MIT */
/*
 * text.h - small pieces of text that people write: names, durations, numbers
 */
#ifndef BULKHEAD_COMMON_TEXT_H
#define BULKHEAD_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/*
 * The candidate that a mistyped word most likely meant: the one with the smallest edit distance
 * (insert, delete, replace, swap of neighbors), if that is at most a third of the word's length and
 * at least one. NULL if none is near. Candidates may be NULL.
 */
const char *text_nearest(const char *word, const char *const *candidates, size_t count);

/*
 * The end of an error about an unknown word: "; did you mean 'X'?", or another text if no candidate
 * is near.
 *
 *   nearest    from text_nearest(), at most 2 * NAME_BYTES_MAX + 1 characters; NULL: none
 *   otherwise  the other text; begins with "; ", or is empty
 *   ret_text   holds the result, unless that is `otherwise`
 *
 * Returns: the text.
 */
#define TEXT_SUGGESTION_BYTES 160
const char *text_suggestion(const char *nearest, const char *otherwise,
                            char ret_text[TEXT_SUGGESTION_BYTES]);

/*
 * Reads a duration: whole numbers, each with a unit of ns, us, ms, s, m, h, d or w, as in "14d" or
 * "1h30m". Returns 0, ERR_INVALID, or ERR_RANGE (more nanoseconds than fit 64 bits).
 */
int text_parse_duration(const char *text, int64_t *ret_ns);

/* Appends a duration exactly, in the largest possible units: "14d", "1h30m". */
void text_format_duration(int64_t ns, struct buf *out);

/*
 * Reads a whole number in decimal. Returns 0, ERR_INVALID, or ERR_RANGE (it does not fit 64 bits).
 */
int text_parse_int(const char *text, int64_t *ret_number);

/* As text_parse_int(), from len bytes. */
int text_read_int(const char *text, size_t len, int64_t *ret_number);

/*
 * Reads a size in bytes: a whole number, optionally followed by KiB, MiB, GiB or TiB.
 * Returns 0, ERR_INVALID, or ERR_RANGE.
 */
int text_parse_size(const char *text, int64_t *ret_bytes);

/* Appends a size in bytes exactly, in the largest possible unit: "64MiB", "1000". */
void text_format_size(int64_t bytes, struct buf *out);

/* Whether text is a name: a letter, then letters, digits, '_' and '-'; at most NAME_BYTES_MAX. */
bool text_is_name(const char *text);

/* The rule for names, for errors: "'2x' is not a name; " TEXT_NAME_RULE. */
#define TEXT_NAME_RULE                                                                             \
    "begin with a letter, then use letters, digits, '-' and '_', at most 63 characters"

/* Appends a number with its thousands separated: 1234567 as "1,234,567". */
void text_format_count(uint64_t number, struct buf *out);

/*
 * Appends a text with backslashes, DEL and all bytes below `lowest` as \xHH, so that it has no line
 * break, and with ' ' + 1 no space.
 */
void text_escape(const char *text, uint8_t lowest, struct buf *out);

/*
 * Appends bytes in a form that is safe for a terminal or a log: control characters and bytes that
 * are not UTF-8 become \xNN. Of more than max bytes the rest becomes "…".
 */
void text_printable(const void *bytes, size_t len, size_t max, struct buf *out);

/*
 * What makes a value from outside unfit for a topology, as the end of a sentence: "is not UTF-8",
 * "contains a newline", "contains a control character" (tabs do not count). NULL if it is fit.
 */
const char *text_not_plain(const char *text);

#endif
