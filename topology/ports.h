/* SPDX-License-Identifier: MIT */
/*
 * ports.h - where records enter and leave a stage
 */
#ifndef BULKHEAD_TOPOLOGY_PORTS_H
#define BULKHEAD_TOPOLOGY_PORTS_H

#include <stdint.h>

#include "common/bounds.h"
#include "common/contract.h"

/* The outputs of a stage by number. Those with names of their own begin at PORT_NAMED. */
typedef uint32_t port_number;
enum {
    PORT_OUT,
    PORT_DEAD, /* for records that the kind refuses, and for quarantined ones */
    PORT_NAMED,
};

/* One input of a stage, in the order of its `from:`. */
struct input {
    char from[2 * NAME_BYTES_MAX + 2]; /* as written: "route.vip" */
    const struct contract *contract;
};

/* An output with a name of its own. */
struct output {
    char name[NAME_BYTES_MAX + 1];
    struct contract contract;
};

#endif
