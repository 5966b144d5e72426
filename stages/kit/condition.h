/* SPDX-License-Identifier: MIT */
/*
 * condition.h - the conditions of topology/conditions.h, compiled to be tried on records
 *
 * A matcher points into the conditions it was made from. They must outlive it.
 */
#ifndef BULKHEAD_STAGES_KIT_CONDITION_H
#define BULKHEAD_STAGES_KIT_CONDITION_H

#include "stages/stage.h"
#include "topology/conditions.h"

/* The reasons that condition_refuse() may give, for kind.reasons. */
#define CONDITION_REASONS &dead_not_utf8, &dead_too_hard

struct condition_matcher;

/* The result of trying conditions on a record. */
enum condition_result {
    CONDITION_HOLDS,
    CONDITION_HOLDS_NOT,
    CONDITION_UNKNOWN, /* a pattern could not be tried on a text */
};

/* Why a result is CONDITION_UNKNOWN. */
struct condition_fault {
    const struct dead_reason *reason;
    size_t field;        /* the field that could not be matched, as its place in the record */
    const char *pattern; /* with dead_too_hard: the pattern; valid as long as the matcher */
};

/*
 * Makes a matcher. Never returns NULL. Ownership: the caller frees it with
 * condition_matcher_free().
 */
struct condition_matcher *condition_matcher_new(const struct conditions *conditions);

/* Frees a matcher. Does nothing if m is NULL. */
void condition_matcher_free(struct condition_matcher *m);

/*
 * Returns whether any of the sets holds. For a field without a value, no test holds except `exists:
 * false`.
 *
 * Sets are tried in order, and so are the tests of each set, up to the first one that decides. Only
 * tests that were tried can make the result unknown. *ret_fault is set only in that case.
 */
enum condition_result condition_try(struct condition_matcher *m, const struct record *record,
                                    struct condition_fault *ret_fault);

/* Sends a record whose condition is unknown to the dead letters. */
void condition_refuse(const struct condition_fault *fault, const struct record *record,
                      struct emitter *out);

#endif
