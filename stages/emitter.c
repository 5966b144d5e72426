/* SPDX-License-Identifier: MIT */
#include "stages/emitter.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/bounds.h"
#include "common/check.h"
#include "common/value_json_bounded.h"
#include "ipc/order.h"
#include "stages/stage.h"

#define DEAD_MESSAGE_BYTES_MAX (256u + QUARANTINE_CAUSE_BYTES_MAX + QUARANTINE_WORDS_BYTES_MAX)
/* How much content fits into a record together with the other fields of a dead letter. */
#define DEAD_CONTENT_BYTES_MAX (RECORD_TEXT_BYTES_MAX - 1024u)

void emitter_init(struct emitter *out, const struct stage *stage, bool ordered, emit_function *emit,
                  void *host)
{
    *out = (struct emitter){.emit = emit, .host = host, .stage = stage, .ordered = ordered};
}

void emitter_done(struct emitter *out)
{
    buf_done(&out->order);
    buf_done(&out->scratch);
}

const struct stage *emitter_stage(const struct emitter *out)
{
    return out->stage;
}

void emitter_begin(struct emitter *out, const struct record *in)
{
    out->in = in;
    out->in_record = 0;
    if (in == NULL)
        return;
    if (in->seq != out->seq)
        out->in_seq = 0;
    out->seq = in->seq;
    out->position = in->position;
}

void emitter_at(struct emitter *out, seq_number seq, uint64_t position)
{
    out->in_seq = 0;
    out->seq = seq;
    out->position = position;
}

/* Sets the order of the record about to be emitted; see ipc/order.h. */
static void add_order(struct emitter *out, struct record *record, const void *sort_key,
                      size_t sort_key_len)
{
    buf_reset(&out->order);
    if (out->stage->workers > 1 && out->in != NULL) {
        order_add_number(&out->order, out->in->input);
        buf_add(&out->order, out->in->order, out->in->order_len);
        if (sort_key_len != 0)
            buf_add(&out->order, sort_key, sort_key_len);
        else
            order_add_number(&out->order, out->in_record);
    } else {
        order_add_number(&out->order, out->in_seq);
    }
    record->order = out->order.data;
    record->order_len = (uint32_t)out->order.len;
}

static void put_out(struct emitter *out, port_number port, struct record *record,
                    const void *sort_key, size_t sort_key_len)
{
    if (out->ordered)
        add_order(out, record, sort_key, sort_key_len);
    out->in_seq++;
    out->in_record++;
    out->emit(out->host, port, record);
}

/* Whether the kind may give this reason, according to its declaration and so to the manual. */
static bool may_give(const struct kind *kind, const struct dead_reason *reason)
{
    if (reason == &dead_poison)
        return true;
    for (size_t i = 0; kind->reasons != NULL && kind->reasons[i] != NULL; i++) {
        if (kind->reasons[i] == reason)
            return true;
    }
    return false;
}

static void require_declared(const struct kind *kind, const struct dead_reason *reason)
{
    if (may_give(kind, reason))
        return;
    char text[256];
    (void)snprintf(text, sizeof text,
                   "kind '%s' gave the reason '%s', which its declaration does not list",
                   kind->name, reason->text);
    panic("requirement", text, __FILE__, __LINE__);
}

static void emit_dead(struct emitter *out, const struct dead_reason *reason, const char *message,
                      const void *content, size_t content_len, bool content_is_json)
{
    require_declared(out->stage->kind, reason);
    if (content_len > DEAD_CONTENT_BYTES_MAX) {
        content_len = DEAD_EXCERPT_BYTES;
        while (content_is_json && (((const uint8_t *)content)[content_len] & 0xc0) == 0x80)
            content_len--;       /* do not cut within a character */
        content_is_json = false; /* a piece of JSON is not JSON */
    }
    struct value fields[DEAD_LETTER_FIELDS] = {
        [DEAD_LETTER_SEQ] = value_of_integer(VALUE_INT, (int64_t)out->seq),
        [DEAD_LETTER_LINE] = value_of_integer(VALUE_INT, (int64_t)out->position),
        [DEAD_LETTER_STAGE] =
            value_of_bytes(VALUE_STRING, out->stage->base, strlen(out->stage->base)),
        [DEAD_LETTER_REASON] = value_of_bytes(VALUE_STRING, reason->text, strlen(reason->text)),
        [DEAD_LETTER_MESSAGE] = value_of_bytes(VALUE_STRING, message, strlen(message)),
        [DEAD_LETTER_CONTENT] = value_of_bytes(VALUE_BYTES, content, content_len),
        [DEAD_LETTER_CONTENT_IS_JSON] = value_of_bool(content_is_json),
    };
    struct record record = {
        .seq = out->seq, .position = out->position, .fields = fields, .count = DEAD_LETTER_FIELDS};
    out->dead++;
    put_out(out, PORT_DEAD, &record, NULL, 0);
}

/* The total length of the strings, bytes, lists and maps of a record. */
static size_t text_bytes(const struct value *fields, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        if (value_has_bytes(&fields[i]))
            bytes += fields[i].len;
    }
    return bytes;
}

/*
 * Whether the first `count` fields of both are the same values at the same places in memory. A
 * false negative is harmless; it only costs packing.
 */
static bool same_fields(const struct value *a, const struct value *b, size_t count)
{
    for (size_t i = 0; a != b && i < count; i++) {
        if (a[i].tag != b[i].tag || a[i].len != b[i].len || a[i].integer != b[i].integer)
            return false;
    }
    return true;
}

/* A record that begins with all fields of the record being processed shares their packed form. */
static void keep_packed(const struct emitter *out, struct record *record)
{
    const struct record *in = out->in;
    if (in == NULL || in->packed_count == 0 || in->packed_count > record->count ||
        !same_fields(record->fields, in->fields, in->packed_count))
        return;
    record->packed_count = in->packed_count;
    record->packed_len = in->packed_len;
    record->packed = in->packed;
}

static bool is_too_large(const struct record *record)
{
    /* Packed fields have no more text than bytes, so the exact count is rarely needed. */
    size_t rest =
        text_bytes(record->fields + record->packed_count, record->count - record->packed_count);
    return record->packed_len + rest > RECORD_TEXT_BYTES_MAX &&
           text_bytes(record->fields, record->count) > RECORD_TEXT_BYTES_MAX;
}

static void emit(struct emitter *out, port_number port, const struct value *fields,
                 const void *sort_key, size_t sort_key_len)
{
    const struct stage *stage = out->stage;
    const struct contract *contract =
        port == PORT_OUT ? &stage->out : &stage->outputs[port - PORT_NAMED].contract;
    struct record record = {
        .seq = out->seq, .position = out->position, .fields = fields, .count = contract->count};
    keep_packed(out, &record);
    if (is_too_large(&record)) {
        emitter_dead(out, &dead_record_too_large, "", 0, false,
                     "its text would be %zu bytes long, but a record can have at most %u",
                     text_bytes(fields, record.count), RECORD_TEXT_BYTES_MAX);
        return;
    }
    out->emitted++;
    put_out(out, port, &record, sort_key, sort_key_len);
}

void emitter_emit(struct emitter *out, const struct value *fields)
{
    emit(out, PORT_OUT, fields, NULL, 0);
}

void emitter_emit_to(struct emitter *out, port_number port, const struct value *fields)
{
    REQUIRE(port >= PORT_NAMED && port - PORT_NAMED < out->stage->output_count);
    emit(out, port, fields, NULL, 0);
}

void emitter_emit_sorted(struct emitter *out, const struct value *fields, const void *sort_key,
                         size_t sort_key_len)
{
    REQUIRE(sort_key_len != 0);
    emit(out, PORT_OUT, fields, sort_key, sort_key_len);
}

void emitter_end(struct emitter *out)
{
    struct record record = {.seq = out->seq, .position = out->position, .kind = RECORD_END};
    port_number end = PORT_NAMED + (port_number)out->stage->output_count;
    for (port_number port = PORT_OUT; port < end; port++)
        out->emit(out->host, port, &record);
}

void emitter_dead(struct emitter *out, const struct dead_reason *reason, const void *content,
                  size_t content_len, bool content_is_json, const char *format, ...)
{
    char message[DEAD_MESSAGE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    emit_dead(out, reason, message, content, content_len, content_is_json);
}

/*
 * Writes a record as JSON to the scratch buffer, but stops where it is too large to be shown: the
 * stage may have died of its size. Only the beginning of such a record is kept.
 */
static void write_record(struct emitter *out, const struct record *record)
{
    const struct contract *contract = out->stage->inputs[record->input].contract;
    struct buf *text = &out->scratch;
    bool fits = true;
    buf_reset(text);
    buf_add_byte(text, '{');
    for (size_t i = 0; fits && i < record->count; i++) {
        const struct field *field = &contract->fields[i];
        if (record->fields[i].tag == VALUE_OPTIONAL)
            continue; /* as json.encode does */
        buf_add_format(text, "%s\"%s\":", text->len > 1 ? "," : "", field->name);
        fits =
            value_write_json_bounded(&record->fields[i], field->type, DEAD_CONTENT_BYTES_MAX, text);
    }
    buf_add_byte(text, '}');
}

void emitter_dead_record(struct emitter *out, const struct dead_reason *reason,
                         const struct record *record, const char *format, ...)
{
    char message[DEAD_MESSAGE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (out->stage->reads_packed) {
        const struct contract *contract = out->stage->inputs[record->input].contract;
        const struct value *packed = &record->fields[contract_find(contract, PACKED_FIELD)];
        emit_dead(out, reason, message, packed->bytes, packed->len, false);
        return;
    }
    write_record(out, record);
    emit_dead(out, reason, message, out->scratch.data, out->scratch.len, true);
}
