/* SPDX-License-Identifier: MIT */
/*
 * kind_check.h - one stage under check: what is known of it, and what its kind asks and adds
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
 * Continues the text of an error about a field that a stage reads but does not get. Appends the
 * flow by which the field should have come, and the stage that lost it.
 *
 *   arg    kind_check.explain_arg
 *   stage  the stage that reads the field
 *   out    the text of the error so far
 *
 * kind_check_needs() calls this; a kind need not.
 */
typedef void explain_field(const void *arg, const char *stage, const char *field, struct buf *out);

/* What is known of a stage while its options are read and its outputs are derived. */
struct kind_check {
    struct diagnostics *diagnostics;
    const char *directory;          /* ${TOPOLOGY_DIR} */
    const struct named_type *types; /* of the topology */
    size_t type_count;
    bool types_failed;  /* some types could not be read: a missing one is not an error */
    const char *stage;  /* its name */
    struct place place; /* of its name, for errors about the whole stage */
    /* Of the first input; NULL for a source. May lack fields (open), and types may be in doubt. */
    const struct contract *in;
    const char *from; /* its first input, as written; "" for a source */
    explain_field *explain_field;
    const void *explain_arg;

    /* For derive() only. */
    const struct input *inputs; /* all of them */
    size_t input_count;
    /*
     * Checked against the declaration. If there are errors, a bad option may be absent or empty, or
     * have no text and the number -1.
     */
    const struct options *options;
    struct contract *out;   /* to be filled; stays empty for a sink and without a main output */
    struct output *outputs; /* those with names, see kind_check_output() */
    size_t output_count;
    bool outputs_open;    /* there may be others that are unknown because of errors */
    bool reads_packed;    /* content that it cannot handle is a packed record: see struct stage */
    void *plan;           /* see kind.derive; NULL: none */
    size_t errors_before; /* the count of diagnostics before the check of the topology */
};

/*
 * The index in the input of a field that an option names. If there is none, -1: with an error added
 * at place, or without one if the input is not known. option is the name of the option.
 */
int kind_check_find_field(const struct kind_check *check, const char *name, struct place place,
                          const char *option);

/*
 * For derive(): whether there is no error so far, in this stage or anywhere else. If there is one,
 * no stage will be opened and no plan is needed.
 */
bool kind_check_is_good(const struct kind_check *check);

/*
 * For derive(): whether the input has the field with one of the tags in the mask (1u << tag). Adds
 * an error if not. ret_index may be NULL.
 */
bool kind_check_needs(struct kind_check *check, const char *field, unsigned tag_mask,
                      int *ret_index);

/*
 * For derive(): whether the field that an option names has one of the tags. Adds an error at the
 * place if not.
 */
bool kind_check_field_tag(struct kind_check *check, const struct option_value *option, int field,
                          struct place place, unsigned tag_mask);

/*
 * For derive() of a kind with named_outputs: adds an output and returns its contract, which the
 * caller fills and the next call may move. NULL, with an error added, if the name is not valid or
 * is used already.
 */
struct contract *kind_check_output(struct kind_check *check, const char *name, struct place place);

/* For derive(): adds a field to the output, or an error if that is not possible. */
void kind_check_makes(struct kind_check *check, const char *field, struct type type,
                      struct place place);

/* The tags of a mask in words: "string, bytes or int". Returns ret_text. */
const char *kind_check_tags_text(unsigned tag_mask, char ret_text[96]);

#endif
