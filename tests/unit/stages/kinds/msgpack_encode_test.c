/* SPDX-License-Identifier: MIT */
/*
 * Tests msgpack.encode against the manual, byte by byte. The form of each value is in
 * common/value_packed_test.c.
 */
#include "tests/unit/kind_run.h"

#include "common/memory.h"
#include "common/nested.h"
#include "common/packed.h"
#include "tests/unit/cases.h"

static const char head[] = "topology: t\n"
                           "types: { R: { s: string, o: optional(int), l: list(optional(int)) } }\n"
                           "stages:\n"
                           "  lines: { kind: file.source, path: x }\n"
                           "  parse: { kind: json.decode, from: lines, type: R }\n";

/* Receives the output: packed records one after the other, or the text of a dead letter. */
static void take(void *host, port_number port, const struct record *record)
{
    struct kind_run *run = host;
    if (port == PORT_OUT)
        buf_add(&run->seen, record->fields[0].bytes, record->fields[0].len);
    else
        kind_run_print_output(run, port, record, &run->seen);
}

static void open_stage(struct kind_run *run, const char *options)
{
    char *text = memory_format("%s  pack: { kind: msgpack.encode, from: parse%s }\n"
                               "  end: { kind: stdout.sink, from: pack, records: msgpack }\n",
                               head, options);
    kind_run_start_to(run, kind_run_load(text, TOPOLOGY_LOGICAL), "pack", take, run);
    free(text);
}

static void give(struct kind_run *run, const char *text, size_t len, struct value o)
{
    struct buf nested = {0};
    struct value nothing = value_of_nothing(), one = value_of_integer(VALUE_INT, 1);
    nested_add_head(VALUE_LIST, 2, &nested);
    nested_add(&nothing, &nested);
    nested_add(&one, &nested);
    struct value fields[] = {value_of_bytes(VALUE_STRING, text, len), o,
                             value_of_bytes(VALUE_LIST, nested.data, nested.len)};
    buf_reset(&run->seen);
    kind_run_step(run, 0, fields);
    buf_done(&nested);
}

static void fields_are_pairs_in_their_order(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        bool has_o;
        const char *packed;
        size_t len;
    } rows[] = {
        {"", true, "\x83\xa1s\xa2hi\xa1o\x07\xa1l\x92\xc0\x01", 14},
        {"", false, "\x82\xa1s\xa2hi\xa1l\x92\xc0\x01", 11},
        {", fields: [l, o]", true, "\x82\xa1l\x92\xc0\x01\xa1o\x07", 9},
        {", fields: [o, s]", false, "\x81\xa1s\xa2hi", 6},
        {", fields: o", false, "\x80", 1},
        {", fields: o, workers: 2", true, "\x81\xa1o\x07", 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kind_run run;
        open_stage(&run, rows[i].options);
        give(&run, "hi", 2, rows[i].has_o ? value_of_integer(VALUE_INT, 7) : value_of_nothing());
        assert_int_equal(run.seen.len, rows[i].len);
        assert_memory_equal(run.seen.data, rows[i].packed, rows[i].len);
        kind_run_close(&run);
    }
}

/* {"s": ""} is a byte, two and five for a long text. */
static void a_record_that_would_be_too_large_is_refused(void **state)
{
    (void)state;
    struct kind_run run;
    open_stage(&run, ", fields: s");
    char *text = memory_new(RECORD_TEXT_BYTES_MAX, 1);
    memset(text, 'x', RECORD_TEXT_BYTES_MAX);
    give(&run, text, RECORD_TEXT_BYTES_MAX - 8, value_of_nothing());
    assert_int_equal(run.seen.len, RECORD_TEXT_BYTES_MAX);
    give(&run, text, RECORD_TEXT_BYTES_MAX - 7, value_of_nothing());
    assert_non_null(strstr(buf_text(&run.seen), "\"reason\":\"record-too-large\""));
    give(&run, text, 1, value_of_nothing());
    assert_int_equal(run.seen.len, 5);
    kind_run_close(&run);
    free(text);
}

/*
 * {"l": [...]} is a map, a key, a list and its items. Each takes a byte, and the list takes five.
 */
static void a_record_of_more_values_than_are_read_is_refused(void **state)
{
    (void)state;
    struct kind_run run;
    open_stage(&run, ", fields: l");
    for (uint32_t more = 0; more < 3; more++) {
        struct buf nested = {0};
        struct value nothing = value_of_nothing();
        uint32_t items = PACKED_VALUES_MAX - 4 + more;
        nested_add_head(VALUE_LIST, items, &nested);
        for (uint32_t i = 0; i < items; i++)
            nested_add(&nothing, &nested);
        struct value fields[] = {value_of_bytes(VALUE_STRING, "", 0), nothing,
                                 value_of_bytes(VALUE_LIST, nested.data, nested.len)};
        buf_reset(&run.seen);
        kind_run_step(&run, 0, fields);
        struct packed *packed = NULL;
        struct err e;
        if (more < 2) {
            assert_int_equal(packed_read_record(run.seen.data, run.seen.len, &packed, &e), 0);
            packed_free(packed);
        } else {
            assert_non_null(strstr(
                buf_text(&run.seen),
                "\"reason\":\"record-too-large\",\"message\":\"it would have more than 524288 "
                "values (keys included) in msgpack, which is the limit of a record\""));
        }
        buf_done(&nested);
    }
    kind_run_close(&run);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_pairs_in_their_order),
        cmocka_unit_test(a_record_that_would_be_too_large_is_refused),
        cmocka_unit_test(a_record_of_more_values_than_are_read_is_refused),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL) +
           kind_run_reasons_unseen(argc, &msgpack_encode_kind, NULL);
}
