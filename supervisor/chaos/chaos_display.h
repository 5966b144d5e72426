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
    const char *name; /* of the topology; borrowed */
    bool quiet;
    bool bar;
    uint64_t shown_ms; /* when it was shown last */
};

/* Starts the display; on a terminal it is a line that is written over. */
void chaos_display_init(struct chaos_display *display, const char *name, bool quiet);

/* Shows how far it is, if it is time to. */
void chaos_display_show(struct chaos_display *display, const struct chaos_report *report);

/* Takes the line away. */
void chaos_display_done(struct chaos_display *display);

#endif
