/* SPDX-License-Identifier: MIT */
/*
 * stage_topology.h - what one stage is given of its topology
 *
 * The supervisor reads and checks a topology once. A stage process gets the result in one document:
 * the topology's head and types, the stage itself, its edges and the stages at their other ends.
 * Everything in it is resolved: environment variables, settings of the command line, contracts. It
 * has the options of that stage only. The process reads neither the file nor the environment for
 * these again. Format: docs/protocol.md, "What a stage is given".
 */
#ifndef BULKHEAD_TOPOLOGY_STAGE_TOPOLOGY_H
#define BULKHEAD_TOPOLOGY_STAGE_TOPOLOGY_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "topology/graph.h"

/* The version of the format; in the document as `format`. */
#define STAGE_TOPOLOGY_FORMAT 1

/*
 * Appends the document for a stage.
 *
 *   file   the topology file as the user named it, for messages
 *
 * Returns: 0, or ERR_RANGE: it is larger than STAGE_TOPOLOGY_BYTES_MAX.
 */
int stage_topology_pack(const struct topology *topology, const struct stage *stage,
                        const char *file, struct buf *out, struct err *e);

/*
 * Reads the document in the stage process, from bytes that may hold anything. The topology then has
 * its head, its types and the edges of the stage. Its `stages` have the stage itself, with options,
 * and those that it is linked with, without options; all other entries are empty. The kind of
 * another stage is NULL if the program does not have it.
 *
 *   registry   the kinds of the program
 *
 * Ownership: the caller frees *ret_topology with topology_free(); *ret_stage is in it.
 * Returns:   0
 *            ERR_PROTOCOL   it is not a valid document
 *            ERR_MISMATCH   the program lacks the kind, refuses its options, or makes other fields
 *                           from them than the supervisor: the versions of the two differ
 */
int stage_topology_read(const uint8_t *bytes, size_t len, kind_registry registry,
                        struct topology **ret_topology, const struct stage **ret_stage,
                        struct err *e);

#endif
