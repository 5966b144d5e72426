/* SPDX-License-Identifier: MIT */
/*
 * graph.h - the checked, immutable graph that a topology file becomes
 *
 * Stages stand in the order of the flow: every stage behind all that feed it, the sink of the
 * dead letters last. Edges are numbered from 0; a number names the link in frames, paths and
 * messages. What is in here was proved: every field that a stage reads is made upstream with the
 * type that it needs. Made once by topology_load() and never changed.
 */
#ifndef BULKHEAD_TOPOLOGY_GRAPH_H
#define BULKHEAD_TOPOLOGY_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/contract.h"
#include "topology/kind.h"

enum durability {
    DURABILITY_HOST,    /* what is acked survives a crash of the host: fsync */
    DURABILITY_PROCESS, /* what is acked survives the death of every process */
};

enum port {
    PORT_OUT,
    PORT_DEAD, /* of what the kind refuses, and, of any stage, of records that kill it */
};

/* Every topology has a stage of this name: where the dead letters go. */
#define DEAD_LETTERS_STAGE "dead-letters"
#define DEAD_LETTERS_KIND "dead_letter.sink"

/* The places of the fields of a dead letter's contract. */
enum dead_letter_field {
    DEAD_LETTER_STAGE,
    DEAD_LETTER_REASON,
    DEAD_LETTER_MESSAGE,
    DEAD_LETTER_CONTENT,
    DEAD_LETTER_CONTENT_IS_JSON,
    DEAD_LETTER_FIELDS
};

struct stage {
    char name[NAME_BYTES_MAX + 1];
    size_t index;
    const struct kind *kind;
    const struct options *options;
    const struct contract *in; /* NULL for a source */
    struct contract out;
    uint64_t memory_bytes_max; /* private memory of its process; 0: no limit of ours */
    struct place place;
};

struct edge {
    size_t index;
    size_t from; /* stage */
    enum port port;
    size_t to; /* stage */
    const struct contract *contract;
    uint64_t fingerprint;
};

struct topology {
    char name[NAME_BYTES_MAX + 1];
    int64_t version;
    enum durability durability;
    uint64_t stall_timeout_ms; /* a stage that is busy with one thing for so long is hung */
    struct named_type *types;
    size_t type_count;
    struct contract dead_letter;
    struct stage *stages;
    size_t stage_count;
    struct edge *edges;
    size_t edge_count;
};

/*
 * Reads and checks a topology.
 *
 *   file      as the user named it, for messages and ${TOPOLOGY_DIR}
 *   text      its content; needed only during the call
 *   registry  the kinds there are
 *   d         must have been started with file and text; takes all errors. Its settings, if it
 *             has some, override what the text says
 *
 * Ownership: the caller frees *ret_topology with topology_free().
 * Returns:   0, or ERR_INVALID with at least one error added to d.
 */
int topology_load(const char *file, const char *text, size_t len, kind_registry registry,
                  struct diagnostics *d, struct topology **ret_topology);

/* Frees a topology; takes NULL. */
void topology_free(struct topology *topology);

/*
 * Whether a stage can do without a record that kills it: it is given its records, and has a way to
 * the dead letters.
 */
bool topology_may_quarantine(const struct topology *topology, size_t stage);

/* A stage by name, or NULL. */
const struct stage *topology_find_stage(const struct topology *topology, const char *name);

#endif
