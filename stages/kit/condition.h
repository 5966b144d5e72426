/* SPDX-License-Identifier: MIT */
/*
 * condition.h - the conditions of topology/conditions.h, ready to be tried on records
 *
 * What is made of conditions points into them, so they must outlive it.
 */
#ifndef BULKHEAD_STAGES_KIT_CONDITION_H
#define BULKHEAD_STAGES_KIT_CONDITION_H

#include "stages/stage.h"
#include "topology/conditions.h"

/* The reasons of a fault, for kind.reasons. */
#define CONDITION_REASONS &dead_not_utf8, &dead_too_hard

struct condition_matcher;

enum condition_result {
    CONDITION_HOLDS,
    CONDITION_HOLDS_NOT,
    CONDITION_UNKNOWN, /* a text could not be matched with a pattern */
};

/* Why it is unknown. */
struct condition_fault {
    const struct dead_reason *reason;
    size_t field;        /* in the record */
    const char *pattern; /* dead_too_hard: which, as long as the matcher lives */
};

/* Makes a matcher; the caller frees it with condition_matcher_free(). Never NULL. */
struct condition_matcher *condition_matcher_new(const struct conditions *conditions);

/* Frees a matcher; takes NULL. */
void condition_matcher_free(struct condition_matcher *m);

/*
 * Whether any of the sets holds. Of a field without a value no test holds but `exists: false`. Sets
 * are tried in their order, and so are the tests of each, until the first one that decides; only
 * what was tried by then can make the result unknown, and *ret_fault is set only in that case.
 */
enum condition_result condition_try(struct condition_matcher *m, const struct record *record,
                                    struct condition_fault *ret_fault);

/* Sends a record to the dead letters for which a condition is unknown. */
void condition_refuse(const struct condition_fault *fault, const struct record *record,
                      struct emitter *out);

#endif
