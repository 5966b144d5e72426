/* SPDX-License-Identifier: MIT */
/*
 * map_plan.h - what a map makes of each field; private to map.c and map_plan.c
 */
#ifndef BULKHEAD_STAGES_KINDS_MAP_PLAN_H
#define BULKHEAD_STAGES_KINDS_MAP_PLAN_H

#include "stages/kit/convert.h"
#include "topology/options.h"

/* What becomes of one field of the input, or, if source is -1, what a field is set to. */
struct map_step {
    int source;
    const char *name; /* while the plan is made, as it may be that of the input */
    bool is_named;    /* by an option, at this place */
    struct place place;
    struct type type;
    bool converts;
    struct conversion conversion;
    struct timestamp_form form;
    int64_t round_to; /* 0: it is not rounded */
    enum rounding round_mode;
    struct value constant;
};

struct map_plan {
    size_t count; /* FIELDS_MAX at most, if it is good */
    struct map_step steps[2 * FIELDS_MAX];
};

/*
 * Makes the plan of a map from its options and its input, and adds all errors.
 *
 *   in    fields may be missing or in doubt
 *   plan  must be zeroed; it borrows texts of the options, and names of in
 *
 * Returns: whether it is good. If not, it has what is known of the fields, for what can still be
 *          said of the output.
 */
bool map_plan_make(const struct options *options, const struct contract *in, struct diagnostics *d,
                   struct map_plan *plan);

#endif
