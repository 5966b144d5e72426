/* SPDX-License-Identifier: MIT */
#include "stages/host/inlet.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "common/check.h"
#include "common/memory.h"

void inlet_init(struct inlet *i, const struct edge *edge)
{
    *i = (struct inlet){.edge = edge, .expected = 1};
    i->ahead = memory_new(INLET_AHEAD, sizeof *i->ahead);
}

static void drop_first(struct inlet *i)
{
    struct inlet_frame *frame = i->first;
    i->first = frame->next;
    if (i->first == NULL)
        i->last = NULL;
    i->queued_bytes -= frame->len;
    i->reading = i->read = false;
    link_free(frame->bytes, frame->len);
    free(frame);
}

void inlet_done(struct inlet *i)
{
    while (i->first != NULL)
        drop_first(i);
    link_close(i->link);
    i->link = NULL;
    free(i->ahead);
}

void inlet_set_position(struct inlet *i, seq_number position)
{
    REQUIRE(i->first == NULL);
    i->expected = position + 1;
}

/*
 * Drops a seq of which only a part has arrived: the next link sends it from its beginning, perhaps
 * in other parts. Nothing of it was passed on.
 */
static void forget_part(struct inlet *i)
{
    if (i->part == 0)
        return;
    i->part = 0;
    while (i->ahead_count != 0 &&
           i->ahead[i->ahead_first + i->ahead_count - 1].record.seq >= i->expected)
        i->ahead_count--;
    struct inlet_frame **at = &i->first, *last = NULL;
    while (*at != NULL && (*at)->header.first < i->expected) {
        last = *at;
        last->cut_from = i->expected; /* only the last of these frames can reach it */
        at = &last->next;
    }
    if (at == &i->first)
        i->reading = i->read = false;
    for (struct inlet_frame *frame = *at, *next; frame != NULL; frame = next) {
        next = frame->next;
        i->queued_bytes -= frame->len;
        link_free(frame->bytes, frame->len);
        free(frame);
    }
    *at = NULL;
    i->last = last;
}

void inlet_set_link(struct inlet *i, struct link *link)
{
    forget_part(i);
    link_close(i->link);
    i->link = link;
    i->up = false;
    i->ack_sent = 0;
}

bool inlet_has_room(const struct inlet *i)
{
    /* A seq that has arrived in part must be complete before it can be passed on. */
    return i->link != NULL && (i->queued_bytes < INBOX_BYTES_MAX || i->part != 0);
}

seq_number inlet_covered(const struct inlet *i)
{
    return i->expected - 1;
}

/* Whether a frame may be queued. Returns 0, ERR_AGAIN (drop it; no harm done), or an error. */
static int judge(const struct inlet *i, const struct frame_header *header, struct err *e)
{
    if (header->serial != link_id(i->link)->serial)
        return ERR_AGAIN; /* from an older link */
    if (header->edge != i->edge->index)
        return err_set(e, ERR_PROTOCOL, "a frame for edge %u arrived on edge %zu", header->edge,
                       i->edge->index);
    if (header->fingerprint != i->edge->fingerprint)
        return err_set(e, ERR_PROTOCOL,
                       "a frame has contract %016" PRIx64 ", but the edge has %016" PRIx64,
                       header->fingerprint, i->edge->fingerprint);
    if (header->last < i->expected)
        return ERR_AGAIN; /* a replay of what was received before */
    if (header->first > i->expected)
        return err_set(e, ERR_PROTOCOL,
                       "a gap: expected seq %" PRIu64 ", but a frame begins at %" PRIu64,
                       i->expected, header->first);
    if (header->first == i->expected ? header->part != i->part : i->part != 0)
        return err_set(e, ERR_PROTOCOL,
                       "a gap: expected part %" PRIu32 " of seq %" PRIu64 ", but part %" PRIu32
                       " of seq %" PRIu64 " arrived",
                       i->part, i->expected, header->part, header->first);
    return 0;
}

static void enqueue(struct inlet *i, uint8_t *bytes, size_t len, const struct frame_header *header)
{
    struct inlet_frame *frame = memory_new(1, sizeof *frame);
    *frame = (struct inlet_frame){.bytes = bytes,
                                  .len = len,
                                  .header = *header,
                                  .cut_below = i->expected,
                                  .cut_from = UINT64_MAX};
    if (i->last != NULL)
        i->last->next = frame;
    else
        i->first = frame;
    i->last = frame;
    i->queued_bytes += len;
    i->expected = header->last + (header->goes_on ? 0 : 1);
    i->part = !header->goes_on ? 0 : header->first == header->last ? header->part + 1 : 1;
}

int inlet_receive(struct inlet *i, struct err *e)
{
    while (inlet_has_room(i)) {
        uint8_t *bytes;
        size_t len;
        int rc = link_receive(i->link, &bytes, &len, e);
        if (rc != 0)
            return rc == ERR_AGAIN ? 0 : rc;
        struct frame_header header;
        rc = frame_open(bytes, len, &header, e);
        if (rc == 0)
            rc = judge(i, &header, e);
        if (rc == 0) {
            enqueue(i, bytes, len, &header);
            continue;
        }
        link_free(bytes, len);
        i->refused++;
        if (rc != ERR_AGAIN)
            return rc;
    }
    return 0;
}

/* Reads on in the first frame. Returns 0 (no place is left), ERR_END, ERR_PROTOCOL. */
static int read_frame(struct inlet *i, struct err *e)
{
    while (i->ahead_count < INLET_AHEAD) {
        struct inlet_ahead *place = &i->ahead[i->ahead_count];
        int rc = frame_reader_next(&i->reader, place->fields, &place->record, e);
        if (rc != 0)
            return rc;
        if (place->record.seq < i->first->cut_below || place->record.seq >= i->first->cut_from)
            continue;
        place->record.input = (uint32_t)i->edge->input;
        i->ahead_count++;
    }
    return 0;
}

/* A frame is kept until all its records have been popped, because they point into it. */
int inlet_read(struct inlet *i, struct err *e)
{
    REQUIRE(i->ahead_count == 0);
    i->ahead_first = 0;
    while (i->first != NULL && i->ahead_count == 0) {
        if (i->read) {
            drop_first(i);
            continue;
        }
        if (!i->reading)
            frame_reader_init(&i->reader, &i->first->header, i->first->bytes, i->edge->contract,
                              i->edge->ordered);
        i->reading = true;
        int rc = read_frame(i, e);
        i->read = rc == ERR_END;
        if (rc != 0 && rc != ERR_END)
            return rc;
    }
    return 0;
}

void inlet_pop(struct inlet *i)
{
    REQUIRE(i->ahead_count != 0);
    i->ahead_first++;
    i->ahead_count--;
}

int inlet_send_ack(struct inlet *i, seq_number acked, struct err *e)
{
    if (!i->up || acked <= i->ack_sent)
        return 0;
    uint8_t bytes[ACK_BYTES];
    struct ack ack = {
        .edge = (uint32_t)i->edge->index, .serial = link_id(i->link)->serial, .acked = acked};
    ack_encode(&ack, bytes);
    int rc = link_send(i->link, bytes, sizeof bytes, e);
    if (rc == 0)
        i->ack_sent = acked;
    return rc;
}
