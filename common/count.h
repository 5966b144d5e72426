/* SPDX-License-Identifier: MIT */
/*
 * count.h - counts in messages that agree with their nouns: "1 record", "2 records"
 */
#ifndef BULKHEAD_COMMON_COUNT_H
#define BULKHEAD_COMMON_COUNT_H

#include <stdint.h>

/*
 * The word to print after a count, as in
 *
 *   "%zu %s", count, count_word(count, "record", "records")
 *
 * It works for verbs too: count_word(count, "was", "were").
 *
 * Returns: `one` if the count is 1, otherwise `many`.
 */
const char *count_word(uint64_t count, const char *one, const char *many);

/* Enough for any range whose word has at most 20 bytes. */
#define COUNT_RANGE_BYTES 72u

/*
 * Writes a range of numbers with its noun: "record 7" if it holds only one, otherwise
 * "records 7 to 9".
 *
 * Returns: ret_text.
 */
const char *count_range(uint64_t first, uint64_t last, const char *one, const char *many,
                        char ret_text[COUNT_RANGE_BYTES]);

#endif
