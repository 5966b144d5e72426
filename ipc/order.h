/* SPDX-License-Identifier: MIT */
/*
 * order.h - the order of a record within its seq, as bytes that compare like it
 *
 * If a stage has several workers, each has some records of a seq, and the stage downstream must
 * restore the order that a single worker would have produced. So records on links of workers carry
 * their order as bytes that memcmp() can compare. The bytes are a path. A stage with one process
 * numbers its records of a seq 0, 1, 2 … A worker appends two parts to the order of the record that
 * it read: the input by which that came, and the number of its own record for it, or a sort key. No
 * part is a prefix of another, so parts of one level are never compared with those of another.
 *
 * The exact format: docs/protocol.md, "Order".
 */
#ifndef BULKHEAD_IPC_ORDER_H
#define BULKHEAD_IPC_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/* Appends a number: one byte if below 248; else a byte that says how many follow, big-endian. */
void order_add_number(struct buf *order, uint64_t number);

/* Appends a signed number of 64 bits: eight bytes with the sign bit inverted. */
void order_add_integer(struct buf *order, int64_t number);

/* Appends bytes: every 0 in them as 0 255, and 0 1 after them. */
void order_add_bytes(struct buf *order, const void *bytes, size_t len);

/* Less than, equal to or greater than 0, as memcmp(); a prefix comes first. */
int order_compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);

#endif
