/* SPDX-License-Identifier: MIT */
/* msgpack.encode: writes records as maps in msgpack. The same record always has the same bytes. */
#include <stdlib.h>

#include "common/bounds.h"
#include "common/memory.h"
#include "common/packed.h"
#include "common/packed_check.h"
#include "common/value_packed.h"
#include "stages/kinds/kinds.h"
#include "stages/kit/record_field.h"
#include "stages/stage.h"

struct msgpack_encode {
    const struct contract *in;
    size_t fields[FIELDS_MAX]; /* places in the input */
    size_t count;
    struct buf packed;
};

static const struct option_spec specs[] = {
    {.name = "fields",
     .tag = OPTION_FIELDS,
     .meaning = "the fields to write, in this order; all by default"},
    {0},
};

static void derive(struct kind_check *check)
{
    kind_check_makes(check, record_format_field(RECORDS_MSGPACK), (struct type){.tag = VALUE_BYTES},
                     check->place);
}

static int open_stage(const struct stage_env *env, void **ret_self, struct err *e)
{
    (void)e;
    struct msgpack_encode *self = memory_new(1, sizeof *self);
    const struct option_value *fields = options_get(env->stage->options, "fields");
    self->in = env->stage->in;
    self->count = fields->present ? fields->count : self->in->count;
    for (size_t i = 0; i < self->count; i++)
        self->fields[i] = fields->present ? (size_t)fields->fields[i].index : i;
    *ret_self = self;
    return 0;
}

static void close_stage(void *opaque)
{
    struct msgpack_encode *self = opaque;
    buf_done(&self->packed);
    free(self);
}

/* Refuses the record. What was written so far is discarded. */
static void refuse(struct msgpack_encode *self, unsigned most, const char *of_what,
                   struct emitter *out)
{
    buf_done(&self->packed);
    emitter_dead(out, &dead_record_too_large, "", 0, false,
                 "it would have more than %u %s in msgpack, which is the limit of a record", most,
                 of_what);
}

/*
 * Whether readers of records would refuse it. A value takes at least one byte, so few records need
 * to be checked.
 */
static bool has_too_many_values(const struct buf *packed)
{
    return packed->len > PACKED_VALUES_MAX &&
           packed_check_all(packed->data, packed->len, &packed_record_rules, NULL) != 0;
}

static void step(void *opaque, const struct record *in, struct emitter *out)
{
    struct msgpack_encode *self = opaque;
    size_t pairs = 0;
    for (size_t i = 0; i < self->count; i++)
        pairs += in->fields[self->fields[i]].tag != VALUE_OPTIONAL;
    buf_reset(&self->packed);
    packed_add_map(&self->packed, pairs);
    for (size_t i = 0; i < self->count; i++) {
        const struct field *field = &self->in->fields[self->fields[i]];
        const struct value *value = &in->fields[self->fields[i]];
        if (value->tag == VALUE_OPTIONAL)
            continue;
        packed_add_text(&self->packed, field->name);
        if (!value_write_packed(value, field->type, RECORD_TEXT_BYTES_MAX, &self->packed)) {
            refuse(self, RECORD_TEXT_BYTES_MAX, "bytes", out);
            return;
        }
    }
    if (has_too_many_values(&self->packed)) {
        refuse(self, PACKED_VALUES_MAX, "values (keys included)", out);
        return;
    }
    struct value packed = value_of_bytes(VALUE_BYTES, self->packed.data, self->packed.len);
    emitter_emit(out, &packed);
}

const struct stage_ops msgpack_encode_ops = {
    .open = open_stage,
    .close = close_stage,
    .step = step,
};

const struct kind msgpack_encode_kind = {
    .name = "msgpack.encode",
    .summary = "encodes records as msgpack maps",
    .manual =
        "The fields are in the order given, and each number and length has its shortest form, so "
        "equal records are equal bytes. Timestamps use msgpack's timestamp extension, and bytes "
        "are bin. Strings, money, decimals, dates, durations and enums are str, in the form that "
        "msgpack.decode and json.decode read. An optional field without a value is left out. A "
        "sink writes these records with 'records: msgpack'. A record that would be too large, or "
        "have more than 524288 values, is a dead letter.",
    .role = KIND_STEP,
    .partition = KIND_ANYHOW,
    .reads = "the fields",
    .makes = "packed: bytes",
    .reasons = DEAD_REASONS(&dead_record_too_large),
    .options = specs,
    .derive = derive,
};
