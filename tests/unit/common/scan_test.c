/* SPDX-License-Identifier: MIT */
/*
 * The scans against loops over single bytes: every length and place around the widths of words and
 * blocks, in memory that ends, and begins, where the bytes do.
 */
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/scan.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define LEN_MAX 70u

static bool is_ascii(uint8_t byte)
{
    return byte < 0x80;
}

static bool is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte != '"' && byte != '\\';
}

static size_t slow_scan(const uint8_t *bytes, size_t len, bool (*passes)(uint8_t))
{
    size_t i = 0;
    while (i < len && passes(bytes[i]))
        i++;
    return i;
}

/* A page between two that nobody may read. */
static uint8_t *lone_page;
static size_t page_bytes;

static int make_page(void **state)
{
    (void)state;
    page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *pages = mmap(NULL, 3 * page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return -1;
    lone_page = pages + page_bytes;
    return mprotect(lone_page, page_bytes, PROT_READ | PROT_WRITE);
}

static int drop_page(void **state)
{
    (void)state;
    return munmap(lone_page - page_bytes, 3 * page_bytes);
}

static void assert_scans(const uint8_t *bytes, size_t len)
{
    size_t ascii = (size_t)(scan_ascii(bytes, bytes + len) - bytes);
    size_t plain = (size_t)(scan_plain(bytes, bytes + len) - bytes);
    size_t wanted_ascii = slow_scan(bytes, len, is_ascii);
    size_t wanted_plain = slow_scan(bytes, len, is_plain);
    if (ascii == wanted_ascii && plain == wanted_plain)
        return;
    for (size_t i = 0; i < len; i++)
        print_error("%02x ", bytes[i]);
    fail_msg("ASCII to %zu, expected %zu; plain to %zu, expected %zu", ascii, wanted_ascii, plain,
             wanted_plain);
}

/* Scans the bytes at the end of a page, at its beginning, and in a block of just that size. */
static void assert_scans_everywhere(const uint8_t *bytes, size_t len)
{
    uint8_t *at_end = lone_page + page_bytes - len;
    memcpy(at_end, bytes, len);
    assert_scans(at_end, len);
    memcpy(lone_page, bytes, len);
    assert_scans(lone_page, len);
    uint8_t *copy = malloc(len != 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    assert_scans(copy, len);
    free(copy);
}

/* Every byte at every place of every length, between letters. */
static void every_byte_is_seen_at_every_place(void **state)
{
    (void)state;
    uint8_t bytes[LEN_MAX];
    for (size_t len = 0; len <= LEN_MAX; len++) {
        memset(bytes, 'x', sizeof bytes);
        assert_scans_everywhere(bytes, len);
        for (size_t at = 0; at < len; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                bytes[at] = (uint8_t)byte;
                uint8_t *at_end = lone_page + page_bytes - len;
                memcpy(at_end, bytes, len);
                assert_scans(at_end, len);
            }
            bytes[at] = 'x';
        }
    }
}

/* What stands behind the byte that ends the run, or differs from it by one, must not matter. */
static void random_bytes_are_scanned_as_slowly(void **state)
{
    (void)state;
    static const uint8_t edges[] = {0x00, 0x01, 0x1f, 0x20, 0x21, '"',  0x23, 0x5b,
                                    '\\', 0x5d, 0x7f, 0x80, 0x9f, 0xa2, 0xdc, 0xff};
    uint8_t bytes[LEN_MAX];
    for (int i = 0; i < 200000; i++) {
        size_t len = random_below(LEN_MAX + 1);
        uint64_t often = 1 + random_below(40);
        for (size_t k = 0; k < len; k++)
            bytes[k] = random_below(often) == 0 ? edges[random_below(sizeof edges)]
                                                : (uint8_t)(0x23 + random_below(0x39));
        assert_scans_everywhere(bytes, len);
    }
}

static void short_numbers_have_all_their_bytes(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        size_t len = random_below(8);
        uint8_t *at = lone_page + page_bytes - len;
        random_fill(at, len);
        uint64_t wanted = 0;
        for (size_t k = len; k-- > 0;)
            wanted = wanted << 8 | at[k];
        assert_int_equal(bytes_get_short(at, len), wanted);
    }
}

int main(int argc, char **argv)
{
    random_init("scan_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_is_seen_at_every_place),
        cmocka_unit_test(random_bytes_are_scanned_as_slowly),
        cmocka_unit_test(short_numbers_have_all_their_bytes),
    };
    return CASES_RUN(argc, argv, tests, make_page, drop_page);
}
