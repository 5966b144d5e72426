/* SPDX-License-Identifier: MIT */
/*
 * map_plan.h - the plan of a map: what each field is made of; private to map.c and map_plan.c
 */
#ifndef BULKHEAD_STAGES_KINDS_MAP_PLAN_H
#define BULKHEAD_STAGES_KINDS_MAP_PLAN_H

#include "stages/kit/convert.h"
#include "topology/options.h"

/*
 * What becomes of one field of the input, or, if source is -1, the constant that a field is set to.
 */
struct map_step {
    int source;
    const char *name; /* valid while the plan is made; may belong to the input */
    bool is_named;    /* an option at `place` gives the name */
    struct place place;
    struct type type;
    bool converts;
    struct conversion conversion;
    struct timestamp_form form;
    int64_t round_to; /* 0: not rounded */
    enum rounding round_mode;
    struct value constant;
};

/* What each field of the output is made of, in order. */
struct map_plan {
    size_t count; /* FIELDS_MAX at most if the plan is good */
    struct map_step steps[2 * FIELDS_MAX];
};

/*
 * Makes the plan of a map from its options and its input, and adds all errors.
 *
 *   in    fields may be missing or in doubt
 *   plan  must be zeroed; borrows texts of the options and names of in
 *
 * Returns: whether the plan is good. If not, it holds what is known about the fields, so that
 * errors about the output can still be found.
 */
bool map_plan_make(const struct options *options, const struct contract *in, struct diagnostics *d,
                   struct map_plan *plan);

#endif
