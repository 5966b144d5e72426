/* SPDX-License-Identifier: MIT */
/*
 * stage_words.h - what the processes of a stage write to standard error
 *
 * Whole lines are passed on to our log, with the level that they begin with; those without one are
 * warnings. The end of the output is kept: it may say why a process died.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_STAGE_WORDS_H
#define BULKHEAD_SUPERVISOR_RUN_STAGE_WORDS_H

#include <stdbool.h>

#include "common/buf.h"

/* How much of the end is kept. */
#define LAST_WORDS_BYTES_MAX 1024u

struct stage_words {
    struct buf line; /* the beginning of a line whose newline has not come yet */
    struct buf said; /* the end of the output of the present process */
    struct buf last; /* the end of the output of the last process that wrote anything and ended */
};

/* To be called when a new process begins. */
void stage_words_begin(struct stage_words *words);

/*
 * Reads what the pipe of a process holds, up to a limit, so that other stages are heard too.
 * stage: its name, for the log. Returns false if the pipe is at its end.
 */
bool stage_words_hear(struct stage_words *words, int fd, const char *stage);

/* To be called when the process has ended and all its output has been read. */
void stage_words_end(struct stage_words *words);

void stage_words_done(struct stage_words *words);

#endif
