/* SPDX-License-Identifier: MIT */
/*
 * fault.h - the kinds that fail on purpose, see README.md
 */
#ifndef BULKHEAD_TESTS_FAULTS_FAULT_H
#define BULKHEAD_TESTS_FAULTS_FAULT_H

#include "stages/stage.h"

/* The program that runs them. */
#define FAULT_PROGRAM "bulkhead-fault-stages"

/* In the order of the choices of `does`. */
enum fault {
    FAULT_SEGV,
    FAULT_ABORT,
    FAULT_LOOP,
    FAULT_GROW,
    FAULT_EXIT,
    FAULT_KILLED,
};

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
