/* SPDX-License-Identifier: MIT */
/*
 * pattern_cost.h - what trying one item of a pattern may cost; private to pattern.c
 *
 * PCRE2 can call back before each item that it tries, with the position of the item in the pattern.
 * Its work within the item is not visible: a{60000} that fails at its last character has compared
 * that many. So the maximum work of an item is read from its text beforehand and counted at each
 * try. Costs here may be too high, but never too low.
 */
#ifndef BULKHEAD_COMMON_PATTERN_COST_H
#define BULKHEAD_COMMON_PATTERN_COST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pattern_item {
    PATTERN_ITEM_PLAIN,
    PATTERN_ITEM_GROUP,      /* begins one */
    PATTERN_ITEM_END,        /* ends one */
    PATTERN_ITEM_LOOKBEHIND, /* begins a group; goes back in the subject for each alternative */
    PATTERN_ITEM_RECURSION,  /* looks through all open groups */
    PATTERN_ITEM_BOUNDLESS,  /* its work cannot be bounded: \X, a script run */
};

struct pattern_cost {
    enum pattern_item item;
    bool is_alternative; /* it is a '|' */
    bool repeats_freely; /* a call that repeats without a bound and without a callback */
    uint32_t weight;     /* steps for each character that it examines */
    uint32_t characters; /* how many characters it may examine in vain, if there are as many */
    uint32_t copies;     /* copies of the captures for each try; for an end and for a call */
};

/* The cost of an item, from its text as pattern_text_read() wrote it. The text may be anything. */
struct pattern_cost pattern_cost_of(const char *item, size_t len);

#endif
