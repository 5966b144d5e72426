/* SPDX-License-Identifier: MIT */
/*
 * check_p.h - the checker from inside; private to load.c and check_*.c
 *
 * load.c goes through the parts in this order: check_head.c reads the head, check_types.c `types:`,
 * check_stages.c the stages' names and kinds and what feeds what, check_flow.c proves along the
 * flow what every stage reads and makes (with check_inputs.c and check_workers.c), check_graph.c
 * turns what was proved into the graph.
 */
#ifndef BULKHEAD_TOPOLOGY_CHECK_P_H
#define BULKHEAD_TOPOLOGY_CHECK_P_H

#include "topology/graph.h"
#include "topology/node.h"
#include "topology/options_read.h"

/* One place that a stage takes records from, as the file says it. */
struct draft_input {
    const struct node *node;            /* the scalar: "route.vip" */
    int from;                           /* index of a draft; -1 if there is no such stage */
    char port_name[NAME_BYTES_MAX + 1]; /* "" for the main output */
    int port;                           /* -1 as long as it is not known */
};

struct draft_stage {
    const char *name;
    struct place place;
    const struct node *map;  /* NULL if what stands there is no map */
    const struct kind *kind; /* NULL if there is no such kind */
    struct draft_input *inputs;
    size_t input_count;
    bool main_read; /* somebody reads its main output */
    bool dead_read; /* and its dead letters */
    bool placed;    /* is in the order already */
    bool derived;   /* what it makes is known */
    struct options *options;
    struct contract out;
    struct output *outputs;
    bool *output_read; /* for each of them */
    size_t output_count;
    bool outputs_open; /* errors may hide some of them */
    bool reads_packed; /* see struct stage */
    void *plan;        /* see kind.derive */
};

struct checker {
    struct diagnostics *diagnostics;
    size_t errors_before; /* that these had before */
    kind_registry registry;
    enum topology_form form;
    char *directory;
    struct topology *topology;
    bool types_failed; /* what stands under types: could not all be read */
    bool connected;    /* every from: is there and good */
    struct draft_stage *drafts;
    size_t draft_count;
    size_t order[STAGES_MAX]; /* of the flow: a stage stands behind all that feed it */
    size_t order_count;
    struct place stages_place;
};

/* --- check_head.c --- */

/* Reads all that stands at the top but `types:` and `stages:`. */
void check_head(struct checker *c, const struct node *root);

/* Whether the head has an unknown key that most likely means this one. */
bool check_head_misspelt(const struct node *root, const char *key);

/* --- check_types.c --- */

/* Reads `types:` into the topology. */
void check_types(struct checker *c, const struct node *root);

/* --- check_stages.c --- */

/* The keys of a stage that are not options; ends with NULL. */
extern const char *const check_stage_others[];

/* Reads `stages:`: names, kinds, what feeds what; finds the order of the flow. */
void check_stages(struct checker *c, const struct node *root);

/* --- check_inputs.c --- */

/* Finds the outputs that the inputs of a stage name, now that it is known what feeds it. */
void check_inputs_resolve(struct checker *c, const struct draft_stage *draft);

/*
 * Adds an error for every input that does not bring the same as the first one that is known.
 * Returns whether all do.
 */
bool check_inputs_fit(struct checker *c, const struct draft_stage *draft);

/*
 * What comes of inputs that do not fit: any of them may be mended to be as any other, so the
 * fields of all are there, and none of them is certain.
 */
void check_inputs_mix(const struct checker *c, const struct draft_stage *draft,
                      struct contract *ret_mix);

/* The contract of what an input brings; NULL if it is not known. */
const struct contract *check_input_contract(const struct checker *c,
                                            const struct draft_input *input);

/*
 * The way from the source to a stage, by the first input of each: "loads -> parse -> once"; and, if
 * a stage on it makes the field, where it got lost. Appends to out.
 */
void check_explain_field(const void *checker, const char *stage, const char *field,
                         struct buf *out);

/* --- check_workers.c --- */

/* How many workers a stage is spread out to. Requires: its options are good. */
size_t check_workers(const struct checker *c, const struct draft_stage *draft);

/* Adds an error for what cannot be of `workers:`, `by:` and `key:`. in: NULL for a source. */
void check_partition(struct checker *c, const struct draft_stage *draft, const struct contract *in);

/* Adds an error if all workers of all stages are too many. */
void check_process_count(struct checker *c);

/* --- check_flow.c --- */

/* Reads the options of every stage along the flow, and what it makes of its inputs. */
void check_flow(struct checker *c);

/* --- check_graph.c --- */

/* Takes the checked drafts over into the topology. Called only when there was no error. */
void check_build_graph(struct checker *c);

#endif
