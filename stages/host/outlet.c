/* SPDX-License-Identifier: MIT */
#include "stages/host/outlet.h"

#include "common/bounds.h"
#include "common/check.h"
#include "common/clock.h"

void outlet_init(struct outlet *o, const struct edge *edge)
{
    *o = (struct outlet){.edge = edge, .time_sent = INT64_MIN};
    frame_builder_init(&o->builder, (uint32_t)edge->index, edge->contract, edge->fingerprint,
                       edge->ordered);
    window_init(&o->window, 0);
}

void outlet_done(struct outlet *o)
{
    link_close(o->link);
    o->link = NULL;
    frame_builder_done(&o->builder);
    window_done(&o->window);
}

void outlet_set_position(struct outlet *o, seq_number position)
{
    window_init(&o->window, position);
    window_ack(&o->window, o->peer_acked);
    frame_builder_start(&o->builder, position + 1);
    o->made_room = false;
}

void outlet_connect_take(struct outlet *o, struct link *link, seq_number acked, seq_number expected)
{
    link_close(o->link);
    o->link = link;
    o->peer_known = true;
    o->peer_expected = expected;
    if (acked > o->peer_acked)
        o->peer_acked = acked;
    window_ack(&o->window, o->peer_acked);
}

void outlet_disconnect(struct outlet *o)
{
    link_close(o->link);
    o->link = NULL;
}

int outlet_rewind(struct outlet *o)
{
    return window_rewind(&o->window, o->peer_expected);
}

/*
 * Makes room for more when the frame under construction is large enough. If the new record begins a
 * seq, the frame is closed before it; otherwise the seq continues in the next frame.
 */
static void make_room(struct outlet *o, seq_number seq)
{
    seq_number first = o->builder.first;
    if (o->builder.previous_seq < seq) {
        outlet_flush(o, seq - 1);
    } else {
        (void)frame_builder_finish_part(&o->builder);
        window_push_take(&o->window, &o->builder.bytes, first, seq, true);
        frame_builder_go_on(&o->builder);
    }
    o->made_room = true;
}

static void add(struct outlet *o, const struct record *record)
{
    if (o->builder.bytes.len >= FRAME_BYTES_TARGET && o->builder.record_count != 0)
        make_room(o, record->seq);
    frame_builder_add(&o->builder, record);
}

void outlet_add(struct outlet *o, const struct record *record, int clock_field)
{
    if (record->kind == RECORD_DATA && clock_field >= 0 &&
        record->fields[clock_field].integer > o->time_sent)
        o->time_sent = record->fields[clock_field].integer;
    add(o, record);
}

void outlet_add_tick(struct outlet *o, const struct record *record, int clock_field)
{
    int64_t time = record->fields[clock_field].integer;
    if (time <= o->time_sent)
        return;
    o->time_sent = time;
    struct record tick = {.seq = record->seq,
                          .position = record->position,
                          .kind = RECORD_TICK,
                          .time = time,
                          .order = record->order,
                          .order_len = record->order_len};
    add(o, &tick);
}

bool outlet_is_ripe(const struct outlet *o, seq_number done)
{
    return o->builder.bytes.len >= FRAME_BYTES_TARGET || o->made_room ||
           done - o->builder.first + 1 >= FRAME_SEQS_MAX;
}

bool outlet_has_unflushed(const struct outlet *o, seq_number done)
{
    /* A frame that ends in the middle of a seq, because space ran out, waits for the rest of it. */
    return o->builder.first <= done && o->builder.previous_seq <= done;
}

void outlet_flush(struct outlet *o, seq_number done)
{
    if (!outlet_has_unflushed(o, done))
        return;
    o->made_room = false;
    seq_number first = o->builder.first;
    o->flushed_at_us = clock_monotonic_us();
    frame_builder_finish(&o->builder, done);
    window_push_take(&o->window, &o->builder.bytes, first, done, false);
    frame_builder_start(&o->builder, done + 1);
}

bool outlet_is_full(const struct outlet *o)
{
    return o->window.bytes >= WINDOW_BYTES_MAX;
}

bool outlet_has_unsent(struct outlet *o)
{
    return o->link != NULL && window_next(&o->window) != NULL;
}

int outlet_send(struct outlet *o, struct err *e)
{
    struct window_frame *frame;
    while (o->link != NULL && (frame = window_next(&o->window)) != NULL) {
        /* After a restart this stage may be behind its peer, and make again what the peer has. */
        if (frame->last >= o->peer_expected) {
            frame_stamp(frame->bytes.data, link_id(o->link)->serial);
            int rc = link_send(o->link, frame->bytes.data, frame->bytes.len, e);
            if (rc != 0)
                return rc == ERR_AGAIN ? 0 : rc;
        }
        window_sent(&o->window);
    }
    return 0;
}

static int take_ack(struct outlet *o, const uint8_t *bytes, size_t len, struct err *e)
{
    struct ack ack;
    int rc = ack_decode(bytes, len, &ack, e);
    if (rc == 0 && ack.serial != link_id(o->link)->serial)
        rc = ERR_AGAIN; /* from an older link, and late: dropped and counted */
    if (rc == 0 && ack.edge != o->edge->index)
        rc = err_set(e, ERR_PROTOCOL, "an ack for edge %u arrived on edge %zu", ack.edge,
                     o->edge->index);
    if (rc != 0) {
        o->refused++;
        return rc == ERR_AGAIN ? 0 : rc;
    }
    if (ack.acked > o->peer_acked) {
        o->peer_acked = ack.acked;
        window_ack(&o->window, ack.acked);
    }
    return 0;
}

int outlet_receive_acks(struct outlet *o, struct err *e)
{
    while (o->link != NULL) {
        uint8_t *bytes;
        size_t len;
        int rc = link_receive(o->link, &bytes, &len, e);
        if (rc != 0)
            return rc == ERR_AGAIN ? 0 : rc;
        rc = take_ack(o, bytes, len, e);
        link_free(bytes, len);
        if (rc != 0)
            return rc;
    }
    return 0;
}
