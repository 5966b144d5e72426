/* SPDX-License-Identifier: MIT */
/* dedupe: passes the first record of every key and drops the others. */
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/memory.h"
#include "common/text.h"
#include "stages/kinds/kinds.h"
#include "stages/kit/key.h"
#include "stages/kit/schema_words.h"
#include "stages/stage.h"
#include "topology/partition.h"

struct dedupe {
    struct store *store;
    const struct stage *stage;
    const struct option_value *key;
    int at_field; /* -1: keys are kept forever */
    int64_t keep_ns;
    struct buf key_bytes;
    struct hash128 ahead[STAGE_AHEAD_MAX + 1]; /* keys of the records that prepare() has seen */
};

static const struct option_spec specs[] = {
    {.name = "key",
     .tag = OPTION_FIELDS,
     .required = true,
     .meaning = "the fields that together identify a record"},
    {.name = "keep",
     .tag = OPTION_DURATION,
     .min = 1,
     .max = INT64_MAX,
     .meaning = "how long a key is remembered, in event time; forever by default"},
    {.name = "at", .tag = OPTION_FIELD, .meaning = "the event time; required with 'keep'"},
    {0},
};

static void derive(struct kind_check *check)
{
    const struct option_value *keep = options_get(check->options, "keep");
    const struct option_value *at = options_get(check->options, "at");
    if (keep->present != at->present && !keep->bad && !at->bad)
        diagnostics_add(check->diagnostics, keep->present ? keep->place : at->place,
                        "'keep:' and 'at:' must be given together: how long, and by which time");
    if (at->present)
        (void)kind_check_field_tag(check, at, (int)at->number, at->place, 1u << VALUE_TIMESTAMP);
    *check->out = *check->in;
}

static void store_spec(const struct stage *stage, struct store_spec *ret_spec)
{
    struct buf text = {0};
    buf_add_text(&text, "dedupe 1 key=");
    key_describe(options_get(stage->options, "key"), stage->in, &text);
    const struct option_value *keep = options_get(stage->options, "keep");
    if (keep->present) {
        buf_add_text(&text, " keep=");
        text_format_duration(keep->number, &text);
        buf_add_format(&text, " at=%s", options_get(stage->options, "at")->text);
    }
    *ret_spec = (struct store_spec){.value_len = 0, .expires = keep->present};
    store_spec_set_schema(ret_spec, buf_text(&text));
    buf_done(&text);
}

static void change_key(const struct schema_word_pair *pairs, size_t i, const char *left,
                       struct state_change *change)
{
    (void)left;
    schema_word_says(&pairs[i], STATE_LOST, "it remembers other keys", change);
}

/* Whether both schemas have `keep` and `at` together. */
static bool are_together(const struct schema_word_pair *keep, const struct schema_word_pair *at)
{
    return (keep->was == NULL) == (at->was == NULL) && (keep->is == NULL) == (at->is == NULL);
}

/* The clock stays: it is the latest time seen, whatever is remembered. */
static void change_keep(const struct schema_word_pair *pairs, size_t i, const char *left,
                        struct state_change *change)
{
    (void)left;
    const struct schema_word_pair *keep = &pairs[i];
    if (!are_together(keep, keep + 1)) {
        schema_word_is_unknown(keep, change);
    } else if (keep->was == NULL) {
        schema_word_says(keep, STATE_CONVERTED,
                         "the keys it remembers are never forgotten, only new ones are", change);
    } else if (keep->is == NULL) {
        change->forgets_expiry = true;
        schema_word_says(keep, STATE_CONVERTED,
                         "the keys it remembers are never forgotten; those that it has forgotten "
                         "stay so",
                         change);
    } else if (schema_word_durations(keep, &change->shift_ns, change)) {
        schema_word_says(keep, STATE_CONVERTED,
                         change->shift_ns > 0
                             ? "the keys it remembers are remembered for longer; those that it has "
                               "forgotten stay so"
                             : "the keys it remembers are forgotten sooner",
                         change);
    }
}

/* Comes and goes with `keep`, which then says all. */
static void change_at(const struct schema_word_pair *pairs, size_t i, const char *left,
                      struct state_change *change)
{
    (void)left;
    if (!are_together(&pairs[i - 1], &pairs[i]))
        schema_word_is_unknown(&pairs[i], change);
    else if (pairs[i].was != NULL && pairs[i].is != NULL)
        schema_word_says(&pairs[i], STATE_CONVERTED,
                         "keys are forgotten by the times of the other field", change);
}

static void change_state(const char *was, const char *is, const char *left,
                         struct state_change *change)
{
    static const struct schema_word words[] = {
        {.name = "key", .change = change_key},
        {.name = "keep", .optional = true, .change = change_keep},
        {.name = "at", .optional = true, .change = change_at},
        {0},
    };
    schema_words_compare(was, is, left, "dedupe 1", words, change);
}

static int open_stage(const struct stage_env *env, void **ret_self, struct err *e)
{
    (void)e;
    struct dedupe *self = memory_new(1, sizeof *self);
    const struct options *options = env->stage->options;
    self->store = env->store;
    self->stage = env->stage;
    self->key = options_get(options, "key");
    self->at_field = (int)options_get(options, "at")->number;
    self->keep_ns = options_get(options, "keep")->number;
    *ret_self = self;
    return 0;
}

static void close_stage(void *opaque)
{
    struct dedupe *self = opaque;
    buf_done(&self->key_bytes);
    free(self);
}

/* When the key of a record expires. */
static int64_t expiry(struct dedupe *self, const struct record *in)
{
    if (self->at_field < 0)
        return STORE_NEVER;
    int64_t at = in->fields[self->at_field].integer;
    int64_t expires_at;
    return __builtin_add_overflow(at, self->keep_ns, &expires_at) ? STORE_NEVER : expires_at;
}

static struct hash128 key_of(struct dedupe *self, const struct record *in)
{
    buf_reset(&self->key_bytes);
    key_add_fields(self->key, in, &self->key_bytes);
    return store_key(self->store, partition_group(self->stage, in), self->key_bytes.data,
                     self->key_bytes.len);
}

static void prepare(void *opaque, const struct record *in)
{
    struct dedupe *self = opaque;
    self->ahead[in->ahead] = key_of(self, in);
    store_prefetch(self->store, self->ahead[in->ahead]);
}

static void step(void *opaque, const struct record *in, struct emitter *out)
{
    struct dedupe *self = opaque;
    struct hash128 key = in->ahead != 0 ? self->ahead[in->ahead] : key_of(self, in);
    int64_t expires_at = expiry(self, in);
    if (store_find(self->store, key) != NULL)
        return;
    /* A record older than `keep` would expire before it is stored. */
    if (expires_at == STORE_NEVER || expires_at > store_clock(self->store))
        store_put(self->store, key, expires_at, NULL);
    emitter_emit(out, in->fields);
}

const struct stage_ops dedupe_ops = {
    .open = open_stage,
    .close = close_stage,
    .prepare = prepare,
    .step = step,
};

const struct kind dedupe_kind = {
    .name = "dedupe",
    .summary = "drops records whose key was seen before",
    .manual =
        "The first record with a key passes. Later ones are dropped and counted, whatever happens "
        "to the first one downstream. With 'keep', a key expires when the latest event time seen "
        "is later than the key's own time by that much, and a record that repeats the key after "
        "that passes. A key that would expire at or after the end of time, in 2262, is remembered "
        "forever.",
    .role = KIND_STEP,
    .partition = KIND_BY_KEY,
    .clock_option = "at",
    .reads = "the fields of key; at: timestamp",
    .makes = "what it reads, unchanged",
    .options = specs,
    .derive = derive,
    .store_spec = store_spec,
    .change_state = change_state,
};
