/* SPDX-License-Identifier: MIT */
/*
 * text.h - small readings of text that people wrote: names, durations, numbers
 */
#ifndef BULKHEAD_COMMON_TEXT_H
#define BULKHEAD_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/*
 * The candidate that a mistyped word most likely meant: the one with the smallest edit distance
 * (insert, delete, replace, swap of neighbours), if that is at most a third of the word's length
 * and at least one. NULL if none is near. Candidates may hold NULLs.
 */
const char *text_nearest(const char *word, const char *const *candidates, size_t count);

/*
 * The end of an error about a word that is not known: "; did you mean 'X'?", or, where nothing is
 * near, what else can be said of it.
 *
 *   nearest    as text_nearest() found it, 2 * NAME_BYTES_MAX + 1 characters at most; NULL: nothing
 *   otherwise  begins with "; ", or is empty
 *   ret_text   holds the text, unless that is `otherwise`
 *
 * Returns: the text.
 */
#define TEXT_SUGGESTION_BYTES 160
const char *text_suggestion(const char *nearest, const char *otherwise,
                            char ret_text[TEXT_SUGGESTION_BYTES]);

/*
 * Reads a duration: whole numbers each with a unit of ns, us, ms, s, m, h, d or w, as in "14d" or
 * "1h30m". Returns 0, ERR_INVALID, or ERR_RANGE (more than 64 bits of nanoseconds).
 */
int text_parse_duration(const char *text, int64_t *ret_ns);

/* Appends a duration in the largest units that say it exactly: "14d", "1h30m". */
void text_format_duration(int64_t ns, struct buf *out);

/* Reads a whole decimal number. Returns 0, ERR_INVALID (it is none), or ERR_RANGE (of 64 bits). */
int text_parse_int(const char *text, int64_t *ret_number);

/* As text_parse_int(), of len bytes. */
int text_read_int(const char *text, size_t len, int64_t *ret_number);

/*
 * Reads a size in bytes: a whole number, with KiB, MiB, GiB or TiB after it if wanted.
 * Returns 0, ERR_INVALID, or ERR_RANGE.
 */
int text_parse_size(const char *text, int64_t *ret_bytes);

/* Appends a size in bytes in the largest unit that says it exactly: "64MiB", "1000". */
void text_format_size(int64_t bytes, struct buf *out);

/* Whether text is a name: a letter, then letters, digits, '_' and '-', NAME_BYTES_MAX at most. */
bool text_is_name(const char *text);

/* What is to be done about one that is not, for errors: "'2x' is not a name; " TEXT_NAME_RULE. */
#define TEXT_NAME_RULE                                                                             \
    "begin with a letter, then use letters, digits, '-' and '_', at most 63 characters"

/* Appends a number with thousands separated: 1234567 as "1,234,567". */
void text_format_count(uint64_t number, struct buf *out);

/*
 * Appends the bytes so that they can go to a terminal or a log: control characters and bytes that
 * are not UTF-8 as \xNN, at most max bytes of input, "…" if there were more.
 */
void text_printable(const void *bytes, size_t len, size_t max, struct buf *out);

/*
 * What makes a value from outside unfit for a topology, as the rest of a sentence: "is no UTF-8",
 * "has a newline in it", "has a control character in it" (tabs are none). NULL if nothing does.
 */
const char *text_not_plain(const char *text);

#endif
