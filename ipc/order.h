/* SPDX-License-Identifier: MIT */
/*
 * order.h - the place of a record among those of its seq, as bytes that sort as it does
 *
 * Where a stage has several workers, each has some records of a seq, and whoever reads them must
 * find the order that one worker would have made. So records on links of workers carry their
 * order: bytes, of which memcmp() tells what comes first. They are a path: a stage alone gives its
 * records of a seq the numbers 0, 1, 2 …; a worker appends to the order of what it read by which
 * input that came, and the number of its own record for it, or a sort key. Every part is free of
 * prefixes, so parts of one level are never compared with those of another.
 *
 * To the byte: docs/protocol.md, "Order".
 */
#ifndef BULKHEAD_IPC_ORDER_H
#define BULKHEAD_IPC_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/* Appends a number: one byte below 248, else a byte that tells how many follow, big-endian. */
void order_add_number(struct buf *order, uint64_t number);

/* Appends a signed number of 64 bits: eight bytes, the sign turned. */
void order_add_integer(struct buf *order, int64_t number);

/* Appends bytes: every 0 in them as 0 255, and 0 1 behind them. */
void order_add_bytes(struct buf *order, const void *bytes, size_t len);

/* Less than, equal to or greater than 0, as memcmp(); a prefix comes first. */
int order_compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);

#endif
