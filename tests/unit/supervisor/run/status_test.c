/* SPDX-License-Identifier: MIT */
/*
 * What people are shown of a run: the table of `bulkhead status`, the line of progress, the table
 * at the end, and the last words of a process.
 */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "supervisor/run/status.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define TEXT(literal)                                                                              \
    {                                                                                              \
        .bytes = (literal), .len = sizeof(literal) - 1                                             \
    }

static void assert_status(const struct status_snapshot *made, const char *expected)
{
    struct status_snapshot *s = memory_new(1, sizeof *s);
    *s = *made;
    struct buf text = {0};
    status_write_text(s, &text);
    assert_string_equal(buf_text(&text), expected);
    buf_done(&text);
    free(s);
}

static void the_table_shows_what_each_stage_is_and_lacks(void **state)
{
    (void)state;
    static const struct status_snapshot s = {
        .topology = "t",
        .version = "0123456789abcdef",
        .version_number = 3,
        .version_from = 151,
        .state = "running",
        .pid = 41,
        .up_ms = 61999,
        .state_directory = TEXT("/var/lib/t"),
        .stages = {{.stage = "in",
                    .state = "running",
                    .pid = 42,
                    .generation = 1,
                    .seq_in_hand = 18,
                    .acked = 16,
                    .dead = 10042,
                    .memory_bytes = 3 << 19},
                   {.stage = "parse.1",
                    .state = "running",
                    .paused = true,
                    .wants = "open files",
                    .pid = 43,
                    .generation = 12,
                    .restarts = 11},
                   {.stage = "out", .state = "waiting to restart", .generation = 2, .restarts = 1}},
        .stage_count = 3};
    assert_status(
        &s, "t (version 3 01234567 from seq 151), running, pid 41, up 61 s, state /var/lib/t\n"
            "stage    state               pid  gen  in hand  acked   dead  restarts  MiB\n"
            "in       running              42    1       18     16  10042         0  1.5\n"
            "parse.1  no open files        43   12        -      0      0        11  0.0\n"
            "out      waiting to restart    -    2        -      0      0         1  0.0\n");
}

static void a_status_fits_into_80_columns(void **state)
{
    (void)state;
    struct status_snapshot s = {
        .topology = "t",
        .state = "running",
        .state_directory = TEXT("s"),
        .stages = {{.stage = "a-name-as-long-as-one-may-be-0123456789-0123456789-0123456789-0",
                    .state = "running",
                    .pid = 4194304,
                    .generation = 999,
                    .seq_in_hand = 9999999999,
                    .acked = 9999999999,
                    .restarts = 998,
                    .memory_bytes = UINT64_C(9999) << 20},
                   {.stage = "out", .state = "waiting to restart", .generation = 2}},
        .stage_count = 2};
    struct buf out = {0};
    status_write_text(&s, &out);
    const char *text = buf_text(&out);
    assert_non_null(strstr(text, s.stages[0].stage));
    for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
        if (end - text > 80)
            fail_msg("%.*s", (int)(end - text), text);
    }
    buf_done(&out);
}

static void what_has_happened_stands_below_the_table(void **state)
{
    (void)state;
    static const struct status_snapshot s = {
        .topology = "t",
        .state = "stopped",
        .state_directory = TEXT("s"),
        .stages = {{.stage = "a",
                    .state = "killed",
                    .killed_for = TEXT("was hung and was killed"),
                    .paused = true,
                    .wants = "space",
                    .last_end = TEXT("exited with code 3")},
                   {.stage = "b",
                    .state = "down",
                    .last_end = TEXT("was killed by signal 9 (SIGKILL)"),
                    .last_seq = 7,
                    .last_words = TEXT("first\nsecond\n")}},
        .stage_count = 2,
        .log_lost = 5,
        .reason = TEXT("stage 'b': too many restarts")};
    assert_status(&s, "t (version  from seq 0), stopped, pid 0, up 0 s, state s\n"
                      "stage  state   pid  gen  in hand  acked  dead  restarts  MiB\n"
                      "a      killed    -    0        -      0     0         0  0.0\n"
                      "b      down      -    0        -      0     0         0  0.0\n"
                      "a: its process was hung and was killed, and is not gone yet\n"
                      "a: the last process exited with code 3\n"
                      "b: the last process was killed by signal 9 (SIGKILL) with seq 7 in hand; "
                      "its last words: first | second\n"
                      "5 log lines were lost: standard error is not being read\n"
                      "stopped: stage 'b': too many restarts\n");
}

static void the_summary_has_a_row_for_each_stage(void **state)
{
    (void)state;
    static const struct status_row rows[] = {
        {.stage = "in", .kind = "file.source", .counts = {.in = 1000, .out = 1000}},
        {.stage = "few",
         .kind = "filter",
         .counts = {.in = 1000, .out = 90, .dropped = 909, .dead = 1},
         .restarts = 12},
    };
    struct buf text = {0};
    status_write_summary(rows, 2, &text);
    assert_string_equal(buf_text(&text),
                        "stage  kind           in   out  dropped  dead  restarts\n"
                        "in     file.source  1000  1000        0     0         0\n"
                        "few    filter       1000    90      909     1        12\n");
    buf_done(&text);
}

static void progress_is_a_bar_or_words(void **state)
{
    (void)state;
    static const struct {
        struct status_progress p;
        const char *bar, *words;
    } rows[] = {
        {{.records = 1234, .bytes_done = 50, .bytes_total = 100, .records_per_second = 99.9},
         "t [############............] 50 %, 1,234 records, 99/s",
         "50 %, 1,234 records, 99/s"},
        {{.bytes_total = 100},
         "t [........................] 0 %, 0 records, 0/s",
         "0 %, 0 records, 0/s"},
        {{.bytes_done = 99, .bytes_total = 100, .restarts = 3},
         "t [########################] 99 %, 0 records, 0/s, 3 restarts",
         "99 %, 0 records, 0/s, 3 restarts"},
        {{.bytes_done = 1, .bytes_total = 100},
         "t [#.......................] 1 %, 0 records, 0/s",
         "1 %, 0 records, 0/s"},
        /* A file that has grown. */
        {{.bytes_done = 101, .bytes_total = 100},
         "t [########################] 100 %, 0 records, 0/s",
         "100 %, 0 records, 0/s"},
        /* An empty file, and a stream of unknown length. */
        {{0}, "t [########################] 100 %, 0 records, 0/s", "100 %, 0 records, 0/s"},
        {{.records = 7, .bytes_done = 70}, "t: 7 records, 0/s", "7 records, 0/s"},
        /* As large as a file can be. */
        {{.bytes_done = UINT64_MAX / 2, .bytes_total = UINT64_MAX},
         "t [############............] 50 %, 0 records, 0/s",
         "50 %, 0 records, 0/s"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf line = {0};
        status_write_progress(&rows[i].p, "t", true, &line);
        assert_string_equal(buf_text(&line), rows[i].bar);
        buf_reset(&line);
        status_write_progress(&rows[i].p, "t", false, &line);
        assert_string_equal(buf_text(&line), rows[i].words);
        buf_done(&line);
    }
}

static void last_words_are_one_line(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        size_t size;
        const char *line;
    } rows[] = {
        {"", 10, ""},
        {"\n\n", 10, ""},
        {"one\n", 10, "one"},
        {"one\ntwo", 10, "one | two"},
        {"one\ntwo", 9, "ne | two"},
        {"one\ntwo\n\n", 4, "two"},
        {"one\n\ntwo", 20, "one |  | two"},
        {"\x1b[0m\xff", 20, "\\x1b[0m\\xff"},
        {"abc", 1, ""},
        {"ab\xc3\xa9", 4, "b\xc3\xa9"},
        /* It begins with a whole character; nothing before that is shown. */
        {"\xc3\xa9\xc3\xa9", 4, "\xc3\xa9"},
        {"\xf0\x9f\x98\x80z", 4, "z"},
        {"one\ntwo", 7, "two"},
        {"\none", 10, "one"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char line[64];
        status_last_words(rows[i].words, strlen(rows[i].words), line, rows[i].size);
        if (strcmp(line, rows[i].line) != 0)
            fail_msg("%zu: '%s'", i, line);
    }
}

/*
 * Any bytes become a printable line that fits, and only as much of the beginning is left out as
 * must be.
 */
static void last_words_fit_whatever_they_are(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a",    "\n",   "word",     "\xff",
                                         "\x80", "\x01", "\xc3\xa9", "\xe2\x82\xac"};
    for (unsigned round = 0; round < 3000; round++) {
        struct buf words = {0};
        char whole[4096], line[300];
        for (uint64_t n = random_below(120); n > 0; n--)
            buf_add_text(&words, pieces[random_below(sizeof pieces / sizeof pieces[0])]);
        size_t size = 1 + random_below(sizeof line);
        status_last_words(words.data, words.len, whole, sizeof whole);
        memset(line, 'x', sizeof line);
        status_last_words(words.data, words.len, line, size);
        size_t len = strnlen(line, sizeof line), whole_len = strlen(whole);
        assert_true(len < size && len <= whole_len);
        assert_string_equal(line, whole + whole_len - len);
        assert_true(strncmp(line, " | ", 3) != 0);
        /*
         * Slightly more may be left out than does not fit: a byte as \xNN, and newlines in a row.
         */
        assert_true(len == whole_len || len + 8 > size || strstr(whole, " | ") != NULL);
        for (size_t i = 0; i < len; i++)
            assert_true((uint8_t)line[i] >= ' ' && line[i] != 0x7f);
        buf_done(&words);
    }
}

int main(int argc, char **argv)
{
    random_init("status_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_shows_what_each_stage_is_and_lacks),
        cmocka_unit_test(a_status_fits_into_80_columns),
        cmocka_unit_test(what_has_happened_stands_below_the_table),
        cmocka_unit_test(the_summary_has_a_row_for_each_stage),
        cmocka_unit_test(progress_is_a_bar_or_words),
        cmocka_unit_test(last_words_are_one_line),
        cmocka_unit_test(last_words_fit_whatever_they_are),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
