/* SPDX-License-Identifier: MIT */
/*
 * check_p.h - the checker from inside; private to load.c and check_*.c
 *
 * load.c calls the parts in this order:
 *
 *   check_head.c     reads the head
 *   check_types.c    reads `types:`
 *   check_stages.c   reads the names and kinds of stages, and what feeds what
 *   check_flow.c     proves, along the flow, what every stage reads and makes; with check_inputs.c,
 *                    check_workers.c and check_renames.c
 *   check_graph.c    turns the result into the graph
 */
#ifndef BULKHEAD_TOPOLOGY_CHECK_P_H
#define BULKHEAD_TOPOLOGY_CHECK_P_H

#include "topology/graph.h"
#include "topology/node.h"
#include "topology/options_read.h"

/* One input of a stage, as written in the file. */
struct draft_input {
    const struct node *node;            /* the scalar: "route.vip" */
    int from;                           /* index of a draft; -1 if there is no such stage */
    char port_name[NAME_BYTES_MAX + 1]; /* "" for the main output */
    int port;                           /* -1 while it is unknown */
};

struct draft_stage {
    const char *name;
    struct place place;
    const struct node *map;  /* NULL if its value is not a map */
    const struct kind *kind; /* NULL if there is no such kind */
    struct draft_input *inputs;
    size_t input_count;
    bool main_read; /* another stage reads its main output */
    bool dead_read; /* another stage reads its dead letters */
    bool placed;    /* it is in the order already */
    bool derived;   /* its outputs are known */
    struct options *options;
    struct contract out;
    struct output *outputs;
    bool *output_read; /* for each of them, whether another stage reads it */
    size_t output_count;
    bool outputs_open; /* there may be others that are unknown because of errors */
    bool reads_packed; /* see struct stage */
    void *plan;        /* see kind.derive */
};

struct checker {
    struct diagnostics *diagnostics;
    size_t errors_before; /* their count before the check */
    kind_registry registry;
    enum topology_form form;
    char *directory;
    struct topology *topology;
    bool types_failed; /* some types under types: could not be read */
    bool connected;    /* every from: is present and valid */
    struct draft_stage *drafts;
    size_t draft_count;
    size_t order[STAGES_MAX]; /* of the flow: a stage comes after all that feed it */
    size_t order_count;
    struct place stages_place;
};

/* --- check_head.c --- */

/* Reads all top-level keys except `types:` and `stages:`. */
void check_head(struct checker *c, const struct node *root);

/* Whether the head has an unknown key that probably means this one. */
bool check_head_misspelt(const struct node *root, const char *key);

/* --- check_types.c --- */

/* Reads `types:` into the topology. */
void check_types(struct checker *c, const struct node *root);

/* --- check_stages.c --- */

/* The keys of a stage that are not options; ends with NULL. */
extern const char *const check_stage_others[];

/* Reads the names and kinds under `stages:` and what feeds what. Finds the order of the flow. */
void check_stages(struct checker *c, const struct node *root);

/* --- check_inputs.c --- */

/* Finds the outputs that the inputs of a stage name, once the stages that feed it are derived. */
void check_inputs_resolve(struct checker *c, const struct draft_stage *draft);

/*
 * Adds an error for every input with other fields than the first one that is known. Returns whether
 * all have the same.
 */
bool check_inputs_fit(struct checker *c, const struct draft_stage *draft);

/*
 * The combined contract of inputs that do not fit together. Any of them may be corrected to match
 * another, so it has the fields of all, and none of them is certain.
 */
void check_inputs_mix(const struct checker *c, const struct draft_stage *draft,
                      struct contract *ret_mix);

/* The contract of an input; NULL if it is not known. */
const struct contract *check_input_contract(const struct checker *c,
                                            const struct draft_input *input);

/*
 * Appends the flow from the source to a stage, by the first input of each: "loads -> parse ->
 * once". If a stage on it makes the field, also appends where it was lost.
 */
void check_explain_field(const void *checker, const char *stage, const char *field,
                         struct buf *out);

/* --- check_workers.c --- */

/* How many workers a stage has. Requires: its options are valid. */
size_t check_workers(const struct checker *c, const struct draft_stage *draft);

/* Adds an error for every invalid use of `workers:`, `by:` and `key:`. in: NULL for a source. */
void check_partition(struct checker *c, const struct draft_stage *draft, const struct contract *in);

/* Adds an error if the stages have too many workers in all. */
void check_process_count(struct checker *c);

/* --- check_renames.c --- */

/* Adds an error for every `renamed_from:` that names no former stage. */
void check_renames(struct checker *c);

/* --- check_flow.c --- */

/* Reads the options of every stage along the flow, and derives its outputs from its inputs. */
void check_flow(struct checker *c);

/* --- check_graph.c --- */

/* Moves the checked drafts into the topology. Requires: there was no error. */
void check_build_graph(struct checker *c);

#endif
