/* SPDX-License-Identifier: MIT */
/*
 * pattern_text.h - the text of a pattern without its meaningless parts; private to pattern.c
 *
 * The cost of an item is read from its text, where a parenthesis or a brace in a comment, in a
 * class or between \Q and \E has no meaning. PCRE2 reports where each item begins, but not how it
 * read it.
 */
#ifndef BULKHEAD_COMMON_PATTERN_TEXT_H
#define BULKHEAD_COMMON_PATTERN_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Replaces a byte without meaning: of a comment, \Q, \E, a callout, a blank in (?x). */
#define PATTERN_TEXT_NOTHING '\0'
/* Replaces a byte that is a literal, or belongs to a class or to the name of a verb. */
#define PATTERN_TEXT_LETTER 'a'

/* What ends a comment that begins with '#'. The numbers are those of PCRE2. */
enum pattern_newline {
    PATTERN_NEWLINE_CR = 1,
    PATTERN_NEWLINE_LF,
    PATTERN_NEWLINE_CRLF,
    PATTERN_NEWLINE_ANY,
    PATTERN_NEWLINE_ANYCRLF,
    PATTERN_NEWLINE_NUL,
};

/*
 * Writes len bytes, one for each byte of the text: the byte itself if it may be syntax, else one of
 * the above. Requires: the text compiles. Returns: false if it opens more groups than a pattern
 * may, or closes more than it opened; then it has a syntax that is not known here.
 */
bool pattern_text_read(const char *text, size_t len, enum pattern_newline newline, char *ret_plain);

#endif
