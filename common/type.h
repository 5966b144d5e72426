/* SPDX-License-Identifier: MIT */
/*
 * type.h - what stands in the parentheses of a type
 *
 * Details are made by type_parse() and type_optional(), once for each text, and stay: two types are
 * the same if they point to the same detail. What they say does not change, but a match writes into
 * the memory of the pattern, so types are for one thread.
 */
#ifndef BULKHEAD_COMMON_TYPE_H
#define BULKHEAD_COMMON_TYPE_H

#include <stddef.h>
#include <stdint.h>

#include "common/value.h"

struct pattern;

struct type_detail {
    char *text;               /* the whole type in its one form: "list(enum(a, b))" */
    uint32_t chars_min;       /* VALUE_STRING: characters */
    uint32_t chars_max;       /* UINT32_MAX: no bound */
    struct pattern *pattern;  /* VALUE_STRING; NULL: none */
    char **names;             /* VALUE_ENUM */
    size_t name_count;        /* likewise */
    struct type item;         /* VALUE_LIST, VALUE_MAP, VALUE_OPTIONAL: what it holds */
    struct type_detail *next; /* in the list of all */
};

/* The type that holds a value of this one or nothing; an optional type as it is. */
struct type type_optional(struct type type);

/* What a list or a map has, or an optional type may have. */
static inline struct type type_item(struct type type)
{
    return type.detail->item;
}

/* What a value of the type is when it is not nothing: for an optional type, of what that holds. */
static inline struct type type_held(struct type type)
{
    return type.tag == VALUE_OPTIONAL ? type_item(type) : type;
}

#endif
