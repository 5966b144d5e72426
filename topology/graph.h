/* SPDX-License-Identifier: MIT */
/*
 * graph.h - the checked, immutable graph that a topology file becomes
 *
 * Stages are in the order of the flow: every stage comes after all that feed it. topology_source()
 * and topology_dead_letters() find the one that reads the input and the one that gets the dead
 * letters. Edges are numbered from 0; the number identifies the link in frames, paths and messages.
 * The graph is proved: every field that a stage reads is made upstream with the type that it needs.
 * topology_load() (load.h) makes it once, and it never changes.
 */
#ifndef BULKHEAD_TOPOLOGY_GRAPH_H
#define BULKHEAD_TOPOLOGY_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/contract.h"
#include "topology/kind.h"
#include "topology/ports.h"
#include "topology/timeline.h"

struct node;

enum durability {
    DURABILITY_HOST,    /* acked records survive a crash of the host: everything is synced */
    DURABILITY_PROCESS, /* acked records survive the death of every process */
};

/* Every topology has a stage of this name and kind, which gets the dead letters. */
#define DEAD_LETTERS_STAGE "dead-letters"
#define DEAD_LETTERS_KIND "dead_letter.sink"
/* The file in the state directory that it writes. */
#define DEAD_LETTERS_FILE "dead-letters.jsonl"

/* The field that holds a record in msgpack. */
#define PACKED_FIELD "packed"

/* The indexes of the fields in the contract of dead letters. */
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
 * A stage is one process. Where a topology has `workers: 3`, there are three of these, which differ
 * only in name, index and worker.
 */
struct stage {
    char name[STAGE_NAME_BYTES_MAX + 1]; /* "parse", or "parse.2" if it has several workers */
    char base[NAME_BYTES_MAX + 1];       /* as in the topology: "parse" */
    size_t index;                        /* in topology.stages */
    size_t worker, workers;              /* its number, from 0, and how many there are */
    const struct kind *kind; /* NULL in a stage process if its program lacks the kind of a peer */
    const struct stage_ops *ops; /* of that kind */
    const struct options *options;
    /*
     * The options as in the file, with variables and settings applied, for stage_topology_pack().
     * NULL for the sink of the dead letters.
     */
    const struct node *resolved;
    enum kind_lines lines; /* what is known of the lines that it makes */
    /*
     * Whether its records are packed. Content that it could not handle is then msgpack, from its
     * input or the field PACKED_FIELD, and dead letters contain it as such.
     */
    bool reads_packed;
    const void *plan; /* what the kind derived from the options, see kind.derive; or NULL */
    const struct input *inputs; /* NULL for a source */
    size_t input_count;
    const struct contract *in;    /* of the first input; only a merge has others too */
    struct contract out;          /* PORT_OUT; empty if the kind has none */
    const struct output *outputs; /* the named ones, from PORT_NAMED on */
    size_t output_count;
    /*
     * The fields whose hash decides which worker gets a record; without any, its seq does. Keyed
     * stages have them even with one worker, because their state is divided into key groups.
     */
    const size_t *by;
    size_t by_count;
    int clock_field;           /* the field that moves the clock of the stage; -1: none */
    uint64_t memory_bytes_max; /* private memory of its process; 0: we set no limit */
    struct place place;        /* of its name in the file */
    const char *renamed_from;  /* its former name, in its options; NULL: it has none */
    bool shares;               /* the first of its workers owns what it points to */
};

/* From one process to another. The edges to a stage are in the order of its inputs. */
struct edge {
    size_t index;
    size_t from;      /* index of the sending stage */
    port_number port; /* of the sending stage */
    size_t to;        /* index of the receiving stage */
    size_t input;     /* of the receiving stage */
    bool ordered;     /* records carry their order in their seq: an end has several workers */
    const struct contract *contract;
    uint64_t fingerprint;
};

struct topology {
    char name[NAME_BYTES_MAX + 1];
    int64_t version;          /* the number of the revision; 0: it has none */
    struct timeline timeline; /* of the run that it is part of; empty before a start */
    enum durability durability;
    bool marks_end;            /* some stage has work to do at the end of the input */
    uint64_t stall_timeout_ms; /* how long a stage may be busy with one thing before it is hung */
    struct named_type *types;
    size_t type_count;
    struct contract dead_letter;
    struct stage *stages;
    size_t stage_count;
    struct edge *edges;
    size_t edge_count;
    struct contract *contracts; /* in a stage process, of the inputs of its stage; else NULL */
    /*
     * The whole file, with variables and settings applied, for resolved_write(). NULL in a stage
     * process.
     */
    const struct node *resolved;
};

enum topology_form {
    TOPOLOGY_PROCESSES, /* as many workers as the topology says */
    TOPOLOGY_LOGICAL,   /* one worker for each stage, for the inline host and for drawing */
};

/* Fills an empty contract with the fields of dead letters. */
void topology_make_dead_letter(struct contract *ret_contract);

/* Sets the name of a stage from its base and worker. */
void stage_set_name(struct stage *stage);

/* Frees a topology. Accepts NULL. */
void topology_free(struct topology *topology);

/*
 * Whether records of a stage can be quarantined: it gets its records from others, and has a way to
 * the dead letters.
 */
bool topology_may_quarantine(const struct topology *topology, size_t stage);

/* The stage that reads the input. A topology has exactly one, and no stage is upstream of it. */
const struct stage *topology_source(const struct topology *topology);

/* The stage DEAD_LETTERS_STAGE, which every topology has. */
const struct stage *topology_dead_letters(const struct topology *topology);

/* The stage with a name, or NULL. */
const struct stage *topology_find_stage(const struct topology *topology, const char *name);

#endif
