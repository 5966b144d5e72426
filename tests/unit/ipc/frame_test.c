/* SPDX-License-Identifier: MIT */
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "common/memory.h"
#include "common/type.h"
#include "ipc/frame.h"
#include "tests/unit/cases.h"
#include "tests/unit/random_value.h"

/* Those that carry more than a tag. */
static const char *const more_types[] = {
    "decimal(10,2)",
    "date",
    "duration",
    "enum(a, b, c)",
    "string(1..9)",
    "list(optional(int))",
    "map(list(string))",
    "optional(enum(x, y))",
    "optional(list(bool))",
};
#define FIELDS (6 + sizeof more_types / sizeof more_types[0])

static struct contract make_contract(void)
{
    struct contract c = {.count = 0};
    struct type money = {.tag = VALUE_MONEY};
    assert_int_equal(money_currency_find("USD", 3, &money.currency), 0);
    assert_int_equal(contract_add(&c, "text", (struct type){.tag = VALUE_STRING}), 0);
    assert_int_equal(contract_add(&c, "raw", (struct type){.tag = VALUE_BYTES}), 0);
    assert_int_equal(contract_add(&c, "count", (struct type){.tag = VALUE_INT}), 0);
    assert_int_equal(contract_add(&c, "yes", (struct type){.tag = VALUE_BOOL}), 0);
    assert_int_equal(contract_add(&c, "amount", money), 0);
    assert_int_equal(contract_add(&c, "at", (struct type){.tag = VALUE_TIMESTAMP}), 0);
    for (size_t i = 0; i < sizeof more_types / sizeof more_types[0]; i++) {
        char name[8];
        struct type type;
        (void)snprintf(name, sizeof name, "more%zu", i);
        assert_int_equal(type_parse(more_types[i], &type, NULL), 0);
        assert_int_equal(contract_add(&c, name, type), 0);
    }
    return c;
}

/* An integer whose size is as random as its bits, so that all of msgpack's forms come up. */
static int64_t random_int(void)
{
    uint64_t bits = random_bits() >> random_below(64);
    return random_below(2) != 0 ? (int64_t)bits : (int64_t)(0u - bits);
}

static void random_fields(struct value *fields, uint8_t *memory)
{
    size_t text_len = random_below(10) == 0 ? random_below(70000) : random_below(40);
    size_t raw_len = random_below(10) == 0 ? random_below(70000) : random_below(40);
    for (size_t i = 0; i < text_len; i++)
        memory[i] = (uint8_t)('a' + random_below(26));
    for (size_t i = 0; i < raw_len; i++)
        memory[text_len + i] = (uint8_t)random_below(256);
    fields[0] = value_of_bytes(VALUE_STRING, memory, text_len);
    fields[1] = value_of_bytes(VALUE_BYTES, memory + text_len, raw_len);
    fields[2] = value_of_integer(VALUE_INT, random_int());
    fields[3] = value_of_bool(random_below(2) != 0);
    fields[4] = value_of_integer(VALUE_MONEY, random_int());
    fields[5] = value_of_integer(VALUE_TIMESTAMP, random_int());
}

static void assert_same_value(const struct value *a, const struct value *b)
{
    assert_int_equal(a->tag, b->tag);
    if (a->tag == VALUE_OPTIONAL)
        return;
    if (value_has_bytes(a)) {
        assert_int_equal(a->len, b->len);
        assert_memory_equal(a->bytes, b->bytes, a->len);
    } else if (a->tag == VALUE_BOOL) {
        assert_int_equal(a->boolean, b->boolean);
    } else {
        assert_true(a->integer == b->integer);
    }
}

#define RECORDS_MAX 20

struct sample {
    struct contract contract;
    bool ordered;
    uint8_t order[RECORDS_MAX][24];
    struct frame_builder builder;
    struct record records[RECORDS_MAX];
    struct value fields[RECORDS_MAX][FIELDS];
    uint8_t *memory[RECORDS_MAX];
    struct random_values more;
    size_t count;
    seq_number first, last;
};

/* Some are ticks, some ends; where the link is ordered, all have an order, which may be empty. */
static void make_mark_or_order(struct sample *s, size_t i)
{
    struct record *record = &s->records[i];
    if (random_below(4) == 0) {
        record->kind = random_below(3) == 0 ? RECORD_END : RECORD_TICK;
        record->time = record->kind == RECORD_TICK ? random_integer() : 0;
        record->fields = NULL;
        record->count = 0;
    }
    if (!s->ordered)
        return;
    record->order = s->order[i];
    record->order_len = (uint32_t)random_below(sizeof s->order[i] + 1);
    random_fill(s->order[i], record->order_len);
}

static void sample_make(struct sample *s)
{
    s->contract = make_contract();
    s->more.count = 0;
    s->first = 1 + random_below(1000);
    s->ordered = random_below(2) == 0;
    frame_builder_init(&s->builder, 7, &s->contract, contract_fingerprint(&s->contract),
                       s->ordered);
    frame_builder_start(&s->builder, s->first);
    s->count = random_below(RECORDS_MAX);
    seq_number seq = s->first;
    for (size_t i = 0; i < s->count; i++) {
        seq += random_below(4) == 0 ? random_below(100000) : random_below(2);
        s->memory[i] = memory_new(1, 140000);
        random_fields(s->fields[i], s->memory[i]);
        for (size_t k = 6; k < FIELDS; k++)
            s->fields[i][k] = random_value(s->contract.fields[k].type, &s->more);
        s->records[i] = (struct record){
            .seq = seq, .position = random_bits() >> 2, .fields = s->fields[i], .count = FIELDS};
        make_mark_or_order(s, i);
        frame_builder_add(&s->builder, &s->records[i]);
    }
    s->last = seq + random_below(3);
    frame_builder_finish(&s->builder, s->last);
    frame_stamp(s->builder.bytes.data, 99);
}

static void sample_done(struct sample *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->memory[i]);
    random_values_done(&s->more);
    frame_builder_done(&s->builder);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    for (int round = 0; round < 300; round++) {
        struct sample s;
        sample_make(&s);
        struct frame_header header;
        struct err e;
        assert_int_equal(frame_open(s.builder.bytes.data, s.builder.bytes.len, &header, &e), 0);
        assert_int_equal(header.edge, 7);
        assert_int_equal(header.serial, 99);
        assert_int_equal(header.first, s.first);
        assert_int_equal(header.last, s.last);
        assert_int_equal(header.record_count, s.count);
        struct frame_reader reader;
        frame_reader_init(&reader, &header, s.builder.bytes.data, &s.contract, s.ordered);
        struct record record;
        struct value fields[FIELDS];
        for (size_t i = 0; i < s.count; i++) {
            assert_int_equal(frame_reader_next(&reader, fields, &record, &e), 0);
            assert_true(record.seq == s.records[i].seq);
            assert_true(record.position == s.records[i].position);
            assert_int_equal(record.kind, s.records[i].kind);
            assert_int_equal(record.count, s.records[i].count);
            assert_true(record.time == s.records[i].time);
            assert_int_equal(record.order_len, s.records[i].order_len);
            if (record.order_len != 0)
                assert_memory_equal(record.order, s.records[i].order, record.order_len);
            for (size_t k = 0; k < record.count; k++)
                assert_same_value(&record.fields[k], &s.records[i].fields[k]);
        }
        assert_int_equal(frame_reader_next(&reader, fields, &record, &e), ERR_END);
        sample_done(&s);
    }
}

/* The body is msgpack by the judgement of somebody else's reader. */
static void body_is_msgpack(void **state)
{
    (void)state;
    for (int round = 0; round < 100; round++) {
        struct sample s;
        sample_make(&s);
        const char *body = (const char *)s.builder.bytes.data + FRAME_HEADER_BYTES;
        size_t len = s.builder.bytes.len - FRAME_HEADER_BYTES, offset = 0;
        msgpack_unpacked unpacked;
        msgpack_unpacked_init(&unpacked);
        for (size_t i = 0; i < s.count; i++) {
            assert_int_equal(msgpack_unpack_next(&unpacked, body, len, &offset),
                             MSGPACK_UNPACK_SUCCESS);
            size_t head = s.ordered ? 3 : 2;
            if (s.records[i].kind != RECORD_DATA) {
                assert_int_equal(unpacked.data.type, MSGPACK_OBJECT_MAP);
                assert_int_equal(unpacked.data.via.map.size, 1);
                assert_int_equal(unpacked.data.via.map.ptr[0].key.via.array.size, head);
                continue;
            }
            assert_int_equal(unpacked.data.type, MSGPACK_OBJECT_ARRAY);
            assert_int_equal(unpacked.data.via.array.size, head + FIELDS);
            const msgpack_object *text = &unpacked.data.via.array.ptr[head];
            assert_int_equal(text->type, MSGPACK_OBJECT_STR);
            assert_int_equal(text->via.str.size, s.fields[i][0].len);
            assert_int_equal(unpacked.data.via.array.ptr[head + 1].type, MSGPACK_OBJECT_BIN);
        }
        assert_int_equal(offset, len);
        msgpack_unpacked_destroy(&unpacked);
        sample_done(&s);
    }
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
        (void)(value->boolean ? msgpack_pack_true(packer) : msgpack_pack_false(packer));
        return;
    case VALUE_LIST:
    case VALUE_MAP:
        (void)packer->callback(packer->data, (const char *)value->bytes, value->len);
        return;
    case VALUE_OPTIONAL:
        msgpack_pack_nil(packer);
        return;
    default:
        msgpack_pack_int64(packer, value->integer);
    }
}

static void pack_record(msgpack_packer *packer, const struct sample *s, size_t i)
{
    const struct record *record = &s->records[i], *previous = i > 0 ? &s->records[i - 1] : NULL;
    if (record->kind != RECORD_DATA)
        msgpack_pack_map(packer, 1);
    msgpack_pack_array(packer, (s->ordered ? 3 : 2) + record->count);
    msgpack_pack_uint64(packer, record->seq - (previous != NULL ? previous->seq : s->first));
    uint64_t step = record->position - (previous != NULL ? previous->position : 0);
    msgpack_pack_int64(packer, (int64_t)step);
    if (s->ordered) {
        msgpack_pack_bin(packer, record->order_len);
        msgpack_pack_bin_body(packer, record->order, record->order_len);
    }
    for (size_t k = 0; k < record->count; k++)
        pack_value(packer, &record->fields[k]);
    if (record->kind == RECORD_TICK)
        msgpack_pack_int64(packer, record->time);
    if (record->kind == RECORD_END)
        msgpack_pack_nil(packer);
}

/* Every value has the form that somebody else's writer gives it. */
static void body_is_the_shortest(void **state)
{
    (void)state;
    for (int round = 0; round < 300; round++) {
        struct sample s;
        sample_make(&s);
        msgpack_sbuffer expected;
        msgpack_sbuffer_init(&expected);
        msgpack_packer packer;
        msgpack_packer_init(&packer, &expected, msgpack_sbuffer_write);
        for (size_t i = 0; i < s.count; i++)
            pack_record(&packer, &s, i);
        assert_int_equal(s.builder.bytes.len - FRAME_HEADER_BYTES, expected.size);
        if (expected.size != 0)
            assert_memory_equal(s.builder.bytes.data + FRAME_HEADER_BYTES, expected.data,
                                expected.size);
        msgpack_sbuffer_destroy(&expected);
        sample_done(&s);
    }
}

/* Fields that came in a frame are put into the next as they are, and more behind them. */
static void what_came_packed_is_copied(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct sample s;
        sample_make(&s);
        struct contract longer = s.contract;
        assert_int_equal(contract_add(&longer, "more", (struct type){.tag = VALUE_INT}), 0);
        struct frame_builder copied, packed;
        frame_builder_init(&copied, 7, &longer, 1, s.ordered);
        frame_builder_init(&packed, 7, &longer, 1, s.ordered);
        struct frame_header header;
        struct frame_reader reader;
        struct err e;
        assert_int_equal(frame_open(s.builder.bytes.data, s.builder.bytes.len, &header, &e), 0);
        frame_reader_init(&reader, &header, s.builder.bytes.data, &s.contract, s.ordered);
        frame_builder_start(&copied, s.first);
        frame_builder_start(&packed, s.first);
        struct value fields[FIELDS + 1];
        struct record record;
        while (frame_reader_next(&reader, fields, &record, &e) == 0) {
            assert_int_equal(record.packed_count, record.count);
            if (record.kind == RECORD_DATA)
                fields[record.count++] = value_of_integer(VALUE_INT, random_int());
            frame_builder_add(&copied, &record);
            record.packed_count = record.packed_len = 0;
            frame_builder_add(&packed, &record);
        }
        assert_int_equal(copied.bytes.len, packed.bytes.len);
        assert_memory_equal(copied.bytes.data + FRAME_HEADER_BYTES,
                            packed.bytes.data + FRAME_HEADER_BYTES,
                            packed.bytes.len - FRAME_HEADER_BYTES);
        frame_builder_done(&copied);
        frame_builder_done(&packed);
        sample_done(&s);
    }
}

/* Contracts whose fields need each form of the head of an array, and the room for it. */
static void any_number_of_fields_is_read(void **state)
{
    (void)state;
    for (size_t count = 1; count <= FIELDS_MAX; count++) {
        struct contract c = {.count = 0};
        struct value fields[FIELDS_MAX], read[FIELDS_MAX];
        for (size_t i = 0; i < count; i++) {
            char name[24];
            (void)snprintf(name, sizeof name, "f%zu", i);
            assert_int_equal(contract_add(&c, name, (struct type){.tag = VALUE_INT}), 0);
            fields[i] = value_of_integer(VALUE_INT, random_int());
        }
        struct frame_builder b;
        frame_builder_init(&b, 7, &c, contract_fingerprint(&c), false);
        struct record record = {.seq = 1, .fields = fields, .count = count};
        frame_builder_add(&b, &record);
        frame_builder_finish(&b, 1);
        frame_stamp(b.bytes.data, 99);
        struct frame_header header;
        struct frame_reader reader;
        struct err e;
        assert_int_equal(frame_open(b.bytes.data, b.bytes.len, &header, &e), 0);
        frame_reader_init(&reader, &header, b.bytes.data, &c, false);
        assert_int_equal(frame_reader_next(&reader, read, &record, &e), 0);
        for (size_t i = 0; i < count; i++)
            assert_same_value(&read[i], &fields[i]);
        assert_int_equal(frame_reader_next(&reader, read, &record, &e), ERR_END);
        frame_builder_done(&b);
    }
}

static int read_all(const uint8_t *bytes, size_t len, const struct contract *contract, bool ordered)
{
    struct frame_header header;
    struct err e;
    int rc = frame_open(bytes, len, &header, &e);
    if (rc != 0)
        return rc;
    struct frame_reader reader;
    struct record record;
    struct value fields[FIELDS_MAX];
    frame_reader_init(&reader, &header, bytes, contract, ordered);
    while ((rc = frame_reader_next(&reader, fields, &record, &e)) == 0) {
    }
    return rc;
}

static void damage_is_refused(void **state)
{
    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct sample s;
        sample_make(&s);
        size_t len = s.builder.bytes.len;
        uint8_t *copy = (uint8_t *)memory_dup(s.builder.bytes.data, len);
        size_t damaged_len = len;
        if (random_below(3) == 0)
            damaged_len = random_below(len);
        else
            copy[random_below(len)] ^= (uint8_t)(1u << random_below(8));
        assert_int_equal(read_all(copy, damaged_len, &s.contract, s.ordered), ERR_PROTOCOL);
        free(copy);
        sample_done(&s);
    }
}

/* A sender that is wrong, not a wire: the CRCs are right, and the body is anything. */
static void wrong_bodies_are_refused(void **state)
{
    (void)state;
    unsigned refused = 0, rounds = 4000;
    for (unsigned round = 0; round < rounds; round++) {
        struct sample s;
        do {
            sample_make(&s);
            if (s.count == 0)
                sample_done(&s);
        } while (s.count == 0);
        size_t body_len = s.builder.bytes.len - FRAME_HEADER_BYTES;
        /* Damage the structure rather than the text: near the beginning of a record. */
        s.builder.bytes.data[FRAME_HEADER_BYTES + random_below(body_len < 12 ? body_len : 12)] =
            (uint8_t)random_below(256);
        frame_builder_finish(&s.builder, s.last);
        frame_stamp(s.builder.bytes.data, 99);
        int rc = read_all(s.builder.bytes.data, s.builder.bytes.len, &s.contract, s.ordered);
        assert_true(rc == ERR_END || rc == ERR_PROTOCOL);
        refused += rc == ERR_PROTOCOL ? 1 : 0;
        sample_done(&s);
    }
    assert_true(refused > rounds / 4);
}

/* Values that have the form of their type, but not its bounds. */
static void values_out_of_bounds_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        struct value good, bad;
    } cases[] = {
        {"enum(a, b)", {.tag = VALUE_ENUM, .integer = 1}, {.tag = VALUE_ENUM, .integer = 2}},
        {"enum(a, b)", {.tag = VALUE_ENUM, .integer = 0}, {.tag = VALUE_ENUM, .integer = -1}},
        {"decimal(2,1)",
         {.tag = VALUE_DECIMAL, .integer = -99},
         {.tag = VALUE_DECIMAL, .integer = -100}},
        {"date", {.tag = VALUE_DATE, .integer = 2932896}, {.tag = VALUE_DATE, .integer = 2932897}},
        {"duration",
         {.tag = VALUE_DURATION, .integer = -INT64_MAX},
         {.tag = VALUE_DURATION, .integer = INT64_MIN}},
        {"optional(enum(a, b))", {.tag = VALUE_OPTIONAL}, {.tag = VALUE_ENUM, .integer = 2}},
        {"string(1..2)",
         {.tag = VALUE_STRING, .len = 4, .bytes = (const uint8_t *)"\xc3\xa4\xc3\xa4"},
         {.tag = VALUE_STRING, .len = 3, .bytes = (const uint8_t *)"abc"}},
        {"list(enum(a, b))",
         {.tag = VALUE_LIST, .len = 2, .bytes = (const uint8_t *)"\x91\x01"},
         {.tag = VALUE_LIST, .len = 2, .bytes = (const uint8_t *)"\x91\x02"}},
        {"map(int)",
         {.tag = VALUE_MAP, .len = 4, .bytes = (const uint8_t *)"\x81\xa1x\x02"},
         {.tag = VALUE_MAP, .len = 5, .bytes = (const uint8_t *)"\x81\xa1x\xcc\x02"}},
    };
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        struct contract c = {.count = 0};
        struct type type;
        assert_int_equal(type_parse(cases[i / 2].type, &type, NULL), 0);
        assert_int_equal(contract_add(&c, "x", type), 0);
        struct frame_builder b;
        frame_builder_init(&b, 7, &c, contract_fingerprint(&c), false);
        struct record record = {.seq = 1, .count = 1};
        record.fields = i % 2 == 0 ? &cases[i / 2].good : &cases[i / 2].bad;
        frame_builder_add(&b, &record);
        frame_builder_finish(&b, 1);
        frame_stamp(b.bytes.data, 99);
        if (read_all(b.bytes.data, b.bytes.len, &c, false) != (i % 2 == 0 ? ERR_END : ERR_PROTOCOL))
            fail_msg("row %zu: %s", i / 2, cases[i / 2].type);
        frame_builder_done(&b);
    }
}

static void wrong_headers_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t at;
        uint8_t flip;
        const char *says;
    } cases[] = {
        {"magic", 0, 0x20, "not a frame"},
        {"version", 4, 3, "version 2"},
        {"flags", 6, 2, "flags"},
        {"more flags", 7, 1, "flags"},
        {"first behind last", 31, 1, "range"},
        {"body length", 50, 1, "of the length"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sample s;
        sample_make(&s);
        s.builder.bytes.data[cases[i].at] ^= cases[i].flip;
        frame_stamp(s.builder.bytes.data, 1); /* the CRC is right again */
        struct frame_header header;
        struct err e;
        assert_int_equal(frame_open(s.builder.bytes.data, s.builder.bytes.len, &header, &e),
                         ERR_PROTOCOL);
        if (strstr(e.text, cases[i].says) == NULL)
            fail_msg("%s: %s", cases[i].name, e.text);
        sample_done(&s);
    }
}

static void acks_are_read_or_refused(void **state)
{
    (void)state;
    struct ack ack = {.edge = 3, .serial = 17, .acked = 123456789012};
    uint8_t bytes[ACK_BYTES];
    ack_encode(&ack, bytes);
    struct ack read;
    struct err e;
    assert_int_equal(ack_decode(bytes, sizeof bytes, &read, &e), 0);
    assert_int_equal(read.edge, ack.edge);
    assert_true(read.serial == ack.serial && read.acked == ack.acked);
    for (size_t len = 0; len < sizeof bytes; len++)
        assert_int_equal(ack_decode(bytes, len, &read, &e), ERR_PROTOCOL);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] ^= 0x10;
        assert_int_equal(ack_decode(bytes, sizeof bytes, &read, &e), ERR_PROTOCOL);
        bytes[i] ^= 0x10;
    }
}

int main(int argc, char **argv)
{
    random_init("frame");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(body_is_msgpack),
        cmocka_unit_test(body_is_the_shortest),
        cmocka_unit_test(what_came_packed_is_copied),
        cmocka_unit_test(any_number_of_fields_is_read),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(wrong_bodies_are_refused),
        cmocka_unit_test(values_out_of_bounds_are_refused),
        cmocka_unit_test(wrong_headers_are_refused),
        cmocka_unit_test(acks_are_read_or_refused),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
