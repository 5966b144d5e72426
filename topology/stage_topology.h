/* SPDX-License-Identifier: MIT */
/*
 * stage_topology.h - what one stage is given of its topology
 *
 * The supervisor reads and checks a topology once. A stage process gets what was made of it in one
 * document: the topology's head and types, itself, its edges and the stages at their other ends.
 * Everything in it is resolved: variables of the environment, settings of the command line,
 * contracts. It holds the options of that one stage and of no other. The process reads neither the
 * file nor the environment for it again. Format: docs/protocol.md, "What a stage is given".
 */
#ifndef BULKHEAD_TOPOLOGY_STAGE_TOPOLOGY_H
#define BULKHEAD_TOPOLOGY_STAGE_TOPOLOGY_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "topology/graph.h"

/* Of the format; in the document as `format`. */
#define STAGE_TOPOLOGY_FORMAT 1

/*
 * Appends what a stage is given.
 *
 *   file   the topology file as the user named it, for messages
 *
 * Returns: 0, or ERR_RANGE: it would be larger than STAGE_TOPOLOGY_BYTES_MAX.
 */
int stage_topology_pack(const struct topology *topology, const struct stage *stage,
                        const char *file, struct buf *out, struct err *e);

/*
 * Reads it in the stage process, from bytes that may hold anything. Of the topology are there: its
 * head, types and edges of the stage; and of `stages` the stage itself, with options and all, and
 * those that it is linked with, without options. Other places in `stages` are empty. The kind of
 * another stage is NULL if the program does not have it.
 *
 *   registry   the kinds of the program
 *
 * Ownership: the caller frees *ret_topology with topology_free(); *ret_stage is in it.
 * Returns:   0
 *            ERR_PROTOCOL   no document of this form
 *            ERR_MISMATCH   the program has no such kind, refuses its options, or makes other
 *                           fields of them than the supervisor says: it is another version
 */
int stage_topology_read(const uint8_t *bytes, size_t len, kind_registry registry,
                        struct topology **ret_topology, const struct stage **ret_stage,
                        struct err *e);

#endif
