/* SPDX-License-Identifier: MIT */
/*
 * Frames and acks from a peer that has gone wrong. What is refused has a reason and costs no
 * memory; what is taken, written again by the builder, reads as the same records, both field by
 * field and passed on as it came; and a bit that flips on the way is noticed.
 */
#include "tests/fuzz/binary.h"

#include "common/hash.h"
#include "common/memory.h"
#include "common/nested.h"
#include "common/type.h"
#include "ipc/frame.h"

/*
 * The parts of an input: choices, and the bytes of a frame or an ack. The choices are: which
 * contract (the highest bit: records carry their order; 0x7f: it is an ack), what is made to fit,
 * and where a bit is flipped.
 */
enum {
    CHOICE_CONTRACT,
    CHOICE_FIT,
    CHOICE_FLIP, /* 8 bytes */
    CHOICES = CHOICE_FLIP + 8,
};

#define ORDERED 0x80u
#define ACK 0x7fu

enum {
    UNFIT_BODY_LEN = 1u,
    UNFIT_BODY_CRC = 2u,
    UNFIT_HEADER_CRC = 4u,
};

/* Places in a header, as docs/protocol.md has them. */
enum {
    AT_BODY_LEN = 48,
    AT_BODY_CRC = 52,
    AT_HEADER_CRC = 60,
    ACK_AT_CRC = 36,
};

static const char *const types[][8] = {
    {"string", "bytes", "int", "bool", "money(USD)", "timestamp", NULL},
    {"decimal(6,2)", "date", "duration", "enum(a, b)", "string(1..3)", NULL},
    {"list(int)", "map(list(string))", "optional(string)", "optional(list(bool))", NULL},
    {"list(map(string(2..4)))", "optional(enum(x, y, z))", "map(decimal(3,1))", "list(date)", NULL},
    {NULL},
};
#define CONTRACTS (sizeof types / sizeof types[0])
static struct contract contracts[CONTRACTS];

/* --- what the builder makes --- */

static void add_seed(unsigned contract, unsigned choices, const uint8_t *bytes, size_t len)
{
    uint8_t choice[CHOICES] = {[CHOICE_CONTRACT] = (uint8_t)(contract | choices)};
    struct buf seed = {0};
    fuzz_add_part(&seed, choice, sizeof choice);
    fuzz_add_part(&seed, bytes, len);
    fuzz_seed(&seed);
    buf_done(&seed);
}

static struct value sample_of(struct type type, unsigned n, struct buf *out);

static struct value sample_nested(struct type type, unsigned n, struct buf *out)
{
    struct buf own = {0}, items = {0};
    unsigned count = n % 3;
    nested_add_head(type.tag, count, &own);
    for (unsigned i = 0; i < count; i++) {
        char key[2] = {(char)('a' + i), '\0'};
        struct value name = value_of_bytes(VALUE_STRING, key, 1);
        if (type.tag == VALUE_MAP)
            nested_add(&name, &own);
        struct value item = sample_of(type_item(type), n + i, &items);
        nested_add(&item, &own);
    }
    uint8_t *kept = buf_reserve(out, own.len + 1); /* there is room: what lies in out stays */
    memcpy(kept, own.data, own.len);
    out->len += own.len;
    struct value value = value_of_bytes(type.tag, kept, own.len);
    buf_done(&own);
    buf_done(&items);
    return value;
}

/* A value that the type admits. out has room for its bytes. */
static struct value sample_of(struct type type, unsigned n, struct buf *out)
{
    static const char text[] = "abcdefghijklmnopqrstuvwxyz0123456789 and more";
    switch (type.tag) {
    case VALUE_OPTIONAL:
        return n % 3 == 0 ? value_of_nothing() : sample_of(type_item(type), n, out);
    case VALUE_LIST:
    case VALUE_MAP:
        return sample_nested(type, n, out);
    case VALUE_STRING:
    case VALUE_BYTES:
        return value_of_bytes(type.tag, text, type.detail != NULL ? 2 + n % 2 : n * 7 % 40);
    case VALUE_BOOL:
        return value_of_bool(n % 2 != 0);
    case VALUE_ENUM:
        return value_of_integer(type.tag, n % 2);
    default:
        return value_of_integer(type.tag, n % 2 != 0 ? -(int64_t)n : (int64_t)n * n);
    }
}

static void add_seed_frames(unsigned contract, bool ordered)
{
    const struct contract *c = &contracts[contract];
    struct frame_builder b;
    frame_builder_init(&b, 3, c, 0x1234, ordered);
    frame_builder_start(&b, 7);
    struct value fields[FIELDS_MAX];
    struct buf bytes = {0};
    (void)buf_reserve(&bytes, 65536);
    for (unsigned n = 0; n < 6; n++) {
        struct record record = {
            .seq = 7 + n / 2, .position = 5 + n, .order = (const uint8_t *)"\1"};
        record.order_len = ordered ? 1 : 0;
        record.kind = n == 3 ? RECORD_TICK : n == 5 ? RECORD_END : RECORD_DATA;
        record.time = record.kind == RECORD_TICK ? -77777 : 0;
        if (record.kind == RECORD_DATA) {
            for (size_t i = 0; i < c->count; i++)
                fields[i] = sample_of(c->fields[i].type, n + (unsigned)i, &bytes);
            record.fields = fields;
            record.count = c->count;
        }
        frame_builder_add(&b, &record);
    }
    ALWAYS(bytes.capacity == 65536 || bytes.len < 65536);
    frame_builder_finish(&b, 12);
    frame_stamp(b.bytes.data, 99);
    add_seed(contract, ordered ? ORDERED : 0, b.bytes.data, b.bytes.len);
    frame_builder_done(&b);
    buf_done(&bytes);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    for (unsigned i = 0; i < CONTRACTS; i++) {
        for (unsigned k = 0; types[i][k] != NULL; k++) {
            struct type type;
            struct err e;
            char name[2] = {(char)('a' + k), '\0'};
            ALWAYS(type_parse(types[i][k], &type, &e) == 0);
            ALWAYS(contract_add(&contracts[i], name, type) == 0);
        }
        add_seed_frames(i, false);
        add_seed_frames(i, true);
    }
    struct ack ack = {.edge = 3, .serial = 99, .acked = 1234567};
    uint8_t bytes[ACK_BYTES];
    ack_encode(&ack, bytes);
    add_seed(ACK, 0, bytes, sizeof bytes);
    return 0;
}

/* --- what a reader makes of it --- */

struct kept {
    struct frame_header header;
    struct record *records;
    struct value *fields; /* of all records, one behind the other */
    size_t count;
};

static void kept_done(struct kept *kept)
{
    free(kept->records);
    free(kept->fields);
}

/* Opens a frame and reads all of it. Nothing of that costs memory. */
static int read_frame(const uint8_t *bytes, size_t len, const struct contract *c, bool ordered,
                      struct kept *ret_kept)
{
    struct err e = {0};
    struct kept kept = {.count = 0};
    fuzz_memory_begin();
    int rc = frame_open(bytes, len, &kept.header, &e);
    fuzz_memory_end(0);
    if (rc != 0) {
        ALWAYS_REASON(rc, &e);
        return rc;
    }
    ALWAYS(kept.header.body_len == len - FRAME_HEADER_BYTES && kept.header.first != 0 &&
           kept.header.first <= kept.header.last && kept.header.last <= SEQ_MAX);
    /* Each takes a byte at least, so a number that is not true costs us nothing. */
    size_t room = kept.header.body_len + 1;
    kept.records = memory_new(room, sizeof *kept.records);
    kept.fields = memory_new(room * (c->count + 1), sizeof *kept.fields);
    struct frame_reader reader;
    frame_reader_init(&reader, &kept.header, bytes, c, ordered);
    seq_number before = kept.header.first;
    for (;;) {
        ALWAYS(kept.count < room);
        struct record *record = &kept.records[kept.count];
        fuzz_memory_begin();
        rc = frame_reader_next(&reader, kept.fields + kept.count * c->count, record, &e);
        fuzz_memory_end(0);
        if (rc != 0)
            break;
        ALWAYS(record->seq >= before && record->seq <= kept.header.last);
        before = record->seq;
        kept.count++;
    }
    if (rc != ERR_END) {
        ALWAYS_REASON(rc, &e);
        kept_done(&kept);
        return rc;
    }
    ALWAYS(kept.count == kept.header.record_count);
    *ret_kept = kept;
    return 0;
}

static bool same_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static void expect_same(const struct kept *a, const struct kept *b, const struct contract *c)
{
    ALWAYS(a->count == b->count && a->header.first == b->header.first &&
           a->header.last == b->header.last && a->header.fingerprint == b->header.fingerprint);
    for (size_t n = 0; n < a->count; n++) {
        const struct record *x = &a->records[n], *y = &b->records[n];
        ALWAYS(x->kind == y->kind && x->seq == y->seq && x->position == y->position &&
               x->time == y->time && x->count == y->count);
        ALWAYS(same_bytes(x->order, x->order_len, y->order, y->order_len));
        for (size_t i = 0; i < x->count; i++) {
            const struct value *v = &x->fields[i], *w = &y->fields[i];
            ALWAYS(v->tag == w->tag && contract_value_fits(c, i, v));
            if (value_has_bytes(v))
                ALWAYS(same_bytes(v->bytes, v->len, w->bytes, w->len));
            else if (v->tag == VALUE_BOOL)
                ALWAYS(v->boolean == w->boolean);
            else
                ALWAYS(v->tag == VALUE_OPTIONAL || v->integer == w->integer);
        }
    }
}

/* Writes the records again: as they came, or each field anew, in the shortest form. */
static void write_again(const struct kept *kept, const struct contract *c, bool ordered,
                        bool as_it_came, struct buf *out)
{
    struct frame_builder b;
    frame_builder_init(&b, kept->header.edge, c, kept->header.fingerprint, ordered);
    frame_builder_start(&b, kept->header.first);
    for (size_t n = 0; n < kept->count; n++) {
        struct record record = kept->records[n];
        if (!as_it_came)
            record.packed_count = record.packed_len = 0;
        frame_builder_add(&b, &record);
    }
    frame_builder_finish(&b, kept->header.last);
    frame_stamp(b.bytes.data, kept->header.serial);
    buf_add(out, b.bytes.data, b.bytes.len);
    frame_builder_done(&b);
}

static void expect_again(const struct kept *kept, const struct contract *c, bool ordered)
{
    struct buf came = {0}, anew = {0}, twice = {0};
    struct kept again, shortest;
    write_again(kept, c, ordered, true, &came);
    ALWAYS(read_frame(came.data, came.len, c, ordered, &again) == 0);
    expect_same(kept, &again, c);
    write_again(kept, c, ordered, false, &anew);
    ALWAYS(read_frame(anew.data, anew.len, c, ordered, &shortest) == 0);
    expect_same(kept, &shortest, c);
    write_again(&shortest, c, ordered, false, &twice);
    ALWAYS(same_bytes(anew.data, anew.len, twice.data, twice.len));
    kept_done(&again);
    kept_done(&shortest);
    buf_done(&came);
    buf_done(&anew);
    buf_done(&twice);
}

static void fit(uint8_t *bytes, size_t len, uint8_t unfit)
{
    if (len < FRAME_HEADER_BYTES)
        return;
    size_t body_len = len - FRAME_HEADER_BYTES;
    if ((unfit & UNFIT_BODY_LEN) == 0)
        bytes_put_u32(bytes + AT_BODY_LEN, (uint32_t)body_len);
    if ((unfit & UNFIT_BODY_CRC) == 0)
        bytes_put_u32(bytes + AT_BODY_CRC, hash_crc32c(0, bytes + FRAME_HEADER_BYTES, body_len));
    if ((unfit & UNFIT_HEADER_CRC) == 0)
        bytes_put_u32(bytes + AT_HEADER_CRC, hash_crc32c(0, bytes, AT_HEADER_CRC));
}

static void flip(uint8_t *bytes, size_t len, struct fuzz_part choices)
{
    uint64_t place = fuzz_u64(choices, CHOICE_FLIP) % (8 * len);
    bytes[place / 8] ^= (uint8_t)(1u << place % 8);
}

static void try_frame(uint8_t *bytes, size_t len, struct fuzz_part choices)
{
    bool ordered = (fuzz_u8(choices, CHOICE_CONTRACT) & ORDERED) != 0;
    const struct contract *c = &contracts[(fuzz_u8(choices, CHOICE_CONTRACT) & ACK) % CONTRACTS];
    struct kept kept;
    fit(bytes, len, fuzz_u8(choices, CHOICE_FIT));
    int rc = read_frame(bytes, len, c, ordered, &kept);
    ALWAYS(rc == 0 || rc == ERR_PROTOCOL);
    if (rc == 0) {
        expect_again(&kept, c, ordered);
        kept_done(&kept);
    }
    struct frame_header header;
    struct err e = {0};
    if (frame_open(bytes, len, &header, &e) == 0) {
        flip(bytes, len, choices);
        ALWAYS(frame_open(bytes, len, &header, &e) == ERR_PROTOCOL);
    }
}

static void try_ack(uint8_t *bytes, size_t len, struct fuzz_part choices)
{
    struct ack ack;
    struct err e = {0};
    uint8_t again[ACK_BYTES];
    if (len == ACK_BYTES && (fuzz_u8(choices, CHOICE_FIT) & UNFIT_HEADER_CRC) == 0)
        bytes_put_u32(bytes + ACK_AT_CRC, hash_crc32c(0, bytes, ACK_AT_CRC));
    fuzz_memory_begin();
    int rc = ack_decode(bytes, len, &ack, &e);
    fuzz_memory_end(0);
    if (rc != 0) {
        ALWAYS_REASON(rc, &e);
        return;
    }
    ack_encode(&ack, again);
    ALWAYS(memcmp(again, bytes, sizeof again) == 0);
    flip(bytes, len, choices);
    ALWAYS(ack_decode(bytes, len, &ack, &e) == ERR_PROTOCOL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_parts parts = fuzz_split(data, size);
    struct fuzz_part choices = fuzz_part(&parts, 0), content = fuzz_part(&parts, 1);
    /* In memory of its own length, so that a look behind its end is noticed. */
    uint8_t *bytes = malloc(content.len != 0 ? content.len : 1);
    if (content.len != 0)
        memcpy(bytes, content.bytes, content.len);
    if ((fuzz_u8(choices, CHOICE_CONTRACT) & ACK) == ACK)
        try_ack(bytes, content.len, choices);
    else
        try_frame(bytes, content.len, choices);
    free(bytes);
    return 0;
}
