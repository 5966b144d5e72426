/* SPDX-License-Identifier: MIT */
/* json.encode: writes records as compact JSON objects, one per line. */
#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "common/json.h"
#include "common/memory.h"
#include "common/value_json.h"
#include "common/value_json_bounded.h"
#include "stages/kinds/kinds.h"
#include "stages/stage.h"

/* A value longer than this may become larger than a record can be. */
#define LARGE_VALUE_BYTES (64u << 10)

struct json_encode {
    const struct contract *in;
    size_t fields[FIELDS_MAX]; /* places in the input */
    char *heads[FIELDS_MAX];   /* what precedes each value: ,"id": */
    size_t head_len[FIELDS_MAX];
    size_t count;
    struct buf line;
};

static const struct option_spec specs[] = {
    {.name = "fields",
     .tag = OPTION_FIELDS,
     .meaning = "the fields to write, in this order; all by default"},
    {0},
};

static void derive(struct kind_check *check)
{
    kind_check_makes(check, "line", (struct type){.tag = VALUE_STRING}, check->place);
}

static int open_stage(const struct stage_env *env, void **ret_self, struct err *e)
{
    (void)e;
    struct json_encode *self = memory_new(1, sizeof *self);
    const struct option_value *fields = options_get(env->stage->options, "fields");
    self->in = env->stage->in;
    self->count = fields->present ? fields->count : self->in->count;
    for (size_t i = 0; i < self->count; i++) {
        self->fields[i] = fields->present ? (size_t)fields->fields[i].index : i;
        self->heads[i] = memory_format(",\"%s\":", self->in->fields[self->fields[i]].name);
        self->head_len[i] = strlen(self->heads[i]);
    }
    *ret_self = self;
    return 0;
}

static void close_stage(void *opaque)
{
    struct json_encode *self = opaque;
    for (size_t i = 0; i < self->count; i++)
        free(self->heads[i]);
    buf_done(&self->line);
    free(self);
}

/* Refuses the record. What was written so far is discarded. */
static void refuse(struct json_encode *self, struct emitter *out)
{
    buf_done(&self->line);
    emitter_dead(out, &dead_record_too_large, "", 0, false,
                 "its text would have more than %u bytes, which is the limit of a record",
                 RECORD_TEXT_BYTES_MAX);
}

static void step(void *opaque, const struct record *in, struct emitter *out)
{
    struct json_encode *self = opaque;
    buf_reset(&self->line);
    for (size_t i = 0; i < self->count; i++) {
        size_t field = self->fields[i];
        if (in->fields[field].tag == VALUE_OPTIONAL)
            continue;
        buf_add(&self->line, self->heads[i], self->head_len[i]);
        if (in->fields[field].len <= LARGE_VALUE_BYTES) {
            value_write_json(&in->fields[field], self->in->fields[field].type, &self->line);
        } else if (!value_write_json_bounded(&in->fields[field], self->in->fields[field].type,
                                             RECORD_TEXT_BYTES_MAX, &self->line)) {
            refuse(self, out);
            return;
        }
    }
    if (self->line.len == 0)
        buf_add_byte(&self->line, ',');
    self->line.data[0] = '{'; /* replaces the first comma */
    buf_add_byte(&self->line, '}');
    struct value line = value_of_bytes(VALUE_STRING, self->line.data, self->line.len);
    emitter_emit(out, &line);
}

const struct stage_ops json_encode_ops = {
    .open = open_stage,
    .close = close_stage,
    .step = step,
};

const struct kind json_encode_kind = {
    .name = "json.encode",
    .summary = "encodes records as JSON objects",
    .manual =
        "The JSON is compact, with the fields in the order given. Money, timestamps, decimals, "
        "dates, durations and enums are strings in the form that json.decode reads. Bytes that "
        "are not UTF-8 are base64. An optional field without a value is left out. A record whose "
        "text would be too large is a dead letter.",
    .role = KIND_STEP,
    .partition = KIND_ANYHOW,
    .lines = KIND_LINES_MADE,
    .reads = "the fields",
    .makes = "line: string",
    .reasons = DEAD_REASONS(&dead_record_too_large),
    .options = specs,
    .derive = derive,
};
