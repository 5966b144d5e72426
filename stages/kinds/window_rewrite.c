/* SPDX-License-Identifier: MIT */
#include "stages/kinds/window_rewrite.h"

#include "common/bytes.h"

/* Offsets in the value of a floor, behind what window_floor_write() writes. */
enum {
    FLOOR_AT_CLOCK = 16,
    FLOOR_AT_HAS_CLOCK = 24,
};

/* The last window that time has closed by the former lateness. */
static bool find_closed_by_time(const struct window_rewrite *r, int64_t *ret_window)
{
    if (r->clock == STORE_CLOCK_START)
        return false;
    /* A window that would close at STORE_NEVER, the last moment, is not closed by time. */
    __int128 at = r->clock == STORE_NEVER ? STORE_NEVER - 1 : r->clock;
    at -= r->was_ns;
    if (at < INT64_MIN)
        return false;
    int64_t open = calendar_window(r->calendar, r->period, (int64_t)at);
    *ret_window = open - 1;
    /* No window is before the one that holds the first moment. */
    return calendar_window_start_ns(r->calendar, r->period, open) > INT64_MIN;
}

/* Whether a floor was written by a change of the lateness, and the clock is still the same. */
static bool is_of_this_time(const struct window_rewrite *r, const uint8_t *floor)
{
    return floor != NULL && bytes_get_u64(floor + FLOOR_AT_HAS_CLOCK) != 0 &&
           (int64_t)bytes_get_u64(floor + FLOOR_AT_CLOCK) == r->clock;
}

static void begin(void *context, const struct store *old, unsigned group)
{
    struct window_rewrite *r = context;
    struct window_close floor;
    r->clock = store_clock(old);
    r->floor_key = window_floor_key(old, group);
    const void *value = store_find(old, r->floor_key);
    r->has_floor = window_floor_read(value, &floor) && floor.at != STORE_CLOCK_START;
    r->last_behind_floor = floor.window;
    r->has_closed = !is_of_this_time(r, value) && find_closed_by_time(r, &r->last_closed);
    if (r->has_floor && (!r->has_closed || r->last_behind_floor > r->last_closed))
        r->last_closed = r->last_behind_floor;
    r->has_closed |= r->has_floor;
}

/*
 * A window that was emitted has no use any more. One that should have closed already closes once
 * time goes on, or at the end.
 */
static bool change(void *context, struct hash128 key, int64_t *expires_at, void *value)
{
    const struct window_rewrite *r = context;
    if (key.high == r->floor_key.high && key.low == r->floor_key.low)
        return false; /* add() makes another */
    int64_t start = (int64_t)bytes_get_u64((const uint8_t *)value + WINDOW_AT_START);
    int64_t window = calendar_window(r->calendar, r->period, start);
    if (r->has_floor && window <= r->last_behind_floor)
        return false;
    *expires_at = window_close_of(r->calendar, r->period, r->is_ns, window).at;
    if (*expires_at <= r->clock && *expires_at != STORE_NEVER)
        *expires_at = r->clock < STORE_NEVER ? r->clock + 1 : STORE_NEVER;
    return true;
}

static bool add(void *context, struct hash128 *ret_key, int64_t *ret_expires_at, void *ret_value)
{
    const struct window_rewrite *r = context;
    uint8_t *value = ret_value;
    if (!r->has_closed && r->clock == STORE_CLOCK_START)
        return false;
    struct window_close floor = {.at = STORE_CLOCK_START};
    if (r->has_closed)
        floor = window_close_of(r->calendar, r->period, r->is_ns, r->last_closed);
    *ret_key = r->floor_key;
    *ret_expires_at = STORE_NEVER;
    window_floor_write(floor, value);
    bytes_put_u64(value + FLOOR_AT_CLOCK, (uint64_t)r->clock);
    bytes_put_u64(value + FLOOR_AT_HAS_CLOCK, 1);
    return true;
}

struct store_rewrite window_rewrite_of(struct window_rewrite *context)
{
    return (struct store_rewrite){.context = context, .begin = begin, .change = change, .add = add};
}
