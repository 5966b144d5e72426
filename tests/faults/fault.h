/* SPDX-License-Identifier: MIT */
/*
 * fault.h - the kinds that fail on purpose, see README.md
 */
#ifndef BULKHEAD_TESTS_FAULTS_FAULT_H
#define BULKHEAD_TESTS_FAULTS_FAULT_H

#include "topology/kind.h"

extern const struct kind fault_step_kind;
extern const struct kind fault_sink_kind;
extern const struct kind fault_clock_kind;

#endif
