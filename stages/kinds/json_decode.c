/* SPDX-License-Identifier: MIT */
/*
 * json.decode: turns one JSON object per record into a record of a declared type.
 *
 * The whole text is read first. Only then are the fields examined, in the order of the type, so the
 * reason in a dead letter does not depend on the order of the members.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/json.h"
#include "common/memory.h"
#include "common/nested.h"
#include "common/text.h"
#include "common/type.h"
#include "common/utf8.h"
#include "stages/kinds/kinds.h"
#include "stages/kit/record_field.h"
#include "stages/kit/refusal.h"
#include "stages/stage.h"

static const struct dead_reason not_json = {"not-json", "not a single JSON text"};
static const struct dead_reason not_an_object = {"not-an-object", "JSON, but not an object"};

/* What the text holds for one field of the type. */
struct found {
    unsigned times;
    struct json_span value;
};

struct json_decode {
    const struct contract *out;
    size_t line_field;
    size_t name_len[FIELDS_MAX];
    size_t members;           /* members of the current object so far */
    size_t usual[FIELDS_MAX]; /* which field each member was in the previous objects */
    struct found found[FIELDS_MAX];
    struct value fields[FIELDS_MAX];
    struct buf key;
    struct buf strings; /* unescaped texts of the current record */
    struct buf nested;  /* the lists and maps of the current record */
    size_t nested_at[FIELDS_MAX];
};

static const struct option_spec specs[] = {
    {.name = "type",
     .tag = OPTION_TYPE,
     .required = true,
     .meaning = "the declared type that every object must have"},
    {0},
};

static bool holds_bytes(struct type type)
{
    while (type.tag == VALUE_LIST || type.tag == VALUE_MAP || type.tag == VALUE_OPTIONAL)
        type = type_item(type);
    return type.tag == VALUE_BYTES;
}

static void derive(struct kind_check *check)
{
    record_field_needs(
        check, RECORDS_LINES,
        "msgpack.decode reads that, and a source makes lines with 'records: lines', the default");
    const struct option_value *type = options_get(check->options, "type");
    check->out->open = type->number < 0;
    if (check->out->open)
        return;
    const struct named_type *named = &check->types[type->number];
    check->out->open = named->contract.open;
    for (size_t i = 0; i < named->contract.count; i++) {
        const struct field *field = &named->contract.fields[i];
        if (holds_bytes(field->type))
            diagnostics_add(check->diagnostics, type->place,
                            "the field '%s' of '%s' %s bytes, which JSON cannot hold; use string",
                            field->name, named->name,
                            field->type.tag == VALUE_BYTES ? "is" : "holds");
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
    buf_done(&self->nested);
    free(self);
}

static void note_value(struct json_decode *self, const uint8_t *name, size_t len,
                       const struct json_span *value)
{
    /*
     * Most objects have their members in the same order, so the first try usually finds the field.
     */
    size_t count = self->out->count, place = self->members++;
    size_t i = place < count ? self->usual[place] : 0;
    for (size_t looks = 0; looks < count; looks++) {
        if (self->name_len[i] == len && memcmp(self->out->fields[i].name, name, len) == 0) {
            self->found[i].times++;
            self->found[i].value = *value;
            if (place < count)
                self->usual[place] = i;
            return;
        }
        i = i + 1 < count ? i + 1 : 0;
    }
}

static void note_member(void *opaque, const struct json_span *key, const struct json_span *value)
{
    struct json_decode *self = opaque;
    if (!key->escaped) {
        note_value(self, key->start, key->len, value);
        return;
    }
    buf_reset(&self->key);
    json_unescape(key, &self->key);
    note_value(self, self->key.data, self->key.len, value);
}

/* The string of a span. Its bytes are valid until the next record. */
static struct value string_of(struct json_decode *self, const struct json_span *span)
{
    if (!span->escaped)
        return value_of_bytes(VALUE_STRING, span->start, span->len);
    size_t before = self->strings.len;
    json_unescape(span, &self->strings);
    return value_of_bytes(VALUE_STRING, self->strings.data + before, self->strings.len - before);
}

static bool decode_int(const struct json_span *span, struct value *ret_value, struct refusal *why)
{
    int64_t number;
    if (text_read_int((const char *)span->start, span->len, &number) == 0) {
        *ret_value = value_of_integer(VALUE_INT, number);
        return true;
    }
    bool whole = memchr(span->start, '.', span->len) == NULL &&
                 memchr(span->start, 'e', span->len) == NULL &&
                 memchr(span->start, 'E', span->len) == NULL;
    return whole ? refusal_set(why, &dead_overflow, "does not fit 64 bits")
                 : refusal_set(why, &dead_wrong_type, "is not a whole number");
}

static bool decode_scalar(struct json_decode *self, const struct json_span *span,
                          const struct type *type, struct value *value, struct refusal *why)
{
    if (type->tag == VALUE_STRING && type->detail == NULL) {
        /* The whole line is UTF-8, and there is nothing else to check */
        *value = string_of(self, span);
        return true;
    }
    if (type->tag == VALUE_BOOL) {
        *value = value_of_bool(span->type == JSON_TRUE);
        return true;
    }
    if (type->tag == VALUE_INT)
        return decode_int(span, value, why);
    /* A decimal may be a number, whose text has the same form. */
    struct value text = span->type == JSON_STRING
                            ? string_of(self, span)
                            : value_of_bytes(VALUE_STRING, span->start, span->len);
    enum scalar_fault fault =
        scalar_parse(type, (const char *)text.bytes, text.len, NULL, value, &why->what);
    if (fault != SCALAR_GOOD)
        why->reason = text_value_reason(fault);
    return fault == SCALAR_GOOD;
}

static bool json_type_fits(enum json_type found, enum value_tag wanted)
{
    switch (wanted) {
    case VALUE_BOOL:
        return found == JSON_TRUE || found == JSON_FALSE;
    case VALUE_INT:
        return found == JSON_NUMBER;
    case VALUE_DECIMAL:
        return found == JSON_NUMBER || found == JSON_STRING;
    case VALUE_LIST:
        return found == JSON_ARRAY;
    case VALUE_MAP:
        return found == JSON_OBJECT;
    default:
        return found == JSON_STRING;
    }
}

static bool add_nested(struct json_decode *self, const struct json_span *span, struct type type,
                       struct refusal *why);

/* Decodes the value of a member, or of an item of a list or map in it. */
static bool decode_value(struct json_decode *self, const struct json_span *span,
                         const struct type *type, struct value *value, struct refusal *why)
{
    struct type held;
    if (type->tag == VALUE_OPTIONAL) {
        if (span->type == JSON_NULL) {
            *value = value_of_nothing();
            return true;
        }
        held = type_item(*type);
        type = &held;
    }
    if (!json_type_fits(span->type, type->tag)) {
        bool good = refusal_set(why, &dead_wrong_type, "has the wrong JSON type");
        why->found = json_type_name(span->type);
        why->wanted = *type;
        return good;
    }
    if (type->tag != VALUE_LIST && type->tag != VALUE_MAP) {
        bool good = decode_scalar(self, span, type, value, why);
        if (!good) {
            why->found = json_type_name(span->type);
            why->wanted = *type;
        }
        return good;
    }
    size_t before = self->nested.len;
    if (!add_nested(self, span, *type, why))
        return false;
    *value = (struct value){.tag = type->tag, .len = (uint32_t)(self->nested.len - before)};
    return true;
}

/*
 * Adds an item to the list or map that is being built. An item that is a list or map has added
 * itself.
 */
static bool add_item(struct json_decode *self, const struct json_span *span,
                     const struct type *type, struct refusal *why)
{
    struct value item;
    if (!decode_value(self, span, type, &item, why))
        return false;
    if (item.tag != VALUE_LIST && item.tag != VALUE_MAP)
        nested_add(&item, &self->nested);
    return true;
}

/* A list or map that is being read. */
struct reading {
    struct json_decode *self;
    struct type type; /* the type of the items */
    struct refusal *why;
    bool good;
    uint32_t count;
    struct member *members; /* the members of a map */
};

struct member {
    struct value key;
    struct json_span item;
};

static void count_item(void *context, const struct json_span *item)
{
    (void)item;
    ((struct reading *)context)->count++;
}

static void read_item(void *context, const struct json_span *item)
{
    struct reading *r = context;
    if (r->good)
        r->good = add_item(r->self, item, &r->type, r->why);
}

static void read_member(void *context, const struct json_span *key, const struct json_span *item)
{
    struct reading *r = context;
    /* Doubles the room whenever the count is a power of two. */
    if ((r->count & (r->count - 1)) == 0)
        r->members =
            memory_resize(r->members, r->count == 0 ? 1 : 2 * (size_t)r->count, sizeof *r->members);
    r->members[r->count++] = (struct member){.key = string_of(r->self, key), .item = *item};
}

static int compare_members(const void *a, const void *b)
{
    return value_compare(&((const struct member *)a)->key, &((const struct member *)b)->key);
}

/* Adds the members of a map, sorted by key, whatever their order in the text. */
static void add_members(struct reading *r)
{
    if (r->count != 0)
        qsort(r->members, r->count, sizeof *r->members, compare_members);
    nested_add_head(VALUE_MAP, r->count, &r->self->nested);
    for (uint32_t i = 0; r->good && i < r->count; i++) {
        if (i != 0 && compare_members(&r->members[i - 1], &r->members[i]) == 0) {
            r->why->reason = &dead_duplicate_field;
            r->why->what = "has the same key more than once";
            r->good = false;
            return;
        }
        nested_add(&r->members[i].key, &r->self->nested);
        r->good = add_item(r->self, &r->members[i].item, &r->type, r->why);
    }
}

/* Not inline: few fields are lists or maps, and all would pay for its room on the stack. */
__attribute__((noinline)) static bool add_nested(struct json_decode *self,
                                                 const struct json_span *span, struct type type,
                                                 struct refusal *why)
{
    struct reading r = {.self = self, .type = type_item(type), .why = why, .good = true};
    if (type.tag == VALUE_LIST) {
        json_read_items(span, count_item, &r);
        nested_add_head(VALUE_LIST, r.count, &self->nested);
        json_read_items(span, read_item, &r);
        return r.good;
    }
    enum json_type whole;
    int rc = json_read(span->start, span->len, read_member, &r, &whole, NULL);
    INVARIANT(rc == 0);
    add_members(&r);
    free(r.members);
    return r.good;
}

static bool decode_field(struct json_decode *self, size_t i, struct refusal *why)
{
    const struct found *found = &self->found[i];
    const struct type *type = &self->out->fields[i].type;
    if (found->times == 0 && type->tag == VALUE_OPTIONAL) {
        self->fields[i] = value_of_nothing();
        return true;
    }
    if (found->times == 0)
        return refusal_set(why, &dead_missing_field, "is missing");
    if (found->times > 1)
        return refusal_set(why, &dead_duplicate_field, "appears more than once");
    self->nested_at[i] = self->nested.len;
    return decode_value(self, &found->value, type, &self->fields[i], why);
}

static void step(void *opaque, const struct record *in, struct emitter *out)
{
    struct json_decode *self = opaque;
    const struct value *line = &in->fields[self->line_field];
    size_t bad_at;
    if (!utf8_valid(line->bytes, line->len, &bad_at)) {
        emitter_dead(out, &dead_not_utf8, line->bytes, line->len, false,
                     "invalid UTF-8 at byte %zu", bad_at + 1);
        return;
    }
    size_t count = self->out->count;
    for (size_t i = 0; i < count; i++)
        self->found[i].times = 0;
    self->members = 0;
    enum json_type type;
    struct err e;
    if (json_read(line->bytes, line->len, note_member, self, &type, &e) != 0) {
        emitter_dead(out, &not_json, line->bytes, line->len, false, "%s", e.text);
        return;
    }
    if (type != JSON_OBJECT) {
        emitter_dead(out, &not_an_object, line->bytes, line->len, false,
                     "expected an object, found %s", json_type_name(type));
        return;
    }
    /* Unescaped text is never longer than the line, so values can point into the buffer. */
    buf_reset(&self->strings);
    (void)buf_reserve(&self->strings, line->len);
    buf_reset(&self->nested);
    for (size_t i = 0; i < count; i++) {
        struct refusal why;
        if (!decode_field(self, i, &why)) {
            refusal_put_out(&why, &self->out->fields[i], line, out);
            return;
        }
    }
    for (size_t i = 0; self->nested.len != 0 && i < count; i++) {
        if (self->fields[i].tag == VALUE_LIST || self->fields[i].tag == VALUE_MAP)
            self->fields[i].bytes = self->nested.data + self->nested_at[i];
    }
    emitter_emit(out, self->fields);
}

const struct stage_ops json_decode_ops = {
    .open = open_stage,
    .close = close_stage,
    .step = step,
};

const struct kind json_decode_kind = {
    .name = "json.decode",
    .summary = "decodes JSON objects into records of a declared type",
    .manual =
        "Every record must be a single JSON object (RFC 8259) with all fields of the type; "
        "members that the type does not name are ignored. Money, timestamps, dates, durations and "
        "enums are strings: \"$12.34\" or \"USD 12.34\", \"2000-01-01T00:00:00Z\", "
        "\"2000-01-01\", \"1h30m\". Decimals are strings or numbers, lists are arrays, and maps "
        "are objects. An optional field may be absent or null. Anything that does not fit makes "
        "the record a dead letter with a reason.",
    .role = KIND_STEP,
    .partition = KIND_ANYHOW,
    .reads = "line: string or bytes",
    .makes = "the fields of the type",
    .reasons =
        DEAD_REASONS(&dead_not_utf8, &not_json, &not_an_object, &dead_missing_field,
                     &dead_duplicate_field, &dead_wrong_type, &dead_bad_money, &dead_wrong_currency,
                     &dead_too_many_decimals, &dead_bad_timestamp, &dead_overflow, &dead_bad_value,
                     &dead_too_hard, &dead_record_too_large),
    .options = specs,
    .derive = derive,
};
