/* SPDX-License-Identifier: MIT */
/*
 * Tests the sink of the dead letters against what the manual says of dead-letters.jsonl. What
 * happens when other programs touch the file is in stages/kit/output_file_test.c.
 */
#include "tests/unit/cases.h"
#include "tests/unit/kind_run.h"

#include "common/memory.h"

static const char text[] = "topology: t\n"
                           "types: { T: { n: int } }\n"
                           "stages:\n"
                           "  lines: { kind: file.source, path: x }\n"
                           "  parse: { kind: json.decode, from: lines, type: T }\n"
                           "  pack: { kind: msgpack.encode, from: parse }\n"
                           "  unpack: { kind: msgpack.decode, from: pack, type: T, workers: 2 }\n"
                           "  end: { kind: discard, from: unpack }\n";

static const struct {
    const char *content;
    size_t len;
    bool is_json;
    const char *member; /* its form in the file */
    const char *stage;
} cases[] = {
    {"{\"id\":1}", 8, true, "\"record\":{\"id\":1}", "parse"},
    {"not \"json\"\n", 11, false, "\"input\":\"not \\\"json\\\"\\n\"", "parse"},
    {"\0", 1, false, "\"input\":\"\\u0000\"", "parse"},
    {"", 0, false, "\"input\":\"\"", "parse"},
    {"\xc3\xa9", 2, false, "\"input\":\"\xc3\xa9\"", "parse"},
    {"\xff\xfe", 2, false, "\"input_base64\":\"//4=\"", "parse"},
    {"a\xed\xa0\x80", 4, false, "\"input_base64\":\"Ye2ggA==\"", "parse"},
    /* Packed records are in base64 whatever they look like: no two look alike. */
    {"\xc1", 1, false, "\"input_base64\":\"wQ==\"", "unpack"},
    {"wQ==", 4, false, "\"input_base64\":\"d1E9PQ==\"", "unpack"},
    {"\x05", 1, false, "\"input_base64\":\"BQ==\"", "unpack"},
    {"", 0, false, "\"input_base64\":\"\"", "unpack"},
    {"{\"packed\":1}", 12, false, "\"input_base64\":\"eyJwYWNrZWQiOjF9\"", "unpack"},
    {"wQ==", 4, false, "\"input\":\"wQ==\"", "parse"},
};
#define CASES (sizeof cases / sizeof cases[0])

static void give(struct kind_run *run, size_t i)
{
    struct value fields[DEAD_LETTER_FIELDS] = {
        [DEAD_LETTER_SEQ] = value_of_integer(VALUE_INT, (int64_t)i + 1),
        [DEAD_LETTER_LINE] = value_of_integer(VALUE_INT, INT64_MAX),
        [DEAD_LETTER_STAGE] = value_of_bytes(VALUE_STRING, cases[i].stage, strlen(cases[i].stage)),
        [DEAD_LETTER_REASON] = value_of_bytes(VALUE_STRING, "not-json", 8),
        [DEAD_LETTER_MESSAGE] = value_of_bytes(VALUE_STRING, "it's \"that\"", 11),
        [DEAD_LETTER_CONTENT] = value_of_bytes(VALUE_BYTES, cases[i].content, cases[i].len),
        [DEAD_LETTER_CONTENT_IS_JSON] = value_of_bool(cases[i].is_json),
    };
    kind_run_step(run, 0, fields);
}

static void add_wanted(struct buf *wanted, size_t i)
{
    buf_add_format(wanted,
                   "{\"seq\":%zu,\"line\":9223372036854775807,\"stage\":\"%s\","
                   "\"reason\":\"not-json\",\"message\":\"it's \\\"that\\\"\",%s}\n",
                   i + 1, cases[i].stage, cases[i].member);
}

static void assert_file(const struct kind_run *run, struct buf *wanted)
{
    char *path = memory_format("%s/" DEAD_LETTERS_FILE, run->directory);
    uint8_t *found = memory_new(wanted->len + 2, 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, found, wanted->len + 1), wanted->len);
    (void)close(fd);
    assert_string_equal((char *)found, buf_text(wanted));
    free(found);
    free(path);
}

/* The record, or the input as text or in base64, whichever is possible. */
static void each_is_an_object_a_line(void **state)
{
    (void)state;
    struct kind_run run;
    struct buf wanted = {0};
    struct err e;
    kind_run_open(&run, text, DEAD_LETTERS_STAGE);
    for (size_t i = 0; i < CASES; i++) {
        give(&run, i);
        add_wanted(&wanted, i);
    }
    assert_int_equal(runner_flush(&run.runner, &e), 0);
    assert_file(&run, &wanted); /* it is seen before it is safe */
    kind_run_commit(&run, CASES);
    assert_file(&run, &wanted);
    kind_run_close(&run);
    buf_done(&wanted);
}

/* Another process continues after what was committed, with the same bytes again. */
static void the_next_process_goes_on(void **state)
{
    (void)state;
    for (seq_number committed = 1; committed <= CASES; committed++) {
        struct kind_run run;
        struct buf wanted = {0};
        kind_run_open(&run, text, DEAD_LETTERS_STAGE);
        for (size_t i = 0; i < CASES; i++) {
            give(&run, i);
            add_wanted(&wanted, i);
        }
        kind_run_commit(&run, committed);
        kind_run_kill(&run, false);
        assert_int_equal(runner_position(&run.runner), committed);
        assert_file(&run, &wanted); /* what was shown stays */
        run.runner.begun = committed;
        for (size_t i = committed; i < CASES; i++)
            give(&run, i);
        kind_run_commit(&run, CASES);
        assert_false(runner_is_unsettled(&run.runner));
        assert_file(&run, &wanted);
        kind_run_close(&run);
        buf_done(&wanted);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_an_object_a_line),
        cmocka_unit_test(the_next_process_goes_on),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
