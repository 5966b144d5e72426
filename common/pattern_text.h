/* SPDX-License-Identifier: MIT */
/*
 * pattern_text.h - the text of a pattern without what means nothing; private to pattern.c
 *
 * What an item costs is read from its text, and a parenthesis or a brace in a comment, in a class
 * or between \Q and \E is none. PCRE2 tells where each item begins, but not what it took it for.
 */
#ifndef BULKHEAD_COMMON_PATTERN_TEXT_H
#define BULKHEAD_COMMON_PATTERN_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What stands for a byte that means nothing: of a comment, \Q, \E, a callout, a blank in (?x). */
#define PATTERN_TEXT_NOTHING '\0'
/* What stands for a byte that is only itself, or belongs to a class or to the name of a verb. */
#define PATTERN_TEXT_LETTER 'a'

/* What ends a comment that # begins. The numbers are those of PCRE2. */
enum pattern_newline {
    PATTERN_NEWLINE_CR = 1,
    PATTERN_NEWLINE_LF,
    PATTERN_NEWLINE_CRLF,
    PATTERN_NEWLINE_ANY,
    PATTERN_NEWLINE_ANYCRLF,
    PATTERN_NEWLINE_NUL,
};

/*
 * Writes len bytes, one for each of the text: itself if it may be syntax, else one of the above.
 * The text compiles. Returns false if it opens more groups than a pattern may, or closes more than
 * it opened; that is a form of writing that is not known here.
 */
bool pattern_text_read(const char *text, size_t len, enum pattern_newline newline, char *ret_plain);

#endif
