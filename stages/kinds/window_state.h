/* SPDX-License-Identifier: MIT */
/*
 * window_state.h - what window.count keeps: the counts of open windows, and the floor
 *
 * An entry for every window and key, which expires when the window closes. One that would close at
 * the last moment that there is, or behind it, is closed by no time, and its entries never expire.
 * Beside them, in every key group, the floor: up to where windows were closed by an end of the
 * input. And in memory, how much the open windows of a group are.
 *
 * All of it belongs to a key group, nothing to a worker. So when the number of workers changes, a
 * group that is ahead (store.h) has its own floor and bytes, which wait with it. Formats:
 * docs/protocol.md.
 */
#ifndef BULKHEAD_STAGES_KINDS_WINDOW_STATE_H
#define BULKHEAD_STAGES_KINDS_WINDOW_STATE_H

#include "common/bounds.h"
#include "common/calendar.h"
#include "stages/stage.h"
#include "stages/store/store.h"

/* Places in the value of an entry. */
enum {
    WINDOW_AT_COUNT = 0,
    WINDOW_AT_START = 8,
    WINDOW_AT_KEY = 16,
};
#define WINDOW_KEY_BYTES_MAX (STORE_VALUE_BYTES_MAX - WINDOW_AT_KEY)

/* When a window closes and which one it is: its number tells those that close at STORE_NEVER. */
struct window_close {
    int64_t at;
    int64_t window;
};

struct window_state {
    struct store *store;
    const struct stage *stage;
    const struct option_value *key;
    const struct calendar *calendar;
    enum calendar_period period;
    bool loaded;                            /* what follows is known */
    struct window_close floors[KEY_GROUPS]; /* these and all before were put out at an end */
};

/* Begins; store, stage, key and calendar outlive it. There is nothing to end. */
void window_state_init(struct window_state *s, struct store *store, const struct stage *stage,
                       const struct option_value *key, const struct calendar *calendar,
                       enum calendar_period period);

/*
 * Reads from the store what memory has of it, once after every start.
 * Requires: store_begin() was called. The other functions require this one.
 */
void window_state_load(struct window_state *s);

/* The key group of an entry. */
unsigned window_state_group(struct hash128 key);

/* Whether it is no window, but the floor of its group. */
bool window_state_is_floor(const struct window_state *s, struct hash128 key);

/* When the window of an entry closes. */
struct window_close window_state_close_of(const struct window_state *s, int64_t expires_at,
                                          const void *value);

/* Whether a window was put out at an end of the input. */
bool window_state_is_put_out(const struct window_state *s, unsigned group,
                             struct window_close close);

/* The fields of the key in an entry; views of the value. */
void window_state_read_key(const struct window_state *s, const uint8_t *value,
                           struct value *ret_fields);

/*
 * Less than, equal to or greater than 0: the order of the keys in two values, field by field, text
 * by its bytes. It is that of the bytes which ipc/order.h makes of them.
 */
int window_state_compare_keys(const struct window_state *s, const uint8_t *a, const uint8_t *b);

/*
 * A number that orders keys as far as it goes: of two that differ, the smaller one comes first. So
 * most keys are told apart without reading them.
 */
uint64_t window_state_key_prefix(const struct window_state *s, const uint8_t *value);

/* Raises the floor of a group, if it is of this worker, not ahead, and has no higher one. */
void window_state_raise_floor(struct window_state *s, unsigned group, struct window_close floor);

#endif
