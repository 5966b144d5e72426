/* SPDX-License-Identifier: MIT */
/*
 * pattern.h - regular expressions with a bound on the work of each match
 *
 * A pattern is compiled once and matched often, in one thread. Patterns and subjects are UTF-8; \d,
 * \w, \s and [[:classes:]] are ASCII. '$' is the end of the subject and does not match before a
 * final newline. \C, \X, script runs and back references (\1) are refused. The work of a match is
 * counted in steps, which depend only on pattern and subject: a match that is too hard is so
 * everywhere. Why PCRE2, and why without its JIT compiler: docs/decisions/0008-pcre2.md.
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
    PATTERN_TOO_HARD, /* the match reached PATTERN_BOUNDS_TEXT or another bound */
    PATTERN_NOT_UTF8, /* the subject is not UTF-8 */
};

/*
 * Compiles a pattern of len bytes, for pattern_match().
 *
 *   ret_pattern  the caller frees it with pattern_free()
 *   ret_at       where the fault is, in bytes from the start of the text; only on failure
 *
 * Returns:  0
 *           ERR_INVALID  it is not a pattern; e says why
 *           ERR_RANGE    it is longer than PATTERN_BYTES_MAX, or its compiled form is too large
 */
int pattern_compile(const char *text, size_t len, struct pattern **ret_pattern, size_t *ret_at,
                    struct err *e);

/*
 * The same pattern with its own match state. The compiled form is shared and does not change, so
 * the original must outlive it: any number of stages can use one that none of them owns.
 *
 * Ownership: the caller frees it with pattern_free(). Never NULL.
 */
struct pattern *pattern_share(const struct pattern *compiled);

/* Frees a pattern. Accepts NULL. */
void pattern_free(struct pattern *pattern);

/*
 * Searches for the pattern anywhere in the subject, which may hold any bytes. A pattern that must
 * match the whole subject begins with '^' and ends with '$'.
 */
enum pattern_result pattern_match(struct pattern *pattern, const uint8_t *subject, size_t len);

/* The text of the pattern for messages, cut if it is long. It lives as long as the pattern. */
const char *pattern_shown(const struct pattern *pattern);

/* The steps of the last match: at most PATTERN_STEPS_MAX plus the cost of the last item tried. */
uint64_t pattern_steps(const struct pattern *pattern);

/*
 * Sets the beats that matches of this process advance while they work, so that a long match, or
 * many for one record, does not count as a hang. NULL: none. Borrowed for ever.
 */
void pattern_use_beats(_Atomic uint64_t *of_process);

/* How many names its groups have: (?<name>...). With (?J) several groups may share a name. */
size_t pattern_name_count(const struct pattern *pattern);

/*
 * One of these names, in the order in which their groups begin in the pattern. It lives as long as
 * the pattern. Requires: index < pattern_name_count().
 */
const char *pattern_name(const struct pattern *pattern, size_t index);

/*
 * The part of the subject that a named group matched in the last match: its first byte and its
 * length. Of several groups with that name, the first one in the pattern that took part.
 * Requires: the last match was PATTERN_MATCH. Returns: false if no group of that name took part.
 */
bool pattern_span(const struct pattern *pattern, size_t index, size_t *ret_start, size_t *ret_len);

#endif
