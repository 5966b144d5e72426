/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <string.h>

#include "common/bytes.h"
#include "common/hash.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define BYTES_MAX 2048

static const uint8_t zeros[32];
static const uint8_t ones[32] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
};
static const uint8_t rising[32] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
};
static const uint8_t falling[32] = {
    31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16,
    15, 14, 13, 12, 11, 10, 9,  8,  7,  6,  5,  4,  3,  2,  1,  0,
};
static const uint8_t iscsi_read_pdu[48] = {
    0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18,
    0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
};

/* RFC 3720, appendix B.4, and the check value of every CRC catalogue. */
static const struct {
    const char *name;
    const void *bytes;
    size_t len;
    uint32_t crc;
} crc_cases[] = {
    {"empty", "", 0, 0},
    {"the catalogues' check", "123456789", 9, 0xe3069283},
    {"32 bytes of zeros", zeros, sizeof zeros, 0x8a9136aa},
    {"32 bytes of ones", ones, sizeof ones, 0x62a8ab43},
    {"32 rising bytes", rising, sizeof rising, 0x46dd794e},
    {"32 falling bytes", falling, sizeof falling, 0x113fdb5c},
    {"an iSCSI read command", iscsi_read_pdu, sizeof iscsi_read_pdu, 0xd9963a56},
};

/* As the RFC says it: one division by the polynomial, bit by bit. */
static uint32_t crc32c_by_bits(uint32_t crc, const uint8_t *bytes, size_t len)
{
    uint32_t sum = ~crc;
    for (size_t i = 0; i < len; i++) {
        sum ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            sum = (sum >> 1) ^ ((sum & 1) != 0 ? 0x82f63b78u : 0);
    }
    return ~sum;
}

/* In pieces that are too short for lanes. */
static uint32_t crc32c_without_lanes(uint32_t crc, const uint8_t *bytes, size_t len)
{
    for (size_t at = 0, piece; at < len; at += piece) {
        piece = len - at < 512 ? len - at : 512;
        crc = hash_crc32c(crc, bytes + at, piece);
    }
    return crc;
}

static void crc32c_gives_the_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof crc_cases / sizeof crc_cases[0]; i++) {
        uint32_t fast = hash_crc32c(0, crc_cases[i].bytes, crc_cases[i].len);
        uint32_t portable = hash_crc32c_portable(0, crc_cases[i].bytes, crc_cases[i].len);
        uint32_t by_bits = crc32c_by_bits(0, crc_cases[i].bytes, crc_cases[i].len);
        if (fast != crc_cases[i].crc || portable != crc_cases[i].crc || by_bits != fast)
            fail_msg("%s: %08x, %08x and %08x", crc_cases[i].name, fast, portable, by_bits);
    }
}

static void crc32c_is_the_same_by_all_ways(void **state)
{
    (void)state;
    uint8_t bytes[BYTES_MAX];
    random_fill(bytes, sizeof bytes);
    for (int i = 0; i < 5000; i++) {
        size_t offset = random_below(sizeof bytes) >> random_below(8);
        size_t len = random_below(sizeof bytes - offset + 1) >> random_below(8);
        uint32_t start = (uint32_t)(random_below(2) == 0 ? 0 : random_bits());
        uint32_t want = crc32c_by_bits(start, bytes + offset, len);
        assert_int_equal(hash_crc32c_portable(start, bytes + offset, len), want);
        assert_int_equal(hash_crc32c(start, bytes + offset, len), want);
        assert_int_equal(crc32c_without_lanes(start, bytes + offset, len), want);
    }
}

/* Each byte at each place of eight, and alone: all entries of the table. */
static void crc32c_by_table_knows_every_byte(void **state)
{
    (void)state;
    for (size_t place = 0; place < 8; place++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            uint8_t bytes[8] = {0};
            bytes[place] = (uint8_t)byte;
            for (size_t len = place + 1; len <= sizeof bytes; len++)
                assert_int_equal(hash_crc32c_portable(0, bytes, len),
                                 crc32c_by_bits(0, bytes, len));
        }
    }
}

static void crc32c_continues_in_pieces(void **state)
{
    (void)state;
    uint8_t bytes[256];
    for (int i = 0; i < 5000; i++) {
        random_fill(bytes, sizeof bytes);
        uint32_t whole = hash_crc32c(0, bytes, sizeof bytes);
        uint32_t crc = 0;
        for (size_t at = 0, piece; at < sizeof bytes; at += piece) {
            piece = random_below(sizeof bytes - at + 1);
            crc = hash_crc32c(crc, bytes + at, piece);
        }
        assert_int_equal(crc, whole);
    }
}

static void crc32c_sees_every_flipped_bit(void **state)
{
    (void)state;
    uint8_t bytes[64];
    random_fill(bytes, sizeof bytes);
    uint32_t whole = hash_crc32c(0, bytes, sizeof bytes);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(hash_crc32c(0, bytes, sizeof bytes), whole);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/*
 * The key is 00 01 .. 0f and the input 00 01 .. of that length, as in the authors' own vectors;
 * this is what `openssl mac -macopt size:16 ... SIPHASH` prints.
 */
static const struct {
    size_t len;
    const char *hex;
} siphash_cases[] = {
    {0, "a3817f04ba25a8e66df67214c7550293"},  {1, "da87c1d86b99af44347659119b22fc45"},
    {2, "8177228da4a45dc7fca38bdef60affe4"},  {3, "9c70b60c5267a94e5f33b6b02985ed51"},
    {4, "f88164c12d9c8faf7d0f6e7c7bcd5579"},  {5, "1368875980776f8854527a07690e9627"},
    {6, "14eeca338b208613485ea0308fd7a15e"},  {7, "a1f1ebbed8dbc153c0b84aa61ff08239"},
    {8, "3b62a9ba6258f5610f83e264f31497b4"},  {9, "264499060ad9baabc47f8b02bb6d71ed"},
    {15, "5493e99933b0a8117e08ec0f97cfc3d9"}, {16, "6ee2a4ca67b054bbfd3315bf85230577"},
    {17, "473d06e8738db89854c066c47ae47740"}, {31, "2939b0183223fafc1723de4f52c43d35"},
    {32, "7c3956ca5eeafc3e363e9d556546eb68"}, {63, "5150d1772f50834a503e069a973fbd7c"},
};

static void siphash128_gives_the_vectors(void **state)
{
    (void)state;
    uint8_t key[16], input[64];
    for (size_t i = 0; i < sizeof input; i++)
        input[i] = (uint8_t)i;
    memcpy(key, input, sizeof key);
    for (size_t i = 0; i < sizeof siphash_cases / sizeof siphash_cases[0]; i++) {
        struct hash128 hash = hash_siphash128(key, input, siphash_cases[i].len);
        uint8_t bytes[16];
        char hex[33];
        bytes_put_u64(bytes, hash.low);
        bytes_put_u64(bytes + 8, hash.high);
        for (size_t k = 0; k < sizeof bytes; k++)
            (void)snprintf(hex + 2 * k, 3, "%02x", bytes[k]);
        if (strcmp(hex, siphash_cases[i].hex) != 0)
            fail_msg("%zu bytes: %s", siphash_cases[i].len, hex);
    }
}

static bool hash_equal(struct hash128 a, struct hash128 b)
{
    return a.low == b.low && a.high == b.high;
}

/* Where the input lies must not matter; each bit of input, length and key must. */
static void siphash128_depends_on_input_and_key_alone(void **state)
{
    (void)state;
    for (int i = 0; i < 5000; i++) {
        uint8_t key[16], input[80], moved[96];
        random_fill(key, sizeof key);
        random_fill(input, sizeof input);
        random_fill(moved, sizeof moved);
        size_t len = 1 + random_below(sizeof input - 1);
        size_t offset = random_below(16);
        memcpy(moved + offset, input, len);
        struct hash128 hash = hash_siphash128(key, input, len);
        assert_true(hash_equal(hash, hash_siphash128(key, moved + offset, len)));
        assert_false(hash_equal(hash, hash_siphash128(key, input, len - 1)));
        size_t bit = random_below(8 * len);
        input[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(hash_equal(hash, hash_siphash128(key, input, len)));
        input[bit / 8] ^= (uint8_t)(1u << bit % 8);
        bit = random_below(8 * sizeof key);
        key[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(hash_equal(hash, hash_siphash128(key, input, len)));
    }
}

/* From the FNV reference code's test suite. */
static const struct {
    const char *text;
    uint64_t hash;
} fnv1a_cases[] = {
    {"", 0xcbf29ce484222325u},    {"a", 0xaf63dc4c8601ec8cu},      {"b", 0xaf63df4c8601f1a5u},
    {"foo", 0xdcb27518fed9d577u}, {"foobar", 0x85944171f73967e8u},
};

static void fnv1a_gives_the_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fnv1a_cases / sizeof fnv1a_cases[0]; i++) {
        uint64_t hash = hash_fnv1a(fnv1a_cases[i].text, strlen(fnv1a_cases[i].text));
        if (hash != fnv1a_cases[i].hash)
            fail_msg("'%s': %016" PRIx64, fnv1a_cases[i].text, hash);
    }
}

int main(int argc, char **argv)
{
    random_init("hash_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_gives_the_vectors),
        cmocka_unit_test(crc32c_is_the_same_by_all_ways),
        cmocka_unit_test(crc32c_by_table_knows_every_byte),
        cmocka_unit_test(crc32c_continues_in_pieces),
        cmocka_unit_test(crc32c_sees_every_flipped_bit),
        cmocka_unit_test(siphash128_gives_the_vectors),
        cmocka_unit_test(siphash128_depends_on_input_and_key_alone),
        cmocka_unit_test(fnv1a_gives_the_vectors),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
