/* SPDX-License-Identifier: MIT */
#include "supervisor/chaos/chaos_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/memory.h"
#include "common/table.h"
#include "common/text.h"

void chaos_times_add(struct chaos_times *times, uint64_t us)
{
    if (times->count == times->capacity) {
        times->capacity = times->capacity != 0 ? 2 * times->capacity : 256;
        times->items = memory_resize(times->items, times->capacity, sizeof *times->items);
    }
    times->items[times->count++] = us;
}

void chaos_times_done(struct chaos_times *times)
{
    free(times->items);
    *times = (struct chaos_times){0};
}

static int by_size(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

uint64_t chaos_times_percentile(struct chaos_times *times, unsigned percent)
{
    REQUIRE(times->count != 0 && percent >= 1 && percent <= 100);
    qsort(times->items, times->count, sizeof *times->items, by_size);
    size_t rank = (times->count * percent + 99) / 100;
    return times->items[rank - 1];
}

uint64_t chaos_report_kills(const struct chaos_report *report)
{
    uint64_t kills = report->supervisor.kills;
    for (size_t i = 0; i < PROCESSES_MAX; i++)
        kills += report->stages[i].kills;
    return kills;
}

static void add_row(const char *name, const struct chaos_counts *counts, struct table *table)
{
    table_add(table, "%s", name);
    table_add(table, "%" PRIu64, counts->kills);
    table_add(table, "%" PRIu64, counts->stops);
}

static void write_targets(const struct chaos_report *report, const struct topology *topology,
                          struct buf *out)
{
    static const char *const head[] = {"target", "kills", "stops", NULL};
    struct chaos_counts all = report->supervisor;
    struct table table;
    table_init(&table, 3, 1);
    table_add_texts(&table, head);
    for (size_t i = 0; i < topology->stage_count; i++) {
        add_row(topology->stages[i].name, &report->stages[i], &table);
        all.kills += report->stages[i].kills;
        all.stops += report->stages[i].stops;
    }
    add_row("supervisor", &report->supervisor, &table);
    add_row("all", &all, &table);
    table_write(&table, out);
}

static void write_times(const char *name, struct chaos_times *times, struct buf *out)
{
    buf_add_format(out, "%s", name);
    if (times->count == 0) {
        buf_add_text(out, "not measured\n");
        return;
    }
    buf_add_format(out, "p50 %.1f ms, p99 %.1f ms, max %.1f ms, of ",
                   (double)chaos_times_percentile(times, 50) / 1000.0,
                   (double)chaos_times_percentile(times, 99) / 1000.0,
                   (double)chaos_times_percentile(times, 100) / 1000.0);
    text_format_count(times->count, out);
    buf_add_byte(out, '\n');
}

static void write_count(const char *name, uint64_t count, const char *unit, struct buf *out)
{
    buf_add_text(out, name);
    text_format_count(count, out);
    buf_add_format(out, "%s\n", unit);
}

static void write_reason(const struct chaos_report *report, struct buf *out)
{
    buf_add_text(out, ": ");
    buf_add(out, report->reason.data, report->reason.len);
    if (report->reason.len == 0 || report->reason.data[report->reason.len - 1] != '\n')
        buf_add_byte(out, '\n');
}

void chaos_report_write(struct chaos_report *report, const struct topology *topology,
                        struct buf *out)
{
    static const char *const verdicts[] = {
        [CHAOS_SAME] = "same bytes", [CHAOS_FAILED] = "failed", [CHAOS_UNPROVEN] = "not proven"};
    write_targets(report, topology, out);
    buf_add_format(out, "\nseed:                %" PRIu64 "\n", report->seed);
    write_count("rounds:              ", report->rounds, "", out);
    write_count("drained and resumed: ", report->drains, "", out);
    write_count("restarts:            ", report->restarts, "", out);
    write_times("recovery of a stage: ", &report->stage_recovery, out);
    write_times("of the supervisor:   ", &report->supervisor_recovery, out);
    write_count("outputs compared:    ", report->outputs_compared, "", out);
    write_count("bytes compared:      ", report->bytes_compared, "", out);
    buf_add_format(out, "time:                %.1f s\n", (double)report->elapsed_ms / 1000.0);
    buf_add_format(out, "verdict:             %s", verdicts[report->verdict]);
    if (report->verdict == CHAOS_SAME)
        buf_add_byte(out, '\n');
    else
        write_reason(report, out);
}

void chaos_report_done(struct chaos_report *report)
{
    chaos_times_done(&report->stage_recovery);
    chaos_times_done(&report->supervisor_recovery);
    buf_done(&report->reason);
}
