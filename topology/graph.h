/* SPDX-License-Identifier: MIT */
/*
 * graph.h - the checked, immutable graph that a topology file becomes
 *
 * Stages stand in the order of the flow: every stage after all that feed it. Which one reads the
 * input and which one takes the dead letters, topology_source() and topology_dead_letters() say.
 * Edges are numbered from 0; a number names the link in frames, paths and messages. What is in here
 * was proved: every field that a stage reads is made upstream with the type that it needs. Made
 * once by topology_load() (load.h) and never changed.
 */
#ifndef BULKHEAD_TOPOLOGY_GRAPH_H
#define BULKHEAD_TOPOLOGY_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/contract.h"
#include "topology/kind.h"
#include "topology/ports.h"

struct node;

enum durability {
    DURABILITY_HOST,    /* what is acked survives a crash of the host: fsync */
    DURABILITY_PROCESS, /* what is acked survives the death of every process */
};

/* Every topology has a stage of this name: where the dead letters go. */
#define DEAD_LETTERS_STAGE "dead-letters"
#define DEAD_LETTERS_KIND "dead_letter.sink"
/* And the file in the state directory that it writes. */
#define DEAD_LETTERS_FILE "dead-letters.jsonl"

/* The field that holds a record in msgpack. */
#define PACKED_FIELD "packed"

/* The places of the fields of a dead letter's contract. */
enum dead_letter_field {
    DEAD_LETTER_SEQ,
    DEAD_LETTER_LINE,
    DEAD_LETTER_STAGE,
    DEAD_LETTER_REASON,
    DEAD_LETTER_MESSAGE,
    DEAD_LETTER_CONTENT,
    DEAD_LETTER_CONTENT_IS_JSON,
    DEAD_LETTER_FIELDS
};

/*
 * A stage is one process. Where a topology says `workers: 3`, there are three of these, equal but
 * for name and worker.
 */
struct stage {
    char name[STAGE_NAME_BYTES_MAX + 1]; /* "parse", or "parse.2" of several workers */
    char base[NAME_BYTES_MAX + 1];       /* as in the topology: "parse" */
    size_t index;
    size_t worker, workers;  /* 0 of 1 */
    const struct kind *kind; /* in a stage process NULL of a stage whose kind its program has not */
    const struct stage_ops *ops; /* of that kind */
    const struct options *options;
    /*
     * The options as the file has them, with all variables and settings put in, for
     * stage_topology_pack(); NULL of the sink of the dead letters.
     */
    const struct node *resolved;
    enum kind_lines lines; /* what is known of the texts that it makes */
    /*
     * Its records are packed: what of them it could not handle is bytes of msgpack, from its input
     * or in the field PACKED_FIELD, and stands so in a dead letter.
     */
    bool reads_packed;
    const void *plan;           /* what the kind has made of them, see kind.derive; or NULL */
    const struct input *inputs; /* NULL for a source */
    size_t input_count;
    const struct contract *in;    /* of the first input; all have it, but for those of a merge */
    struct contract out;          /* PORT_OUT; empty if the kind has none */
    const struct output *outputs; /* PORT_NAMED and on */
    size_t output_count;
    /*
     * What decides which worker gets a record: the hash of these fields, or, without any, its seq.
     * Keyed stages have them even if there is one worker, because their state lies in key groups.
     */
    const size_t *by;
    size_t by_count;
    int clock_field;           /* whose values move the stage's clock; -1: it has none */
    uint64_t memory_bytes_max; /* private memory of its process; 0: no limit of ours */
    struct place place;
    bool shares; /* what it points to is owned by the first of its workers */
};

/* From one process to another. Those to a stage stand in the order of its inputs. */
struct edge {
    size_t index;
    size_t from; /* stage */
    port_number port;
    size_t to;    /* stage */
    size_t input; /* of that stage */
    /* Whether records carry their order in their seq: where one end is one of several workers. */
    bool ordered;
    const struct contract *contract;
    uint64_t fingerprint;
};

struct topology {
    char name[NAME_BYTES_MAX + 1];
    int64_t version;
    enum durability durability;
    bool marks_end;            /* some stage has something to do at the end of the input */
    uint64_t stall_timeout_ms; /* a stage that is busy with one thing for so long is hung */
    struct named_type *types;
    size_t type_count;
    struct contract dead_letter;
    struct stage *stages;
    size_t stage_count;
    struct edge *edges;
    size_t edge_count;
    struct contract *contracts; /* of the inputs of the one stage of a stage process; else NULL */
};

enum topology_form {
    TOPOLOGY_PROCESSES, /* as many workers as it says */
    TOPOLOGY_LOGICAL,   /* one of each, for the inline host and for drawing */
};

/* Makes the contract of dead letters, in an empty one. */
void topology_make_dead_letter(struct contract *ret_contract);

/* Gives a stage its name, from its base and its worker. */
void stage_set_name(struct stage *stage);

/* Frees a topology; takes NULL. */
void topology_free(struct topology *topology);

/*
 * Whether a stage can do without a record that kills it: it is given its records, and has a way to
 * the dead letters.
 */
bool topology_may_quarantine(const struct topology *topology, size_t stage);

/* The stage that reads the input. A topology has one; no stage stands before it in the flow. */
const struct stage *topology_source(const struct topology *topology);

/* The stage that every topology has: DEAD_LETTERS_STAGE. */
const struct stage *topology_dead_letters(const struct topology *topology);

/* A stage by name, or NULL. */
const struct stage *topology_find_stage(const struct topology *topology, const char *name);

#endif
