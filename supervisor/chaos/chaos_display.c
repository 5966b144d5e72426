/* SPDX-License-Identifier: MIT */
#include "supervisor/chaos/chaos_display.h"

#include <inttypes.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/count.h"
#include "common/log.h"
#include "common/text.h"
#include "supervisor/run/inherited.h"

#define BAR_CELLS 24u
#define BAR_MS 200u
#define PLAIN_MS 5000u

static void clear_line(void)
{
    static const char erase[] = "\r\033[K";
    log_raw(erase, sizeof erase - 1);
}

void chaos_display_init(struct chaos_display *display, const char *name, bool quiet)
{
    *display = (struct chaos_display){.name = name,
                                      .quiet = quiet,
                                      .bar = !quiet && isatty(STDERR_FILENO) == 1 &&
                                             !inherited_terminal_is_dumb(),
                                      .shown_ms = clock_monotonic_ms()};
    if (display->bar)
        log_set_before_line(clear_line);
}

static void write_bar(const struct chaos_report *report, struct buf *line)
{
    uint64_t kills = chaos_report_kills(report);
    buf_add_byte(line, '[');
    for (unsigned i = 0; i < BAR_CELLS; i++)
        buf_add_byte(line, i * report->kills_wanted < kills * BAR_CELLS ? '#' : '.');
    buf_add_text(line, "] ");
}

void chaos_display_show(struct chaos_display *display, const struct chaos_report *report)
{
    uint64_t now_ms = clock_monotonic_ms();
    if (display->quiet || now_ms - display->shown_ms < (display->bar ? BAR_MS : PLAIN_MS))
        return;
    display->shown_ms = now_ms;
    struct buf line = {0};
    buf_add_format(&line, "%s: ", display->name);
    if (display->bar)
        write_bar(report, &line);
    text_format_count(chaos_report_kills(report), &line);
    buf_add_text(&line, " of ");
    text_format_count(report->kills_wanted, &line);
    buf_add_format(&line, " %s, %" PRIu64 " %s done%s",
                   count_word(report->kills_wanted, "kill", "kills"), report->rounds,
                   count_word(report->rounds, "round", "rounds"),
                   chaos_report_kills(report) < report->kills_wanted ? "" : ", finishing this one");
    if (!display->bar) {
        log_line(LOG_INFO, "%s", buf_text(&line));
    } else {
        clear_line();
        /* A line that wrapped could not be erased. */
        struct winsize size;
        if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 &&
            line.len >= size.ws_col)
            line.len = size.ws_col - 1u;
        log_raw(line.data, line.len);
    }
    buf_done(&line);
}

void chaos_display_done(struct chaos_display *display)
{
    if (!display->bar)
        return;
    log_set_before_line(NULL);
    clear_line();
}
