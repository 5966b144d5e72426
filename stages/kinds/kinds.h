/* SPDX-License-Identifier: MIT */
/*
 * kinds.h - the kinds of the program, in the order in which `bulkhead kinds` shows them
 *
 * Every kind is a file in this folder that defines two constants: `NAME_kind`, its declaration, and
 * `NAME_ops`, the functions that do its work. To add a kind, see docs/adding-a-kind.md.
 */
#ifndef BULKHEAD_STAGES_KINDS_KINDS_H
#define BULKHEAD_STAGES_KINDS_KINDS_H

#include "stages/stage.h"

#define KIND_LIST(X)                                                                               \
    X(file_source)                                                                                 \
    X(stdin_source)                                                                                \
    X(json_decode)                                                                                 \
    X(msgpack_decode)                                                                              \
    X(regex_parse)                                                                                 \
    X(filter)                                                                                      \
    X(route)                                                                                       \
    X(map)                                                                                         \
    X(merge)                                                                                       \
    X(dedupe)                                                                                      \
    X(limits)                                                                                      \
    X(window_count)                                                                                \
    X(json_encode)                                                                                 \
    X(msgpack_encode)                                                                              \
    X(file_sink)                                                                                   \
    X(stdout_sink)                                                                                 \
    X(discard)                                                                                     \
    X(dead_letter_sink)

#define X(name)                                                                                    \
    extern const struct kind name##_kind;                                                          \
    extern const struct stage_ops name##_ops;
KIND_LIST(X)
#undef X

/* The entry of a kind in a registry. */
#define KIND_ENTRY(name) {.kind = &name##_kind, .ops = &name##_ops},

/* All kinds of the program, for the checker and the stage processes. Ends with an empty entry. */
extern const struct kind_entry bulkhead_kinds[];

#endif
