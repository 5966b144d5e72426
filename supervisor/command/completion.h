/* SPDX-License-Identifier: MIT */
/*
 * completion.h - what a shell offers when Tab is pressed on a command line of ours
 *
 * Everything is made from the tables that read the command line, the declarations of the kinds, the
 * topology on the line, and the supervisor that is running. Nothing is written or started, and
 * nothing is logged. Why: docs/decisions/0029-completion.md.
 */
#ifndef BULKHEAD_SUPERVISOR_COMMAND_COMPLETION_H
#define BULKHEAD_SUPERVISOR_COMMAND_COMPLETION_H

#include <stddef.h>

#include "common/buf.h"
#include "supervisor/command/command_options.h"
#include "topology/kind.h"

/* The first argument with which the scripts call the program. */
#define COMPLETION_ARGUMENT "--complete"

/* A command line, as far as it is typed. */
struct completion_line {
    kind_registry kinds;
    const struct command_syntax *const *commands; /* ends with NULL */
    int argc;
    char **argv; /* argv[0] is the program */
    int at;      /* of the word being typed, 1 or more and less than argc */
};

/*
 * Appends the candidates for one word, one a line: the whole word, a tab, what it means. A
 * candidate that ends in '=', '.' or ',' is to be continued. ":topologies", ":directories" and
 * ":files" ask for names of files, after what the word holds up to its last '='. A word with a tab
 * or a newline has no candidates.
 */
void completion_write(const struct completion_line *line, struct buf *out);

/*
 * The script for a shell, which calls the program with COMPLETION_ARGUMENT, the number of the word
 * being typed, and all words. NULL: there is none for this shell.
 */
const char *completion_script(const char *shell);

/* The shells that have a script; ends with NULL. */
extern const char *const completion_shells[];

#endif
