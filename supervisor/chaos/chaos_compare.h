/* SPDX-License-Identifier: MIT */
/*
 * chaos_compare.h - compares two files byte for byte, and finds where they differ
 */
#ifndef BULKHEAD_SUPERVISOR_CHAOS_CHAOS_COMPARE_H
#define BULKHEAD_SUPERVISOR_CHAOS_CHAOS_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

/*
 * Compares a file with the one that it should be equal to.
 *
 *   packed       they hold consecutive msgpack records, not lines
 *   ret_bytes    set to the length of both if they are the same
 *   difference   if they differ: the file, the offset and the number of the line or record (both
 *                from 1), and both lines or records, printable, are appended
 *
 * Returns: 0: they are the same; ERR_MISMATCH: they differ, or one of them does not exist; ERR_IO.
 */
int chaos_compare(const char *expected, const char *actual, bool packed, uint64_t *ret_bytes,
                  struct buf *difference, struct err *e);

#endif
