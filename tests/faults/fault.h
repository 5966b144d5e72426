/* SPDX-License-Identifier: MIT */
/*
 * fault.h - the kinds that fail on purpose, see README.md
 */
#ifndef BULKHEAD_TESTS_FAULTS_FAULT_H
#define BULKHEAD_TESTS_FAULTS_FAULT_H

#include "stages/stage.h"

#define FAULT_KIND_LIST(X)                                                                         \
    X(fault_step)                                                                                  \
    X(fault_sink)                                                                                  \
    X(fault_clock)

#define X(name)                                                                                    \
    extern const struct kind name##_kind;                                                          \
    extern const struct stage_ops name##_ops;
FAULT_KIND_LIST(X)
#undef X

#endif
