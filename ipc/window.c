/* SPDX-License-Identifier: MIT */
#include "ipc/window.h"

#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "common/check.h"
#include "common/err.h"
#include "common/memory.h"

void window_init(struct window *w, seq_number acked)
{
    *w = (struct window){.acked = acked, .pushed = acked};
}

static struct window_frame *frame_at(const struct window *w, size_t i)
{
    return &w->frames[(w->head + i) % w->capacity];
}

void window_done(struct window *w)
{
    for (size_t i = 0; i < w->count; i++)
        buf_done(&frame_at(w, i)->bytes);
    for (size_t i = 0; i < w->spare_count; i++)
        buf_done(&w->spares[i]);
    free(w->frames);
    *w = (struct window){0};
}

static void grow(struct window *w)
{
    size_t capacity = w->capacity != 0 ? 2 * w->capacity : 16;
    struct window_frame *frames = memory_new(capacity, sizeof *frames);
    for (size_t i = 0; i < w->count; i++)
        frames[i] = *frame_at(w, i);
    free(w->frames);
    w->frames = frames;
    w->capacity = capacity;
    w->head = 0;
}

static void spare(struct window *w, struct buf *bytes)
{
    buf_reset(bytes);
    if (w->spare_count < WINDOW_SPARES_MAX && bytes->capacity <= 4 * FRAME_BYTES_TARGET)
        w->spares[w->spare_count++] = *bytes;
    else
        buf_done(bytes);
}

/* Frees the frames that are wholly acked. */
static void drop_acked(struct window *w)
{
    while (w->count > 0 && frame_at(w, 0)->last <= w->acked) {
        w->bytes -= frame_at(w, 0)->bytes.len;
        spare(w, &frame_at(w, 0)->bytes);
        w->head = (w->head + 1) % w->capacity;
        w->count--;
        w->sent -= w->sent > 0 ? 1 : 0;
    }
}

void window_push_take(struct window *w, struct buf *bytes, seq_number first, seq_number last,
                      bool goes_on)
{
    REQUIRE(first == w->pushed + 1);
    REQUIRE(last >= first);
    if (w->count == w->capacity)
        grow(w);
    struct window_frame *frame = frame_at(w, w->count);
    *frame = (struct window_frame){
        .bytes = *bytes, .first = first, .last = last, .continues = w->goes_on};
    *bytes = w->spare_count > 0 ? w->spares[--w->spare_count] : (struct buf){0};
    w->count++;
    w->bytes += frame->bytes.len;
    w->pushed = goes_on ? last - 1 : last;
    w->goes_on = goes_on;
    drop_acked(w);
}

void window_ack(struct window *w, seq_number seq)
{
    if (seq <= w->acked)
        return;
    w->acked = seq;
    drop_acked(w);
}

int window_rewind(struct window *w, seq_number expected)
{
    /* Without frames, everything acked is gone; with frames, everything below the oldest one. */
    seq_number oldest = (w->acked > w->pushed ? w->pushed : w->acked) + 1;
    if (w->count > 0) /* the beginning of its first seq may have been in a removed frame */
        oldest = frame_at(w, 0)->first + (frame_at(w, 0)->continues ? 1 : 0);
    if (expected < oldest)
        return ERR_PROTOCOL;
    w->sent = 0;
    while (w->sent < w->count && frame_at(w, w->sent)->last < expected)
        w->sent++;
    return 0;
}

struct window_frame *window_next(struct window *w)
{
    return w->sent < w->count ? frame_at(w, w->sent) : NULL;
}

void window_sent(struct window *w)
{
    REQUIRE(w->sent < w->count);
    w->sent++;
}
