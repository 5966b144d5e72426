/* SPDX-License-Identifier: MIT */
/*
 * kind.h - the declaration of a kind of stage: what it reads, makes and may do
 *
 * Every kind is one constant of this type in a file of stages/kinds/. The checker and `bulkhead
 * kinds` use it, and a test compares the manual with it. The functions that do the work are next to
 * it in a registry (struct stage_ops, which this folder never looks into).
 */
#ifndef BULKHEAD_TOPOLOGY_KIND_H
#define BULKHEAD_TOPOLOGY_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "topology/kind_check.h"
#include "topology/options.h"
#include "topology/state_change.h"

enum kind_role {
    KIND_SOURCE, /* has no input; numbers its records */
    KIND_STEP,   /* has inputs and outputs; pure: uses no clock, file, socket or randomness */
    KIND_SINK,   /* has inputs and no output; makes its output durable before it acks */
};

/* How the records of a stage may be divided among several workers. */
enum kind_partition {
    KIND_ALONE,  /* not at all: the stage has one worker */
    KIND_ANYHOW, /* each record on its own: the kind has no state */
    KIND_BY_KEY, /* records with the same key to the same worker; needs an option named key */
};

/* What is certain of the field `line` of all records of a kind, so that no sink need check it. */
enum kind_lines {
    KIND_LINES_ANY,  /* nothing */
    KIND_LINES_READ, /* it contains no newline and is not blank */
    KIND_LINES_MADE, /* and no carriage return ends it, and no byte order mark begins it */
};

/* A reason for which records are refused. Its address identifies it. */
struct dead_reason {
    const char *text;    /* as in dead letters: "not-json" */
    const char *meaning; /* for the manual */
};

/* For kind.reasons: DEAD_REASONS(&this, &that). Only at file scope. */
#define DEAD_REASONS(...) ((const struct dead_reason *const[]){__VA_ARGS__, NULL})

struct stage;
struct stage_ops;
struct store_rewrite;
struct store_spec;

struct kind {
    /* For people; `bulkhead kinds` prints it. */
    const char *name;    /* in topologies: "json.decode" */
    const char *summary; /* one line; "name - summary" fits into 80 columns */
    const char *manual;  /* what a user must know, in a few sentences */
    const char *reads;   /* the input contract, in words */
    const char *makes;   /* the output contract, in words */

    /* Where it can be in a graph. */
    enum kind_role role;
    bool internal;      /* a topology cannot use it */
    bool merges;        /* accepts inputs with different contracts */
    bool named_outputs; /* has no main output, only those that kind_check_output() adds */

    /* How its work can be divided, and when it is called apart from records. */
    enum kind_partition partition;
    const char *clock_option; /* the option that names the field for its clock; NULL: it has none */
    bool at_end;              /* has work to do at the end of the input */

    /* What is known of all its records. */
    enum kind_lines lines;
    /* Why it refuses records by its own rules; ends with NULL. NULL: it refuses none. */
    const struct dead_reason *const *reasons;

    /* Its process. */
    const char *program; /* the program with its functions, see stage_program.h; NULL: bulkhead */
    bool takes_stdin;    /* it reads standard input */
    bool takes_stdout;   /* it writes standard output */

    /* Its options in a topology, and what follows from them. */
    const struct option_spec *options; /* ends with a row without a name */

    /*
     * Fills check->out from the input contract and the options. Adds an error to check->diagnostics
     * for everything that does not fit, except consequences of errors that were reported already.
     * After an error the outputs are filled as far as they are known.
     *
     * Leaves what open() and store_spec() need in check->plan: an immutable value that the topology
     * owns and all workers of the stage share (stage.plan). If there are errors, it need not be
     * complete. It may point into the options and the declared types, but not to anything else that
     * check points to. Why: docs/decisions/0022-plan.md.
     */
    void (*derive)(struct kind_check *check);

    /* Frees a plan from derive(), complete or not. NULL: derive() makes none. */
    void (*free_plan)(void *plan);

    /* What a stage of this kind keeps in the state directory. */
    /* Describes the form of its state; NULL for kinds without state. */
    void (*store_spec)(const struct stage *stage, struct store_spec *ret_spec);
    /*
     * Finds out what becomes of a state of another form. Looks at nothing but its arguments.
     *
     *   was     the schema of the state, as store_spec() made it some time, but it may be any text
     *   is      the schema that store_spec() makes now; another text than `was`
     *   left    what earlier changes left (state_change.left); "" at first
     *   change  is empty, and filled in; says and left are the caller's, state_change_done()
     *
     * NULL: every state of another form is lost.
     */
    void (*change_state)(const char *was, const char *is, const char *left,
                         struct state_change *change);
    /*
     * If the state of this kind needs more for that than state_change has, sets the functions that
     * do it. Their context is from malloc(); the caller frees it. NULL: it does not.
     *
     *   stage        as it is now, with the plan
     *   change       what change_state() has made, converted
     *   ret_rewrite  is empty, and may be left so
     */
    void (*rewrite_state)(const struct stage *stage, const struct state_change *change,
                          struct store_rewrite *ret_rewrite);
    uint32_t cursor_magic; /* of its cursor, which begins with its position; 0: it has none */
};

/* Whether a stage of this kind keeps anything: a state or a cursor. */
static inline bool kind_keeps(const struct kind *kind)
{
    return kind->store_spec != NULL || kind->cursor_magic != 0;
}

/* A kind in a program: its declaration, and its functions; NULL if another program has these. */
struct kind_entry {
    const struct kind *kind;
    const struct stage_ops *ops;
};

/* The options that every stage has, whatever its kind; ends with a row without a name. */
extern const struct option_spec kind_common_options[];

/*
 * The keys, of kind_common_options and "from", that have no effect in a stage of this kind and are
 * not allowed there. Ends with NULL. NULL: all are allowed.
 */
const char *const *kind_useless_keys(const struct kind *kind);

/* The kinds of a program; ends with an entry without a kind. */
typedef const struct kind_entry *kind_registry;

/* The kind with this name, or NULL. */
const struct kind *kind_find(kind_registry registry, const char *name);

/* The option with the path of the file that a kind writes; NULL if it has none. */
const struct option_spec *kind_output_option(const struct kind *kind);

/* The functions of a kind. Requires: it is in the registry. */
const struct stage_ops *kind_ops(kind_registry registry, const struct kind *kind);

#endif
