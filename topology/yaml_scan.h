/* SPDX-License-Identifier: MIT */
/*
 * yaml_scan.h - scans YAML text and tracks what is open: quotes, brackets, blocks of lines
 *
 * Used for checks before the library reads the text, and for details that its errors lack. In text
 * that is not valid YAML the result is a guess from the first error on; only the wording of errors
 * depends on it.
 */
#ifndef BULKHEAD_TOPOLOGY_YAML_SCAN_H
#define BULKHEAD_TOPOLOGY_YAML_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bounds.h"
#include "topology/diagnostics.h"

/* A bracket or quote, and its place. */
struct yaml_sign {
    char sign; /* '\0': none */
    struct place place;
};

struct yaml_scan {
    const char *at, *end;
    struct place place;                            /* of at */
    struct yaml_sign brackets[TOPOLOGY_DEPTH_MAX]; /* the open ones, from the outermost inwards */
    size_t depth;                                  /* how many brackets are open */
    struct yaml_sign quote;                        /* the open one, if any */
    struct yaml_sign closed_quote; /* the last one that was closed, and where it began */
    int closed_line;               /* the line on which it ended */
    struct place node;             /* where the last text or quote begins */
    int parent; /* column of the last key or '-' of a block; its content is to the right */
    bool fresh; /* a key, a value or an item begins here */
    bool plain; /* inside a text without quotes */
    bool lines; /* inside the lines of a '|' or '>' */
};

enum yaml_piece {
    YAML_OTHER,
    YAML_KEY_SIGN, /* a '?' on its own where a key can begin */
    YAML_CUT,      /* a '#' that ends a text but looks like a part of it: a blank only before it */
    YAML_END,
};

/* Starts at the beginning of a text, which must outlive the scan and have passed yaml_text.h. */
void yaml_scan_init(struct yaml_scan *s, const char *text, size_t len);

/*
 * Moves forward by a character, a comment or a line of a block. *ret_place is where that began. At
 * the end it returns YAML_END, as often as it is called.
 */
enum yaml_piece yaml_scan_step(struct yaml_scan *s, struct place *ret_place);

/* The innermost open bracket; its sign is '\0' if there is none. */
struct yaml_sign yaml_scan_bracket(const struct yaml_scan *s);

#endif
