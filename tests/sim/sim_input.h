/* SPDX-License-Identifier: MIT */
/*
 * sim_input.h - random inputs for the topologies of the simulation
 */
#ifndef BULKHEAD_TESTS_SIM_INPUT_H
#define BULKHEAD_TESTS_SIM_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/value.h"

#define INPUT_LINES_MAX 200u

struct sim_input {
    uint8_t *bytes;
    size_t len;
    /* A place where a first part may end, and the number of seqs up to there. */
    size_t part_len;
    seq_number part_seqs;
};

/* Makes random lines, good and bad ones. Free the bytes with sim_free(). */
struct sim_input input_make(void);

/*
 * Replaces the lines after a seq with other ones. Returns false, and changes nothing, if the line
 * of that seq is not complete, or if bytes up to `given` would change.
 */
bool input_change_rest(struct sim_input *input, seq_number kept, uint64_t given);

/* Makes sure that the text at `at`, where a stream may begin, is not a byte order mark. */
void input_unmark(struct sim_input *input, size_t at);

/* Ends the last line. */
void input_end_line(struct sim_input *input);

/*
 * Keeps only the first len bytes; other lines follow them. Ends the line that is cut. The part ends
 * there.
 */
void input_cut(struct sim_input *input, size_t len);

#endif
