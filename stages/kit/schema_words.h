/* SPDX-License-Identifier: MIT */
/*
 * schema_words.h - compares two schemas of a kind, word by word
 *
 * A schema is "KIND NUMBER NAME=VALUE NAME=VALUE …", see kind.store_spec. A kind has a table of its
 * words, in the order of the schema, and says for each what its change does to a state. A state is
 * lost if something is not understood: another kind or number, a word that the table does not have
 * or that is there twice, a word that only one side has, a text that was shortened.
 */
#ifndef BULKHEAD_STAGES_KIT_SCHEMA_WORDS_H
#define BULKHEAD_STAGES_KIT_SCHEMA_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "topology/state_change.h"

#define SCHEMA_WORDS_MAX 12u

/* The values of a word in both schemas. NULL: it is not there. */
struct schema_word_pair {
    const char *name;
    const char *was, *is;
};

/*
 * Says what the change of pairs[i] does, with the schema_word_ functions below.
 *
 *   pairs   of all words, in the order of the table
 *   left    see kind.change_state
 */
typedef void schema_word_change(const struct schema_word_pair *pairs, size_t i, const char *left,
                                struct state_change *change);

struct schema_word {
    const char *name;           /* NULL ends a table */
    bool optional;              /* may be missing; pairs then have NULL */
    schema_word_change *change; /* called if the values differ */
};

/*
 * Compares the schemas, and calls the table for what differs. Then change->left is `left`, unless a
 * word has set it, or nothing if the state is lost.
 *
 *   head   of the schemas that the table is for: "limits 2"
 *   words  at most SCHEMA_WORDS_MAX
 */
void schema_words_compare(const char *was, const char *is, const char *left, const char *head,
                          const struct schema_word *words, struct state_change *change);

/* Adds the clause "NAME was X, is Y: WHAT" with a verdict. */
void schema_word_says(const struct schema_word_pair *pair, enum state_verdict verdict,
                      const char *what, struct state_change *change);

/* Says that a value is not one that the kind writes: the state is lost. */
void schema_word_is_unknown(const struct schema_word_pair *pair, struct state_change *change);

/*
 * Reads both values as durations. Returns the new one minus the old one in *ret_difference_ns, or
 * false, having said that the state is lost, if they are not durations.
 */
bool schema_word_durations(const struct schema_word_pair *pair, int64_t *ret_difference_ns,
                           struct state_change *change);

#endif
