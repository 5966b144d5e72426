/* SPDX-License-Identifier: MIT */
#include "stages/kit/source_marks.h"

#include <stdlib.h>

#include "common/check.h"
#include "common/memory.h"

void source_marks_done(struct source_marks *m)
{
    free(m->items);
    *m = (struct source_marks){0};
}

void source_marks_add(struct source_marks *m, const struct source_mark *mark)
{
    REQUIRE(m->count == 0 || m->items[(m->head + m->count - 1) % m->capacity].seq <= mark->seq);
    if (m->count == m->capacity) {
        size_t capacity = m->capacity != 0 ? 2 * m->capacity : 64;
        struct source_mark *items = memory_new(capacity, sizeof *items);
        for (size_t i = 0; i < m->count; i++)
            items[i] = m->items[(m->head + i) % m->capacity];
        free(m->items);
        m->items = items;
        m->capacity = capacity;
        m->head = 0;
    }
    m->items[(m->head + m->count++) % m->capacity] = *mark;
}

bool source_marks_find(const struct source_marks *m, seq_number seq, struct source_mark *ret_mark)
{
    size_t passed = 0;
    while (passed < m->count && m->items[(m->head + passed) % m->capacity].seq <= seq)
        passed++;
    if (passed != 0)
        *ret_mark = m->items[(m->head + passed - 1) % m->capacity];
    return passed != 0;
}

void source_marks_drop(struct source_marks *m, seq_number seq)
{
    while (m->count > 0 && m->items[m->head].seq <= seq) {
        m->head = (m->head + 1) % m->capacity;
        m->count--;
    }
}
