/* SPDX-License-Identifier: MIT */
/*
 * report.h - what remains of a run when it is over
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_REPORT_H
#define BULKHEAD_SUPERVISOR_RUN_REPORT_H

#include "supervisor/run/supervisor.h"

/*
 * Fills in how a run has ended, and keeps its last status in the state directory, where it can be
 * read when there is no supervisor to ask. Nothing depends on that status, so a failure is only
 * logged. The caller frees what is in the report, see supervisor.h.
 */
void report_make(const struct supervisor *s, struct supervisor_report *ret_report);

#endif
