/* SPDX-License-Identifier: MIT */
/*
 * stage_words.h - what the processes of a stage write to standard error
 *
 * Whole lines go on to our log. The end of it all is kept: it may say why a process died.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_STAGE_WORDS_H
#define BULKHEAD_SUPERVISOR_RUN_STAGE_WORDS_H

#include <stdbool.h>

#include "common/buf.h"

/* This much of the end is kept. */
#define LAST_WORDS_BYTES_MAX 1024u

struct stage_words {
    struct buf line; /* until its newline comes */
    struct buf said; /* the end of what the present process said */
    struct buf last; /* the end of what the last process said that said something and ended */
};

/* A new process begins. */
void stage_words_begin(struct stage_words *words);

/*
 * Takes what the pipe of a process holds, but not without end, so that others are heard too.
 * stage: its name, for the log. Returns false if the pipe is at its end.
 */
bool stage_words_hear(struct stage_words *words, int fd, const char *stage);

/* The process has ended, and all that it said was heard. */
void stage_words_end(struct stage_words *words);

void stage_words_done(struct stage_words *words);

#endif
