/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/bytes.h"
#include "common/file.h"
#include "common/hash.h"
#include "stages/store/cursor.h"
#include "tests/unit/cases.h"

#define MAGIC 0x54534554u

static char directory[64];
static int dir_fd;

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "/tmp/bulkhead-cursor-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir_fd >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlinkat(dir_fd, "cursor", 0);
    (void)close(dir_fd);
    return rmdir(directory);
}

static int open_cursor(struct cursor *c, uint32_t magic, uint8_t *payload, bool *found)
{
    struct err e;
    return cursor_open(c, dir_fd, magic, false, payload, found, &e);
}

static void write_number(struct cursor *c, uint8_t number)
{
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    memset(payload, number, sizeof payload);
    assert_int_equal(cursor_write(c, MAGIC, payload, NULL), 0);
}

/* The number that the cursor file has now. */
static uint8_t read_number(void)
{
    struct cursor c;
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    bool found;
    assert_int_equal(open_cursor(&c, MAGIC, payload, &found), 0);
    assert_true(found);
    cursor_close(&c);
    return payload[0];
}

static void the_newest_write_is_read(void **state)
{
    (void)state;
    struct cursor c;
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    bool found = true;
    assert_int_equal(open_cursor(&c, MAGIC, payload, &found), 0);
    assert_false(found);
    for (uint8_t n = 1; n < 20; n++) {
        write_number(&c, n);
        assert_int_equal(read_number(), n);
    }
    cursor_close(&c);
    assert_int_equal(open_cursor(&c, MAGIC, payload, &found), 0);
    write_number(&c, 99); /* continues with the counter, and does not start over */
    assert_int_equal(read_number(), 99);
    cursor_close(&c);
}

/* However much of the last write is torn off, the one before it is there. */
static void a_torn_write_leaves_the_one_before(void **state)
{
    (void)state;
    struct cursor c;
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    bool found;
    assert_int_equal(open_cursor(&c, MAGIC, payload, &found), 0);
    write_number(&c, 1);
    write_number(&c, 2);
    struct buf before = {0}, after = {0};
    assert_int_equal(file_read_whole(c.fd, 1 << 20, &before, NULL), 0);
    write_number(&c, 3);
    assert_int_equal(file_read_whole(c.fd, 1 << 20, &after, NULL), 0);
    assert_int_equal(before.len, after.len);
    size_t written = 264; /* bytes of a slot */
    for (size_t n = 0; n <= written; n++) {
        assert_int_equal(file_write_at(c.fd, 0, before.data, before.len, NULL), 0);
        assert_int_equal(file_write_at(c.fd, 0, after.data, n, NULL), 0);
        assert_int_equal(read_number(), n == written ? 3 : 2);
    }
    buf_done(&before);
    buf_done(&after);
    cursor_close(&c);
}

static void damage_to_both_slots_is_refused(void **state)
{
    (void)state;
    struct cursor c;
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    bool found;
    assert_int_equal(open_cursor(&c, MAGIC, payload, &found), 0);
    write_number(&c, 1);
    write_number(&c, 2);
    assert_int_equal(file_write_at(c.fd, 20, "x", 1, NULL), 0);
    assert_int_equal(read_number(), 2);
    assert_int_equal(file_write_at(c.fd, 4096 + 20, "x", 1, NULL), 0);
    struct cursor other;
    assert_int_equal(open_cursor(&other, MAGIC, payload, &found), ERR_CORRUPT);
    cursor_close(&c);
}

static void a_torn_first_write_is_no_write(void **state)
{
    (void)state;
    struct cursor c;
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    bool found;
    assert_int_equal(open_cursor(&c, MAGIC, payload, &found), 0);
    write_number(&c, 1);
    assert_int_equal(file_truncate(c.fd, 60, NULL), 0);
    cursor_close(&c);
    found = true;
    assert_int_equal(open_cursor(&c, MAGIC, payload, &found), 0);
    assert_false(found);
    cursor_close(&c);
}

/* With a correct checksum, but impossible numbers. */
static void numbers_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint64_t number;
        int rc;
    } cases[] = {{16, UINT64_MAX, ERR_CORRUPT},
                 {16, SEQ_MAX + UINT64_C(1), ERR_CORRUPT},
                 {16, SEQ_MAX, 0},
                 {8, UINT64_MAX, ERR_CORRUPT},
                 {8, 0, ERR_CORRUPT},
                 {8, INT64_MAX, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cursor c;
        uint8_t payload[CURSOR_PAYLOAD_BYTES] = {1}, slot[140];
        bool found;
        struct err e;
        (void)unlinkat(dir_fd, "cursor", 0);
        assert_int_equal(open_cursor(&c, MAGIC, payload, &found), 0);
        memset(payload, 0, sizeof payload);
        assert_int_equal(cursor_write(&c, MAGIC, payload, NULL), 0);
        size_t got;
        assert_int_equal(file_read_at(c.fd, 0, slot, sizeof slot, &got, NULL), 0);
        bytes_put_u64(slot + cases[i].at, cases[i].number);
        bytes_put_u32(slot + 136, hash_crc32c(0, slot, 136));
        assert_int_equal(file_write_at(c.fd, 0, slot, sizeof slot, NULL), 0);
        cursor_close(&c);
        int rc = cursor_open(&c, dir_fd, MAGIC, false, payload, &found, &e);
        assert_int_equal(rc, cases[i].rc);
        if (rc != 0 && strstr(e.text, "cursor: ") == NULL)
            fail_msg("%s", e.text);
        cursor_close(&c);
    }
}

static void a_cursor_of_another_kind_is_refused(void **state)
{
    (void)state;
    struct cursor c;
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    bool found;
    assert_int_equal(open_cursor(&c, MAGIC, payload, &found), 0);
    write_number(&c, 1);
    cursor_close(&c);
    assert_int_equal(open_cursor(&c, MAGIC + 1, payload, &found), ERR_MISMATCH);
}

/* Slots of version 2 are shorter, and are used if that is enough. A file may have both. */
static void the_version_before_is_read(void **state)
{
    (void)state;
    struct cursor c;
    uint8_t payload[CURSOR_PAYLOAD_BYTES] = {0}, found_payload[CURSOR_PAYLOAD_BYTES];
    bool found;
    assert_int_equal(open_cursor(&c, MAGIC, found_payload, &found), 0);
    for (uint8_t n = 1; n < 12; n++) {
        bool is_long = n % 3 != 0;
        payload[119] = n;
        payload[120] = payload[CURSOR_PAYLOAD_BYTES - 1] = is_long ? n : 0;
        assert_int_equal(cursor_write(&c, MAGIC, payload, NULL), 0);
        uint8_t version;
        size_t len;
        assert_int_equal(file_read_at(c.fd, n % 2 != 0 ? 4 : 4100, &version, 1, &len, NULL), 0);
        assert_int_equal(version, is_long ? 3 : 2);
        struct cursor other;
        assert_int_equal(open_cursor(&other, MAGIC, found_payload, &found), 0);
        assert_memory_equal(found_payload, payload, sizeof payload);
        cursor_close(&other);
    }
    cursor_close(&c);
}

static void another_version_is_named(void **state)
{
    (void)state;
    struct cursor c;
    uint8_t payload[CURSOR_PAYLOAD_BYTES] = {0}, slot[140];
    bool found;
    size_t len;
    struct err e;
    assert_int_equal(open_cursor(&c, MAGIC, payload, &found), 0);
    assert_int_equal(cursor_write(&c, MAGIC, payload, NULL), 0);
    assert_int_equal(file_read_at(c.fd, 0, slot, sizeof slot, &len, NULL), 0);
    bytes_put_u32(slot + 4, 7);
    bytes_put_u32(slot + 136, hash_crc32c(0, slot, 136));
    assert_int_equal(file_write_at(c.fd, 0, slot, sizeof slot, NULL), 0);
    cursor_close(&c);
    assert_int_equal(cursor_open(&c, dir_fd, MAGIC, false, payload, &found, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "format version 7; this bulkhead reads versions 2 and 3"));
}

/* Nothing is written to a file that was removed or replaced. */
static void one_that_is_removed_or_replaced_is_written_no_more(void **state)
{
    (void)state;
    struct cursor c, other;
    uint8_t payload[CURSOR_PAYLOAD_BYTES] = {0};
    bool found;
    struct err e;
    for (int replaced = 0; replaced < 2; replaced++) {
        assert_int_equal(open_cursor(&c, MAGIC, payload, &found), 0);
        write_number(&c, 1);
        assert_int_equal(unlinkat(dir_fd, "cursor", 0), 0);
        if (replaced) {
            assert_int_equal(open_cursor(&other, MAGIC, payload, &found), 0);
            write_number(&other, 7);
            cursor_close(&other);
        }
        assert_int_equal(cursor_write(&c, MAGIC, payload, &e), ERR_MISMATCH);
        assert_non_null(strstr(e.text, "'cursor' was removed, moved away or replaced"));
        cursor_close(&c);
    }
    assert_int_equal(read_number(), 7);
}

/* The next write repairs it. */
static void one_that_is_truncated_or_overwritten_comes_back(void **state)
{
    (void)state;
    struct cursor c;
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    bool found;
    assert_int_equal(open_cursor(&c, MAGIC, payload, &found), 0);
    for (uint8_t n = 1; n < 20; n++) {
        write_number(&c, n);
        if (n % 3 == 0)
            assert_int_equal(file_truncate(c.fd, (uint64_t)n * 20, NULL), 0);
        if (n % 3 == 1)
            assert_int_equal(file_write_at(c.fd, n % 2 != 0 ? 0 : 4096, "stranger", 8, NULL), 0);
        write_number(&c, (uint8_t)(n + 100));
        assert_int_equal(read_number(), n + 100);
    }
    cursor_close(&c);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(the_newest_write_is_read),
        TEST(a_torn_write_leaves_the_one_before),
        TEST(damage_to_both_slots_is_refused),
        TEST(a_torn_first_write_is_no_write),
        TEST(numbers_that_cannot_be_are_refused),
        TEST(a_cursor_of_another_kind_is_refused),
        TEST(the_version_before_is_read),
        TEST(another_version_is_named),
        TEST(one_that_is_removed_or_replaced_is_written_no_more),
        TEST(one_that_is_truncated_or_overwritten_comes_back),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
