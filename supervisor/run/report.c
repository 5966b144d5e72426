/* SPDX-License-Identifier: MIT */
#include "supervisor/run/report.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "supervisor/run/status.h"

static void keep_last_status(const struct supervisor *s, const struct status_snapshot *last)
{
    struct buf text = {0}, json = {0};
    status_write_text(last, &text);
    status_write_json(last, &json);
    struct err e;
    if (state_dir_keep_last_run(s->state, &text, &json, &e) != 0)
        log_line(LOG_WARNING, "%s", e.text);
    buf_done(&text);
    buf_done(&json);
}

static void fill(const struct supervisor *s, const struct status_snapshot *last,
                 struct supervisor_report *report)
{
    size_t count = s->topology->stage_count;
    *report = (struct supervisor_report){.outcome = s->driver.core.outcome,
                                         .counts = memory_new(count, sizeof *report->counts),
                                         .restarts = memory_new(count, sizeof *report->restarts),
                                         .elapsed_ms = clock_monotonic_ms() - s->started_ms};
    (void)snprintf(report->reason, sizeof report->reason, "%.*s", (int)last->reason.len,
                   (const char *)last->reason.bytes);
    for (size_t i = 0; i < count; i++) {
        report->counts[i] = status_page_counts(s->driver.stages[i].page);
        report->restarts[i] = s->driver.core.stages[i].restarts;
    }
}

void report_make(const struct supervisor *s, struct supervisor_report *ret_report)
{
    struct status_snapshot *last = status_take(s);
    keep_last_status(s, last);
    fill(s, last, ret_report);
    free(last);
}
