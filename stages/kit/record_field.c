/* SPDX-License-Identifier: MIT */
#include "stages/kit/record_field.h"

#include "common/packed_check.h"

const struct dead_reason record_field_not_msgpack = {
    "not-msgpack",
    "not a single complete msgpack value, or one that is nested too deep or has too many values"};
#define MAKE_PACKED "use msgpack.encode to make a packed record from any record"
/* The types that the field may have. */
static const unsigned tags[] = {
    [RECORDS_LINES] = 1u << VALUE_STRING | 1u << VALUE_BYTES,
    [RECORDS_MSGPACK] = 1u << VALUE_BYTES,
};

void record_field_needs(struct kind_check *check, enum record_format_number format, const char *way)
{
    check->reads_packed = format == RECORDS_MSGPACK;
    const char *field = record_format_field(format);
    const char *other =
        record_format_field(format == RECORDS_LINES ? RECORDS_MSGPACK : RECORDS_LINES);
    char wanted[96];
    if (contract_find(check->in, field) < 0 && contract_find(check->in, other) >= 0 &&
        !check->in->open)
        diagnostics_add(check->diagnostics, check->place,
                        "stage '%s' reads a field '%s' (%s), but '%s' makes '%s': %s", check->stage,
                        field, kind_check_tags_text(tags[format], wanted), check->from, other, way);
    else
        (void)kind_check_needs(check, field, tags[format], NULL);
}

static bool has_any_form(const struct kind_check *check)
{
    return check->in->open || contract_find(check->in, record_format_field(RECORDS_LINES)) >= 0 ||
           contract_find(check->in, record_format_field(RECORDS_MSGPACK)) >= 0;
}

/* Adds the advice to use an encoder, which makes a record to write from any record. */
static void add_encoder(struct kind_check *check, enum record_format_number format)
{
    char wanted[96];
    diagnostics_add(check->diagnostics, check->place,
                    "stage '%s' reads a field '%s' (%s), which '%s' does not make; put %s between "
                    "'%s' and '%s'",
                    check->stage, record_format_field(format),
                    kind_check_tags_text(tags[format], wanted), check->from,
                    format == RECORDS_LINES ? "json.encode" : "msgpack.encode", check->from,
                    check->stage);
}

void record_field_sink_needs(struct kind_check *check)
{
    const struct option_value *records = options_get(check->options, "records");
    if (records->bad)
        return;
    enum record_format_number format = record_format_chosen(check->options);
    if (!has_any_form(check))
        add_encoder(check, format);
    else if (format == RECORDS_LINES)
        record_field_needs(check, RECORDS_LINES, "write that with 'records: msgpack'");
    else
        record_field_needs(check, RECORDS_MSGPACK,
                           "write lines without 'records: msgpack', or " MAKE_PACKED);
}

bool record_field_refuse_packed(const struct record *in, size_t field, struct emitter *out)
{
    const struct value *packed = &in->fields[field];
    struct err e;
    if (packed_check_all(packed->bytes, packed->len, &packed_record_rules, &e) != 0)
        emitter_dead_record(out, &record_field_not_msgpack, in, "%s; " MAKE_PACKED, e.text);
    else if (!packed_begins_map(packed->bytes, packed->len))
        emitter_dead_record(out, &packed_records_no_map, in,
                            "it is a msgpack value, but not a map; " MAKE_PACKED);
    else
        return false;
    return true;
}
