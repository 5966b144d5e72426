/* SPDX-License-Identifier: MIT */
/*
 * json.decode: one JSON object a record becomes a record of a declared type.
 *
 * The whole text is read first and only then are the fields looked at, in the order of the type,
 * so that the reason in a dead letter does not depend on the order of the members.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/memory.h"
#include "common/text.h"
#include "common/timestamp.h"
#include "common/utf8.h"
#include "stages/kinds.h"
#include "stages/stage.h"

/* What the text says about one field of the type. */
struct found {
    unsigned times;
    struct json_span value;
};

struct json_decode {
    const struct contract *out;
    size_t line_field;
    size_t name_len[FIELDS_MAX];
    struct found found[FIELDS_MAX];
    struct value fields[FIELDS_MAX];
    struct buf key;
    struct buf strings; /* unescaped texts of the record in hand */
};

static const struct option_spec specs[] = {
    {.name = "type",
     .tag = OPTION_TYPE,
     .required = true,
     .meaning = "the declared type that every object must have"},
    {0},
};

static void derive(struct kind_check *check)
{
    (void)kind_check_needs(check, "line", 1u << VALUE_STRING | 1u << VALUE_BYTES, NULL);
    const struct option_value *type = options_get(check->options, "type");
    const struct named_type *named = &check->types[type->number];
    for (size_t i = 0; i < named->contract.count; i++) {
        const struct field *field = &named->contract.fields[i];
        if (field->type.tag == VALUE_BYTES)
            diagnostics_add(check->diagnostics, type->place,
                            "the field '%s' of '%s' is bytes, which JSON cannot hold; use string",
                            field->name, named->name);
        kind_check_makes(check, field->name, field->type, type->place);
    }
}

static int open_stage(const struct stage_env *env, void **ret_self, struct err *e)
{
    (void)e;
    struct json_decode *self = memory_new(1, sizeof *self);
    self->out = &env->stage->out;
    self->line_field = (size_t)contract_find(env->stage->in, "line");
    for (size_t i = 0; i < self->out->count; i++)
        self->name_len[i] = strlen(self->out->fields[i].name);
    *ret_self = self;
    return 0;
}

static void close_stage(void *opaque)
{
    struct json_decode *self = opaque;
    buf_done(&self->key);
    buf_done(&self->strings);
    free(self);
}

static void note_member(void *opaque, const struct json_span *key, const struct json_span *value)
{
    struct json_decode *self = opaque;
    const uint8_t *name = key->start;
    size_t len = key->len;
    if (key->escaped) {
        buf_reset(&self->key);
        json_unescape(key, &self->key);
        name = self->key.data;
        len = self->key.len;
    }
    for (size_t i = 0; i < self->out->count; i++) {
        if (self->name_len[i] == len && memcmp(self->out->fields[i].name, name, len) == 0) {
            self->found[i].times++;
            self->found[i].value = *value;
            return;
        }
    }
}

/* A refusal: why, and a few words for a person. */
struct refusal {
    enum dead_reason reason;
    const char *what;
};

/* The string of a span; its bytes live until the next record. */
static struct value string_of(struct json_decode *self, const struct json_span *span)
{
    if (!span->escaped)
        return value_of_bytes(VALUE_STRING, span->start, span->len);
    size_t before = self->strings.len;
    json_unescape(span, &self->strings);
    return value_of_bytes(VALUE_STRING, self->strings.data + before, self->strings.len - before);
}

static bool decode_money(const struct value *text, struct type type, struct value *ret_value,
                         struct refusal *why)
{
    int64_t minor;
    switch (money_parse((const char *)text->bytes, text->len, type.currency, &minor)) {
    case MONEY_OK:
        *ret_value = value_of_integer(VALUE_MONEY, minor);
        return true;
    case MONEY_BAD_FORM:
        *why = (struct refusal){DEAD_BAD_MONEY, "is no amount with a currency, like $12.34"};
        return false;
    case MONEY_WRONG_CURRENCY:
        *why = (struct refusal){DEAD_WRONG_CURRENCY, "is in another currency"};
        return false;
    case MONEY_TOO_MANY_DECIMALS:
        *why = (struct refusal){DEAD_TOO_MANY_DECIMALS, "has more decimals than its currency"};
        return false;
    case MONEY_OVERFLOW:
        break;
    }
    *why = (struct refusal){DEAD_OVERFLOW, "is larger than an amount can be"};
    return false;
}

static bool decode_timestamp(const struct value *text, struct value *ret_value, struct refusal *why)
{
    int64_t ns;
    switch (timestamp_parse((const char *)text->bytes, text->len, &ns)) {
    case TIMESTAMP_OK:
        *ret_value = value_of_integer(VALUE_TIMESTAMP, ns);
        return true;
    case TIMESTAMP_BAD_FORM:
        *why =
            (struct refusal){DEAD_BAD_TIMESTAMP, "is no RFC 3339 time, like 2000-01-01T00:00:00Z"};
        return false;
    case TIMESTAMP_OVERFLOW:
        break;
    }
    *why = (struct refusal){DEAD_OVERFLOW, "lies outside the years 1677 to 2262"};
    return false;
}

static bool decode_int(const struct json_span *span, struct value *ret_value, struct refusal *why)
{
    char digits[24];
    int64_t number;
    /* JSON has no leading zeros: more digits than these are too many. */
    int rc = memchr(span->start, '.', span->len) != NULL ||
                     memchr(span->start, 'e', span->len) != NULL ||
                     memchr(span->start, 'E', span->len) != NULL
                 ? ERR_INVALID
                 : ERR_RANGE;
    if (rc == ERR_RANGE && span->len < sizeof digits) {
        memcpy(digits, span->start, span->len);
        digits[span->len] = '\0';
        rc = text_parse_int(digits, &number);
    }
    if (rc == 0) {
        *ret_value = value_of_integer(VALUE_INT, number);
        return true;
    }
    *why = rc == ERR_RANGE ? (struct refusal){DEAD_OVERFLOW, "does not fit 64 bits"}
                           : (struct refusal){DEAD_WRONG_TYPE, "is no whole number"};
    return false;
}

static bool decode_value(struct json_decode *self, size_t i, struct refusal *why)
{
    const struct json_span *span = &self->found[i].value;
    struct type type = self->out->fields[i].type;
    struct value *value = &self->fields[i];
    switch (type.tag) {
    case VALUE_BOOL:
        *value = value_of_bool(span->type == JSON_TRUE);
        return true;
    case VALUE_INT:
        return decode_int(span, value, why);
    case VALUE_STRING:
        *value = string_of(self, span);
        return true;
    default: {
        struct value text = string_of(self, span);
        return type.tag == VALUE_MONEY ? decode_money(&text, type, value, why)
                                       : decode_timestamp(&text, value, why);
    }
    }
}

static bool json_type_fits(enum json_type found, enum value_tag wanted)
{
    switch (wanted) {
    case VALUE_BOOL:
        return found == JSON_TRUE || found == JSON_FALSE;
    case VALUE_INT:
        return found == JSON_NUMBER;
    default:
        return found == JSON_STRING;
    }
}

static bool decode_field(struct json_decode *self, size_t i, struct refusal *why)
{
    const struct found *found = &self->found[i];
    if (found->times == 0) {
        *why = (struct refusal){DEAD_MISSING_FIELD, "is not there"};
        return false;
    }
    if (found->times > 1) {
        *why = (struct refusal){DEAD_DUPLICATE_FIELD, "is there more than once"};
        return false;
    }
    if (!json_type_fits(found->value.type, self->out->fields[i].type.tag)) {
        *why = (struct refusal){DEAD_WRONG_TYPE, "has the wrong JSON type"};
        return false;
    }
    return decode_value(self, i, why);
}

static void refuse_field(const struct json_decode *self, size_t i, const struct refusal *why,
                         const struct value *line, struct emitter *out)
{
    const struct field *field = &self->out->fields[i];
    char wanted[TYPE_NAME_BYTES_MAX];
    if (why->reason == DEAD_WRONG_TYPE)
        emitter_dead(out, why->reason, line->bytes, line->len, false,
                     "the field '%s' %s: it is %s, and %s is needed", field->name, why->what,
                     json_type_name(self->found[i].value.type), type_name(field->type, wanted));
    else
        emitter_dead(out, why->reason, line->bytes, line->len, false, "the field '%s' %s",
                     field->name, why->what);
}

static void step(void *opaque, const struct record *in, struct emitter *out)
{
    struct json_decode *self = opaque;
    const struct value *line = &in->fields[self->line_field];
    size_t bad_at;
    if (!utf8_valid(line->bytes, line->len, &bad_at)) {
        emitter_dead(out, DEAD_NOT_UTF8, line->bytes, line->len, false,
                     "byte %zu begins no UTF-8 sequence", bad_at + 1);
        return;
    }
    memset(self->found, 0, self->out->count * sizeof self->found[0]);
    enum json_type type;
    struct err e;
    if (json_read(line->bytes, line->len, note_member, self, &type, &e) != 0) {
        emitter_dead(out, DEAD_NOT_JSON, line->bytes, line->len, false, "%s", e.text);
        return;
    }
    if (type != JSON_OBJECT) {
        emitter_dead(out, DEAD_NOT_AN_OBJECT, line->bytes, line->len, false,
                     "it is %s, and an object is needed", json_type_name(type));
        return;
    }
    /* What is unescaped is never longer than the line, so values can point into the buffer. */
    buf_reset(&self->strings);
    (void)buf_reserve(&self->strings, line->len);
    for (size_t i = 0; i < self->out->count; i++) {
        struct refusal why;
        if (!decode_field(self, i, &why)) {
            refuse_field(self, i, &why, line, out);
            return;
        }
    }
    emitter_emit(out, self->fields);
}

static const struct stage_ops ops = {
    .open = open_stage,
    .close = close_stage,
    .step = step,
};

const struct kind json_decode_kind = {
    .name = "json.decode",
    .summary = "reads JSON objects as records of a declared type",
    .manual =
        "Every record must be one JSON object (RFC 8259) with all fields of the type; members "
        "that the type does not name are ignored. Money and timestamps are strings: "
        "\"$12.34\" or \"USD 12.34\", \"2000-01-01T00:00:00Z\". What does not fit is a dead "
        "letter with its reason.",
    .role = KIND_STEP,
    .partition = KIND_ANYHOW,
    .dead_letters = true,
    .reads = "line: string or bytes",
    .makes = "the fields of the type",
    .options = specs,
    .derive = derive,
    .ops = &ops,
};
