/* SPDX-License-Identifier: MIT */
/*
 * diagnostics.h - all errors of a topology file, each with its place, reported together
 */
#ifndef BULKHEAD_TOPOLOGY_DIAGNOSTICS_H
#define BULKHEAD_TOPOLOGY_DIAGNOSTICS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "topology/settings.h"

/*
 * The place of something in the file, or which --set of the command line it comes from.
 */
struct place {
    int line;    /* from 1 */
    int column;  /* from 1 */
    int width;   /* how many columns to underline */
    int setting; /* number of the --set, from 1; 0: it is in the file */
};

struct diagnostic {
    struct place place;
    char *message;
};

/* The variables that the value at a place was made from. */
struct diagnostic_origin {
    struct place place;
    char *variables;
};

struct diagnostics {
    const char *file; /* as the user named it; borrowed */
    const char *text; /* of the file, for the caret; borrowed */
    size_t text_len;
    const struct settings *settings; /* that places may refer to; NULL: none; borrowed */
    struct diagnostic *items;        /* the first errors */
    size_t kept;                     /* number of items */
    size_t count;                    /* number of all errors */
    struct diagnostic_origin *origins;
    size_t origin_count;
};

/* Starts an empty list about a file, without settings. file and text must outlive d. */
void diagnostics_init(struct diagnostics *d, const char *file, const char *text, size_t text_len);

/* Frees the messages. */
void diagnostics_done(struct diagnostics *d);

/* A line of the file, from 1, without its end; empty if there is none. A view of the text. */
const char *diagnostics_line(const struct diagnostics *d, int line, size_t *ret_len);

/* Notes that the value at a place is made from variables. Errors at this place will name them. */
void diagnostics_add_origin(struct diagnostics *d, struct place place, const char *variables);

/* Adds an error, unless it was added before. Those after DIAGNOSTICS_KEPT_MAX are only counted. */
void diagnostics_add(struct diagnostics *d, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether a text is a name, see text_is_name(). Adds an error if it is not. */
bool diagnostics_check_name(struct diagnostics *d, struct place place, const char *name);

/* Whether an error was added at a place. */
bool diagnostics_has(const struct diagnostics *d, struct place place);

/*
 * Appends the errors in the order of the file, DIAGNOSTICS_SHOWN_MAX at most, each as
 *     FILE:LINE:COLUMN: error: MESSAGE
 * with the line and a caret under the place. Then come those of settings, each as
 *     --set STAGE.OPTION=VALUE: error: MESSAGE
 * and the number of errors that are not shown, if any.
 */
void diagnostics_print(struct diagnostics *d, struct buf *out);

#endif
