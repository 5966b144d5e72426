/* SPDX-License-Identifier: MIT */
/*
 * window.count: counts the records of every key in calendar windows of event time, and emits the
 * counts when their window closes.
 *
 * The state (window_state.h) has one entry for every window and key. It expires when the window
 * closes; then the store returns it (tick), and it is emitted. Everything emitted at one seq is
 * sorted, so neither the order in the store nor the number of workers shows.
 *
 * At the end of the input, all windows that can hold records are closed: up to the one that holds
 * the latest time seen. All workers have seen that time, so they all close the same windows. The
 * clock does not move for this. How far windows were closed this way, the floor, is kept as state
 * of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "common/beat.h"
#include "common/bounds.h"
#include "common/bytes.h"
#include "common/calendar.h"
#include "common/check.h"
#include "common/memory.h"
#include "common/text.h"
#include "ipc/order.h"
#include "stages/kinds/kinds.h"
#include "stages/kinds/window_change.h"
#include "stages/kinds/window_rewrite.h"
#include "stages/kinds/window_state.h"
#include "stages/kit/calendar_option.h"
#include "stages/kit/key.h"
#include "stages/stage.h"
#include "topology/partition.h"

static const struct dead_reason key_too_long = {"key-too-long",
                                                "its key is too long for an entry of the state"};

#define KEYS_PER_BEAT 4096u
#define CLOSINGS_KEPT 4096u

/*
 * An entry to emit. There may be millions, all in private memory at once, so it is small: the data
 * stays in the store, which does not change meanwhile.
 */
struct closing {
    int64_t start;
    uint64_t prefix; /* prefix of its key, see window_state_key_prefix() */
    const uint8_t *value;
};

struct window_plan {
    const struct option_value *key;
    size_t at_field;
    enum calendar_period period;
    struct calendar calendar;
    int64_t lateness_ns;
};

struct window_count {
    const struct window_plan *plan;
    const struct stage *stage;
    _Atomic uint64_t *beats;

    struct window_state state;

    struct closing *closings;
    size_t closing_count, closing_capacity;
    bool group_closes[KEY_GROUPS]; /* some windows of the group were gathered */
    uint64_t compared;             /* comparisons made while sorting */
    struct buf sort_key;
    struct buf key_bytes;
    struct value fields[FIELDS_MAX];
};

static const char *const period_names[] = {"minute", "hour", "day", "week", "month", NULL};
static const enum calendar_period periods[] = {CALENDAR_MINUTE, CALENDAR_HOUR, CALENDAR_DAY,
                                               CALENDAR_WEEK, CALENDAR_MONTH};

static const struct option_spec specs[] = {
    {.name = "key",
     .tag = OPTION_FIELDS,
     .required = true,
     .meaning = "records with the same values in these fields are counted together"},
    {.name = "at",
     .tag = OPTION_FIELD,
     .required = true,
     .meaning = "the field with the event time (timestamp)"},
    {.name = "per",
     .tag = OPTION_CHOICE,
     .required = true,
     .choices = period_names,
     .meaning = "the length of a window"},
    {.name = "calendar",
     .tag = OPTION_GROUP,
     .members = calendar_option_members,
     .meaning = "when days and weeks begin"},
    {.name = "lateness",
     .tag = OPTION_DURATION,
     .fallback = "0s",
     .min = 0,
     .max = INT64_MAX,
     .meaning = "how long a window stays open after its end, measured by the latest timestamp "
                "seen; a record after that is a dead letter"},
    {.name = "window_field",
     .tag = OPTION_TEXT,
     .fallback = "window",
     .meaning = "the name of the field with the start of the window"},
    {.name = "count_field",
     .tag = OPTION_TEXT,
     .fallback = "count",
     .meaning = "the name of the field with the count"},
    {0},
};

/*
 * Adds an output field whose name is an option. If the name is bad, stages downstream may still
 * read the name that was meant, so the output stays open.
 */
static void make_named(struct kind_check *check, const char *option, enum value_tag tag)
{
    const struct option_value *name = options_get(check->options, option);
    struct place place = name->place.line != 0 ? name->place : check->place;
    bool good = false;
    if (name->bad)
        ;
    else if (contract_find(check->out, name->text) >= 0)
        diagnostics_add(check->diagnostics, place,
                        "stage '%s' would make the field '%s' twice; rename one with '%s:'",
                        check->stage, name->text, option);
    else
        good = diagnostics_check_name(check->diagnostics, place, name->text);
    if (good)
        kind_check_makes(check, name->text, (struct type){.tag = tag}, place);
    check->out->open |= !good;
}

/* Adds the fields of the key as the input has them, or as far as they are known. */
static void make_key(struct kind_check *check)
{
    const struct option_value *key = options_get(check->options, "key");
    for (size_t i = 0; i < key->count; i++) {
        const char *name = key->fields[i].name;
        if (contract_find(check->out, name) >= 0)
            diagnostics_add(
                check->diagnostics, key->place,
                "stage '%s' would make the field '%s' twice; rename one with 'window_field:'",
                check->stage, name);
        else if (key->fields[i].index >= 0)
            kind_check_makes(check, name, check->in->fields[key->fields[i].index].type, key->place);
        else if (!key->bad)
            contract_add_doubtful(check->out, name, TYPE_UNKNOWN);
    }
}

/* Copies the options into a form that is fast to use. */
static struct window_plan *make_plan(const struct options *options)
{
    struct window_plan *plan = memory_new(1, sizeof *plan);
    plan->key = options_get(options, "key");
    plan->at_field = (size_t)options_get(options, "at")->number;
    plan->period = periods[options_get(options, "per")->number];
    plan->calendar = calendar_option_read(options);
    plan->lateness_ns = options_get(options, "lateness")->number;
    return plan;
}

static void derive(struct kind_check *check)
{
    const struct option_value *key = options_get(check->options, "key");
    const struct option_value *at = options_get(check->options, "at");
    (void)kind_check_field_tag(check, at, (int)at->number, at->place, 1u << VALUE_TIMESTAMP);
    make_named(check, "window_field", VALUE_TIMESTAMP);
    make_key(check);
    make_named(check, "count_field", VALUE_INT);
    /* A bad key may mean any field, and stages downstream may read it by that name. */
    for (size_t i = 0; key->bad && i < key->count; i++)
        contract_add_doubtful(check->out, key->fields[i].name, TYPE_MAYBE);
    for (size_t i = 0; key->bad && i < check->in->count; i++)
        contract_add_doubtful(check->out, check->in->fields[i].name, TYPE_MAYBE);
    check->out->open |= check->in->open && key->bad;
    if (kind_check_is_good(check))
        check->plan = make_plan(check->options);
}

static void store_spec(const struct stage *stage, struct store_spec *ret_spec)
{
    const struct window_plan *plan = stage->plan;
    struct buf text = {0};
    buf_add_text(&text, "window.count 1 key=");
    key_describe(plan->key, stage->in, &text);
    buf_add_format(
        &text, " at=%s per=%s zone=UTC week=%s lateness=", stage->in->fields[plan->at_field].name,
        period_names[options_get(stage->options, "per")->number],
        calendar_option_week(&plan->calendar));
    text_format_duration(plan->lateness_ns, &text);
    *ret_spec = (struct store_spec){.value_len = STORE_VALUE_BYTES_MAX, .expires = true};
    store_spec_set_schema(ret_spec, buf_text(&text));
    buf_done(&text);
}

static void rewrite_state(const struct stage *stage, const struct state_change *change,
                          struct store_rewrite *ret_rewrite)
{
    const struct window_plan *plan = stage->plan;
    struct window_rewrite *context;
    if (change->shift_ns == 0)
        return;
    context = memory_new(1, sizeof *context);
    context->calendar = &plan->calendar;
    context->period = plan->period;
    context->was_ns = plan->lateness_ns - change->shift_ns;
    context->is_ns = plan->lateness_ns;
    *ret_rewrite = window_rewrite_of(context);
}

static int open_stage(const struct stage_env *env, void **ret_self, struct err *e)
{
    (void)e;
    struct window_count *self = memory_new(1, sizeof *self);
    self->stage = env->stage;
    self->beats = env->beats;
    self->plan = env->stage->plan;
    window_state_init(&self->state, env->store, env->stage, self->plan->key, &self->plan->calendar,
                      self->plan->period);
    *ret_self = self;
    return 0;
}

static void close_stage(void *opaque)
{
    struct window_count *self = opaque;
    free(self->closings);
    buf_done(&self->sort_key);
    buf_done(&self->key_bytes);
    free(self);
}

static struct window_close close_of(const struct window_count *self, int64_t window)
{
    return window_close_of(&self->plan->calendar, self->plan->period, self->plan->lateness_ns,
                           window);
}

/* The start of a window, but not before the beginning of time. */
static int64_t starts_at(const struct window_count *self, int64_t window)
{
    __int128 start = calendar_window_start_ns(&self->plan->calendar, self->plan->period, window);
    return start > INT64_MIN ? (int64_t)start : INT64_MIN;
}

/* --- closing --- */

static void add_sort_key(struct buf *out, int64_t start, const struct value *fields, size_t count)
{
    order_add_integer(out, start);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].tag == VALUE_STRING || fields[i].tag == VALUE_BYTES)
            order_add_bytes(out, fields[i].bytes, fields[i].len);
        else if (fields[i].tag == VALUE_BOOL)
            order_add_number(out, fields[i].boolean ? 1 : 0);
        else
            order_add_integer(out, fields[i].integer);
    }
}

/* A window may have millions of keys, and working on them must not look like a hang. */
static void show_work(const struct window_count *self, uint64_t done)
{
    if (done % KEYS_PER_BEAT == 0)
        beat_once(self->beats);
}

static void gather(void *context, struct hash128 key, int64_t expires_at, const void *value)
{
    struct window_count *self = context;
    unsigned group = window_state_group(key);
    if (window_state_is_put_out(&self->state, group,
                                window_state_close_of(&self->state, expires_at, value)))
        return; /* emitted at an end of the input */
    self->group_closes[group] = true;
    if (self->closing_count == self->closing_capacity) {
        self->closing_capacity += self->closing_capacity / 4 + 16;
        self->closings =
            memory_resize(self->closings, self->closing_capacity, sizeof *self->closings);
    }
    self->closings[self->closing_count++] = (struct closing){
        .start = (int64_t)bytes_get_u64((const uint8_t *)value + WINDOW_AT_START),
        .prefix = window_state_key_prefix(&self->state, value),
        .value = value,
    };
    show_work(self, self->closing_count);
}

/* Same order as order_compare() of their sort keys. */
static int compare_closings(const void *a, const void *b, void *context)
{
    struct window_count *self = context;
    const struct closing *x = a, *y = b;
    show_work(self, ++self->compared);
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    if (x->prefix != y->prefix)
        return x->prefix < y->prefix ? -1 : 1;
    return window_state_compare_keys(&self->state, x->value, y->value);
}

/*
 * Gathers the entries that are windows. The windows of a group that is ahead were emitted before.
 */
static void gather_window(void *context, struct hash128 key, int64_t expires_at, const void *value)
{
    struct window_count *self = context;
    if (!store_is_ahead(self->state.store, window_state_group(key)) &&
        !window_state_is_floor(&self->state, key))
        gather(self, key, expires_at, value);
}

/* Empties the list. Its memory is not kept if it was large. */
static void forget_closings(struct window_count *self)
{
    self->closing_count = 0;
    if (self->closing_capacity <= CLOSINGS_KEPT)
        return;
    free(self->closings);
    self->closings = NULL;
    self->closing_capacity = 0;
}

/* Emits the windows that were gathered. */
static void put_out(struct window_count *self, struct emitter *out)
{
    if (self->closing_count == 0)
        return;
    self->compared = 0;
    qsort_r(self->closings, self->closing_count, sizeof *self->closings, compare_closings, self);
    for (size_t i = 0; i < self->closing_count; i++) {
        const struct closing *closing = &self->closings[i];
        self->fields[0] = value_of_integer(VALUE_TIMESTAMP, closing->start);
        window_state_read_key(&self->state, closing->value, self->fields + 1);
        self->fields[1 + self->plan->key->count] =
            value_of_integer(VALUE_INT, (int64_t)bytes_get_u64(closing->value + WINDOW_AT_COUNT));
        buf_reset(&self->sort_key);
        add_sort_key(&self->sort_key, closing->start, self->fields + 1, self->plan->key->count);
        emitter_emit_sorted(out, self->fields, self->sort_key.data, self->sort_key.len);
        show_work(self, i);
    }
    forget_closings(self);
}

static void tick(void *opaque, int64_t time, struct emitter *out)
{
    struct window_count *self = opaque;
    window_state_load(&self->state);
    store_each_expiring(self->state.store, time, gather, self);
    put_out(self, out);
}

/*
 * A record at the very first moment leaves the clock at its start, and then this worker cannot know
 * whether other workers had one. In that case, only groups with windows get a floor.
 */
static void end(void *opaque, struct emitter *out)
{
    struct window_count *self = opaque;
    window_state_load(&self->state);
    int64_t clock = store_clock(self->state.store);
    struct window_close floor =
        close_of(self, calendar_window(&self->plan->calendar, self->plan->period, clock));
    memset(self->group_closes, 0, sizeof self->group_closes);
    if (floor.at != STORE_NEVER)
        store_each_expiring(self->state.store, floor.at, gather, self);
    else
        store_each_live(self->state.store, gather_window, self);
    put_out(self, out);
    for (unsigned group = 0; group < KEY_GROUPS; group++) {
        if (clock != STORE_CLOCK_START || self->group_closes[group])
            window_state_raise_floor(&self->state, group, floor);
    }
}

/* --- counting --- */

/*
 * Begins the entry of a key in a window. Returns false, having emitted the dead letter, if the key
 * is too long.
 */
static bool begin_entry(struct window_count *self, const struct record *in, int64_t window,
                        size_t key_len, uint8_t *ret_value, struct emitter *out)
{
    const size_t head = self->key_bytes.len - key_len;
    if (key_len > WINDOW_KEY_BYTES_MAX) {
        emitter_dead_record(out, &key_too_long, in,
                            "its key is %zu bytes long, and the limit is %u", key_len,
                            WINDOW_KEY_BYTES_MAX);
        return false;
    }
    bytes_put_u64(ret_value + WINDOW_AT_START, (uint64_t)starts_at(self, window));
    memcpy(ret_value + WINDOW_AT_KEY, self->key_bytes.data + head, key_len);
    return true;
}

static void step(void *opaque, const struct record *in, struct emitter *out)
{
    struct window_count *self = opaque;
    window_state_load(&self->state);
    int64_t window = calendar_window(&self->plan->calendar, self->plan->period,
                                     in->fields[self->plan->at_field].integer);
    struct window_close close = close_of(self, window);
    unsigned group = partition_group(self->stage, in);
    if ((close.at != STORE_NEVER && close.at <= store_clock(self->state.store)) ||
        window_state_is_put_out(&self->state, group, close)) {
        emitter_dead_record(out, &dead_late, in,
                            "its window has closed, and its count was emitted");
        return;
    }
    uint8_t number[8];
    bytes_put_u64(number, (uint64_t)window);
    buf_reset(&self->key_bytes);
    buf_add(&self->key_bytes, number, sizeof number);
    key_add_fields(self->plan->key, in, &self->key_bytes);
    struct hash128 key =
        store_key(self->state.store, group, self->key_bytes.data, self->key_bytes.len);
    const void *found = store_find(self->state.store, key);
    uint8_t value[STORE_VALUE_BYTES_MAX] = {0};
    if (found != NULL)
        memcpy(value, found, sizeof value);
    else if (!begin_entry(self, in, window, self->key_bytes.len - sizeof number, value, out))
        return;
    bytes_put_u64(value + WINDOW_AT_COUNT, bytes_get_u64(value + WINDOW_AT_COUNT) + 1);
    store_put(self->state.store, key, close.at, value);
}

const struct stage_ops window_count_ops = {
    .open = open_stage,
    .close = close_stage,
    .step = step,
    .tick = tick,
    .end = end,
};

const struct kind window_count_kind = {
    .name = "window.count",
    .summary = "counts records by key in calendar windows",
    .manual =
        "A record counts in the window of its own time. A window closes once the latest timestamp "
        "seen reaches its end plus 'lateness'. One record for every key in it is then emitted, in "
        "the order of windows and keys. A record for a closed window is a dead letter. At the end "
        "of a finite input all windows close, and stay closed: records that a later run brings "
        "for them are late. A window of the last moments of time, in 2262, is closed only by the "
        "end of the input. All records of a closing window are in memory at once.",
    .role = KIND_STEP,
    .partition = KIND_BY_KEY,
    .at_end = true,
    .clock_option = "at",
    .reads = "the fields of key; at: timestamp",
    .makes = "window: timestamp, the fields of key, count: int",
    .reasons = DEAD_REASONS(&dead_late, &key_too_long),
    .options = specs,
    .derive = derive,
    .free_plan = free,
    .store_spec = store_spec,
    .change_state = window_count_change_state,
    .rewrite_state = rewrite_state,
};
