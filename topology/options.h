/* SPDX-License-Identifier: MIT */
/*
 * options.h - the options of a stage: declared by its kind, read from the topology, checked
 *
 * A declaration states the type, default and bounds of each option. Options that were read have one
 * entry for every declared option, given or not, in the order of the declaration. They do not
 * change, and live as long as their topology.
 */
#ifndef BULKHEAD_TOPOLOGY_OPTIONS_H
#define BULKHEAD_TOPOLOGY_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "topology/conditions.h"
#include "topology/diagnostics.h"

/*
 * tag, name for people
 *
 * A text or path is never empty: that is an error before the kind sees it.
 */
#define OPTION_TAG_LIST(X)                                                                         \
    X(OPTION_TEXT, "text")                                                                         \
    X(OPTION_PATH_IN, "path to read")                                                              \
    X(OPTION_PATH_OUT, "path to write")                                                            \
    X(OPTION_BOOL, "bool")                                                                         \
    X(OPTION_INT, "int")                                                                           \
    X(OPTION_SIZE, "size")                                                                         \
    X(OPTION_DURATION, "duration")                                                                 \
    X(OPTION_CHOICE, "choice")                                                                     \
    X(OPTION_FIELD, "field")                                                                       \
    X(OPTION_FIELDS, "list of fields")                                                             \
    X(OPTION_TYPE, "type")                                                                         \
    X(OPTION_GROUP, "map")                                                                         \
    X(OPTION_GROUPS, "map of named maps")                                                          \
    X(OPTION_FIELD_GROUPS, "map of fields, each with a map")                                       \
    X(OPTION_CONDITIONS, "conditions")                                                             \
    X(OPTION_NAMED_CONDITIONS, "map of named conditions")

enum option_tag {
#define X(tag, name) tag,
    OPTION_TAG_LIST(X)
#undef X
};

struct option_spec {
    const char *name; /* NULL ends an array of these */
    enum option_tag tag;
    bool required;
    const char *fallback; /* text of the default; NULL: absent if not given */
    const char *meaning;
    bool neutral;                      /* its value does not influence any record */
    const char *const *choices;        /* OPTION_CHOICE; ends with NULL */
    int64_t min, max;                  /* OPTION_INT, OPTION_SIZE, OPTION_DURATION (ns) */
    const struct option_spec *members; /* OPTION_GROUP, OPTION_GROUPS, OPTION_FIELD_GROUPS */
    const char *alone; /* OPTION_FIELD_GROUPS: the member that a scalar instead of a map sets */
};

/* The declaration of this name among specs, which may be NULL; or NULL. */
const struct option_spec *option_find(const struct option_spec *specs, const char *name);

struct option_field {
    char *name;
    struct place place;
    int index; /* in the input contract */
};

struct option_group {
    char *name;
    struct place place;
    int index; /* OPTION_FIELD_GROUPS: of the field in the input contract */
    struct options *options;
};

struct option_conditions {
    char *name;
    struct place place;
    struct conditions *conditions;
};

struct option_value {
    const struct option_spec *spec;
    bool present; /* given or by default */
    bool bad;     /* there are errors about it, so it may be incomplete */
    struct place place;
    char *variables; /* from which the text was made, "A, B"; NULL: none */
    /* A scalar with its variables replaced, or the default. NULL for lists, maps and conditions. */
    char *text;
    /*
     * OPTION_INT, OPTION_SIZE   the number
     * OPTION_DURATION           ns
     * OPTION_BOOL               0 or 1
     * OPTION_CHOICE             index in choices
     * OPTION_FIELD              index in the input contract
     * OPTION_TYPE               index in the types of the topology
     */
    int64_t number;
    struct option_field *fields; /* OPTION_FIELDS */
    struct option_group *groups; /* OPTION_GROUP (one), _GROUPS, _FIELD_GROUPS, as in the file */
    struct option_conditions *conditions; /* OPTION_CONDITIONS (one), OPTION_NAMED_CONDITIONS */
    size_t count;                         /* of fields, groups or conditions */
};

struct options {
    size_t count;
    struct option_value items[];
};

/* Frees options. Accepts NULL. */
void options_free(struct options *options);

/* The option of this name. Requires: it is declared. */
const struct option_value *options_get(const struct options *options, const char *name);

/* Called with one path of a stage. */
typedef void options_path_visit(void *context, const struct option_value *path);

/* Calls visit for all paths that are present and not bad, including those in groups. */
void options_each_path(const struct options *options, options_path_visit *visit, void *context);

/* Whether options of this type name a file. */
bool option_is_path(enum option_tag tag);

/* The type of an option in words, for the manual: "choice", "duration" … */
const char *option_tag_name(enum option_tag tag);

/*
 * Appends the bounds of a number, size or duration as a topology would write them: "1 to 16",
 * "64MiB to 1TiB", "0s or more". Appends nothing for options of other types.
 */
void option_write_bounds(const struct option_spec *spec, struct buf *out);

#endif
