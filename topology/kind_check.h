/* SPDX-License-Identifier: MIT */
/*
 * kind_check.h - one stage under check: what is known of it, and what a kind asks and says
 */
#ifndef BULKHEAD_TOPOLOGY_KIND_CHECK_H
#define BULKHEAD_TOPOLOGY_KIND_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/contract.h"
#include "topology/diagnostics.h"
#include "topology/options.h"
#include "topology/ports.h"

struct named_type {
    char name[NAME_BYTES_MAX + 1];
    struct contract contract;
};

/*
 * Appends to an error about a field that a stage reads and does not get: the way that it should
 * have come, and where it was lost.
 */
typedef void explain_field(const void *arg, const char *stage, const char *field, struct buf *out);

/* What is known of a stage while its options are read, and while it says what it makes. */
struct kind_check {
    struct diagnostics *diagnostics;
    const char *directory;          /* ${TOPOLOGY_DIR} */
    const struct named_type *types; /* of the topology */
    size_t type_count;
    bool types_failed;  /* some could not be read: do not complain of missing ones */
    const char *stage;  /* its name */
    struct place place; /* of its name, for errors about the whole */
    /* Of the first input; NULL for a source. Fields may be missing (open), types may be in doubt.
     */
    const struct contract *in;
    const char *from; /* what feeds it first, as written; "" for a source */
    explain_field *explain_field;
    const void *explain_arg;

    /* For derive() only. */
    const struct input *inputs; /* all of them */
    size_t input_count;
    /*
     * Checked against the declaration. There may be errors: what is bad may be absent, empty, or
     * have no text and the number -1.
     */
    const struct options *options;
    struct contract *out;   /* to be filled; stays empty for a sink, and without a main output */
    struct output *outputs; /* those with names, see kind_check_output() */
    size_t output_count;
    bool outputs_open;    /* there may be others, which errors have hidden */
    bool reads_packed;    /* what it cannot handle is a packed record: see struct stage */
    void *plan;           /* see kind.derive; NULL: none */
    size_t errors_before; /* that diagnostics had before the check of the topology */
};

/*
 * The place of a field in the input that an option names; -1 with the error added at place, or
 * silently if the input is not known. option is the option's name.
 */
int kind_check_find_field(const struct kind_check *check, const char *name, struct place place,
                          const char *option);

/*
 * For derive(): whether there is no error so far, in the options of this stage or anywhere else. If
 * there is one, no stage will be opened, and no plan is needed.
 */
bool kind_check_is_good(const struct kind_check *check);

/*
 * For derive(): whether the input has the field with one of the tags in mask (1u << tag); adds
 * the error if not. ret_index may be NULL.
 */
bool kind_check_needs(struct kind_check *check, const char *field, unsigned tag_mask,
                      int *ret_index);

/*
 * For derive(): whether the field that an option names has one of the tags; adds the error at the
 * option's place if not.
 */
bool kind_check_field_tag(struct kind_check *check, const struct option_value *option, int field,
                          struct place place, unsigned tag_mask);

/*
 * For derive() of a kind with named_outputs: adds an output; fill its contract, which the next call
 * may move. NULL, with the error added, if the name is none or taken.
 */
struct contract *kind_check_output(struct kind_check *check, const char *name, struct place place);

/* For derive(): adds a field to the output, or the error that it cannot be added. */
void kind_check_makes(struct kind_check *check, const char *field, struct type type,
                      struct place place);

/* The tags of a mask in words: "string or bytes". ret_text has room for 96 bytes. */
const char *kind_check_tags_text(unsigned tag_mask, char ret_text[96]);

#endif
