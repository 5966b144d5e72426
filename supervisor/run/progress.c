/* SPDX-License-Identifier: MIT */
#include "supervisor/run/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/run/inherited.h"
#include "supervisor/run/status.h"

#define PROGRESS_SECONDS_BAR 0.2
#define PROGRESS_SECONDS_PLAIN 5.0

static void clear_bar(void)
{
    static const char erase[] = "\r\033[K";
    log_raw(erase, sizeof erase - 1);
}

void progress_begin(struct progress *progress, bool quiet)
{
    bool bar = !quiet && isatty(STDERR_FILENO) == 1 && !inherited_terminal_is_dumb();
    *progress = (struct progress){.bar = bar, .at_ms = clock_monotonic_ms()};
    if (bar)
        log_set_before_line(clear_bar);
}

double progress_interval_seconds(const struct progress *progress)
{
    return progress->bar ? PROGRESS_SECONDS_BAR : PROGRESS_SECONDS_PLAIN;
}

void progress_end(const struct progress *progress)
{
    if (!progress->bar)
        return;
    log_set_before_line(NULL);
    clear_bar();
}

static void show_bar(struct buf *line)
{
    clear_bar();
    /* A line that wrapped could not be erased. */
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && line->len >= size.ws_col)
        line->len = size.ws_col - 1u;
    log_raw(line->data, line->len);
}

void progress_show(struct progress *progress, const struct supervisor *s)
{
    const struct core *core = &s->driver.core;
    const struct status_page *page = s->driver.stages[core->source].page;
    uint64_t now_ms = clock_monotonic_ms();
    struct status_progress p = {.records = status_page_counts(page).in,
                                .bytes_done = atomic_load(&page->bytes_done),
                                .bytes_total = atomic_load(&page->bytes_total)};
    for (size_t i = 0; i < core->stage_count; i++)
        p.restarts += core->stages[i].restarts;
    uint64_t passed_ms = now_ms - progress->at_ms;
    if (passed_ms != 0)
        p.records_per_second = (double)(p.records - progress->records) * 1000.0 / (double)passed_ms;
    progress->at_ms = now_ms;
    progress->records = p.records;
    struct buf line = {0};
    status_write_progress(&p, s->topology->name, progress->bar, &line);
    if (progress->bar)
        show_bar(&line);
    else
        log_line(LOG_INFO, "%s", buf_text(&line));
    buf_done(&line);
}
