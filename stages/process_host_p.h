/* SPDX-License-Identifier: MIT */
/*
 * process_host_p.h - a stage process from inside; private to process_*.c
 *
 * process_control.c is what is said between the stage and its supervisor, and what links come of
 * it; process_host.c is the turn of the loop. All of it is one struct with one owner.
 */
#ifndef BULKHEAD_STAGES_PROCESS_HOST_P_H
#define BULKHEAD_STAGES_PROCESS_HOST_P_H

#include "ipc/control.h"
#include "stages/inlet.h"
#include "stages/outlet.h"
#include "stages/process_host.h"
#include "stages/runner.h"

struct host {
    const struct process_host_config *config;
    struct status_page *page;
    struct runner runner;
    struct inlet *inlets;
    size_t inlet_count;
    struct outlet *outlets;
    size_t outlet_count;
    bool positioned;
    seq_number processed;
    seq_number committed;
    uint64_t committed_at_ms;
    bool at_end; /* a source has read all there is, or was told to stop reading */
    bool done_said;
    bool stopping;
    struct err e;
};

/* Says something to the supervisor; if it is gone, h->stopping is set. Returns 0 or ERR_IO. */
int host_tell(struct host *h, const struct control_message *message);

/* Says why the stage cannot go on, when a restart would not help. */
void host_refuse(struct host *h);

/* All up to position is done; every record behind it is still to come. Returns 0 or ERR_IO. */
int host_take_position(struct host *h, seq_number position);

/* The least seq that all peers downstream have acked; UINT64_MAX without any. */
seq_number host_least_peer_acked(const struct host *h);

/* Whether every peer downstream has said in this life what it acked. */
bool host_all_peers_known(const struct host *h);

/*
 * Takes all messages that have come from the supervisor.
 * Returns: 0, ERR_MISMATCH (a peer wants what is gone), ERR_PROTOCOL, ERR_IO.
 */
int host_hear_supervisor(struct host *h);

/* Reports a link that cannot be trusted, for the reason in h->e; the supervisor makes a new one. */
int host_give_up_link(struct host *h, uint32_t edge, uint64_t serial);

#endif
