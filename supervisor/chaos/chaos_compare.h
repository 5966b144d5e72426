/* SPDX-License-Identifier: MIT */
/*
 * chaos_compare.h - two files byte for byte, and where they part
 */
#ifndef BULKHEAD_SUPERVISOR_CHAOS_CHAOS_COMPARE_H
#define BULKHEAD_SUPERVISOR_CHAOS_CHAOS_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

/*
 * Compares a file with the one that it should be.
 *
 *   packed       they are records of msgpack one behind the other, and not lines
 *   ret_bytes    the length of both, if they are the same
 *   difference   else the file, offset, number of the line or record (both from 1) and the two of
 *                them are appended, each made harmless to a terminal
 *
 * Returns: 0: the same; ERR_MISMATCH: not the same, or one of them is not there; ERR_IO.
 */
int chaos_compare(const char *expected, const char *actual, bool packed, uint64_t *ret_bytes,
                  struct buf *difference, struct err *e);

#endif
