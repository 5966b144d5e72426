/* SPDX-License-Identifier: MIT */
/*
 * The only file that includes msgpack. msgpack-c writes; reading is done here, because its
 * unpacker allocates what a length says before it looks whether the bytes are there, and because
 * a contract says exactly which type comes next (docs/decisions/0002-frames.md). The test decodes
 * what this file writes with msgpack-c's unpacker, so that it stays msgpack.
 */
#include "ipc/frame.h"

#include <inttypes.h>
#include <msgpack/pack.h>
#include <string.h>

#include "common/bytes.h"
#include "common/check.h"
#include "common/hash.h"
#include "common/limits.h"
#include "common/nested.h"
#include "common/type.h"

#define FRAME_MAGIC 0x52464842u /* "BHFR" */
#define ACK_MAGIC 0x4b414842u   /* "BHAK" */

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
    AT_SPARE = 56,
    AT_HEADER_CRC = 60,
};
_Static_assert(AT_HEADER_CRC + 4 == FRAME_HEADER_BYTES, "the CRC ends the header");

void frame_builder_init(struct frame_builder *b, uint32_t edge, const struct contract *contract,
                        uint64_t fingerprint, bool ordered)
{
    *b = (struct frame_builder){
        .edge = edge, .contract = contract, .fingerprint = fingerprint, .ordered = ordered};
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
    b->record_count = 0;
    b->previous_seq = first;
    b->previous_position = 0;
}

/* What msgpack needs at most for a record, its fields' bytes included. */
static size_t bound_record(const struct record *record)
{
    size_t bound = 64 + record->order_len;
    for (size_t i = 0; i < record->count; i++)
        bound += 9 + (value_has_bytes(&record->fields[i]) ? record->fields[i].len : 0);
    return bound;
}

/* Where the packer writes; there is room for all of the record. */
struct cursor {
    uint8_t *at;
};

static int write_at(void *context, const char *bytes, size_t len)
{
    struct cursor *cursor = context;
    if (len != 0)
        memcpy(cursor->at, bytes, len);
    cursor->at += len;
    return 0;
}

static void pack_value(msgpack_packer *packer, const struct value *value)
{
    switch (value->tag) {
    case VALUE_STRING:
        msgpack_pack_str(packer, value->len);
        msgpack_pack_str_body(packer, value->bytes, value->len);
        return;
    case VALUE_BYTES:
        msgpack_pack_bin(packer, value->len);
        msgpack_pack_bin_body(packer, value->bytes, value->len);
        return;
    case VALUE_BOOL:
        if (value->boolean)
            msgpack_pack_true(packer);
        else
            msgpack_pack_false(packer);
        return;
    case VALUE_LIST:
    case VALUE_MAP:
        (void)packer->callback(packer->data, (const char *)value->bytes, value->len);
        return;
    case VALUE_OPTIONAL:
        msgpack_pack_nil(packer);
        return;
    case VALUE_INT:
    case VALUE_MONEY:
    case VALUE_TIMESTAMP:
    case VALUE_DECIMAL:
    case VALUE_DATE:
    case VALUE_DURATION:
    case VALUE_ENUM:
        msgpack_pack_int64(packer, value->integer);
        return;
    case VALUE_TAG_COUNT:
        break;
    }
    UNREACHABLE();
}

void frame_builder_add(struct frame_builder *b, const struct record *record)
{
    REQUIRE(record->seq >= b->previous_seq);
    bool is_data = record->kind == RECORD_DATA;
    REQUIRE(record->count == (is_data ? b->contract->count : 0));
    size_t before = b->bytes.len;
    msgpack_packer packer;
    size_t bound = bound_record(record);
    struct cursor cursor = {.at = buf_reserve(&b->bytes, bound)};
    msgpack_packer_init(&packer, &cursor, write_at);
    if (!is_data)
        msgpack_pack_map(&packer, 1);
    msgpack_pack_array(&packer, (b->ordered ? 3u : 2u) + record->count);
    msgpack_pack_uint64(&packer, record->seq - b->previous_seq);
    msgpack_pack_int64(&packer, (int64_t)(record->position - b->previous_position));
    if (b->ordered) {
        msgpack_pack_bin(&packer, record->order_len);
        msgpack_pack_bin_body(&packer, record->order, record->order_len);
    }
    for (size_t i = 0; i < record->count; i++) {
        REQUIRE(b->contract->fields[i].type.tag == record->fields[i].tag ||
                contract_value_fits(b->contract, i, &record->fields[i]));
        pack_value(&packer, &record->fields[i]);
    }
    if (record->kind == RECORD_TICK)
        msgpack_pack_int64(&packer, record->time);
    if (record->kind == RECORD_END)
        msgpack_pack_nil(&packer);
    b->bytes.len = (size_t)(cursor.at - b->bytes.data);
    INVARIANT(b->bytes.len - before <= bound && b->bytes.len - before <= RECORD_BYTES_MAX);
    b->previous_seq = record->seq;
    b->previous_position = record->position;
    b->record_count++;
}

void frame_builder_finish(struct frame_builder *b, seq_number last)
{
    REQUIRE(last >= b->first && last >= b->previous_seq);
    uint8_t *header = b->bytes.data;
    size_t body_len = b->bytes.len - FRAME_HEADER_BYTES;
    INVARIANT(b->bytes.len <= FRAME_BYTES_MAX);
    memset(header, 0, FRAME_HEADER_BYTES);
    bytes_put_u32(header + AT_MAGIC, FRAME_MAGIC);
    bytes_put_u16(header + AT_VERSION, FRAME_VERSION);
    bytes_put_u32(header + AT_EDGE, b->edge);
    bytes_put_u32(header + AT_RECORD_COUNT, b->record_count);
    bytes_put_u64(header + AT_FIRST, b->first);
    bytes_put_u64(header + AT_LAST, last);
    bytes_put_u64(header + AT_FINGERPRINT, b->fingerprint);
    bytes_put_u32(header + AT_BODY_LEN, (uint32_t)body_len);
    bytes_put_u32(header + AT_BODY_CRC, hash_crc32c(0, header + FRAME_HEADER_BYTES, body_len));
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
        return err_set(e, ERR_PROTOCOL, "what came is no frame");
    if (bytes_get_u32(bytes + AT_HEADER_CRC) != hash_crc32c(0, bytes, AT_HEADER_CRC))
        return err_set(e, ERR_PROTOCOL, "the header of a frame does not verify");
    if (bytes_get_u16(bytes + AT_VERSION) != FRAME_VERSION)
        return err_set(e, ERR_PROTOCOL, "a frame of version %u; this bulkhead speaks version %u",
                       bytes_get_u16(bytes + AT_VERSION), FRAME_VERSION);
    if (bytes_get_u16(bytes + AT_FLAGS) != 0 || bytes_get_u32(bytes + AT_SPARE) != 0)
        return err_set(e, ERR_PROTOCOL, "a frame with flags that nobody knows");
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
                                  .body_crc = bytes_get_u32(bytes + AT_BODY_CRC)};
    if (header.first == 0 || header.last < header.first || header.last > INT64_MAX)
        return err_set(e, ERR_PROTOCOL, "a frame with the range %" PRIu64 "..%" PRIu64,
                       header.first, header.last);
    if (header.body_len != len - FRAME_HEADER_BYTES)
        return err_set(e, ERR_PROTOCOL, "a frame whose body is not as long as it says");
    if (hash_crc32c(0, bytes + FRAME_HEADER_BYTES, header.body_len) != header.body_crc)
        return err_set(e, ERR_PROTOCOL, "the body of a frame does not verify");
    *ret_header = header;
    return 0;
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
}

static bool take(struct frame_reader *r, size_t len, const uint8_t **ret_at)
{
    if ((size_t)(r->end - r->at) < len)
        return false;
    *ret_at = r->at;
    r->at += len;
    return true;
}

static uint64_t big_endian(const uint8_t *at, unsigned len)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < len; i++)
        value = value << 8 | at[i];
    return value;
}

/* Any of msgpack's forms of an integer that fits int64. */
static bool read_int(struct frame_reader *r, int64_t *ret_value)
{
    const uint8_t *at;
    if (!take(r, 1, &at))
        return false;
    uint8_t tag = *at;
    if (tag <= 0x7f || tag >= 0xe0) {
        *ret_value = (int8_t)tag;
        return true;
    }
    if (tag < 0xcc || tag > 0xd3)
        return false;
    unsigned len = 1u << ((tag - 0xcc) & 3);
    if (!take(r, len, &at))
        return false;
    uint64_t value = big_endian(at, len);
    if (tag <= 0xcf) {
        if (value > INT64_MAX)
            return false;
        *ret_value = (int64_t)value;
        return true;
    }
    unsigned shift = 64 - 8 * len;
    *ret_value = (int64_t)(value << shift) >> shift;
    return true;
}

/* The length in front of a string (fix_mask 0xa0) or of bytes (fix_mask 0). */
static bool read_len(struct frame_reader *r, uint8_t first_tag, bool fix_string, size_t *ret_len)
{
    const uint8_t *at;
    if (!take(r, 1, &at))
        return false;
    uint8_t tag = *at;
    if (fix_string && (tag & 0xe0) == 0xa0) {
        *ret_len = tag & 0x1f;
        return true;
    }
    if (tag < first_tag || tag > first_tag + 2)
        return false;
    unsigned len = 1u << (tag - first_tag);
    if (!take(r, len, &at))
        return false;
    *ret_len = (size_t)big_endian(at, len);
    return true;
}

static bool read_form(struct frame_reader *r, struct type type, struct value *value)
{
    size_t len;
    const uint8_t *at;
    if (type.tag == VALUE_OPTIONAL) {
        if (r->at < r->end && *r->at == 0xc0) {
            r->at++;
            *value = value_of_nothing();
            return true;
        }
        type = type_item(type);
    }
    value->tag = type.tag;
    switch (type.tag) {
    case VALUE_STRING:
        if (!read_len(r, 0xd9, true, &len) || !take(r, len, &value->bytes))
            return false;
        value->len = (uint32_t)len;
        return true;
    case VALUE_BYTES:
        if (!read_len(r, 0xc4, false, &len) || !take(r, len, &value->bytes))
            return false;
        value->len = (uint32_t)len;
        return true;
    case VALUE_BOOL:
        if (!take(r, 1, &at) || (*at != 0xc2 && *at != 0xc3))
            return false;
        value->boolean = *at == 0xc3;
        return true;
    case VALUE_LIST:
    case VALUE_MAP:
        if (!nested_span(type, r->at, r->end, &len) || !take(r, len, &value->bytes))
            return false;
        value->len = (uint32_t)len;
        return true;
    case VALUE_INT:
    case VALUE_MONEY:
    case VALUE_TIMESTAMP:
    case VALUE_DECIMAL:
    case VALUE_DATE:
    case VALUE_DURATION:
    case VALUE_ENUM:
        return read_int(r, &value->integer);
    case VALUE_OPTIONAL:
    case VALUE_TAG_COUNT:
        break;
    }
    UNREACHABLE();
}

static bool read_value(struct frame_reader *r, struct type type, struct value *value)
{
    if (!read_form(r, type, value))
        return false;
    /* All that is in a list or a map was looked at as it was read. */
    return value->tag == VALUE_LIST || value->tag == VALUE_MAP || type_admits(type, value);
}

static bool read_array_of(struct frame_reader *r, size_t count)
{
    const uint8_t *at;
    if (!take(r, 1, &at))
        return false;
    if ((*at & 0xf0) == 0x90)
        return (size_t)(*at & 0x0f) == count;
    return *at == 0xdc && take(r, 2, &at) && big_endian(at, 2) == count;
}

/* The elements in front of the fields, of which there are so many. */
static bool read_head(struct frame_reader *r, size_t fields, struct record *record)
{
    int64_t seq_step, position_step;
    size_t order_len;
    if (!read_array_of(r, (r->ordered ? 3u : 2u) + fields) || !read_int(r, &seq_step) ||
        !read_int(r, &position_step))
        return false;
    if (seq_step < 0 || (uint64_t)seq_step > r->last - r->seq)
        return false;
    r->seq += (uint64_t)seq_step;
    r->position += (uint64_t)position_step;
    *record = (struct record){.seq = r->seq, .position = r->position};
    if (!r->ordered)
        return true;
    if (!read_len(r, 0xc4, false, &order_len) || !take(r, order_len, &record->order))
        return false;
    record->order_len = (uint32_t)order_len;
    return true;
}

/* A map of one pair: a tick with its time, or an end with nil. */
static bool read_mark(struct frame_reader *r, struct record *record)
{
    const uint8_t *at;
    if (!take(r, 1, &at) || !read_head(r, 0, record))
        return false;
    record->kind = r->at < r->end && *r->at == 0xc0 ? RECORD_END : RECORD_TICK;
    return record->kind == RECORD_END ? take(r, 1, &at) : read_int(r, &record->time);
}

static bool read_record(struct frame_reader *r, struct record *record)
{
    if (r->at < r->end && *r->at == 0x81)
        return read_mark(r, record);
    if (!read_head(r, r->contract->count, record))
        return false;
    for (size_t i = 0; i < r->contract->count; i++) {
        if (!read_value(r, r->contract->fields[i].type, &r->fields[i]))
            return false;
    }
    record->fields = r->fields;
    record->count = r->contract->count;
    return true;
}

int frame_reader_next(struct frame_reader *r, struct record *ret_record, struct err *e)
{
    if (r->records_left == 0)
        return r->at == r->end ? ERR_END
                               : err_set(e, ERR_PROTOCOL, "a frame goes on behind its records");
    if (!read_record(r, ret_record))
        return err_set(e, ERR_PROTOCOL, "a record in a frame is not what its contract says");
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
        return err_set(e, ERR_PROTOCOL, "what came is no ack");
    if (bytes_get_u32(bytes + ACK_AT_CRC) != hash_crc32c(0, bytes, ACK_AT_CRC))
        return err_set(e, ERR_PROTOCOL, "an ack does not verify");
    if (bytes_get_u32(bytes + ACK_AT_VERSION) != FRAME_VERSION ||
        bytes_get_u32(bytes + ACK_AT_SPARE) != 0 || bytes_get_u32(bytes + ACK_AT_SPARE_2) != 0)
        return err_set(e, ERR_PROTOCOL, "an ack of a version that nobody knows");
    *ret_ack = (struct ack){.edge = bytes_get_u32(bytes + ACK_AT_EDGE),
                            .serial = bytes_get_u64(bytes + ACK_AT_SERIAL),
                            .acked = bytes_get_u64(bytes + ACK_AT_ACKED)};
    return 0;
}
