/* SPDX-License-Identifier: MIT */
/*
 * yaml_scan.h - goes over a text in YAML and knows what is open: quotes, brackets, blocks of lines
 *
 * For what is asked before the library reads the text, and for what it does not say of an error.
 * Of a text that is no YAML it is a guess from the first error on, which nothing but the wording
 * of errors depends on.
 */
#ifndef BULKHEAD_TOPOLOGY_YAML_SCAN_H
#define BULKHEAD_TOPOLOGY_YAML_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bounds.h"
#include "topology/diagnostics.h"

/* A bracket or quote, and where it stands. */
struct yaml_sign {
    char sign; /* '\0': none */
    struct place place;
};

struct yaml_scan {
    const char *at, *end;
    struct place place;                            /* of at */
    struct yaml_sign brackets[TOPOLOGY_DEPTH_MAX]; /* that are open; the outermost ones */
    size_t depth;                                  /* of all that are open */
    struct yaml_sign quote;                        /* that is open */
    struct yaml_sign closed_quote; /* the last one that was closed, where it began */
    int closed_line;               /* and where it ended */
    struct place node;             /* where the last text or quote begins */
    int parent; /* column of the last key or '-' of a block; what is right of it belongs to it */
    bool fresh; /* something begins here: a key, a value, an item */
    bool plain; /* in a text without quotes */
    bool lines; /* in the lines of a '|' or '>' */
};

enum yaml_piece {
    YAML_OTHER,
    YAML_KEY_SIGN, /* a '?' alone where a key can begin */
    YAML_CUT,      /* a '#' that ends a text and looks like a part of it: one blank before it, and
                      none behind it */
    YAML_END,
};

/* Starts at the beginning of a text, which must outlive the scan and be good by yaml_text.h. */
void yaml_scan_init(struct yaml_scan *s, const char *text, size_t len);

/*
 * Goes on by a character, a comment or a line of a block. *ret_place is where it was before. Ends
 * with YAML_END, again and again.
 */
enum yaml_piece yaml_scan_step(struct yaml_scan *s, struct place *ret_place);

/* The innermost bracket that is open, or a sign '\0'. */
struct yaml_sign yaml_scan_bracket(const struct yaml_scan *s);

#endif
