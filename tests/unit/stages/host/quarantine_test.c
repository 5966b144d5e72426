/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/file.h"
#include "common/hash.h"
#include "stages/host/quarantine.h"
#include "tests/unit/cases.h"

/* In memory: a thousand entries are added one by one, each with its syncs. */
static char directory[] = "/dev/shm/bulkhead-quarantine-XXXXXX";
static int dir_fd = -1;

static int set_up(void **state)
{
    (void)state;
    (void)unlinkat(dir_fd, QUARANTINE_FILE, 0);
    return 0;
}

static void add(seq_number seq, const char *cause, const char *words)
{
    struct quarantine_entry entry = {.seq = seq};
    (void)snprintf(entry.cause, sizeof entry.cause, "%s", cause);
    (void)snprintf(entry.words, sizeof entry.words, "%s", words);
    struct err e;
    assert_int_equal(quarantine_add(dir_fd, "t/s", &entry, &e), 0);
}

static void nothing_is_there_at_first(void **state)
{
    (void)state;
    struct quarantine q;
    struct err e;
    assert_int_equal(quarantine_load(dir_fd, "t/s", &q, &e), 0);
    assert_int_equal(q.count, 0);
    assert_null(quarantine_find(&q, 1));
    quarantine_done(&q);
}

static void entries_are_found_by_seq_in_any_order_of_adding(void **state)
{
    (void)state;
    add(41, "hung", "");
    add(7, "was killed by signal 11 (SIGSEGV)", "last words");
    add(100, "hung", "x");
    struct quarantine q;
    struct err e;
    assert_int_equal(quarantine_load(dir_fd, "t/s", &q, &e), 0);
    assert_int_equal(q.count, 3);
    assert_string_equal(quarantine_find(&q, 7)->cause, "was killed by signal 11 (SIGSEGV)");
    assert_string_equal(quarantine_find(&q, 7)->words, "last words");
    assert_string_equal(quarantine_find(&q, 41)->cause, "hung");
    assert_string_equal(quarantine_find(&q, 100)->words, "x");
    assert_null(quarantine_find(&q, 8));
    assert_null(quarantine_find(&q, 101));
    assert_null(quarantine_find(&q, 0));
    quarantine_done(&q);
}

/* Its record is no longer given to the stage, so something else kills it there. */
static void a_seq_is_added_once(void **state)
{
    (void)state;
    add(41, "hung", "");
    struct quarantine_entry entry = {.seq = 41, .cause = "another cause"};
    struct quarantine q;
    struct err e;
    assert_int_equal(quarantine_add(dir_fd, "t/s", &entry, &e), ERR_RANGE);
    assert_non_null(strstr(e.text, "it is there already"));
    assert_int_equal(quarantine_load(dir_fd, "t/s", &q, &e), 0);
    assert_int_equal(q.count, 1);
    assert_string_equal(q.entries[0].cause, "hung");
    quarantine_done(&q);
}

static void texts_may_have_their_full_length(void **state)
{
    (void)state;
    char words[QUARANTINE_WORDS_BYTES_MAX + 1], cause[QUARANTINE_CAUSE_BYTES_MAX + 1];
    memset(words, 'w', sizeof words - 1);
    memset(cause, 'c', sizeof cause - 1);
    words[sizeof words - 1] = cause[sizeof cause - 1] = '\0';
    add(1, cause, words);
    struct quarantine q;
    struct err e;
    assert_int_equal(quarantine_load(dir_fd, "t/s", &q, &e), 0);
    assert_string_equal(q.entries[0].words, words);
    assert_string_equal(q.entries[0].cause, cause);
    quarantine_done(&q);
}

static void there_is_a_limit(void **state)
{
    (void)state;
    for (seq_number seq = 1; seq <= QUARANTINE_ENTRIES_MAX; seq++)
        add(seq, "hung", "");
    struct quarantine_entry entry = {.seq = QUARANTINE_ENTRIES_MAX + 1, .cause = "hung"};
    struct err e;
    assert_int_equal(quarantine_add(dir_fd, "t/s", &entry, &e), ERR_RANGE);
    assert_non_null(strstr(e.text, "it is the stage that is broken"));
}

static void the_file_of_another_stage_is_refused(void **state)
{
    (void)state;
    add(7, "hung", "");
    struct quarantine q;
    struct err e;
    assert_int_equal(quarantine_load(dir_fd, "t/other", &q, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "quarantine"));
}

static uint8_t bytes[1 << 16];
static size_t bytes_len;

static void another_version_is_named(void **state)
{
    (void)state;
    uint8_t header[24] = {0};
    struct err e;
    bytes_put_u32(header, 0x55514842);
    bytes_put_u32(header + 4, 9);
    bytes_put_u32(header + 20, hash_crc32c(0, header, 20));
    int fd = openat(dir_fd, "quarantine", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, header, sizeof header), sizeof header);
    (void)close(fd);
    struct quarantine q;
    assert_int_equal(quarantine_load(dir_fd, "t/other", &q, &e), ERR_MISMATCH);
    assert_non_null(
        strstr(e.text, "quarantine: format version 9; this bulkhead reads version 1; "));
}

static void write_damaged(size_t len)
{
    int fd = openat(dir_fd, QUARANTINE_FILE, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    (void)close(fd);
}

static void assert_refused(const char *what, size_t at)
{
    struct quarantine q;
    struct err e;
    int rc = quarantine_load(dir_fd, "t/s", &q, &e);
    if (rc != ERR_CORRUPT && rc != ERR_MISMATCH) {
        print_error("%s at %zu: %d\n", what, at, rc);
        fail();
    }
    assert_non_null(strstr(e.text, QUARANTINE_FILE));
}

static void no_damage_goes_unseen(void **state)
{
    (void)state;
    add(7, "was killed by signal 11 (SIGSEGV)", "last words");
    add(8, "hung", "");
    int fd = openat(dir_fd, QUARANTINE_FILE, O_RDONLY);
    ssize_t n = read(fd, bytes, sizeof bytes);
    (void)close(fd);
    assert_true(n > 0);
    bytes_len = (size_t)n;
    for (size_t len = 0; len < bytes_len; len++) {
        write_damaged(len);
        assert_refused("cut", len);
    }
    write_damaged(bytes_len);
    for (size_t at = 0; at < bytes_len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes[at] ^= (uint8_t)(1u << bit);
            write_damaged(bytes_len);
            bytes[at] ^= (uint8_t)(1u << bit);
            assert_refused("flipped", at);
        }
    }
    write_damaged(bytes_len + 1); /* the next byte of the static buffer is zero */
    assert_refused("longer", bytes_len);
}

/* In a list that is out of order, records would not be found, and be given to the stage again. */
static void numbers_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const seq_number bad[][2] = {{0, 7}, {8, 7}, {7, 7}, {7, UINT64_MAX}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct quarantine_entry entries[2] = {{.seq = bad[i][0], .cause = "hung"},
                                              {.seq = bad[i][1], .cause = "hung"}};
        struct quarantine q = {.entries = entries, .count = 2};
        struct err e;
        assert_int_equal(quarantine_write(dir_fd, "t/s", &q, &e), 0);
        assert_int_equal(quarantine_load(dir_fd, "t/s", &q, &e), ERR_CORRUPT);
        assert_non_null(strstr(e.text, "quarantine: "));
    }
}

/* The texts end up in dead letters, which are printable UTF-8. */
static void texts_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"\xff", "\x1b[2J", "two\nlines"};
    for (size_t i = 0; i < 2 * sizeof bad / sizeof bad[0]; i++) {
        struct quarantine_entry entry = {.seq = 7, .cause = "hung", .words = "words"};
        char *text = i % 2 == 0 ? entry.cause : entry.words;
        memcpy(text, bad[i / 2], strlen(bad[i / 2]) + 1);
        struct quarantine q = {.entries = &entry, .count = 1};
        struct err e;
        assert_int_equal(quarantine_write(dir_fd, "t/s", &q, &e), 0);
        assert_refused(text, i);
    }
}

/* With a correct checksum, so no damage of the disk. */
static void what_stands_behind_a_text_is_refused(void **state)
{
    (void)state;
    static const size_t places[] = {24 + 8 + 5, 24 + 8 + 63, 24 + 72 + 6, 24 + 72 + 512};
    add(7, "hung", "words");
    int fd = openat(dir_fd, QUARANTINE_FILE, O_RDONLY);
    ssize_t n = read(fd, bytes, sizeof bytes);
    (void)close(fd);
    assert_int_equal(n, 24 + 585);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        bytes[places[i]] = 'x';
        bytes_put_u32(bytes + 20, hash_crc32c(hash_crc32c(0, bytes, 20), bytes + 24, 585));
        write_damaged((size_t)n);
        assert_refused("text", places[i]);
        bytes[places[i]] = 0;
    }
}

int main(int argc, char **argv)
{
    if (mkdtemp(directory) == NULL)
        return 1;
    dir_fd = open(directory, O_RDONLY | O_DIRECTORY);
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, set_up)
        TEST(nothing_is_there_at_first),
        TEST(entries_are_found_by_seq_in_any_order_of_adding),
        TEST(a_seq_is_added_once),
        TEST(texts_may_have_their_full_length),
        TEST(there_is_a_limit),
        TEST(the_file_of_another_stage_is_refused),
        TEST(another_version_is_named),
        TEST(no_damage_goes_unseen),
        TEST(numbers_that_cannot_be_are_refused),
        TEST(texts_that_cannot_be_are_refused),
        TEST(what_stands_behind_a_text_is_refused),
    };
    int failed = CASES_RUN(argc, argv, tests, NULL, NULL);
    (void)unlinkat(dir_fd, QUARANTINE_FILE, 0);
    (void)close(dir_fd);
    (void)rmdir(directory);
    return failed;
}
