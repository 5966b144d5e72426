/* SPDX-License-Identifier: MIT */
/*
 * stage_input.h - standard input, as it is handed to the stage that takes it
 *
 * Made once by whoever outlives that stage: the supervisor, or the inline host's command. A pipe is
 * taken as it is. Anything else goes through a pipe of ours, whose both ends are kept open over all
 * lives of the stage, so that what was read but is not in the journal yet outlives a kill.
 */
#ifndef BULKHEAD_STAGES_JOURNAL_STAGE_INPUT_H
#define BULKHEAD_STAGES_JOURNAL_STAGE_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct stage_input {
    int fd;
    int relay_read_fd, relay_write_fd; /* our pipe in between; -1 if fd is a pipe itself */
    /*
     * Tells streams apart: above 32 random bits of this run, below 32 of the pipe, so that a later
     * run may know it again.
     */
    uint64_t stream;
    bool kept;     /* the pipe is one that a former run read from, and was open ever since */
    bool unmarked; /* a later run will not know it again, though it may be kept open */
};

/*
 * Whether standard input can be taken: it is open for reading, and no directory.
 * Returns: 0, ERR_MISMATCH, ERR_IO.
 */
int stage_input_check(int fd, struct err *e);

/*
 * Prepares standard input, of which nothing is read yet.
 *
 *   journal_fd   the directory of the stage that takes it, with the journal of former runs, or none
 *
 * Returns 0, ERR_MISMATCH, ERR_IO; then there is nothing to close.
 */
int stage_input_open(int fd, int journal_fd, struct stage_input *ret_input, struct err *e);

/* Closes our pipe, not the input. Takes one that was never opened, if its relay fds are -1. */
void stage_input_close(struct stage_input *input);

/* Whether there is nothing in it by its nature: /dev/null. */
bool stage_input_is_null(const struct stage_input *input);

#endif
