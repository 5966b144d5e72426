/* SPDX-License-Identifier: MIT */
/*
 * kind.h - the declaration of a kind of stage: what it takes, what it makes, what it may do
 *
 * Every kind is one constant of this type in a file of stages/kinds/. The checker and `bulkhead
 * kinds` are made from it, and the manual is compared with it. The functions that do the work stand
 * beside it in a registry (struct stage_ops, which this folder never looks into).
 */
#ifndef BULKHEAD_TOPOLOGY_KIND_H
#define BULKHEAD_TOPOLOGY_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "topology/kind_check.h"
#include "topology/options.h"

enum kind_role {
    KIND_SOURCE, /* no input; numbers its records */
    KIND_STEP,   /* inputs and outputs; pure: sees no clock, file, socket, randomness */
    KIND_SINK,   /* inputs, no output; makes its output safe before it acks */
};

/* How the records of a stage may be dealt out to several workers. */
enum kind_partition {
    KIND_ALONE,  /* not at all */
    KIND_ANYHOW, /* each record by itself: it has no state */
    KIND_BY_KEY, /* those with one key to one worker; needs an option named key */
};

/* What is sure of the field `line` of all that a kind makes, so that no sink need look for it. */
enum kind_lines {
    KIND_LINES_ANY,  /* nothing */
    KIND_LINES_READ, /* no newline is in it, and it is not blank */
    KIND_LINES_MADE, /* nor does anything else come before or behind it that is no part of a line */
};

/* Why records are refused. Its address is what it is known by. */
struct dead_reason {
    const char *text;    /* as it stands in dead letters: "not-json" */
    const char *meaning; /* for the manual */
};

/* For kind.reasons: DEAD_REASONS(&this, &that). In a file's scope only. */
#define DEAD_REASONS(...) ((const struct dead_reason *const[]){__VA_ARGS__, NULL})

struct stage;
struct stage_ops;
struct store_spec;

struct kind {
    /* For people; `bulkhead kinds` prints it. */
    const char *name;    /* in topologies: "json.decode" */
    const char *summary; /* one line; "name - summary" fits into 80 columns */
    const char *manual;  /* what a user must know, a few sentences */
    const char *reads;   /* the input contract, in words */
    const char *makes;   /* the output contract, in words */

    /* Where it can stand in a graph. */
    enum kind_role role;
    bool internal;      /* cannot be written in a topology */
    bool merges;        /* takes inputs of different contracts */
    bool named_outputs; /* has no main output, but such as kind_check_output() makes */

    /* How its work can be shared out, and what it is called for but for records. */
    enum kind_partition partition;
    const char *clock_option; /* of the field that moves its clock; NULL: it has none */
    bool at_end;              /* has something to do at the end of the input */

    /* What is known of all that it makes. */
    enum kind_lines lines;
    /* Why it refuses records by its own rules; ends with NULL. NULL: it refuses none. */
    const struct dead_reason *const *reasons;

    /* Its process, and what that is given of the supervisor's. */
    const char *program; /* that has its functions, see stage_program.h; NULL: bulkhead itself */
    bool takes_stdin;    /* it reads the standard input */
    bool takes_stdout;   /* it writes the standard output */

    /* What is written of a stage in a topology, and what follows from it. */
    const struct option_spec *options; /* ends with a row without a name */

    /*
     * Fills check->out from the input contract and the options, and adds an error to
     * check->diagnostics for everything that does not fit, but for what follows from an error that
     * was told already. What it makes is then said as far as it is known.
     *
     * What it works out for open() and store_spec() it leaves in check->plan: a value that nobody
     * changes any more, that the topology owns, and that all workers of the stage share
     * (stage.plan). Where there are errors it need not be complete. It may point into the options
     * and the declared types; nothing else that check points to lives on.
     * Why: docs/decisions/0022-plan.md.
     */
    void (*derive)(struct kind_check *check);

    /* Frees a plan that derive() has made, complete or not. NULL: it makes none. */
    void (*free_plan)(void *plan);

    /* What is kept of a stage. */
    /* Says what its state looks like; NULL for kinds without state. */
    void (*store_spec)(const struct stage *stage, struct store_spec *ret_spec);
    uint32_t cursor_magic; /* of its cursor, which begins with its position; 0: it has none */
};

/* Whether something is kept of a stage of this kind, its state or its cursor. */
static inline bool kind_keeps(const struct kind *kind)
{
    return kind->store_spec != NULL || kind->cursor_magic != 0;
}

/* A kind in a program: its declaration, and the functions that do its work; NULL if another program
 * has them. */
struct kind_entry {
    const struct kind *kind;
    const struct stage_ops *ops;
};

/* The options that every stage has, whatever its kind; ends with a row without a name. */
extern const struct option_spec kind_common_options[];

/*
 * The keys of a stage that one of this kind cannot have, because they have no use in it: of
 * kind_common_options, and "from". Ends with NULL; NULL: it can have them all.
 */
const char *const *kind_useless_keys(const struct kind *kind);

/* The kinds of a program; ends with an entry without a kind. */
typedef const struct kind_entry *kind_registry;

/* The kind with this name, or NULL. */
const struct kind *kind_find(kind_registry registry, const char *name);

/* The option that names the file that a kind writes: a kind has one at most. NULL: none. */
const struct option_spec *kind_output_option(const struct kind *kind);

/* The functions of a kind that is in the registry. */
const struct stage_ops *kind_ops(kind_registry registry, const struct kind *kind);

#endif
