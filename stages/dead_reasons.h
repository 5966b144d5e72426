/* SPDX-License-Identifier: MIT */
/*
 * dead_reasons.h - the reasons for dead letters that several kinds share
 *
 * A reason that only one kind gives is defined in the file of that kind. A reason that code in
 * stages/kit/ gives is declared in its header there. That header also lists all reasons that the
 * code can give, for the `reasons` of the kinds that use it.
 */
#ifndef BULKHEAD_STAGES_DEAD_REASONS_H
#define BULKHEAD_STAGES_DEAD_REASONS_H

#include "common/bounds.h"
#include "topology/kind.h"

/* X(name of the constant, text in the dead letter, meaning) */
#define DEAD_REASON_LIST(X)                                                                        \
    X(dead_not_utf8, "not-utf8", "not valid UTF-8")                                                \
    X(dead_missing_field, "missing-field",                                                         \
      "a required field has no value: it is absent, or its group took no part in the match")       \
    X(dead_duplicate_field, "duplicate-field",                                                     \
      "a field of the type, or a key of a map, occurs twice")                                      \
    X(dead_wrong_type, "wrong-type",                                                               \
      "a value does not have the type that its field needs, or a number is not whole")             \
    X(dead_bad_money, "bad-money", "not an amount of money")                                       \
    X(dead_wrong_currency, "wrong-currency", "an amount in another currency")                      \
    X(dead_too_many_decimals, "too-many-decimals",                                                 \
      "more decimals than the currency or the new type has")                                       \
    X(dead_bad_timestamp, "bad-timestamp",                                                         \
      "not a time in RFC 3339 or the required form, or a date that does not exist")                \
    X(dead_overflow, "overflow", "a number or time that is out of range for its type")             \
    X(dead_bad_value, "bad-value",                                                                 \
      "a text that is not valid for its type: its form, length, pattern or enum name")             \
    X(dead_too_hard, "too-hard", "a pattern takes more than " PATTERN_BOUNDS_TEXT " to match")     \
    X(dead_late, "late", "its window has closed; see lateness")                                    \
    X(dead_record_too_large, "record-too-large",                                                   \
      "its text would exceed the maximum size of a record")                                        \
    X(dead_poison, "poison",                                                                       \
      "it killed its stage three times in a row; the message says how, with the last output")

#define X(name, text, meaning) extern const struct dead_reason name;
DEAD_REASON_LIST(X)
#undef X

#endif
