/* SPDX-License-Identifier: MIT */
/*
 * The conversation between the supervisor and this stage, and the links that it sets up. A link
 * takes four messages: listen, listening (with the position), dial, dialed.
 */
#include <inttypes.h>
#include <stdio.h>

#include "stages/host/process_host_p.h"

static struct inlet *find_inlet(struct host *h, uint32_t edge)
{
    for (size_t i = 0; i < h->inlet_count; i++) {
        if (h->inlets[i].edge->index == edge)
            return &h->inlets[i];
    }
    return NULL;
}

static struct outlet *find_outlet(struct host *h, uint32_t edge)
{
    for (size_t i = 0; i < h->outlet_count; i++) {
        if (h->outlets[i].edge->index == edge)
            return &h->outlets[i];
    }
    return NULL;
}

int host_tell(struct host *h, const struct control_message *message)
{
    int rc = control_send(STAGE_FD_CONTROL, message, &h->e);
    if (rc == ERR_END)
        h->stopping = true;
    else if (rc == ERR_AGAIN)
        return err_set(&h->e, ERR_IO, "the supervisor does not read its control messages");
    return rc == ERR_END ? 0 : rc;
}

int host_tell_failed(struct host *h, uint32_t edge, uint64_t serial)
{
    struct control_message message = {
        .kind = CTL_STAGE_LINK_FAILED, .edge = edge, .serial = serial, .want = h->e.want};
    (void)snprintf(message.text, sizeof message.text, "%s", h->e.text);
    return host_tell(h, &message);
}

void host_refuse(struct host *h, enum control_kind kind)
{
    struct control_message message = {.kind = kind};
    (void)err_name_stage(&h->e, h->config->stage->base);
    (void)snprintf(message.text, sizeof message.text, "%s", h->e.text);
    (void)host_tell(h, &message);
}

int host_take_position(struct host *h, seq_number position)
{
    runner_complete(&h->runner, position);
    h->committed = position;
    for (size_t i = 0; i < h->inlet_count; i++)
        inlet_set_position(&h->inlets[i], position);
    for (size_t i = 0; i < h->outlet_count; i++)
        outlet_set_position(&h->outlets[i], position);
    h->positioned = true;
    struct control_message message = {.kind = CTL_STAGE_POSITIONED, .acked = position};
    return host_tell(h, &message);
}

seq_number host_least_peer_acked(const struct host *h)
{
    seq_number least = UINT64_MAX;
    for (size_t i = 0; i < h->outlet_count; i++) {
        if (h->outlets[i].peer_acked < least)
            least = h->outlets[i].peer_acked;
    }
    return least;
}

bool host_all_peers_known(const struct host *h)
{
    for (size_t i = 0; i < h->outlet_count; i++) {
        if (!h->outlets[i].peer_known)
            return false;
    }
    return true;
}

static int rewind_outlet(struct host *h, struct outlet *o)
{
    if (outlet_rewind(o) == 0)
        return 0;
    const struct stage *peer = &h->config->topology->stages[o->edge->to];
    return err_set(&h->e, ERR_MISMATCH,
                   "stage '%s' continues at seq %" PRIu64 ", but '%s' has discarded everything up "
                   "to %" PRIu64 ": their states do not belong together; restore the state "
                   "directory as a whole",
                   peer->name, o->peer_expected, h->config->stage->name, o->window.pushed);
}

static struct link_id id_of(const struct control_message *m)
{
    return (struct link_id){.edge = m->edge,
                            .from_generation = m->from_generation,
                            .to_generation = m->to_generation,
                            .serial = m->serial};
}

static int on_listen(struct host *h, const struct control_message *m)
{
    struct inlet *inlet = find_inlet(h, m->edge);
    if (inlet == NULL || !h->positioned)
        return err_set(&h->e, ERR_PROTOCOL, "the supervisor sent an unexpected listen for edge %u",
                       m->edge);
    struct link_id id = id_of(m);
    struct link *link;
    if (link_listen(STAGE_FD_LINKS, &id, &link, &h->e) != 0)
        return host_tell_failed(h, m->edge, m->serial);
    inlet_set_link(inlet, link);
    struct control_message hello = {.kind = CTL_STAGE_LINK_LISTENING,
                                    .edge = m->edge,
                                    .serial = m->serial,
                                    .acked = h->committed,
                                    .expected = inlet->expected};
    return host_tell(h, &hello);
}

static int on_dial(struct host *h, const struct control_message *m)
{
    struct outlet *outlet = find_outlet(h, m->edge);
    if (outlet == NULL)
        return err_set(&h->e, ERR_PROTOCOL, "the supervisor sent an unexpected dial for edge %u",
                       m->edge);
    struct link_id id = id_of(m);
    struct link *link;
    if (link_dial(STAGE_FD_LINKS, &id, &link, &h->e) != 0)
        return host_tell_failed(h, m->edge, m->serial);
    outlet_connect_take(outlet, link, m->acked, m->expected);
    struct control_message dialed = {
        .kind = CTL_STAGE_LINK_DIALED, .edge = m->edge, .serial = m->serial};
    int rc = 0;
    if (h->runner.ops->peer_has != NULL && m->furthest > 0)
        rc = h->runner.ops->peer_has(h->runner.self,
                                     h->config->topology->stages[outlet->edge->to].name,
                                     m->furthest - 1, &h->e);
    if (rc == 0)
        rc = host_tell(h, &dialed);
    if (rc != 0)
        return rc;
    if (h->positioned)
        return rewind_outlet(h, outlet);
    if (!host_all_peers_known(h))
        return 0;
    rc = host_take_position(h, host_least_peer_acked(h));
    for (size_t i = 0; rc == 0 && i < h->outlet_count; i++)
        rc = rewind_outlet(h, &h->outlets[i]);
    return rc;
}

static void on_close(struct host *h, const struct control_message *m)
{
    struct inlet *inlet = find_inlet(h, m->edge);
    struct outlet *outlet = find_outlet(h, m->edge);
    if (inlet != NULL && inlet->link != NULL && link_id(inlet->link)->serial == m->serial)
        inlet_set_link(inlet, NULL);
    if (outlet != NULL && outlet->link != NULL && link_id(outlet->link)->serial == m->serial)
        outlet_disconnect(outlet);
}

static int on_settle(struct host *h)
{
    int rc = runner_settle(&h->runner, &h->e);
    struct control_message settled = {.kind = CTL_STAGE_SETTLED};
    return rc == 0 ? host_tell(h, &settled) : rc;
}

static int on_control(struct host *h, const struct control_message *m)
{
    struct inlet *inlet;
    switch (m->kind) {
    case CTL_SUPERVISOR_LINK_LISTEN:
        return on_listen(h, m);
    case CTL_SUPERVISOR_LINK_DIAL:
        return on_dial(h, m);
    case CTL_SUPERVISOR_LINK_UP:
        inlet = find_inlet(h, m->edge);
        if (inlet != NULL && inlet->link != NULL && link_id(inlet->link)->serial == m->serial)
            inlet->up = true;
        return 0;
    case CTL_SUPERVISOR_LINK_CLOSE:
        on_close(h, m);
        return 0;
    case CTL_SUPERVISOR_DRAIN:
        if (h->runner.ops->drain != NULL)
            h->runner.ops->drain(h->runner.self);
        else
            h->at_end = true;
        return 0;
    case CTL_SUPERVISOR_STOP:
        h->stopping = true;
        return 0;
    case CTL_SUPERVISOR_ASK_ALL:
        h->all_asked = m->serial;
        return 0;
    case CTL_SUPERVISOR_SETTLE:
        return on_settle(h);
    case CTL_SUPERVISOR_PING:
        return host_tell(h, &(struct control_message){.kind = CTL_STAGE_PONG, .serial = m->serial});
    default:
        return err_set(&h->e, ERR_PROTOCOL, "the supervisor sent an unexpected %s",
                       control_kind_name(m->kind));
    }
}

int host_hear_supervisor(struct host *h)
{
    while (!h->stopping) {
        struct control_message message;
        int rc = control_receive(STAGE_FD_CONTROL, &message, &h->e);
        if (rc == ERR_AGAIN)
            return 0;
        if (rc == ERR_END) {
            h->stopping = true;
            return 0;
        }
        if (rc == 0)
            rc = on_control(h, &message);
        if (rc != 0)
            return rc;
    }
    return 0;
}
