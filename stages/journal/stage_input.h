/* SPDX-License-Identifier: MIT */
/*
 * stage_input.h - standard input, as passed to the stage that reads it
 *
 * Created once by a process that outlives the stage: the supervisor, or the command that runs the
 * inline host. A pipe is used as it is. Anything else goes through a pipe of ours, both ends of
 * which stay open over all lives of the stage. So what was read, but is not in the journal yet,
 * survives a kill.
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
     * Identifies the stream. The high 32 bits are random in every run; the low 32 bits identify the
     * pipe, so that a later run may recognize it.
     */
    uint64_t stream;
    bool kept;     /* an earlier run has read from this pipe, and it was open ever since */
    bool unmarked; /* a later run will not recognize the pipe, even if it is kept open */
};

/*
 * Checks that standard input can be used: it is open for reading, and is not a directory.
 * Returns: 0, ERR_MISMATCH, ERR_IO.
 */
int stage_input_check(int fd, struct err *e);

/*
 * Prepares standard input, without reading anything.
 *
 *   journal_fd   the directory of the stage that reads it; may have a journal of earlier runs
 *
 * Returns: 0, or ERR_MISMATCH or ERR_IO, after which there is nothing to close.
 */
int stage_input_open(int fd, int journal_fd, struct stage_input *ret_input, struct err *e);

/* Closes our pipe, not the input. Accepts one that was never opened, if its relay fds are -1. */
void stage_input_close(struct stage_input *input);

/* Whether the input is empty by its nature: /dev/null. */
bool stage_input_is_null(const struct stage_input *input);

#endif
