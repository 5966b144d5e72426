/* SPDX-License-Identifier: MIT */
/*
 * type.h - types as a topology writes them, and what is in their parentheses
 *
 * type_parse() and type_optional() make one detail for each text and keep it for ever, so two types
 * are the same if they point to the same detail. A detail does not change, but a match writes to
 * the memory of its pattern, so types are for one thread.
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
    char *text;               /* the whole type in canonical form: "list(enum(a, b))" */
    uint32_t chars_min;       /* VALUE_STRING: characters */
    uint32_t chars_max;       /* UINT32_MAX: no bound */
    struct pattern *pattern;  /* VALUE_STRING; NULL: none */
    char **names;             /* VALUE_ENUM */
    size_t name_count;        /* VALUE_ENUM */
    struct type item;         /* VALUE_LIST, VALUE_MAP, VALUE_OPTIONAL: what it holds */
    struct type_detail *next; /* in the list of all details */
};

/* Whether two types are the same, including what is in their parentheses. */
bool type_equal(struct type a, struct type b);

/*
 * The type as a topology writes it. The text is in ret_text, or, for types that may be too long for
 * it, in memory that is never freed.
 */
#define TYPE_NAME_BYTES_MAX 24
const char *type_name(struct type type, char ret_text[TYPE_NAME_BYTES_MAX]);

/*
 * Reads a type as a topology writes it (bulkhead-topology(5)). Its detail lives as long as the
 * process. Returns 0, or ERR_INVALID with the reason.
 */
int type_parse(const char *text, struct type *ret_type, struct err *e);

/*
 * As type_parse(), for text from type_name(). That may be longer than a type in a topology, because
 * there is a space after each comma: at most TYPE_FORM_BYTES_MAX.
 */
int type_parse_name(const char *text, struct type *ret_type, struct err *e);

/* The type that holds a value of this type or nothing. An optional type is returned unchanged. */
struct type type_optional(struct type type);

/* The type of the items of a list or a map, or of the value of an optional type. */
static inline struct type type_item(struct type type)
{
    return type.detail->item;
}

/* The type of a value that is present: for an optional type, the type that it holds. */
static inline struct type type_held(struct type type)
{
    return type.tag == VALUE_OPTIONAL ? type_item(type) : type;
}

#endif
