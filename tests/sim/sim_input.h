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
    /* A place where a first part may end, and the seqs that it has. */
    size_t part_len;
    seq_number part_seqs;
};

/* Random lines, good and bad ones; free bytes with sim_free(). */
struct sim_input input_make(void);

/*
 * Puts other lines behind those up to a seq. Returns false, and leaves it as it is, if the last of
 * them is not complete, or bytes up to `given` would be others.
 */
bool input_change_rest(struct sim_input *input, seq_number kept, uint64_t given);

/* Has what stands there not begin with a byte order mark, which it would be where a stream begins.
 */
void input_unmark(struct sim_input *input, size_t at);

/* Ends the last line. */
void input_end_line(struct sim_input *input);

/*
 * Only the first len bytes were kept; other lines come behind them. Ends the line that is cut. The
 * part ends there.
 */
void input_cut(struct sim_input *input, size_t len);

#endif
