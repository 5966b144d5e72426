/* SPDX-License-Identifier: MIT */
/*
 * chaos_display.h - the progress of `bulkhead chaos` on stderr
 */
#ifndef BULKHEAD_SUPERVISOR_CHAOS_CHAOS_DISPLAY_H
#define BULKHEAD_SUPERVISOR_CHAOS_CHAOS_DISPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/chaos/chaos_report.h"

struct chaos_display {
    const char *name; /* name of the topology; borrowed */
    bool quiet;
    bool bar;          /* it is a line on a terminal that is rewritten in place */
    uint64_t shown_ms; /* when it was last shown */
};

/* Starts the display. On a terminal it is one line that is rewritten in place. */
void chaos_display_init(struct chaos_display *display, const char *name, bool quiet);

/* Shows the progress, if it is time to. */
void chaos_display_show(struct chaos_display *display, const struct chaos_report *report);

/* Removes the line. */
void chaos_display_done(struct chaos_display *display);

#endif
