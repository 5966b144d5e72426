/* SPDX-License-Identifier: MIT */
/*
 * window_state.h - the state of window.count: the counts of open windows, and the floors
 *
 * The store has an entry for every window and key, which expires when the window closes. A window
 * that would close at or after the last moment of time is never closed by time, and its entries
 * never expire.
 *
 * The store also has a floor for every key group: up to where windows were closed by an end of the
 * input.
 *
 * All of this belongs to a key group, never to a worker. So when the number of workers changes, a
 * group that is ahead (store.h) keeps its own floor, which waits with it. docs/protocol.md has the
 * formats.
 */
#ifndef BULKHEAD_STAGES_KINDS_WINDOW_STATE_H
#define BULKHEAD_STAGES_KINDS_WINDOW_STATE_H

#include "common/bounds.h"
#include "common/calendar.h"
#include "stages/stage.h"
#include "stages/store/store.h"

/* Offsets in the value of an entry. */
enum {
    WINDOW_AT_COUNT = 0,
    WINDOW_AT_START = 8,
    WINDOW_AT_KEY = 16,
};
#define WINDOW_KEY_BYTES_MAX (STORE_VALUE_BYTES_MAX - WINDOW_AT_KEY)

/* When a window closes, and its number, which distinguishes windows that close at STORE_NEVER. */
struct window_close {
    int64_t at;
    int64_t window;
};

/* When a window closes; STORE_NEVER, the last moment, if time never gets there. */
struct window_close window_close_of(const struct calendar *calendar, enum calendar_period period,
                                    int64_t lateness_ns, int64_t window);

/* The key of the floor of a group. */
struct hash128 window_floor_key(const struct store *store, unsigned group);

/* Reads a floor; false if there is none (NULL), and then it is before all windows. */
bool window_floor_read(const void *value, struct window_close *ret_floor);

/* Writes a floor into a value of zeros. */
void window_floor_write(struct window_close floor, void *ret_value);

/* The state of one worker of window.count. The caller fills it in with window_state_init(). */
struct window_state {
    struct store *store;
    const struct stage *stage;
    const struct option_value *key;
    const struct calendar *calendar;
    enum calendar_period period;
    bool loaded; /* floors is filled in */
    /* Per group: this window and all before it were emitted at an end. */
    struct window_close floors[KEY_GROUPS];
};

/* Prepares the state. store, stage, key and calendar must outlive it. It needs no cleanup. */
void window_state_init(struct window_state *s, struct store *store, const struct stage *stage,
                       const struct option_value *key, const struct calendar *calendar,
                       enum calendar_period period);

/*
 * Reads the floors from the store, once after every start.
 *
 * Requires: store_begin() was called. The other functions require this one.
 */
void window_state_load(struct window_state *s);

/* The key group of an entry. */
unsigned window_state_group(struct hash128 key);

/* Whether an entry is the floor of its group, not a window. */
bool window_state_is_floor(const struct window_state *s, struct hash128 key);

/* When the window of an entry closes. */
struct window_close window_state_close_of(const struct window_state *s, int64_t expires_at,
                                          const void *value);

/* Whether a window was emitted at an end of the input. */
bool window_state_is_put_out(const struct window_state *s, unsigned group,
                             struct window_close close);

/* Reads the fields of the key in an entry. They point into the value. */
void window_state_read_key(const struct window_state *s, const uint8_t *value,
                           struct value *ret_fields);

/*
 * Compares the keys in two values: less than, equal to or greater than 0. Keys are compared field
 * by field, text by its bytes. This is the order of the bytes that ipc/order.h makes of them.
 */
int window_state_compare_keys(const struct window_state *s, const uint8_t *a, const uint8_t *b);

/*
 * Returns a number that orders keys as far as it goes: if two numbers differ, the smaller one's key
 * comes first. So most keys can be compared without reading them.
 */
uint64_t window_state_key_prefix(const struct window_state *s, const uint8_t *value);

/*
 * Raises the floor of a group, unless the group belongs to another worker, is ahead, or has a
 * higher floor already.
 */
void window_state_raise_floor(struct window_state *s, unsigned group, struct window_close floor);

#endif
