/* SPDX-License-Identifier: MIT */
#include "common/count.h"

#include <inttypes.h>
#include <stdio.h>

const char *count_word(uint64_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}

const char *count_range(uint64_t first, uint64_t last, const char *one, const char *many,
                        char ret_text[COUNT_RANGE_BYTES])
{
    if (first == last)
        (void)snprintf(ret_text, COUNT_RANGE_BYTES, "%s %" PRIu64, one, first);
    else
        (void)snprintf(ret_text, COUNT_RANGE_BYTES, "%s %" PRIu64 " to %" PRIu64, many, first,
                       last);
    return ret_text;
}
