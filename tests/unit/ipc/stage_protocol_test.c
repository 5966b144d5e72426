/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "ipc/stage_protocol.h"
#include "tests/unit/cases.h"

static int read_back(const struct stage_arguments *arguments, struct stage_arguments *ret)
{
    struct stage_argument_texts texts;
    const char *argv[STAGE_ARGUMENT_COUNT + 1];
    struct err e;
    stage_arguments_write(arguments, "program", &texts, argv);
    assert_string_equal(argv[STAGE_ARGUMENT_PROGRAM], "program");
    assert_null(argv[STAGE_ARGUMENT_COUNT]);
    return stage_arguments_read(STAGE_ARGUMENT_COUNT, (char *const *)(uintptr_t)argv, ret, &e);
}

static void arguments_come_back(void **state)
{
    (void)state;
    static const struct stage_arguments rows[] = {
        {.name = "parse", .generation = 1},
        {.name = "parse.2", .generation = 17, .begins_after = INT64_MAX, .verbose = true},
        {.name = "in", .generation = INT64_MAX, .stream = {.is = true}},
        {.name = "in",
         .generation = 3,
         .begins_after = 12,
         .stream = {.is = true, .id = UINT64_MAX, .kept = true, .relayed = true}},
        {.name = "in", .generation = 3, .stream = {.is = true, .id = 0xab, .relayed = true}},
        {.name = "in", .generation = 3, .stream = {.is = true, .id = 0xab, .kept = true}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct stage_arguments *in = &rows[i];
        struct stage_arguments out;
        assert_int_equal(read_back(in, &out), 0);
        assert_string_equal(out.name, in->name);
        assert_true(out.generation == in->generation && out.begins_after == in->begins_after);
        assert_true(out.verbose == in->verbose && out.stream.is == in->stream.is);
        assert_true(out.stream.id == in->stream.id && out.stream.kept == in->stream.kept);
        assert_true(out.stream.relayed == in->stream.relayed);
    }
}

static void others_are_refused(void **state)
{
    (void)state;
    static const struct {
        int rc;
        const char *argv[STAGE_ARGUMENT_COUNT + 2];
    } rows[] = {
        {ERR_INVALID, {"p"}},
        {ERR_INVALID, {"p", "--help"}},
        {ERR_INVALID, {"p", STAGE_ARGUMENT}},
        {ERR_INVALID, {"p", STAGE_ARGUMENT, "a", "0", "0", "quiet", "-", "2"}},
        {ERR_INVALID, {"p", STAGE_ARGUMENT, "a", "x", "0", "quiet", "-", "2"}},
        {ERR_INVALID, {"p", STAGE_ARGUMENT, "a", "1", "-1", "quiet", "-", "2"}},
        {ERR_INVALID, {"p", STAGE_ARGUMENT, "a", "01", "0", "quiet", "-", "2"}},
        {ERR_INVALID, {"p", STAGE_ARGUMENT, "a", "1", "-0", "quiet", "-", "2"}},
        {ERR_INVALID, {"p", STAGE_ARGUMENT, "a", "1", "0", "loud", "-", "2"}},
        {ERR_INVALID, {"p", STAGE_ARGUMENT, "a", "1", "0", "quiet", "", "2"}},
        {ERR_INVALID, {"p", STAGE_ARGUMENT, "a", "1", "0", "quiet", "0123456789abcdef", "2"}},
        {ERR_INVALID, {"p", STAGE_ARGUMENT, "a", "1", "0", "quiet", "0123456789abcdefkx", "2"}},
        {ERR_INVALID, {"p", STAGE_ARGUMENT, "a", "1", "0", "quiet", "0123456789abcdegkr", "2"}},
        {ERR_INVALID, {"p", STAGE_ARGUMENT, "a", "1", "0", "quiet", "-", "2", "more"}},
        {ERR_MISMATCH, {"p", STAGE_ARGUMENT, "a", "1", "0", "quiet", "-", "1"}},
        {ERR_MISMATCH, {"p", STAGE_ARGUMENT, "a", "1", "0", "quiet", "-", "02"}},
        {ERR_MISMATCH, {"p", STAGE_ARGUMENT, "a", "1", "0", "quiet", "-", "3", "more"}},
        {ERR_MISMATCH, {"p", STAGE_ARGUMENT, "a", "1", "0", "quiet", "-", "T.yaml"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int argc = 0;
        while (rows[i].argv[argc] != NULL)
            argc++;
        struct stage_arguments out;
        struct err e = {0};
        int rc = stage_arguments_read(argc, (char *const *)(uintptr_t)rows[i].argv, &out, &e);
        if (rc != rows[i].rc)
            fail_msg("row %zu: %d, not %d", i, rc, rows[i].rc);
        assert_true(strlen(e.text) != 0);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_come_back),
        cmocka_unit_test(others_are_refused),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
