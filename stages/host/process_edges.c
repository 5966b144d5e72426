/* SPDX-License-Identifier: MIT */
/*
 * The links of a stage process: what its inlets receive, the order in which the stage is given
 * that, and what its outlets send.
 */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "ipc/order.h"
#include "stages/host/process_host_p.h"
#include "topology/partition.h"

void host_open_edges(struct host *h)
{
    const struct topology *t = h->config->topology;
    h->inlets = memory_new(t->edge_count, sizeof *h->inlets);
    h->outlets = memory_new(t->edge_count, sizeof *h->outlets);
    h->poll_fds = memory_new(3 + 2 * t->edge_count, sizeof *h->poll_fds);
    for (size_t i = 0; i < t->edge_count; i++) {
        if (t->edges[i].to == h->config->stage->index)
            inlet_init(&h->inlets[h->inlet_count++], &t->edges[i]);
        if (t->edges[i].from != h->config->stage->index)
            continue;
        struct outlet *o = &h->outlets[h->outlet_count++];
        outlet_init(o, &t->edges[i]);
        o->quiet = strcmp(t->stages[t->edges[i].to].base, DEAD_LETTERS_STAGE) == 0;
    }
}

void host_close_edges(struct host *h)
{
    for (size_t i = 0; i < h->inlet_count; i++)
        inlet_done(&h->inlets[i]);
    for (size_t i = 0; i < h->outlet_count; i++)
        outlet_done(&h->outlets[i]);
    free(h->inlets);
    free(h->outlets);
    free(h->poll_fds);
}

/* Gives up a link that cannot be trusted; the supervisor makes a new one. */
static int give_up_inlet(struct host *h, struct inlet *in)
{
    uint64_t serial = link_id(in->link)->serial;
    inlet_set_link(in, NULL);
    return host_tell_failed(h, (uint32_t)in->edge->index, serial);
}

static int give_up_outlet(struct host *h, struct outlet *o)
{
    uint64_t serial = link_id(o->link)->serial;
    outlet_disconnect(o);
    return host_tell_failed(h, (uint32_t)o->edge->index, serial);
}

int host_receive_all(struct host *h)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < h->outlet_count; i++) {
        if (outlet_receive_acks(&h->outlets[i], &h->e) != 0)
            rc = give_up_outlet(h, &h->outlets[i]);
    }
    for (size_t i = 0; rc == 0 && i < h->inlet_count; i++) {
        struct inlet *in = &h->inlets[i];
        if (in->link != NULL && inlet_receive(in, &h->e) != 0) {
            host_die_of_receipt(h, in);
            rc = give_up_inlet(h, in);
        }
    }
    return rc;
}

int host_send(struct host *h, struct outlet *o)
{
    return outlet_send(o, &h->e) == 0 ? 0 : give_up_outlet(h, o);
}

int host_ack_upstream(struct host *h)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && h->positioned && i < h->inlet_count; i++) {
        int ack_rc = inlet_send_ack(&h->inlets[i], h->committed, &h->e);
        if (ack_rc != 0 && ack_rc != ERR_AGAIN)
            rc = give_up_inlet(h, &h->inlets[i]);
    }
    return rc;
}

void host_on_emit(void *host, port_number port, const struct record *record)
{
    struct host *h = host;
    const struct stage *stages = h->config->topology->stages;
    bool is_data = record->kind == RECORD_DATA;
    size_t dealt_to = 0;
    for (size_t i = 0; i < h->outlet_count; i++) {
        struct outlet *o = &h->outlets[i];
        const struct stage *to = &stages[o->edge->to];
        if (o->edge->port != port)
            continue;
        if (to->worker == 0 && is_data)
            dealt_to = partition_worker(to, record);
        if (to->worker == dealt_to || !is_data)
            outlet_add(o, record, to->clock_field);
        else if (to->clock_field >= 0)
            outlet_add_tick(o, record, to->clock_field);
        h->made_room |= o->made_room;
    }
}

seq_number host_covered(const struct host *h)
{
    seq_number least = UINT64_MAX;
    for (size_t i = 0; i < h->inlet_count; i++) {
        if (inlet_covered(&h->inlets[i]) < least)
            least = inlet_covered(&h->inlets[i]);
    }
    return least;
}

/*
 * Whether a record comes before another: by seq, then by input, then by its order within the seq,
 * which only the workers of one stage need. An end is the last of its seq.
 */
static bool comes_before(const struct record *a, const struct record *b)
{
    if (a->seq != b->seq)
        return a->seq < b->seq;
    if ((a->kind == RECORD_END) != (b->kind == RECORD_END))
        return b->kind == RECORD_END;
    if (a->input != b->input)
        return a->input < b->input;
    return order_compare(a->order, a->order_len, b->order, b->order_len) < 0;
}

/* Reads what an inlet has received, and announces it to the stage. */
static int read_inlet(struct host *h, size_t index)
{
    struct inlet *in = &h->inlets[index];
    int rc = inlet_read(in, &h->e);
    struct record *record;
    for (size_t i = 0; rc == 0 && (record = inlet_peek(in, i)) != NULL; i++)
        runner_announce(&h->runner, record, index * INLET_AHEAD + i);
    return rc;
}

int host_next_inlet(struct host *h, seq_number limit, struct inlet **ret_inlet,
                    const struct record **ret_record)
{
    *ret_inlet = NULL;
    for (size_t i = 0; i < h->inlet_count; i++) {
        struct inlet *in = &h->inlets[i];
        int rc = inlet_is_read_out(in) ? read_inlet(h, i) : 0;
        if (rc != 0)
            return rc;
        const struct record *record = inlet_peek(in, 0);
        if (record == NULL || record->seq > limit ||
            (*ret_inlet != NULL && !comes_before(record, *ret_record)))
            continue;
        *ret_inlet = in;
        *ret_record = record;
    }
    return 0;
}
