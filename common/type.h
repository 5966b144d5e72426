/* SPDX-License-Identifier: MIT */
/*
 * type.h - types as a topology writes them, and what stands in their parentheses
 *
 * Details are made by type_parse() and type_optional(), once for each text, and stay: two types are
 * the same if they point to the same detail. What they say does not change, but a match writes into
 * the memory of the pattern, so types are for one thread.
 */
#ifndef BULKHEAD_COMMON_TYPE_H
#define BULKHEAD_COMMON_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/value.h"

struct err;
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

/* Whether two types are the same, with all that is in their parentheses. */
bool type_equal(struct type a, struct type b);

/*
 * The type as a topology writes it: in ret_text, which has room for TYPE_NAME_BYTES_MAX, or, where
 * that is too small for some types of this tag, in memory that stays.
 */
#define TYPE_NAME_BYTES_MAX 24
const char *type_name(struct type type, char ret_text[TYPE_NAME_BYTES_MAX]);

/*
 * Reads a type as a topology writes it (bulkhead-topology(5)). What it points to lives as long as
 * the process. Returns 0, or ERR_INVALID with the reason.
 */
int type_parse(const char *text, struct type *ret_type, struct err *e);

/*
 * As type_parse(), of what type_name() has written. That may be longer than what a topology may
 * say, for there is a space after each comma: TYPE_FORM_BYTES_MAX at the most.
 */
int type_parse_name(const char *text, struct type *ret_type, struct err *e);

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
