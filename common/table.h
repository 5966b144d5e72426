/* SPDX-License-Identifier: MIT */
/*
 * table.h - a table of text that fits into a terminal of 80 columns
 *
 * A column is as wide as its widest cell. If that makes lines of more than 80 columns, long first
 * cells, which are names, get lines of their own. If that is not enough, the columns move closer.
 */
#ifndef BULKHEAD_COMMON_TABLE_H
#define BULKHEAD_COMMON_TABLE_H

#include "common/buf.h"

#define TABLE_COLUMNS_MAX 9u

struct table {
    unsigned column_count, left_count;
    struct buf cells; /* row by row, each ended by a NUL */
};

/* Begins a table. Its first left_count columns are left-aligned, the others, of numbers, right. */
void table_init(struct table *t, unsigned column_count, unsigned left_count);

/* Adds the next cell, in ASCII, from left to right and row by row. */
void table_add(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds several cells, up to a NULL. */
void table_add_texts(struct table *t, const char *const *texts);

/* Writes all rows and frees the table. Requires: the last row is complete. */
void table_write(struct table *t, struct buf *out);

#endif
