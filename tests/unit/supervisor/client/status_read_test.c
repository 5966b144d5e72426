/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/memory.h"
#include "supervisor/client/status_read.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

static const char good[] =
    "{\"topology\":\"t\",\"pid\":41,\"up_ms\":1234,\"state\":\"running\",\"stages\":["
    "{\"stage\":\"a\",\"pid\":42,\"generation\":3,\"acked\":18446744073709551615,\"restarts\":2,"
    "\"processed\":7,\"in\":8,\"out\":9,"
    "\"last_words\":\"}],[\\\"\"},"
    "{\"pid\":null,\"stage\":\"dead-letters\",\"generation\":1,\"acked\":0,\"restarts\":0,"
    "\"processed\":0,\"in\":0,\"out\":0}]}\n";

/* The members of a stage, without those that a bad status replaces. */
#define TOP "{\"topology\":\"t\",\"up_ms\":1,"
#define REST "\"processed\":1,\"in\":1,\"out\":1"

static int read_text(const char *text, struct status_snapshot *seen)
{
    struct err e;
    return status_read((const uint8_t *)text, strlen(text), seen, &e);
}

static void a_status_is_read(void **state)
{
    (void)state;
    struct status_snapshot seen;
    assert_int_equal(read_text(good, &seen), 0);
    assert_int_equal(seen.pid, 41);
    assert_string_equal(seen.topology, "t");
    assert_int_equal(seen.up_ms, 1234);
    assert_int_equal(seen.stage_count, 2);
    assert_string_equal(seen.stages[0].stage, "a");
    assert_int_equal(seen.stages[0].pid, 42);
    assert_int_equal(seen.stages[0].generation, 3);
    assert_true(seen.stages[0].acked == UINT64_MAX);
    assert_int_equal(seen.stages[0].restarts, 2);
    assert_int_equal(seen.stages[0].processed, 7);
    assert_int_equal(seen.stages[0].in, 8);
    assert_int_equal(seen.stages[0].out, 9);
    assert_string_equal(seen.stages[1].stage, "dead-letters");
    assert_int_equal(seen.stages[1].pid, 0);
}

static void what_is_no_status_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "{}",
        TOP "\"pid\":1}",
        TOP "\"stages\":[]}",
        TOP "\"pid\":-1,\"stages\":[]}",
        TOP "\"pid\":1.0,\"stages\":[]}",
        TOP "\"pid\":18446744073709551616,\"stages\":[]}",
        TOP "\"pid\":1,\"stages\":{}}",
        TOP "\"pid\":1,\"stages\":[1]}",
        TOP "\"pid\":1,\"stages\":[{\"stage\":\"a\",\"pid\":1,\"generation\":1,\"acked\":1," REST
            "}]}",
        TOP "\"pid\":1,\"stages\":[{\"stage\":\"\\u0061\",\"pid\":1,\"generation\":1,\"acked\":1,"
            "\"restarts\":1," REST "}]}",
        TOP "\"pid\":1,\"stages\":[{\"stage\":\"a\x7f\",\"pid\":1,\"generation\":1,\"acked\":1,"
            "\"restarts\":1," REST "}]}",
        TOP "\"pid\":1,\"stages\":[{\"stage\":\"a\xc2\x9b\",\"pid\":1,\"generation\":1,\"acked\":1,"
            "\"restarts\":1," REST "}]}",
        TOP "\"pid\":1,\"stages\":[{\"stage\":7,\"pid\":1,\"generation\":1,\"acked\":1,"
            "\"restarts\":1," REST "}]}",
        "{\"pid\":1,\"up_ms\":1,\"stages\":[]}",
        "{\"topology\":7,\"pid\":1,\"up_ms\":1,\"stages\":[]}",
        "{\"topology\":\"t\",\"pid\":1,\"stages\":[]}",
        TOP "\"pid\":1,\"stages\":[{\"stage\":\"a\",\"pid\":1,\"generation\":1,\"acked\":1,"
            "\"restarts\":1}]}",
        TOP "\"pid\":1,\"stages\":[{\"stage\":\"a\",\"pid\":1,\"generation\":1,\"acked\":null,"
            "\"restarts\":1," REST "}]}",
        TOP "\"pid\":1,\"stages\":[{\"stage\":\"a\",\"pid\":1,\"generation\":1,\"acked\":1,"
            "\"restarts\":1,\"paused\":0," REST "}]}",
        TOP "\"pid\":1,\"stages\":[],\"log_lost\":\"\"}",
        "\xff",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct status_snapshot seen;
        if (read_text(bad[i], &seen) != ERR_INVALID)
            fail_msg("taken: %s", bad[i]);
    }
}

static void more_stages_than_there_can_be_are_refused(void **state)
{
    (void)state;
    for (size_t count = PROCESSES_MAX; count <= PROCESSES_MAX + 1; count++) {
        struct buf text = {0};
        buf_add_text(&text, "{\"topology\":\"t\",\"pid\":1,\"up_ms\":1,\"stages\":[");
        for (size_t i = 0; i < count; i++)
            buf_add_format(&text,
                           "%s{\"stage\":\"s%zu\",\"pid\":1,\"generation\":1,\"acked\":1,"
                           "\"restarts\":1,\"processed\":1,\"in\":1,\"out\":1}",
                           i != 0 ? "," : "", i);
        buf_add_text(&text, "]}");
        struct status_snapshot seen;
        assert_int_equal(read_text(buf_text(&text), &seen),
                         count <= PROCESSES_MAX ? 0 : ERR_INVALID);
        buf_done(&text);
    }
}

/* Damaged bytes may be refused or not, but nothing is read beyond them (under ASan). */
static void broken_bytes_do_no_harm(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        size_t len = random_below(sizeof good);
        uint8_t *text = memory_new(len + 1, 1);
        memcpy(text, good, len);
        for (uint64_t n = random_below(4); n > 0 && len > 0; n--)
            text[random_below(len)] = (uint8_t)random_below(256);
        uint8_t *exact = memory_new(len != 0 ? len : 1, 1);
        memcpy(exact, text, len);
        struct status_snapshot seen;
        struct err e;
        (void)status_read(exact, len, &seen, &e);
        free(exact);
        free(text);
    }
}

int main(int argc, char **argv)
{
    random_init("status_read_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_is_read),
        cmocka_unit_test(what_is_no_status_is_refused),
        cmocka_unit_test(more_stages_than_there_can_be_are_refused),
        cmocka_unit_test(broken_bytes_do_no_harm),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
