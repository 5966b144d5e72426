/* SPDX-License-Identifier: MIT */
#include "stages/inlet.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/limits.h"
#include "common/memory.h"

void inlet_init(struct inlet *i, const struct edge *edge)
{
    *i = (struct inlet){.edge = edge, .expected = 1};
}

static void drop_first(struct inlet *i)
{
    struct inlet_frame *frame = i->first;
    i->first = frame->next;
    if (i->first == NULL)
        i->last = NULL;
    i->queued_bytes -= frame->len;
    i->reading = false;
    link_free(frame->bytes, frame->len);
    free(frame);
}

void inlet_done(struct inlet *i)
{
    while (i->first != NULL)
        drop_first(i);
    link_close(i->link);
    i->link = NULL;
}

void inlet_set_position(struct inlet *i, seq_number position)
{
    REQUIRE(i->first == NULL);
    i->expected = position + 1;
}

void inlet_set_link(struct inlet *i, struct link *link)
{
    link_close(i->link);
    i->link = link;
    i->up = false;
    i->ack_sent = 0;
}

bool inlet_has_room(const struct inlet *i)
{
    return i->link != NULL && i->queued_bytes < INBOX_BYTES_MAX;
}

seq_number inlet_covered(const struct inlet *i)
{
    return i->expected - 1;
}

/* What a frame must be to be queued. Returns 0, ERR_AGAIN (not wanted, no harm), or an error. */
static int judge(const struct inlet *i, const struct frame_header *header, struct err *e)
{
    if (header->serial != link_id(i->link)->serial)
        return ERR_AGAIN; /* of an older incarnation */
    if (header->edge != i->edge->index)
        return err_set(e, ERR_PROTOCOL, "a frame for edge %u came on edge %zu", header->edge,
                       i->edge->index);
    if (header->fingerprint != i->edge->fingerprint)
        return err_set(e, ERR_PROTOCOL,
                       "a frame of contract %016" PRIx64 " came where %016" PRIx64 " is agreed",
                       header->fingerprint, i->edge->fingerprint);
    if (header->last < i->expected)
        return ERR_AGAIN; /* a replay of what is here */
    if (header->first > i->expected)
        return err_set(e, ERR_PROTOCOL,
                       "a gap: seq %" PRIu64 " is next, a frame begins at %" PRIu64, i->expected,
                       header->first);
    return 0;
}

static void enqueue(struct inlet *i, uint8_t *bytes, size_t len, const struct frame_header *header)
{
    struct inlet_frame *frame = memory_new(1, sizeof *frame);
    *frame = (struct inlet_frame){
        .bytes = bytes, .len = len, .header = *header, .cut_below = i->expected};
    if (i->last != NULL)
        i->last->next = frame;
    else
        i->first = frame;
    i->last = frame;
    i->queued_bytes += len;
    i->expected = header->last + 1;
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

int inlet_head(struct inlet *i, const struct record **ret_record, struct err *e)
{
    *ret_record = NULL;
    while (!i->has_head && i->first != NULL) {
        if (!i->reading) {
            frame_reader_init(&i->reader, &i->first->header, i->first->bytes, i->edge->contract,
                              i->edge->ordered);
            i->reading = true;
        }
        int rc = frame_reader_next(&i->reader, &i->head, e);
        if (rc == ERR_END) {
            drop_first(i);
        } else if (rc != 0) {
            return rc;
        } else {
            i->head.input = (uint32_t)i->edge->input;
            i->has_head = i->head.seq >= i->first->cut_below;
        }
    }
    if (i->has_head)
        *ret_record = &i->head;
    return 0;
}

void inlet_pop(struct inlet *i)
{
    REQUIRE(i->has_head);
    i->has_head = false;
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
