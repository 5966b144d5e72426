/* SPDX-License-Identifier: MIT */
/*
 * The JSON of a status: its bytes, which are an interface, and that a client can read back what the
 * supervisor has written.
 */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "supervisor/client/status_read.h"
#include "supervisor/run/status.h"
#include "tests/unit/cases.h"

#define TEXT(literal)                                                                              \
    {                                                                                              \
        .bytes = (literal), .len = sizeof(literal) - 1                                             \
    }

static const struct status_stage running = {
    .stage = "parse.1",
    .kind = "json.decode",
    .state = "running",
    .pid = 42,
    .generation = 3,
    .seq_in_hand = 18,
    .processed = 17,
    .acked = 16,
    .restarts = 2,
    .memory_bytes = 4096,
    .window_bytes = 300,
    .entries = 5,
    .refused = 1,
    .bytes_done = 70,
    .bytes_total = UINT64_MAX,
    .in = 8,
    .out = 6,
    .dropped = 1,
    .dead = 1,
    .last_end = TEXT("was killed by signal 9 (SIGKILL)"),
    .last_seq = 11,
    .last_words = TEXT("a \"word\"\n\xff\x1b[0m"),
};

static const struct status_stage killed = {
    .stage = "dead-letters",
    .kind = "dead-letters",
    .state = "killed",
    .killed_for = TEXT("was hung and was killed"),
    .paused = true,
    .wants = "open files",
    .generation = 1,
};

static struct status_snapshot *make_snapshot(void)
{
    struct status_snapshot *s = memory_new(1, sizeof *s);
    *s = (struct status_snapshot){.topology = "t",
                                  .version = "0123456789abcdef",
                                  .version_number = 2,
                                  .version_from = 151,
                                  .pid = 41,
                                  .up_ms = 1234,
                                  .state = "running",
                                  .state_directory = TEXT("/var/lib/t"),
                                  .reason = TEXT(""),
                                  .log_lost = 7,
                                  .stages = {running, killed},
                                  .stage_count = 2};
    return s;
}

static const char expected[] =
    "{\"topology\":\"t\",\"version\":\"0123456789abcdef\",\"version_number\":2,"
    "\"version_from\":151,\"pid\":41,\"up_ms\":1234,\"state\":\"running\","
    "\"state_directory\":\"/var/lib/t\",\"reason\":\"\",\"log_lost\":7,\"stages\":["
    "{\"stage\":\"parse.1\",\"kind\":\"json.decode\",\"state\":\"running\",\"killed_for\":\"\","
    "\"paused\":false,\"wants\":\"\",\"pid\":42,\"generation\":3,\"seq_in_hand\":18,"
    "\"processed\":17,\"acked\":16,\"restarts\":2,\"memory_bytes\":4096,\"window_bytes\":300,"
    "\"entries\":5,\"refused\":1,\"bytes_done\":70,\"bytes_total\":18446744073709551615,"
    "\"in\":8,\"out\":6,\"dropped\":1,\"dead\":1,"
    "\"last_end\":\"was killed by signal 9 (SIGKILL)\",\"last_seq\":11,"
    "\"last_words\":\"a \\\"word\\\"\\\\x0a\\\\xff\\\\x1b[0m\"},"
    "{\"stage\":\"dead-letters\",\"kind\":\"dead-letters\",\"state\":\"killed\","
    "\"killed_for\":\"was hung and was killed\",\"paused\":true,\"wants\":\"open files\","
    "\"pid\":null,\"generation\":1,\"seq_in_hand\":0,\"processed\":0,\"acked\":0,\"restarts\":0,"
    "\"memory_bytes\":0,\"window_bytes\":0,\"entries\":0,\"refused\":0,\"bytes_done\":0,"
    "\"bytes_total\":0,\"in\":0,\"out\":0,\"dropped\":0,\"dead\":0,\"last_end\":\"\","
    "\"last_seq\":0,\"last_words\":\"\"}]}\n";

static void names_and_order_are_an_interface(void **state)
{
    (void)state;
    struct status_snapshot *s = make_snapshot();
    struct buf text = {0};
    status_write_json(s, &text);
    assert_string_equal(buf_text(&text), expected);
    buf_done(&text);
    free(s);
}

static void a_text_is_shown_up_to_a_zero_and_a_bound(void **state)
{
    (void)state;
    struct status_snapshot *s = make_snapshot();
    char large[1030];
    memset(large, 'x', sizeof large);
    s->reason = (struct status_text){.bytes = large, .len = sizeof large};
    s->state_directory = (struct status_text)TEXT("before\0after");
    struct buf text = {0};
    status_write_json(s, &text);
    const char *reason = strstr(buf_text(&text), "\"reason\":\"");
    assert_non_null(reason);
    assert_int_equal(strspn(reason + strlen("\"reason\":\""), "x"), 1024);
    assert_non_null(strstr(buf_text(&text), "x…\","));
    assert_non_null(strstr(buf_text(&text), "\"state_directory\":\"before\","));
    buf_done(&text);
    free(s);
}

/* Compares all fields except the texts for people. */
static void a_client_reads_what_was_written(void **state)
{
    (void)state;
    struct status_snapshot *s = make_snapshot(), *seen = memory_new(1, sizeof *seen);
    struct buf text = {0};
    status_write_json(s, &text);
    struct err e;
    assert_int_equal(status_read(text.data, text.len, seen, &e), 0);
    s->state_directory = s->reason = (struct status_text){0};
    for (size_t i = 0; i < s->stage_count; i++)
        s->stages[i].killed_for = s->stages[i].last_end = s->stages[i].last_words =
            (struct status_text){0};
    struct buf again = {0}, wanted = {0};
    status_write_json(seen, &again);
    status_write_json(s, &wanted);
    assert_string_equal(buf_text(&again), buf_text(&wanted));
    buf_done(&again);
    buf_done(&wanted);
    buf_done(&text);
    free(seen);
    free(s);
}

/* What no test of the program sees: a row whose texts are wrong in form. */
static void every_row_is_whole(void **state)
{
    (void)state;
    const struct status_field *const lists[] = {status_run_fields, status_stage_fields};
    for (size_t k = 0; k < 2; k++) {
        for (const struct status_field *f = lists[k]; f->name != NULL; f++) {
            size_t len = strlen(f->meaning);
            assert_true(len > 0 && f->meaning[len - 1] != '.');
            assert_null(strpbrk(f->meaning, "|`\\\n"));
            bool counts = f->kind == STATUS_KIND_gauge || f->kind == STATUS_KIND_counter ||
                          f->kind == STATUS_KIND_position;
            if ((f->unit[0] != '\0') != counts || (counts && f->type != STATUS_TYPE_number))
                fail_msg("%s: what is counted has a unit, and nothing else has", f->name);
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_order_are_an_interface),
        cmocka_unit_test(a_text_is_shown_up_to_a_zero_and_a_bound),
        cmocka_unit_test(a_client_reads_what_was_written),
        cmocka_unit_test(every_row_is_whole),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
