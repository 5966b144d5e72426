/* SPDX-License-Identifier: MIT */
/*
 * start_view.h - what a start would make of a topology and its state, for people to read
 *
 * start_examine() (start.h) makes it, and `bulkhead plan` prints it.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_START_VIEW_H
#define BULKHEAD_SUPERVISOR_RUN_START_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/value.h"

/*
 * What becomes of a stage. value, name in JSON
 *
 * A stage that is lost has a state that cannot continue, and is an error in the report.
 */
#define START_BECOMES_LIST(X)                                                                      \
    X(START_GOES_ON, "goes on")                                                                    \
    X(START_CONVERTED, "converted")                                                                \
    X(START_BEGINS, "begins")                                                                      \
    X(START_BEGINS_AGAIN, "begins again")                                                          \
    X(START_LOST, "lost")                                                                          \
    X(START_REMOVED, "removed")

enum start_becomes {
#define X(value, name) value,
    START_BECOMES_LIST(X)
#undef X
};

struct start_view_stage {
    char *name; /* as the topology has it, or had it */
    char *was;  /* its former name; NULL if it keeps its name or is new */
    char *kind;
    enum start_becomes becomes;
    bool keeps;          /* the kind keeps a position or a state */
    bool has_state;      /* the kind keeps a state */
    seq_number at;       /* its first record; 0: not known before it is stopped */
    char *changes;       /* "lateness was 14d, is 30d"; "" if nothing has changed */
    char *conversion;    /* what becomes of its state; "" if nothing is to be said */
    char *output;        /* the file that it writes; NULL if it writes none */
    bool output_changes; /* what it writes may differ from what the former version wrote */
};

struct start_version {
    struct digest id;
    int64_t number;   /* 0: it has none */
    seq_number first; /* the first record that it decides; 0: not known */
};

struct start_view {
    char *state_path;                /* the state directory */
    bool is_first;                   /* there is no state yet */
    bool running;                    /* as given to start_examine() */
    bool refused;                    /* there are errors, so this will not be */
    struct start_version was, is;    /* was.id is "" if none is known */
    bool was_is_unused;              /* it has decided no record, so the new one replaces it */
    struct start_view_stage *stages; /* those of the topology in its order, then those removed */
    size_t stage_count;
};

/* Appends the plan as text for people. */
void start_view_write(const struct start_view *view, const char *topology, struct buf *out);

/* Appends the plan as one JSON object, described in docs/protocol.md. */
void start_view_write_json(const struct start_view *view, const char *topology, struct buf *out);

/* Frees what it holds. */
void start_view_done(struct start_view *view);

#endif
