/* SPDX-License-Identifier: MIT */
/*
 * The body is msgpack. It is written by msgpack-c's template and read by our own code
 * (common/pack.h), because the contract says exactly which type comes next, and because every field
 * of every record on every link passes through here (docs/decisions/0002-frames.md). A test checks
 * that msgpack-c writes the same records to the same bytes.
 */
#include "ipc/frame.h"

#include <inttypes.h>
#include <string.h>

#include "common/bounds.h"
#include "common/bytes.h"
#include "common/check.h"
#include "common/hash.h"
#include "common/nested.h"
#include "common/pack.h"
#include "common/type.h"
#include "common/type_admits.h"
#include "common/utf8.h"

#define FRAME_MAGIC 0x52464842u /* "BHFR" */
#define ACK_MAGIC 0x4b414842u   /* "BHAK" */
#define FLAG_GOES_ON 1u

enum {
    AT_MAGIC = 0,
    AT_VERSION = 4,
    AT_FLAGS = 6,
    AT_EDGE = 8,
    AT_RECORD_COUNT = 12,
    AT_SERIAL = 16,
    AT_FIRST = 24,
    AT_LAST = 32,
    AT_FINGERPRINT = 40,
    AT_BODY_LEN = 48,
    AT_BODY_CRC = 52,
    AT_PART = 56,
    AT_HEADER_CRC = 60,
};
_Static_assert(AT_HEADER_CRC + 4 == FRAME_HEADER_BYTES, "the CRC ends the header");

void frame_builder_init(struct frame_builder *b, uint32_t edge, const struct contract *contract,
                        uint64_t fingerprint, bool ordered)
{
    *b = (struct frame_builder){
        .edge = edge, .contract = contract, .fingerprint = fingerprint, .ordered = ordered};
    for (size_t i = 0; i < contract->count; i++)
        b->tags[i] = (uint8_t)type_held(contract->fields[i].type).tag;
    frame_builder_start(b, 1);
}

void frame_builder_done(struct frame_builder *b)
{
    buf_done(&b->bytes);
}

void frame_builder_start(struct frame_builder *b, seq_number first)
{
    buf_reset(&b->bytes);
    (void)buf_reserve(&b->bytes, FRAME_HEADER_BYTES);
    b->bytes.len = FRAME_HEADER_BYTES;
    b->first = first;
    b->part = 0;
    b->record_count = 0;
    b->previous_seq = first;
    b->previous_position = 0;
}

/* The most bytes that a record needs, including those of its fields. */
static size_t bound_record(const struct record *record)
{
    size_t bound = 64 + record->order_len + record->packed_len;
    for (size_t i = record->packed_count; i < record->count; i++)
        bound +=
            PACK_HEAD_BYTES_MAX + (value_has_bytes(&record->fields[i]) ? record->fields[i].len : 0);
    return bound;
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t len)
{
    if (len != 0)
        memcpy(at, bytes, len);
    return at + len;
}

static uint8_t *put_value(uint8_t *at, const struct value *value)
{
    switch (value->tag) {
    case VALUE_STRING:
        at = pack_put_string_head(at, value->len);
        return put_bytes(at, value->bytes, value->len);
    case VALUE_BYTES:
        at = pack_put_bytes_head(at, value->len);
        return put_bytes(at, value->bytes, value->len);
    case VALUE_BOOL:
        *at = value->boolean ? PACK_TRUE : PACK_FALSE;
        return at + 1;
    case VALUE_LIST:
    case VALUE_MAP:
        return put_bytes(at, value->bytes, value->len);
    case VALUE_OPTIONAL:
        *at = PACK_NIL;
        return at + 1;
    case VALUE_INT:
    case VALUE_MONEY:
    case VALUE_TIMESTAMP:
    case VALUE_DECIMAL:
    case VALUE_DATE:
    case VALUE_DURATION:
    case VALUE_ENUM:
        return pack_put_int(at, value->integer);
    case VALUE_TAG_COUNT:
        break;
    }
    UNREACHABLE();
}

/* Writes what precedes the fields. */
static uint8_t *put_head(const struct frame_builder *b, const struct record *record, uint8_t *at)
{
    if (record->kind != RECORD_DATA)
        *at++ = PACK_FIX_MAP | 1;
    uint32_t elements = (b->ordered ? 3u : 2u) + (uint32_t)record->count;
    at = pack_put_array(at, elements);
    at = pack_put_int(at, (int64_t)(record->seq - b->previous_seq));
    at = pack_put_int(at, (int64_t)(record->position - b->previous_position));
    if (!b->ordered)
        return at;
    at = pack_put_bytes_head(at, record->order_len);
    return put_bytes(at, record->order, record->order_len);
}

/* Whether all fields fit the contract: most have the tag of their type. */
static bool fits_contract(const struct frame_builder *b, const struct record *record)
{
    unsigned differences = 0;
    for (size_t i = 0; i < record->count; i++)
        differences |= b->tags[i] ^ (unsigned)record->fields[i].tag;
    if (differences == 0)
        return true;
    for (size_t i = 0; i < record->count; i++) {
        if (!contract_value_fits(b->contract, i, &record->fields[i]))
            return false;
    }
    return true;
}

static uint8_t *put_fields(const struct record *record, uint8_t *at)
{
    at = put_bytes(at, record->packed, record->packed_len);
    for (size_t i = record->packed_count; i < record->count; i++)
        at = put_value(at, &record->fields[i]);
    return at;
}

void frame_builder_add(struct frame_builder *b, const struct record *record)
{
    REQUIRE(record->seq >= b->previous_seq);
    REQUIRE(record->count == (record->kind == RECORD_DATA ? b->contract->count : 0));
    REQUIRE(record->packed_count <= record->count && fits_contract(b, record));
    size_t bound = bound_record(record);
    uint8_t *begin = buf_reserve(&b->bytes, bound);
    uint8_t *at = put_head(b, record, begin);
    at = put_fields(record, at);
    if (record->kind == RECORD_TICK)
        at = pack_put_int(at, record->time);
    if (record->kind == RECORD_END)
        *at++ = PACK_NIL;
    size_t len = (size_t)(at - begin);
    INVARIANT(len <= bound && len <= RECORD_BYTES_MAX);
    b->bytes.len += len;
    b->previous_seq = record->seq;
    b->previous_position = record->position;
    b->record_count++;
}

static void finish(struct frame_builder *b, seq_number last, unsigned flags)
{
    uint8_t *header = b->bytes.data;
    size_t body_len = b->bytes.len - FRAME_HEADER_BYTES;
    INVARIANT(b->bytes.len <= FRAME_BYTES_MAX);
    memset(header, 0, FRAME_HEADER_BYTES);
    bytes_put_u32(header + AT_MAGIC, FRAME_MAGIC);
    bytes_put_u16(header + AT_VERSION, FRAME_VERSION);
    bytes_put_u16(header + AT_FLAGS, (uint16_t)flags);
    bytes_put_u32(header + AT_PART, b->part);
    bytes_put_u32(header + AT_EDGE, b->edge);
    bytes_put_u32(header + AT_RECORD_COUNT, b->record_count);
    bytes_put_u64(header + AT_FIRST, b->first);
    bytes_put_u64(header + AT_LAST, last);
    bytes_put_u64(header + AT_FINGERPRINT, b->fingerprint);
    bytes_put_u32(header + AT_BODY_LEN, (uint32_t)body_len);
    bytes_put_u32(header + AT_BODY_CRC, hash_crc32c(0, header + FRAME_HEADER_BYTES, body_len));
}

void frame_builder_finish(struct frame_builder *b, seq_number last)
{
    REQUIRE(last >= b->first && last >= b->previous_seq);
    finish(b, last, 0);
}

seq_number frame_builder_finish_part(struct frame_builder *b)
{
    REQUIRE(b->record_count != 0);
    finish(b, b->previous_seq, FLAG_GOES_ON);
    return b->previous_seq;
}

void frame_builder_go_on(struct frame_builder *b)
{
    seq_number seq = b->previous_seq;
    uint32_t part = b->first == seq ? b->part + 1 : 1;
    frame_builder_start(b, seq);
    b->part = part;
}

void frame_stamp(uint8_t *frame, uint64_t serial)
{
    bytes_put_u64(frame + AT_SERIAL, serial);
    bytes_put_u32(frame + AT_HEADER_CRC, hash_crc32c(0, frame, AT_HEADER_CRC));
}

static int check_form(const uint8_t *bytes, size_t len, struct err *e)
{
    if (len < FRAME_HEADER_BYTES || len > FRAME_BYTES_MAX)
        return err_set(e, ERR_PROTOCOL, "a frame of %zu bytes", len);
    if (bytes_get_u32(bytes + AT_MAGIC) != FRAME_MAGIC)
        return err_set(e, ERR_PROTOCOL, "the message is not a frame");
    if (bytes_get_u32(bytes + AT_HEADER_CRC) != hash_crc32c(0, bytes, AT_HEADER_CRC))
        return err_set(e, ERR_PROTOCOL, "the header of a frame does not verify");
    if (bytes_get_u16(bytes + AT_VERSION) != FRAME_VERSION)
        return err_set(e, ERR_PROTOCOL, "a frame of version %u; this bulkhead speaks version %u",
                       bytes_get_u16(bytes + AT_VERSION), FRAME_VERSION);
    if ((bytes_get_u16(bytes + AT_FLAGS) & ~FLAG_GOES_ON) != 0)
        return err_set(e, ERR_PROTOCOL, "a frame with unknown flags");
    return 0;
}

int frame_open(const uint8_t *bytes, size_t len, struct frame_header *ret_header, struct err *e)
{
    int rc = check_form(bytes, len, e);
    if (rc != 0)
        return rc;
    struct frame_header header = {.edge = bytes_get_u32(bytes + AT_EDGE),
                                  .record_count = bytes_get_u32(bytes + AT_RECORD_COUNT),
                                  .serial = bytes_get_u64(bytes + AT_SERIAL),
                                  .first = bytes_get_u64(bytes + AT_FIRST),
                                  .last = bytes_get_u64(bytes + AT_LAST),
                                  .fingerprint = bytes_get_u64(bytes + AT_FINGERPRINT),
                                  .body_len = bytes_get_u32(bytes + AT_BODY_LEN),
                                  .body_crc = bytes_get_u32(bytes + AT_BODY_CRC),
                                  .part = bytes_get_u32(bytes + AT_PART),
                                  .goes_on = bytes_get_u16(bytes + AT_FLAGS) == FLAG_GOES_ON};
    if (header.first == 0 || header.last < header.first || header.last > INT64_MAX)
        return err_set(e, ERR_PROTOCOL, "a frame with the range %" PRIu64 "..%" PRIu64,
                       header.first, header.last);
    if (header.goes_on && header.record_count == 0)
        return err_set(e, ERR_PROTOCOL, "a frame without records whose last seq continues");
    if (header.body_len != len - FRAME_HEADER_BYTES)
        return err_set(e, ERR_PROTOCOL, "a frame whose body is not of the length in its header");
    if (hash_crc32c(0, bytes + FRAME_HEADER_BYTES, header.body_len) != header.body_crc)
        return err_set(e, ERR_PROTOCOL, "the body of a frame does not verify");
    *ret_header = header;
    return 0;
}

/* The form in which the values of a type are written. */
enum form {
    FORM_INT,
    FORM_BOOL,
    FORM_STRING,
    FORM_BYTES,
    FORM_NESTED,
};

static enum form form_of(enum value_tag tag)
{
    switch (tag) {
    case VALUE_BOOL:
        return FORM_BOOL;
    case VALUE_STRING:
        return FORM_STRING;
    case VALUE_BYTES:
        return FORM_BYTES;
    case VALUE_LIST:
    case VALUE_MAP:
        return FORM_NESTED;
    default:
        return FORM_INT;
    }
}

/* Whether type_admits() must check values that have the form. */
static bool is_bounded(struct type type)
{
    switch (type.tag) {
    case VALUE_STRING: /* the form includes UTF-8 */
        return type.detail != NULL &&
               (type.detail->chars_min != 0 || type.detail->chars_max != UINT32_MAX);
    case VALUE_BYTES:
    case VALUE_INT:
    case VALUE_BOOL:
    case VALUE_MONEY:
    case VALUE_TIMESTAMP:
    case VALUE_LIST: /* nested_span() checks everything in it */
    case VALUE_MAP:
        return false;
    default:
        return true;
    }
}

void frame_reader_init(struct frame_reader *r, const struct frame_header *header,
                       const uint8_t *bytes, const struct contract *contract, bool ordered)
{
    r->contract = contract;
    r->ordered = ordered;
    r->at = bytes + FRAME_HEADER_BYTES;
    r->end = r->at + header->body_len;
    r->records_left = header->record_count;
    r->seq = header->first;
    r->last = header->last;
    r->position = 0;
    for (size_t i = 0; i < contract->count; i++) {
        struct type type = contract->fields[i].type;
        struct type held = type_held(type);
        r->fields[i] = (struct frame_field){.tag = (uint8_t)held.tag,
                                            .form = (uint8_t)form_of(held.tag),
                                            .optional = type.tag == VALUE_OPTIONAL,
                                            .bounded = is_bounded(held)};
    }
}

/* end: of the frame; the check of a short string may read up to there. */
static bool is_utf8(const uint8_t *bytes, uint32_t len, const uint8_t *end)
{
    if (len == 0)
        return true;
    /* Most strings are short and ASCII: load eight bytes and keep those of the string. */
    if (len <= 8 && end - bytes >= 8 &&
        ((bytes_get_u64(bytes) & 0x8080808080808080u) << (64 - 8 * len)) == 0)
        return true;
    size_t bad_at;
    return utf8_valid(bytes, len, &bad_at);
}

/* Reads field i and returns where it ends, or NULL if it is not valid. */
static const uint8_t *read_field(const struct frame_reader *r, size_t i, const uint8_t *at,
                                 const uint8_t *end, struct value *value)
{
    struct frame_field field = r->fields[i];
    enum value_tag tag = (enum value_tag)field.tag;
    uint32_t len;
    size_t span;
    int64_t number;
    if (field.optional && at != end && *at == PACK_NIL) {
        *value = value_of_nothing();
        return at + 1;
    }
    switch ((enum form)field.form) {
    case FORM_INT:
        at = pack_get_int(at, end, &number);
        if (at == NULL)
            return NULL;
        *value = value_of_integer(tag, number);
        break;
    case FORM_BOOL:
        if (at == end || (*at != PACK_FALSE && *at != PACK_TRUE))
            return NULL;
        *value = value_of_bool(*at++ == PACK_TRUE);
        break;
    case FORM_STRING:
        at = pack_get_string_head(at, end, &len);
        if (at == NULL || !is_utf8(at, len, end))
            return NULL;
        *value = value_of_bytes(tag, at, len);
        at += len;
        break;
    case FORM_BYTES:
        at = pack_get_bytes_head(at, end, &len);
        if (at == NULL)
            return NULL;
        *value = value_of_bytes(tag, at, len);
        at += len;
        break;
    case FORM_NESTED:
        if (!nested_span(type_held(r->contract->fields[i].type), at, end, &span))
            return NULL;
        *value = value_of_bytes(tag, at, span);
        at += span;
        break;
    }
    return !field.bounded || type_admits(r->contract->fields[i].type, value) ? at : NULL;
}

static const uint8_t *read_array_of(const uint8_t *at, const uint8_t *end, size_t count)
{
    if (at == end)
        return NULL;
    if ((*at & 0xf0) == PACK_FIX_ARRAY)
        return (size_t)(*at & 0x0f) == count ? at + 1 : NULL;
    if (*at != PACK_ARRAY_16 || end - at < 3 || pack_number_at(at + 1, 1) != count)
        return NULL;
    return at + 3;
}

/* Reads the elements before the fields, and checks the number of the fields. */
static const uint8_t *read_head(struct frame_reader *r, const uint8_t *at, size_t fields,
                                struct record *record)
{
    int64_t seq_step, position_step;
    at = read_array_of(at, r->end, (r->ordered ? 3u : 2u) + fields);
    if (at == NULL || (at = pack_get_int(at, r->end, &seq_step)) == NULL ||
        (at = pack_get_int(at, r->end, &position_step)) == NULL)
        return NULL;
    if (seq_step < 0 || (uint64_t)seq_step > r->last - r->seq)
        return NULL;
    r->seq += (uint64_t)seq_step;
    r->position += (uint64_t)position_step;
    *record = (struct record){.seq = r->seq, .position = r->position};
    if (!r->ordered)
        return at;
    at = pack_get_bytes_head(at, r->end, &record->order_len);
    if (at == NULL)
        return NULL;
    record->order = at;
    return at + record->order_len;
}

/* A map of one pair: a tick with its time, or an end with nil. */
static const uint8_t *read_mark(struct frame_reader *r, const uint8_t *at, struct record *record)
{
    at = read_head(r, at + 1, 0, record);
    if (at == NULL)
        return NULL;
    record->kind = at != r->end && *at == PACK_NIL ? RECORD_END : RECORD_TICK;
    return record->kind == RECORD_END ? at + 1 : pack_get_int(at, r->end, &record->time);
}

static const uint8_t *read_record(struct frame_reader *r, struct value *fields,
                                  struct record *record)
{
    const uint8_t *at = r->at;
    if (at != r->end && *at == (PACK_FIX_MAP | 1))
        return read_mark(r, at, record);
    size_t count = r->contract->count;
    at = read_head(r, at, count, record);
    const uint8_t *packed = at, *end = r->end;
    for (size_t i = 0; at != NULL && i < count; i++)
        at = read_field(r, i, at, end, &fields[i]);
    if (at == NULL)
        return NULL;
    record->fields = fields;
    record->count = count;
    record->packed = packed;
    record->packed_len = (uint32_t)(at - packed);
    record->packed_count = (uint32_t)count;
    return at;
}

int frame_reader_next(struct frame_reader *r, struct value *fields, struct record *ret_record,
                      struct err *e)
{
    if (r->records_left == 0)
        return r->at == r->end
                   ? ERR_END
                   : err_set(e, ERR_PROTOCOL, "trailing bytes after the records of a frame");
    const uint8_t *at = read_record(r, fields, ret_record);
    if (at == NULL)
        return err_set(e, ERR_PROTOCOL, "a record in a frame does not match its contract");
    r->at = at;
    r->records_left--;
    return 0;
}

enum {
    ACK_AT_MAGIC = 0,
    ACK_AT_VERSION = 4,
    ACK_AT_EDGE = 8,
    ACK_AT_SPARE = 12,
    ACK_AT_SERIAL = 16,
    ACK_AT_ACKED = 24,
    ACK_AT_SPARE_2 = 32,
    ACK_AT_CRC = 36,
};

void ack_encode(const struct ack *ack, uint8_t ret_bytes[ACK_BYTES])
{
    memset(ret_bytes, 0, ACK_BYTES);
    bytes_put_u32(ret_bytes + ACK_AT_MAGIC, ACK_MAGIC);
    bytes_put_u32(ret_bytes + ACK_AT_VERSION, FRAME_VERSION);
    bytes_put_u32(ret_bytes + ACK_AT_EDGE, ack->edge);
    bytes_put_u64(ret_bytes + ACK_AT_SERIAL, ack->serial);
    bytes_put_u64(ret_bytes + ACK_AT_ACKED, ack->acked);
    bytes_put_u32(ret_bytes + ACK_AT_CRC, hash_crc32c(0, ret_bytes, ACK_AT_CRC));
}

int ack_decode(const uint8_t *bytes, size_t len, struct ack *ret_ack, struct err *e)
{
    if (len != ACK_BYTES || bytes_get_u32(bytes + ACK_AT_MAGIC) != ACK_MAGIC)
        return err_set(e, ERR_PROTOCOL, "the message is not an ack");
    if (bytes_get_u32(bytes + ACK_AT_CRC) != hash_crc32c(0, bytes, ACK_AT_CRC))
        return err_set(e, ERR_PROTOCOL, "an ack does not verify");
    if (bytes_get_u32(bytes + ACK_AT_VERSION) != FRAME_VERSION ||
        bytes_get_u32(bytes + ACK_AT_SPARE) != 0 || bytes_get_u32(bytes + ACK_AT_SPARE_2) != 0)
        return err_set(e, ERR_PROTOCOL, "an ack of an unknown version");
    *ret_ack = (struct ack){.edge = bytes_get_u32(bytes + ACK_AT_EDGE),
                            .serial = bytes_get_u64(bytes + ACK_AT_SERIAL),
                            .acked = bytes_get_u64(bytes + ACK_AT_ACKED)};
    return 0;
}
