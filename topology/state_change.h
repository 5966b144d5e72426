/* SPDX-License-Identifier: MIT */
/*
 * state_change.h - what becomes of the state of a stage that is now wanted in another form
 *
 * A kind fills this in (kind.change_state) from what the store was written for and what the
 * topology wants. Who asks, and why so: docs/decisions/0031-change-of-state.md.
 */
#ifndef BULKHEAD_TOPOLOGY_STATE_CHANGE_H
#define BULKHEAD_TOPOLOGY_STATE_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"

/* In the order of how bad they are. */
enum state_verdict {
    STATE_GOES_ON,   /* it is what the topology wants */
    STATE_CONVERTED, /* it can be written again in the new form */
    STATE_LOST,      /* it must be discarded, or the topology must be as it was */
};

struct state_change {
    enum state_verdict verdict;
    /*
     * One clause for each change, joined by "; ": "lateness was 14d, is 30d: windows that are open
     * stay open for longer". Printable. Empty if the state goes on, or only its owner was renamed.
     */
    struct buf says;
    /*
     * What the state then still holds of things that are no longer used: "periods=week". Includes
     * what earlier changes left, so it replaces that. Empty if there is nothing, or the state is
     * lost.
     */
    struct buf left;
    /* How a conversion changes the entries. */
    int64_t shift_ns;    /* added to the expiry of every entry that expires */
    bool shifts_clock;   /* and to the clock of the store */
    bool forgets_expiry; /* entries never expire any more */
};

/* Frees what a change holds, and leaves it empty: the state goes on. */
void state_change_done(struct state_change *change);

/* Adds a clause, and the verdict if it is worse than what was found before. */
void state_change_add(struct state_change *change, enum state_verdict verdict, const char *format,
                      ...) __attribute__((format(printf, 3, 4)));

#endif
