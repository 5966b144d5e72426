/* SPDX-License-Identifier: MIT */
#include "stages/kit/source_marks.h"

#include "common/check.h"

void source_marks_done(struct source_marks *m)
{
    seq_queue_done(&m->queue);
}

void source_marks_add(struct source_marks *m, const struct source_mark *mark)
{
    const struct source_mark *last = seq_queue_last(&m->queue);
    REQUIRE(last == NULL || last->seq <= mark->seq);
    m->queue.item_bytes = sizeof *mark;
    *(struct source_mark *)seq_queue_add(&m->queue, mark->seq) = *mark;
}

bool source_marks_find(const struct source_marks *m, seq_number seq, struct source_mark *ret_mark)
{
    size_t passed = seq_queue_until(&m->queue, seq);
    if (passed != 0)
        *ret_mark = *(const struct source_mark *)seq_queue_at(&m->queue, passed - 1);
    return passed != 0;
}

void source_marks_drop(struct source_marks *m, seq_number seq)
{
    seq_queue_drop(&m->queue, seq_queue_until(&m->queue, seq));
}
