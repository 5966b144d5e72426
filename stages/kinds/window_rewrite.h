/* SPDX-License-Identifier: MIT */
/*
 * window_rewrite.h - gives the state of window.count another lateness
 *
 * Windows close at other times then, and this is exact: a window that has closed, by time or at an
 * end of the input, stays closed, and one that is open closes once, by the new lateness. The clock
 * must stay the latest time seen, because an end closes windows up to it. So how far windows have
 * closed by time becomes part of the floors. Such a floor also has the clock of that moment. By a
 * shorter lateness some windows should have closed before it. They close as soon as time goes on,
 * and count as open until then, if the lateness changes once more.
 */
#ifndef BULKHEAD_STAGES_KINDS_WINDOW_REWRITE_H
#define BULKHEAD_STAGES_KINDS_WINDOW_REWRITE_H

#include "common/calendar.h"
#include "stages/kinds/window_state.h"
#include "stages/store/store_conversion.h"

struct window_rewrite {
    const struct calendar *calendar;
    enum calendar_period period;
    int64_t was_ns, is_ns; /* the lateness */
    /* Of the group that is being rewritten. */
    int64_t clock;
    struct hash128 floor_key;
    bool has_closed;     /* a window has, and was emitted */
    int64_t last_closed; /* the last one that has */
    bool has_floor;      /* and one of these up to a floor */
    int64_t last_behind_floor;
};

/* The functions, for a context of this type that the caller has filled in up to the lateness. */
struct store_rewrite window_rewrite_of(struct window_rewrite *context);

#endif
