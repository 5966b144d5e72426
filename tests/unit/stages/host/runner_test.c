/* SPDX-License-Identifier: MIT */
/*
 * What a runner knows about the seqs that it is given: when the end of the input has come on all
 * edges, what is done, and what is counted of a seq that is incomplete.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stages/host/runner.h"
#include "stages/kinds/kinds.h"
#include "tests/unit/cases.h"
#include "topology/load.h"

static const char text[] = "topology: t\n"
                           "types:\n"
                           "  R: { n: int }\n"
                           "stages:\n"
                           "  read: { kind: file.source, path: x }\n"
                           "  parse: { kind: json.decode, from: read, type: R }\n"
                           "  a: { kind: filter, from: parse, where: { n: { equals: 1 } } }\n"
                           "  b: { kind: filter, from: parse, where: { n: { equals: 2 } } }\n"
                           "  both: { kind: merge, from: [a, b] }\n"
                           "  gone: { kind: discard, from: both }\n";

struct fixture {
    char directory[64];
    int stages_fd;
    struct topology *topology;
    struct runner runner;
    unsigned records;          /* how many were emitted */
    unsigned ends[PORT_NAMED]; /* how many were emitted on each port */
};

static void on_emit(void *host, port_number port, const struct record *record)
{
    struct fixture *f = host;
    assert_true(port < PORT_NAMED);
    if (record->kind == RECORD_END)
        f->ends[port]++;
    else
        f->records++;
}

static int set_up(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;
    *f = (struct fixture){.directory = "/tmp/bulkhead-runner-XXXXXX"};
    if (mkdtemp(f->directory) == NULL)
        return -1;
    f->stages_fd = open(f->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct diagnostics d;
    diagnostics_init(&d, "t.yaml", text, strlen(text));
    if (topology_load("t.yaml", text, strlen(text), bulkhead_kinds, TOPOLOGY_PROCESSES, &d,
                      &f->topology) != 0) {
        struct buf errors = {0};
        diagnostics_print(&d, &errors);
        fail_msg("%s", buf_text(&errors));
    }
    diagnostics_done(&d);
    struct runner_config config = {.topology = f->topology,
                                   .stage = topology_find_stage(f->topology, "both"),
                                   .stages_fd = f->stages_fd,
                                   .image_fd = -1,
                                   .emit = on_emit,
                                   .host = f};
    struct err e;
    assert_int_equal(runner_open(&f->runner, &config, &e), 0);
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    runner_close(&f->runner);
    topology_free(f->topology);
    (void)close(f->stages_fd);
    return nftw(f->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void give(struct fixture *f, seq_number seq, uint32_t input, enum record_kind kind)
{
    struct value n = value_of_integer(VALUE_INT, 1);
    struct record record = {.seq = seq, .input = input, .kind = kind};
    if (kind == RECORD_DATA) {
        record.fields = &n;
        record.count = 1;
    }
    struct err e;
    assert_int_equal(runner_take(&f->runner, &record, &e), 0);
}

/* One end comes on each edge; the stage has one end, which it emits on each of its ports. */
static void the_end_counts_when_all_edges_have_brought_it(void **state)
{
    struct fixture *f = *state;
    for (seq_number seq = 1; seq <= 4; seq += 3) {
        give(f, seq, 0, RECORD_DATA);
        give(f, seq + 1, 0, RECORD_END);
        assert_int_equal(f->ends[PORT_OUT], seq / 3);
        give(f, seq + 1, 1, RECORD_END);
        assert_int_equal(f->ends[PORT_OUT], seq / 3 + 1);
        assert_int_equal(f->ends[PORT_DEAD], seq / 3 + 1);
        runner_complete(&f->runner, seq + 1);
    }
    assert_int_equal(f->records, 2);
    struct status_counts counts;
    assert_true(runner_count_done(&f->runner, &counts));
    assert_int_equal(counts.in, 2); /* ends are not records */
    assert_int_equal(counts.dropped, 0);
}

static void what_is_half_given_is_neither_done_nor_counted(void **state)
{
    struct fixture *f = *state;
    struct status_counts counts;
    give(f, 1, 0, RECORD_DATA);
    assert_true(runner_is_in_a_seq(&f->runner));
    assert_false(runner_count_done(&f->runner, &counts)); /* nothing is done */
    give(f, 1, 1, RECORD_DATA);
    runner_complete(&f->runner, 1);
    assert_false(runner_is_in_a_seq(&f->runner));
    give(f, 2, 0, RECORD_DATA);
    assert_int_equal(f->runner.given, 1);
    assert_int_equal(f->runner.done, 1);
    assert_true(runner_count_done(&f->runner, &counts));
    assert_int_equal(counts.through, 1);
    assert_int_equal(counts.in, 2); /* and not the one of seq 2 */
    assert_int_equal(counts.out, 2);
    assert_false(runner_count_done(&f->runner, &counts)); /* they were reported already */
    give(f, 2, 1, RECORD_DATA);
    runner_complete(&f->runner, 9); /* the inputs have nothing for 3 to 9 */
    assert_true(runner_count_done(&f->runner, &counts));
    assert_int_equal(counts.through, 9);
    assert_int_equal(counts.in, 4);
    runner_complete(&f->runner, 3); /* it was given more already */
    assert_int_equal(f->runner.given, 9);
}

/* As after a kill: what comes again up to there was counted by the previous process. */
static void nothing_is_counted_twice(void **state)
{
    struct fixture *f = *state;
    struct status_counts counts;
    f->runner.counts = (struct status_counts){.through = 2, .in = 3, .out = 3};
    for (seq_number seq = 1; seq <= 3; seq++)
        give(f, seq, 0, RECORD_DATA);
    runner_complete(&f->runner, 3);
    assert_true(runner_count_done(&f->runner, &counts));
    assert_int_equal(counts.in, 4);
    assert_int_equal(counts.out, 4);
    assert_int_equal(f->records, 3); /* though everything is emitted again */
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_end_counts_when_all_edges_have_brought_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_half_given_is_neither_done_nor_counted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_counted_twice, set_up, tear_down),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
