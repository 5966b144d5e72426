/* SPDX-License-Identifier: MIT */
#include "common/table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/check.h"

#define LINE_COLUMNS_MAX 80u
#define GAP_COLUMNS 2u
#define GAP_COLUMNS_LEAST 1u
#define CELL_BYTES_MAX 256u

void table_init(struct table *t, unsigned column_count, unsigned left_count)
{
    REQUIRE(column_count > 0 && column_count <= TABLE_COLUMNS_MAX && left_count <= column_count);
    *t = (struct table){.column_count = column_count, .left_count = left_count};
}

void table_add(struct table *t, const char *format, ...)
{
    char cell[CELL_BYTES_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(cell, sizeof cell, format, args);
    va_end(args);
    buf_add(&t->cells, cell, strlen(cell) + 1);
}

void table_add_texts(struct table *t, const char *const *texts)
{
    for (; *texts != NULL; texts++)
        table_add(t, "%s", *texts);
}

/*
 * The width of each column. The first one is limited by the room, but as wide as its head. Returns
 * the gap between two columns.
 */
static size_t measure(const struct table *t, size_t *widths)
{
    const char *cell = (const char *)t->cells.data, *end = cell + t->cells.len;
    size_t head = cell != end ? strlen(cell) : 0;
    for (unsigned column = 0; cell < end; column = (column + 1) % t->column_count) {
        size_t len = strlen(cell);
        widths[column] = len > widths[column] ? len : widths[column];
        cell += len + 1;
    }
    size_t others = 0, gap = GAP_COLUMNS, gaps = t->column_count - 1;
    for (unsigned i = 1; i < t->column_count; i++)
        others += widths[i];
    if (head + others + gaps * gap > LINE_COLUMNS_MAX)
        gap = GAP_COLUMNS_LEAST;
    others += gaps * gap;
    size_t room = others < LINE_COLUMNS_MAX ? LINE_COLUMNS_MAX - others : 0;
    if (widths[0] > room)
        widths[0] = room > head ? room : head;
    return gap;
}

void table_write(struct table *t, struct buf *out)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    size_t gap = measure(t, widths);
    const char *cell = (const char *)t->cells.data, *end = cell + t->cells.len;
    for (unsigned column = 0; cell < end; column = (column + 1) % t->column_count) {
        int width = (int)widths[column];
        bool last = column + 1 == t->column_count;
        if (column != 0)
            buf_add_format(out, "%*s", (int)gap, "");
        if (column == 0 && strlen(cell) > widths[0])
            buf_add_format(out, "%s\n%*s", cell, width, "");
        else if (column < t->left_count)
            buf_add_format(out, "%-*s", last ? 0 : width, cell);
        else
            buf_add_format(out, "%*s", width, cell);
        if (last)
            buf_add_byte(out, '\n');
        cell += strlen(cell) + 1;
    }
    buf_done(&t->cells);
}
