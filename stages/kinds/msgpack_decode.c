/* SPDX-License-Identifier: MIT */
/*
 * msgpack.decode: turns one map in msgpack per record into a record of a declared type.
 *
 * The whole map is read first. Only then are the fields examined, in the order of the type, so the
 * reason in a dead letter does not depend on the order of the pairs. The reasons are those of
 * json.decode.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/nested.h"
#include "common/packed.h"
#include "common/type.h"
#include "common/utf8.h"
#include "stages/kinds/kinds.h"
#include "stages/kit/record_field.h"
#include "stages/kit/refusal.h"
#include "stages/stage.h"

/* Room for a 64-bit int in decimal, its sign and a NUL. */
#define INT_TEXT_BYTES 24u

static const struct dead_reason bad_key = {
    "key-not-a-string", "a key of the map, or of a map in a field, is not a str"};

/* What the map holds for one field of the type. */
struct found {
    unsigned times;
    struct packed_value value;
};

struct msgpack_decode {
    const struct contract *out;
    size_t packed_field;
    size_t name_len[FIELDS_MAX];
    struct found found[FIELDS_MAX];
    struct value fields[FIELDS_MAX];
    struct buf nested; /* the lists and maps of the current record */
    size_t nested_at[FIELDS_MAX];
};

static const struct option_spec specs[] = {
    {.name = "type",
     .tag = OPTION_TYPE,
     .required = true,
     .meaning = "the declared type that every map must have"},
    {0},
};

static void derive(struct kind_check *check)
{
    record_field_needs(
        check, RECORDS_MSGPACK,
        "json.decode reads lines, and a source makes packed records with 'records: msgpack'");
    const struct option_value *type = options_get(check->options, "type");
    check->out->open = type->number < 0;
    if (check->out->open)
        return;
    const struct named_type *named = &check->types[type->number];
    check->out->open = named->contract.open;
    for (size_t i = 0; i < named->contract.count; i++)
        kind_check_makes(check, named->contract.fields[i].name, named->contract.fields[i].type,
                         type->place);
}

static int open_stage(const struct stage_env *env, void **ret_self, struct err *e)
{
    (void)e;
    struct msgpack_decode *self = memory_new(1, sizeof *self);
    self->out = &env->stage->out;
    self->packed_field =
        (size_t)contract_find(env->stage->in, record_format_field(RECORDS_MSGPACK));
    for (size_t i = 0; i < self->out->count; i++)
        self->name_len[i] = strlen(self->out->fields[i].name);
    *ret_self = self;
    return 0;
}

static void close_stage(void *opaque)
{
    struct msgpack_decode *self = opaque;
    buf_done(&self->nested);
    free(self);
}

static void note_pair(struct msgpack_decode *self, size_t place, const uint8_t *name, size_t len,
                      struct packed_value value)
{
    /*
     * Most maps have their pairs in the order of the type, so the first try usually finds the
     * field.
     */
    size_t count = self->out->count, i = count != 0 ? place % count : 0;
    for (size_t looks = 0; looks < count; looks++) {
        if (self->name_len[i] == len && memcmp(self->out->fields[i].name, name, len) == 0) {
            self->found[i].times++;
            self->found[i].value = value;
            return;
        }
        i = i + 1 < count ? i + 1 : 0;
    }
}

/*
 * Of the keys that are not str, returns the type that comes first in the list of types. So the
 * message does not depend on the order of the pairs. PACKED_STRING: all keys are str.
 */
static enum packed_type least_bad_key(struct packed_value map)
{
    enum packed_type least = PACKED_STRING;
    for (size_t i = packed_count(map); i-- > 0;) {
        enum packed_type type = packed_type(packed_pair_key(map, i));
        if (type != PACKED_STRING && (least == PACKED_STRING || type < least))
            least = type;
    }
    return least;
}

/* Sets the refusal of a value of the wrong type. */
static bool refuse_wrong_type(struct packed_value value, const struct type *type,
                              struct refusal *why)
{
    (void)refusal_set(why, &dead_wrong_type, "has the wrong msgpack type");
    why->found = packed_type_name(packed_type(value));
    why->wanted = *type;
    return false;
}

static bool decode_int(struct packed_value packed, struct value *value, struct refusal *why)
{
    int64_t number;
    if (!packed_get_int(packed, &number))
        return refusal_set(why, &dead_overflow, "does not fit 64 bits");
    *value = value_of_integer(VALUE_INT, number);
    return true;
}

static bool decode_timestamp(struct packed_value packed, struct value *value, struct refusal *why)
{
    int64_t ns;
    switch (packed_get_timestamp(packed, &ns)) {
    case TIMESTAMP_OK:
        *value = value_of_integer(VALUE_TIMESTAMP, ns);
        return true;
    case TIMESTAMP_OVERFLOW:
        return refusal_set(why, &dead_overflow, "lies outside the years 1677 to 2262");
    case TIMESTAMP_BAD_FORM:
        break;
    }
    return refusal_set(
        why, &dead_bad_timestamp,
        "is not a timestamp extension of 4, 8 or 12 bytes with fewer than 1000000000 nanoseconds");
}

/* Decodes a text, or a decimal that is given as an int, whose text has the same form. */
static bool decode_text(struct packed_value packed, const struct type *type, struct value *value,
                        struct refusal *why)
{
    char digits[INT_TEXT_BYTES];
    const uint8_t *bytes = (const uint8_t *)digits;
    size_t len;
    int64_t number;
    uint64_t above;
    if (packed_get_int(packed, &number))
        len = (size_t)snprintf(digits, sizeof digits, "%" PRId64, number);
    else if (packed_get_uint(packed, &above))
        len = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, above);
    else
        (void)packed_get_string(packed, &bytes, &len);
    enum scalar_fault fault = scalar_parse(type, (const char *)bytes, len, NULL, value, &why->what);
    if (fault == SCALAR_GOOD)
        return true;
    why->reason = text_value_reason(fault);
    return false;
}

static bool decode_scalar(struct packed_value packed, const struct type *type, struct value *value,
                          struct refusal *why)
{
    const uint8_t *bytes;
    size_t len;
    bool boolean;
    switch (packed_type(packed)) {
    case PACKED_BOOL:
        (void)packed_get_bool(packed, &boolean);
        *value = value_of_bool(boolean);
        return true;
    case PACKED_BYTES:
        (void)packed_get_bytes(packed, &bytes, &len);
        *value = value_of_bytes(VALUE_BYTES, bytes, len);
        return true;
    case PACKED_TIMESTAMP:
        return decode_timestamp(packed, value, why);
    default:
        return type->tag == VALUE_INT ? decode_int(packed, value, why)
                                      : decode_text(packed, type, value, why);
    }
}

static bool packed_type_fits(enum packed_type found, enum value_tag wanted)
{
    switch (wanted) {
    case VALUE_BOOL:
        return found == PACKED_BOOL;
    case VALUE_INT:
        return found == PACKED_INT;
    case VALUE_BYTES:
        return found == PACKED_BYTES;
    case VALUE_DECIMAL:
        return found == PACKED_INT || found == PACKED_STRING;
    case VALUE_TIMESTAMP:
        return found == PACKED_TIMESTAMP || found == PACKED_STRING;
    case VALUE_LIST:
        return found == PACKED_LIST;
    case VALUE_MAP:
        return found == PACKED_MAP;
    default:
        return found == PACKED_STRING;
    }
}

static bool add_nested(struct msgpack_decode *self, struct packed_value packed, struct type type,
                       struct refusal *why);

/* Decodes the value of a field, or of an item of a list or map in it. */
static bool decode_value(struct msgpack_decode *self, struct packed_value packed,
                         const struct type *type, struct value *value, struct refusal *why)
{
    struct type held;
    if (type->tag == VALUE_OPTIONAL) {
        if (packed_is_nil(packed)) {
            *value = value_of_nothing();
            return true;
        }
        held = type_item(*type);
        type = &held;
    }
    if (!packed_type_fits(packed_type(packed), type->tag))
        return refuse_wrong_type(packed, type, why);
    if (type->tag != VALUE_LIST && type->tag != VALUE_MAP) {
        bool good = decode_scalar(packed, type, value, why);
        if (!good)
            why->wanted = *type;
        return good;
    }
    size_t before = self->nested.len;
    if (!add_nested(self, packed, *type, why))
        return false;
    *value = (struct value){.tag = type->tag, .len = (uint32_t)(self->nested.len - before)};
    return true;
}

/*
 * Adds an item to the list or map that is being built. An item that is a list or map has added
 * itself.
 */
static bool add_item(struct msgpack_decode *self, struct packed_value packed,
                     const struct type *type, struct refusal *why)
{
    struct value item;
    if (!decode_value(self, packed, type, &item, why))
        return false;
    if (item.tag != VALUE_LIST && item.tag != VALUE_MAP)
        nested_add(&item, &self->nested);
    return true;
}

struct pair {
    struct value key;
    struct packed_value item;
};

static int compare_pairs(const void *a, const void *b)
{
    return value_compare(&((const struct pair *)a)->key, &((const struct pair *)b)->key);
}

/* Reads the pairs of a map whose keys are all str. Returns false if a key is not UTF-8. */
static bool take_pairs(struct packed_value map, struct pair *pairs)
{
    for (size_t i = 0; i < packed_count(map); i++) {
        const uint8_t *bytes;
        size_t len, bad_at;
        (void)packed_get_string(packed_pair_key(map, i), &bytes, &len);
        if (!utf8_valid(bytes, len, &bad_at))
            return false;
        pairs[i] = (struct pair){.key = value_of_bytes(VALUE_STRING, bytes, len),
                                 .item = packed_pair_value(map, i)};
    }
    return true;
}

/*
 * Adds pairs sorted by key, whatever their order in the map. The order of two equal keys is
 * arbitrary, so no item is examined before it is certain that there are none.
 */
static bool add_pairs(struct msgpack_decode *self, struct pair *pairs, size_t count,
                      const struct type *type, struct refusal *why)
{
    if (count != 0)
        qsort(pairs, count, sizeof *pairs, compare_pairs);
    for (size_t i = 1; i < count; i++) {
        if (compare_pairs(&pairs[i - 1], &pairs[i]) == 0)
            return refusal_set(why, &dead_duplicate_field, "has the same key more than once");
    }
    nested_add_head(VALUE_MAP, (uint32_t)count, &self->nested);
    for (size_t i = 0; i < count; i++) {
        nested_add(&pairs[i].key, &self->nested);
        if (!add_item(self, pairs[i].item, type, why))
            return false;
    }
    return true;
}

/* The fault of a key that is not a str, by its type. */
#define KEY_FAULT(found) "has a key that is " found ", not a str"
static const char *const key_faults[] = {
    [PACKED_NIL] = KEY_FAULT("nil"),
    [PACKED_BOOL] = KEY_FAULT("a boolean"),
    [PACKED_INT] = KEY_FAULT("an integer"),
    [PACKED_FLOAT] = KEY_FAULT("a float"),
    [PACKED_BYTES] = KEY_FAULT("a bin"),
    [PACKED_LIST] = KEY_FAULT("an array"),
    [PACKED_MAP] = KEY_FAULT("a map"),
    [PACKED_TIMESTAMP] = KEY_FAULT("a timestamp"),
    [PACKED_EXTENSION] = KEY_FAULT("an extension"),
};

static bool add_map(struct msgpack_decode *self, struct packed_value map, struct type type,
                    struct refusal *why)
{
    struct type item = type_item(type);
    size_t count = packed_count(map);
    enum packed_type key = least_bad_key(map);
    bool good;
    if (key != PACKED_STRING) {
        (void)refusal_set(why, &bad_key, key_faults[key]);
        why->wanted = type;
        return false;
    }
    struct pair *pairs = memory_new(count + 1, sizeof *pairs);
    if (take_pairs(map, pairs)) {
        good = add_pairs(self, pairs, count, &item, why);
    } else {
        good = refusal_set(why, &dead_not_utf8, "has a key that is not UTF-8");
        why->wanted = type;
    }
    free(pairs);
    return good;
}

static bool add_nested(struct msgpack_decode *self, struct packed_value packed, struct type type,
                       struct refusal *why)
{
    if (type.tag == VALUE_MAP)
        return add_map(self, packed, type, why);
    struct type item = type_item(type);
    nested_add_head(VALUE_LIST, (uint32_t)packed_count(packed), &self->nested);
    for (size_t i = 0; i < packed_count(packed); i++) {
        if (!add_item(self, packed_item(packed, i), &item, why))
            return false;
    }
    return true;
}

static bool decode_field(struct msgpack_decode *self, size_t i, struct refusal *why)
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
    return decode_value(self, found->value, type, &self->fields[i], why);
}

/*
 * Finds the fields of the type in the map. Returns false, having emitted the dead letter, if it is
 * not a valid map.
 */
static bool find_fields(struct msgpack_decode *self, struct packed_value map,
                        const struct value *in, struct emitter *out)
{
    if (!packed_is_map(map)) {
        emitter_dead(out, &packed_records_no_map, in->bytes, in->len, false,
                     "expected a map, found %s", packed_type_name(packed_type(map)));
        return false;
    }
    enum packed_type key = least_bad_key(map);
    if (key != PACKED_STRING) {
        emitter_dead(out, &bad_key, in->bytes, in->len, false, "a key of the map is %s, not a str",
                     packed_type_name(key));
        return false;
    }
    for (size_t i = 0; i < self->out->count; i++)
        self->found[i].times = 0;
    for (size_t i = 0; i < packed_count(map); i++) {
        const uint8_t *name;
        size_t len;
        (void)packed_get_string(packed_pair_key(map, i), &name, &len);
        note_pair(self, i, name, len, packed_pair_value(map, i));
    }
    return true;
}

static bool decode(struct msgpack_decode *self, struct packed_value map, const struct value *in,
                   struct emitter *out)
{
    if (!find_fields(self, map, in, out))
        return false;
    buf_reset(&self->nested);
    for (size_t i = 0; i < self->out->count; i++) {
        struct refusal why;
        if (!decode_field(self, i, &why)) {
            refusal_put_out(&why, &self->out->fields[i], in, out);
            return false;
        }
    }
    for (size_t i = 0; i < self->out->count; i++) {
        if (self->fields[i].tag == VALUE_LIST || self->fields[i].tag == VALUE_MAP)
            self->fields[i].bytes = self->nested.data + self->nested_at[i];
    }
    return true;
}

static void step(void *opaque, const struct record *record, struct emitter *out)
{
    struct msgpack_decode *self = opaque;
    const struct value *in = &record->fields[self->packed_field];
    struct packed *packed = NULL;
    struct err e;
    if (packed_read_record(in->bytes, in->len, &packed, &e) != 0) {
        emitter_dead(out, &record_field_not_msgpack, in->bytes, in->len, false, "%s", e.text);
        return;
    }
    if (decode(self, packed_root(packed), in, out))
        emitter_emit(out, self->fields);
    packed_free(packed);
}

const struct stage_ops msgpack_decode_ops = {
    .open = open_stage,
    .close = close_stage,
    .step = step,
};

const struct kind msgpack_decode_kind = {
    .name = "msgpack.decode",
    .summary = "decodes msgpack maps into records of a declared type",
    .manual =
        "Every record must be a single msgpack map with all fields of the type, such as a source "
        "makes with 'records: msgpack'. Pairs that the type does not name are ignored, but every "
        "key must be a str. Strings, money, dates, durations and enums are str, in the forms that "
        "json.decode reads. Bytes are bin, ints are int, bools are bool, lists are arrays, and "
        "maps are maps. A timestamp is msgpack's timestamp extension or a str, and a decimal is a "
        "str or an int. Floats are not valid for any type, because they are not exact. An "
        "optional field may be absent or nil. Anything that does not fit makes the record a dead "
        "letter with a reason.",
    .role = KIND_STEP,
    .partition = KIND_ANYHOW,
    .reads = "packed: bytes",
    .makes = "the fields of the type",
    .reasons =
        DEAD_REASONS(RECORD_FIELD_REASONS, &bad_key, REFUSAL_REASONS, &dead_record_too_large),
    .options = specs,
    .derive = derive,
};
