/* SPDX-License-Identifier: MIT */
/*
 * pattern.h - regular expressions, with an end to the work that any of them can make
 *
 * A pattern is compiled once and matched often, in one thread. Patterns and subjects are UTF-8; \d,
 * \w, \s and [[:classes:]] are ASCII, '$' is the end of the subject and not also before a last
 * newline, and \C, \X, script runs and references back to a group (\1) are refused. How much work a
 * match may be is counted in steps, which depend on pattern and subject alone: the same match is
 * too hard everywhere or nowhere. Why PCRE2, and why without its compiler to machine code:
 * docs/decisions/0008-pcre2.md.
 */
#ifndef BULKHEAD_COMMON_PATTERN_H
#define BULKHEAD_COMMON_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct pattern;

enum pattern_result {
    PATTERN_MATCH,
    PATTERN_NO_MATCH,
    PATTERN_TOO_HARD, /* PATTERN_BOUNDS_TEXT or another bound of a match was met */
    PATTERN_NOT_UTF8, /* the subject is none */
};

/*
 * Compiles a pattern of len bytes, for pattern_match().
 *
 *   ret_pattern  the caller frees it with pattern_free()
 *   ret_at       where the fault is, in bytes from the start of the text; only on failure
 *
 * Returns:  0
 *           ERR_INVALID  it is no pattern; e says why
 *           ERR_RANGE    it is longer than PATTERN_BYTES_MAX, or too large once compiled
 */
int pattern_compile(const char *text, size_t len, struct pattern **ret_pattern, size_t *ret_at,
                    struct err *e);

/*
 * A pattern that is the same as another one, with the state of its matches for itself. What was
 * compiled is shared, so the other one must outlive it, and is not changed: any number of stages
 * can work with one that none of them owns.
 *
 * Ownership: the caller frees it with pattern_free(). Never NULL.
 */
struct pattern *pattern_share(const struct pattern *compiled);

/* Frees a pattern; takes NULL. */
void pattern_free(struct pattern *pattern);

/*
 * Looks for the pattern anywhere in the subject, which may hold any bytes; a pattern that is to
 * take all of it begins with '^' and ends with '$'.
 */
enum pattern_result pattern_match(struct pattern *pattern, const uint8_t *subject, size_t len);

/* The text that it was compiled from, cut if it is long, for messages; as long as the pattern
 * lives. */
const char *pattern_shown(const struct pattern *pattern);

/* How many steps the last match took, at most PATTERN_STEPS_MAX and what the last of them cost. */
uint64_t pattern_steps(const struct pattern *pattern);

/*
 * Says what matches of this process move on while they work, so that nobody takes a long one, or
 * many on one record, for a hang; NULL: nothing. Borrowed for ever.
 */
void pattern_use_beats(_Atomic uint64_t *of_process);

/* How many names the groups of the pattern have: (?<name>...). With (?J) several may have one. */
size_t pattern_name_count(const struct pattern *pattern);

/*
 * One of these names, in the order in which their groups begin in the pattern. It lives as long as
 * the pattern. Requires: index < pattern_name_count().
 */
const char *pattern_name(const struct pattern *pattern, size_t index);

/*
 * What the group with a name took in the last match: from which byte of the subject on, and how
 * many. Of several groups with that name, the first in the pattern that took part.
 * Requires: that was PATTERN_MATCH. Returns: false if none took part in it.
 */
bool pattern_span(const struct pattern *pattern, size_t index, size_t *ret_start, size_t *ret_len);

#endif
