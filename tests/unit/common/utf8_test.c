/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/utf8.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define GOOD SIZE_MAX

static const struct {
    const char *name;
    const char *bytes;
    size_t len;
    size_t bad_at; /* GOOD: all of it is UTF-8 */
} valid_cases[] = {
    {"empty", "", 0, GOOD},
    {"ASCII", "hello", 5, GOOD},
    {"NUL", "a\0b", 3, GOOD},
    {"DEL", "\x7f", 1, GOOD},
    {"least of two bytes", "\xc2\x80", 2, GOOD},
    {"greatest of two bytes", "\xdf\xbf", 2, GOOD},
    {"least of three bytes", "\xe0\xa0\x80", 3, GOOD},
    {"before the surrogates", "\xed\x9f\xbf", 3, GOOD},
    {"behind the surrogates", "\xee\x80\x80", 3, GOOD},
    {"a noncharacter", "\xef\xbf\xbf", 3, GOOD},
    {"a byte order mark", "\xef\xbb\xbf", 3, GOOD},
    {"least of four bytes", "\xf0\x90\x80\x80", 4, GOOD},
    {"the last code point", "\xf4\x8f\xbf\xbf", 4, GOOD},
    {"behind the last code point", "\xf4\x90\x80\x80", 4, 0},
    {"a continuation alone", "\x80", 1, 0},
    {"overlong NUL", "\xc0\x80", 2, 0},
    {"overlong of two bytes", "\xc1\xbf", 2, 0},
    {"overlong of three bytes", "\xe0\x9f\xbf", 3, 0},
    {"overlong of four bytes", "\xf0\x8f\xbf\xbf", 4, 0},
    {"first surrogate", "\xed\xa0\x80", 3, 0},
    {"last surrogate", "\xed\xbf\xbf", 3, 0},
    {"a pair of surrogates", "\xed\xa0\x80\xed\xb0\x80", 6, 0},
    {"five bytes", "\xf8\x88\x80\x80\x80", 5, 0},
    {"six bytes", "\xfc\x84\x80\x80\x80\x80", 6, 0},
    {"FE", "\xfe", 1, 0},
    {"FF", "\xff", 1, 0},
    {"cut after one of two", "ab\xc3", 3, 2},
    {"cut after two of three", "ab\xe2\x82", 4, 2},
    {"cut after three of four", "ab\xf0\x9f\x98", 5, 2},
    {"a letter in the second place", "\xc3(", 2, 0},
    {"a letter in the third place", "\xe2\x82(", 3, 0},
    {"a letter in the fourth place", "\xf0\x9f\x98(", 4, 0},
    {"bad behind eight letters", "abcdefgh\xff", 9, 8},
    {"bad within eight letters",
     "abcd\xff"
     "fgh",
     8, 4},
    {"bad behind a good sequence", "\xc3\xa9\xc3", 3, 2},
    {"good behind eight letters", "abcdefgh\xe2\x82\xac", 11, GOOD},
};

/* Asks utf8_valid() with a copy of exactly that size, so that a sanitizer sees reads behind it. */
static size_t bad_at(const void *bytes, size_t len)
{
    uint8_t *copy = malloc(len != 0 ? len : 1);
    assert_non_null(copy);
    if (len != 0)
        memcpy(copy, bytes, len);
    size_t at = GOOD - 1;
    bool valid = utf8_valid(copy, len, &at);
    free(copy);
    return valid ? GOOD : at;
}

static void known_texts_are_judged_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof valid_cases / sizeof valid_cases[0]; i++) {
        size_t at = bad_at(valid_cases[i].bytes, valid_cases[i].len);
        if (at != valid_cases[i].bad_at)
            fail_msg("%s: bad at %zd", valid_cases[i].name, (ssize_t)at);
    }
}

/*
 * Decodes one sequence as slowly as its definition: the leading ones are its length, the rest is
 * the code point, and only then is that judged. Returns the length, 0 if it is bad.
 */
static size_t slow_decode(const uint8_t *bytes, size_t len, uint32_t *code_point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned ones = 0;
    while (ones < 8 && (bytes[0] & (0x80u >> ones)) != 0)
        ones++;
    *code_point = bytes[0];
    if (ones == 0)
        return 1;
    if (ones == 1 || ones > 4 || len < ones)
        return 0;
    *code_point &= 0x7fu >> ones;
    for (unsigned i = 1; i < ones; i++) {
        if (bytes[i] / 64 != 2)
            return 0;
        *code_point = *code_point * 64 + bytes[i] % 64;
    }
    bool surrogate = *code_point >= 0xd800 && *code_point < 0xe000;
    return *code_point < least[ones] || *code_point > 0x10ffff || surrogate ? 0 : ones;
}

static size_t slow_bad_at(const uint8_t *bytes, size_t len)
{
    uint32_t ignored;
    for (size_t i = 0, n; i < len; i += n) {
        n = slow_decode(bytes + i, len - i, &ignored);
        if (n == 0)
            return i;
    }
    return GOOD;
}

static void assert_judged_alike(const uint8_t *bytes, size_t len)
{
    size_t expected = slow_bad_at(bytes, len);
    size_t at = bad_at(bytes, len);
    if (at == expected)
        return;
    for (size_t i = 0; i < len; i++)
        print_error("%02x ", bytes[i]);
    fail_msg("bad at %zd, expected at %zd", (ssize_t)at, (ssize_t)expected);
}

static void all_short_texts_are_judged_as_slowly(void **state)
{
    (void)state;
    static const uint8_t tails[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    const size_t n = sizeof tails;
    for (unsigned pair = 0; pair < 65536; pair++) {
        uint8_t bytes[4] = {(uint8_t)(pair >> 8), (uint8_t)pair, 0, 0};
        assert_judged_alike(bytes, 1);
        assert_judged_alike(bytes, 2);
        for (size_t i = 0; bytes[0] >= 0xe0 && i < n * n; i++) {
            bytes[2] = tails[i / n];
            bytes[3] = tails[i % n];
            assert_judged_alike(bytes, i < n ? 3 : 4);
        }
    }
}

/* Appends a random code point, from all lengths of sequences alike. */
static void add_random_code_point(struct buf *out)
{
    static const uint32_t ends[] = {0x80, 0x800, 0xd800, 0x110000};
    static const uint32_t starts[] = {0, 0x80, 0x800, 0x10000};
    uint64_t kind = random_below(4);
    utf8_add(out, starts[kind] + (uint32_t)random_below(ends[kind] - starts[kind]));
}

static void damaged_texts_are_judged_as_slowly(void **state)
{
    (void)state;
    struct buf text = {0};
    for (int i = 0; i < 50000; i++) {
        buf_reset(&text);
        for (uint64_t n = random_below(40); n > 0; n--)
            buf_add_byte(&text, 'x');
        for (uint64_t n = random_below(8); n > 0; n--)
            add_random_code_point(&text);
        for (uint64_t n = random_below(40); n > 0; n--)
            buf_add_byte(&text, 'x');
        assert_int_equal(bad_at(text.data, text.len), GOOD);
        if (text.len == 0)
            continue;
        size_t at = random_below(text.len);
        switch (random_below(3)) {
        case 0:
            text.data[at] = (uint8_t)random_bits();
            break;
        case 1:
            text.data[at] ^= (uint8_t)(1u << random_below(8));
            break;
        default:
            text.len = at;
        }
        assert_judged_alike(text.data, text.len);
    }
    buf_done(&text);
}

static void every_code_point_is_written_and_read(void **state)
{
    (void)state;
    struct buf text = {0};
    for (uint32_t code_point = 0; code_point <= 0x10ffff; code_point++) {
        if (code_point == 0xd800)
            code_point = 0xe000;
        buf_reset(&text);
        utf8_add(&text, code_point);
        uint32_t read = UINT32_MAX;
        size_t ignored;
        if (slow_decode(text.data, text.len, &read) != text.len || read != code_point ||
            !utf8_valid(text.data, text.len, &ignored))
            fail_msg("U+%04X was written wrongly", code_point);
    }
    buf_done(&text);
}

static void adding_appends(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_add_text(&text, "1");
    utf8_add(&text, 0x20ac);
    utf8_add(&text, 0);
    utf8_add(&text, 0x1f600);
    assert_int_equal(text.len, 9);
    assert_memory_equal(text.data, "1\xe2\x82\xac\0\xf0\x9f\x98\x80", 9);
    buf_done(&text);
}

/* Runs utf8_add() in a child whose message nobody sees, and wants it to abort. */
static void assert_add_aborts(uint32_t code_point)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGABRT, SIG_DFL);
        struct buf text = {0};
        if (freopen("/dev/null", "w", stderr) != NULL)
            utf8_add(&text, code_point);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void a_text_is_cut_between_characters(void **state)
{
    (void)state;
    static const char text[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z";
    static const size_t lens[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (size_t most = 0; most < sizeof lens / sizeof lens[0]; most++)
        assert_int_equal(utf8_cut(text, sizeof text - 1, most), lens[most]);
    assert_int_equal(utf8_cut("\x80\x80\x80", 3, 2), 0);
    assert_int_equal(utf8_cut("", 0, 0), 0);
}

static void adding_what_is_no_code_point_aborts(void **state)
{
    (void)state;
    assert_add_aborts(0xd800);
    assert_add_aborts(0xdfff);
    assert_add_aborts(0x110000);
}

int main(int argc, char **argv)
{
    random_init("utf8_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts_are_judged_right),
        cmocka_unit_test(all_short_texts_are_judged_as_slowly),
        cmocka_unit_test(damaged_texts_are_judged_as_slowly),
        cmocka_unit_test(every_code_point_is_written_and_read),
        cmocka_unit_test(adding_appends),
        cmocka_unit_test(a_text_is_cut_between_characters),
        cmocka_unit_test(adding_what_is_no_code_point_aborts),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
