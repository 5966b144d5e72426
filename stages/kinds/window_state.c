/* SPDX-License-Identifier: MIT */
#include "stages/kinds/window_state.h"

#include <string.h>

#include "common/bytes.h"
#include "common/check.h"
#include "ipc/order.h"
#include "topology/partition.h"

/* Offsets in the value of a floor. */
enum {
    FLOOR_AT_CLOSES = 0,
    FLOOR_AT_WINDOW = 8, /* matters only if the time is STORE_NEVER */
};

void window_state_init(struct window_state *s, struct store *store, const struct stage *stage,
                       const struct option_value *key, const struct calendar *calendar,
                       enum calendar_period period)
{
    *s = (struct window_state){
        .store = store, .stage = stage, .key = key, .calendar = calendar, .period = period};
}

unsigned window_state_group(struct hash128 key)
{
    return (unsigned)(key.high >> 56);
}

/*
 * Reads the next field of a key, which must have one. The bytes of the key are those of
 * key_add_fields(), followed by zeros.
 */
static struct value read_field(const struct window_state *s, const uint8_t *value, size_t field,
                               size_t *at)
{
    enum value_tag tag = s->stage->in->fields[s->key->fields[field].index].type.tag;
    struct value read;
    if (tag == VALUE_STRING || tag == VALUE_BYTES) {
        uint32_t len = bytes_get_u32(value + *at);
        INVARIANT(len <= STORE_VALUE_BYTES_MAX - *at - 4);
        read = value_of_bytes(tag, value + *at + 4, len);
        *at += 4 + len;
    } else if (tag == VALUE_BOOL) {
        read = value_of_bool(value[*at] != 0);
        *at += 1;
    } else {
        read = value_of_integer(tag, (int64_t)bytes_get_u64(value + *at));
        *at += 8;
    }
    INVARIANT(*at <= STORE_VALUE_BYTES_MAX);
    return read;
}

void window_state_read_key(const struct window_state *s, const uint8_t *value,
                           struct value *ret_fields)
{
    size_t at = WINDOW_AT_KEY;
    for (size_t i = 0; i < s->key->count; i++)
        ret_fields[i] = read_field(s, value, i, &at);
}

static int compare_fields(const struct value *a, const struct value *b)
{
    if (a->tag == VALUE_STRING || a->tag == VALUE_BYTES)
        return order_compare(a->bytes, a->len, b->bytes, b->len);
    if (a->tag == VALUE_BOOL)
        return (int)a->boolean - (int)b->boolean;
    return a->integer < b->integer ? -1 : a->integer > b->integer;
}

int window_state_compare_keys(const struct window_state *s, const uint8_t *a, const uint8_t *b)
{
    int result = 0;
    size_t at_a = WINDOW_AT_KEY, at_b = WINDOW_AT_KEY;
    for (size_t i = 0; result == 0 && i < s->key->count; i++) {
        struct value x = read_field(s, a, i, &at_a), y = read_field(s, b, i, &at_b);
        result = compare_fields(&x, &y);
    }
    return result;
}

uint64_t window_state_key_prefix(const struct window_state *s, const uint8_t *value)
{
    size_t at = WINDOW_AT_KEY;
    struct value first = read_field(s, value, 0, &at);
    if (first.tag == VALUE_BOOL)
        return first.boolean ? 1 : 0;
    if (first.tag != VALUE_STRING && first.tag != VALUE_BYTES)
        return (uint64_t)first.integer ^ UINT64_C(1) << 63; /* with the sign flipped */
    uint64_t prefix = 0;
    for (size_t i = 0; i < sizeof prefix; i++)
        prefix = prefix << 8 | (i < first.len ? ((const uint8_t *)first.bytes)[i] : 0u);
    return prefix;
}

struct window_close window_close_of(const struct calendar *calendar, enum calendar_period period,
                                    int64_t lateness_ns, int64_t window)
{
    __int128 at = calendar_window_end_ns(calendar, period, window) + lateness_ns;
    return (struct window_close){.at = at < STORE_NEVER ? (int64_t)at : STORE_NEVER,
                                 .window = window};
}

struct hash128 window_floor_key(const struct store *store, unsigned group)
{
    /* Shorter than the key of any window. */
    const uint8_t bytes[2] = {'F', (uint8_t)group};
    return store_key(store, group, bytes, sizeof bytes);
}

bool window_floor_read(const void *value, struct window_close *ret_floor)
{
    const uint8_t *bytes = value;
    *ret_floor = (struct window_close){.at = STORE_CLOCK_START};
    if (bytes == NULL)
        return false;
    *ret_floor = (struct window_close){.at = (int64_t)bytes_get_u64(bytes + FLOOR_AT_CLOSES),
                                       .window = (int64_t)bytes_get_u64(bytes + FLOOR_AT_WINDOW)};
    return true;
}

void window_floor_write(struct window_close floor, void *ret_value)
{
    uint8_t *bytes = ret_value;
    bytes_put_u64(bytes + FLOOR_AT_CLOSES, (uint64_t)floor.at);
    bytes_put_u64(bytes + FLOOR_AT_WINDOW, (uint64_t)floor.window);
}

static bool has_group(const struct window_state *s, unsigned group)
{
    return partition_worker_of_group(group, s->stage->workers) == s->stage->worker;
}

bool window_state_is_floor(const struct window_state *s, struct hash128 key)
{
    struct hash128 floor = window_floor_key(s->store, window_state_group(key));
    return key.high == floor.high && key.low == floor.low;
}

struct window_close window_state_close_of(const struct window_state *s, int64_t expires_at,
                                          const void *value)
{
    int64_t start = (int64_t)bytes_get_u64((const uint8_t *)value + WINDOW_AT_START);
    return (struct window_close){.at = expires_at,
                                 .window = calendar_window(s->calendar, s->period, start)};
}

static bool is_behind(struct window_close close, struct window_close floor)
{
    if (close.at != STORE_NEVER || floor.at != STORE_NEVER)
        return close.at > floor.at;
    return close.window > floor.window;
}

bool window_state_is_put_out(const struct window_state *s, unsigned group,
                             struct window_close close)
{
    return !is_behind(close, s->floors[group]);
}

void window_state_load(struct window_state *s)
{
    if (s->loaded)
        return;
    for (unsigned group = 0; group < KEY_GROUPS; group++) {
        const void *value =
            has_group(s, group) ? store_find(s->store, window_floor_key(s->store, group)) : NULL;
        (void)window_floor_read(value, &s->floors[group]);
    }
    s->loaded = true;
}

void window_state_raise_floor(struct window_state *s, unsigned group, struct window_close floor)
{
    uint8_t value[STORE_VALUE_BYTES_MAX] = {0};
    if (!has_group(s, group) || store_is_ahead(s->store, group) ||
        !is_behind(floor, s->floors[group]))
        return;
    window_floor_write(floor, value);
    store_put(s->store, window_floor_key(s->store, group), STORE_NEVER, value);
    s->floors[group] = floor;
}
