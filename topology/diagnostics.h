/* SPDX-License-Identifier: MIT */
/*
 * diagnostics.h - all errors of a topology file, each with its place, shown at once
 */
#ifndef BULKHEAD_TOPOLOGY_DIAGNOSTICS_H
#define BULKHEAD_TOPOLOGY_DIAGNOSTICS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "topology/settings.h"

/*
 * Where something stands: line and column from 1, and how many columns to underline; or in which
 * setting of the command line.
 */
struct place {
    int line;
    int column;
    int width;
    int setting; /* from 1; 0: in the file */
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
    const struct settings *settings; /* in which places may be; NULL: there are none; borrowed */
    struct diagnostic *items;        /* the first of them */
    size_t kept;                     /* how many items */
    size_t count;                    /* of errors in all */
    struct diagnostic_origin *origins;
    size_t origin_count;
};

/* Starts an empty list about a file, without settings. file and text must outlive d. */
void diagnostics_init(struct diagnostics *d, const char *file, const char *text, size_t text_len);

/* Frees the messages. */
void diagnostics_done(struct diagnostics *d);

/* A line of the file, from 1, without its end; empty if there is none. The view lives as the text.
 */
const char *diagnostics_line(const struct diagnostics *d, int line, size_t *ret_len);

/* Notes that the value at a place is made from variables: errors at this place will name them. */
void diagnostics_add_origin(struct diagnostics *d, struct place place, const char *variables);

/* Adds an error, unless it is there already. More than DIAGNOSTICS_KEPT_MAX are counted only. */
void diagnostics_add(struct diagnostics *d, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether a text is a name, see text_is_name(); if it is not, adds the error. */
bool diagnostics_check_name(struct diagnostics *d, struct place place, const char *name);

/* Whether there is an error at a place already. */
bool diagnostics_has(const struct diagnostics *d, struct place place);

/*
 * Appends the errors in the order of the file, DIAGNOSTICS_SHOWN_MAX at most, each as
 *     FILE:LINE:COLUMN: error: MESSAGE
 * with the line and a caret under the place; then those of settings, each as
 *     --set STAGE.OPTION=VALUE: error: MESSAGE
 * and, if there are more of them, how many.
 */
void diagnostics_print(struct diagnostics *d, struct buf *out);

#endif
