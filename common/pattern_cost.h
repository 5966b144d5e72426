/* SPDX-License-Identifier: MIT */
/*
 * pattern_cost.h - what trying one item of a pattern may cost; private to pattern.c
 *
 * PCRE2 can be asked before each item that it tries, and then tells where in the pattern that item
 * stands. What it does within the item cannot be seen: a{60000} that fails at its last character
 * has compared as many. So the most that an item can do is read from its text, beforehand, and is
 * counted at each try. Nothing here can be too little.
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
    PATTERN_ITEM_LOOKBEHIND, /* begins a group; goes back in the subject, once for each of its
                                alternatives */
    PATTERN_ITEM_RECURSION,  /* looks through the groups that are open */
    PATTERN_ITEM_BOUNDLESS,  /* does what nobody can count: \X, a script run */
};

struct pattern_cost {
    enum pattern_item item;
    bool is_alternative; /* it is a '|' */
    bool repeats_freely; /* a call that is repeated without a bound, and asks nobody meanwhile */
    uint32_t weight;     /* steps for each character that it looks at */
    uint32_t characters; /* how many of these it may look at in vain, if the subject has them */
    uint32_t copies;     /* of what is captured, besides, for each try; of an end and of a call */
};

/* The cost of an item, from its text as pattern_text_read() wrote it; that may be any. */
struct pattern_cost pattern_cost_of(const char *item, size_t len);

#endif
