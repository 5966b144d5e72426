/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

static void assert_content(const struct buf *b, const void *expected, size_t len)
{
    assert_int_equal(b->len, len);
    assert_true(b->capacity >= b->len);
    if (len != 0)
        assert_memory_equal(b->data, expected, len);
}

static void zeroed_is_empty_and_done_can_repeat(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_done(&b);
    buf_add_text(&b, "abc");
    buf_done(&b);
    assert_null(b.data);
    assert_int_equal(b.len, 0);
    assert_int_equal(b.capacity, 0);
    buf_add_text(&b, "usable again");
    assert_content(&b, "usable again", 12);
    buf_done(&b);
}

static void adding_nothing_changes_nothing(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_add(&b, NULL, 0);
    buf_add_text(&b, "");
    buf_add_format(&b, "%s", "");
    assert_int_equal(b.len, 0);
    buf_add_text(&b, "x");
    buf_add(&b, NULL, 0);
    assert_content(&b, "x", 1);
    buf_done(&b);
}

static void reserve_makes_room_and_leaves_the_length(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_add_text(&b, "ab");
    uint8_t *room = buf_reserve(&b, 1000);
    assert_int_equal(b.len, 2);
    assert_true(b.capacity >= 1002);
    assert_ptr_equal(room, b.data + 2);
    memset(room, 'z', 1000);
    assert_memory_equal(b.data, "abz", 3);
    /* Room that is there already must not move the data. */
    assert_ptr_equal(buf_reserve(&b, 1000), room);
    buf_done(&b);
}

static void text_puts_a_nul_that_does_not_count(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_string_equal(buf_text(&b), "");
    assert_int_equal(b.len, 0);
    /* Also where the content fills the memory to the last byte. */
    for (size_t len = 1; len <= 300; len++) {
        buf_add_byte(&b, (uint8_t)('a' + len % 26));
        assert_int_equal(strlen(buf_text(&b)), len);
        assert_int_equal(b.len, len);
    }
    buf_done(&b);
}

static void format_appends_any_length(void **state)
{
    (void)state;
    struct buf b = {0};
    size_t expected = 0;
    for (int width = 1; width < 400; width++) {
        buf_add_format(&b, "%*d", width, 7);
        expected += (size_t)width;
        assert_int_equal(b.len, expected);
        assert_int_equal(b.data[b.len - 1], '7');
    }
    buf_add_format(&b, "%c", '\0');
    assert_int_equal(b.len, expected + 1);
    buf_done(&b);
}

/* Numbers of all magnitudes as printf writes them, one behind the other. */
static void numbers_are_as_printf_writes_them(void **state)
{
    (void)state;
    struct buf b = {0};
    for (int i = 0; i < 50000; i++) {
        int64_t number = random_integer();
        uint64_t bits = i == 0 ? UINT64_MAX : (uint64_t)number;
        unsigned width = (unsigned)random_below(21);
        char expected[128];
        (void)snprintf(expected, sizeof expected, "<%" PRId64 "|%0*" PRIu64 ">", number, (int)width,
                       bits);
        buf_reset(&b);
        buf_add_byte(&b, '<');
        buf_add_int(&b, number);
        buf_add_byte(&b, '|');
        buf_add_digits(&b, bits, width);
        buf_add_byte(&b, '>');
        assert_string_equal(buf_text(&b), expected);
    }
    buf_done(&b);
}

static void reset_forgets_but_keeps_the_memory(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_add_text(&b, "something");
    const uint8_t *data = b.data;
    size_t capacity = b.capacity;
    buf_reset(&b);
    assert_int_equal(b.len, 0);
    assert_ptr_equal(b.data, data);
    assert_int_equal(b.capacity, capacity);
    buf_done(&b);
}

static const struct {
    const char *name;
    const char *content;
    size_t drop;
    const char *left;
} drop_cases[] = {
    {"nothing of nothing", "", 0, ""},
    {"nothing", "abc", 0, "abc"},
    {"one", "abc", 1, "bc"},
    {"all but one", "abc", 2, "c"},
    {"all", "abc", 3, ""},
    {"overlapping move", "abcdefgh", 3, "defgh"},
    {"less than half", "abcd", 1, "bcd"},
};

static void drop_front_removes_from_the_front(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof drop_cases / sizeof drop_cases[0]; i++) {
        struct buf b = {0};
        buf_add_text(&b, drop_cases[i].content);
        buf_drop_front(&b, drop_cases[i].drop);
        if (strcmp(buf_text(&b), drop_cases[i].left) != 0 || b.len != strlen(drop_cases[i].left))
            fail_msg("%s: left '%s'", drop_cases[i].name, buf_text(&b));
        buf_done(&b);
    }
}

/* Does everything in random order, beside a plain array that cannot be wrong. */
static void agrees_with_a_plain_array(void **state)
{
    (void)state;
    static uint8_t model[1 << 16];
    for (int run = 0; run < 50; run++) {
        struct buf b = {0};
        size_t len = 0;
        for (int step = 0; step < 200; step++) {
            uint8_t piece[300];
            size_t piece_len = random_below(sizeof piece);
            random_fill(piece, sizeof piece);
            switch (random_below(6)) {
            case 0:
                buf_add_byte(&b, piece[0]);
                model[len++] = piece[0];
                break;
            case 1:
                buf_add_format(&b, "%04x|%s", piece[0], "text");
                len += (size_t)snprintf((char *)model + len, 16, "%04x|%s", piece[0], "text");
                break;
            case 2:
                piece_len = random_below(len + 1);
                buf_drop_front(&b, piece_len);
                memmove(model, model + piece_len, len - piece_len);
                len -= piece_len;
                break;
            case 3:
                if (random_below(20) == 0) {
                    buf_reset(&b);
                    len = 0;
                }
                break;
            default:
                buf_add(&b, piece, piece_len);
                memcpy(model + len, piece, piece_len);
                len += piece_len;
            }
            assert_content(&b, model, len);
        }
        buf_done(&b);
    }
}

/* Runs the mistake in a child whose message nobody sees, and wants it to abort. */
static void assert_aborts(void (*mistake)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGABRT, SIG_DFL);
        if (freopen("/dev/null", "w", stderr) != NULL)
            mistake();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void drop_more_than_there_is(void)
{
    struct buf b = {0};
    buf_add_text(&b, "abc");
    buf_drop_front(&b, 4);
}

static void want_more_digits_than_there_are(void)
{
    struct buf b = {0};
    buf_add_digits(&b, 1, 21);
}

static void drop_from_an_empty_one(void)
{
    struct buf b = {0};
    buf_drop_front(&b, 1);
}

static void dropping_too_much_aborts(void **state)
{
    (void)state;
    assert_aborts(drop_more_than_there_is);
    assert_aborts(drop_from_an_empty_one);
}

static void too_many_digits_abort(void **state)
{
    (void)state;
    assert_aborts(want_more_digits_than_there_are);
}

int main(int argc, char **argv)
{
    random_init("buf_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeroed_is_empty_and_done_can_repeat),
        cmocka_unit_test(adding_nothing_changes_nothing),
        cmocka_unit_test(reserve_makes_room_and_leaves_the_length),
        cmocka_unit_test(text_puts_a_nul_that_does_not_count),
        cmocka_unit_test(format_appends_any_length),
        cmocka_unit_test(numbers_are_as_printf_writes_them),
        cmocka_unit_test(reset_forgets_but_keeps_the_memory),
        cmocka_unit_test(drop_front_removes_from_the_front),
        cmocka_unit_test(agrees_with_a_plain_array),
        cmocka_unit_test(dropping_too_much_aborts),
        cmocka_unit_test(too_many_digits_abort),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
