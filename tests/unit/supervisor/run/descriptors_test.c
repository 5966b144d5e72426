/* SPDX-License-Identifier: MIT */
/*
 * How many open files a topology needs: the process that needs the most is named, and one fewer
 * than it needs is refused. integration/1752 checks that real processes need no more than is
 * counted.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "stages/kinds/kinds.h"
#include "supervisor/run/descriptors.h"
#include "tests/unit/cases.h"
#include "topology/load.h"

static struct topology *topology_of(unsigned workers)
{
    struct buf text = {0};
    struct diagnostics d;
    struct topology *topology = NULL;
    buf_add_format(&text,
                   "topology: t\n"
                   "types: { T: { n: int } }\n"
                   "stages:\n"
                   "  in: { kind: file.source, path: in }\n"
                   "  parse: { kind: json.decode, from: in, type: T, workers: %u }\n"
                   "  format: { kind: json.encode, from: parse, workers: %u }\n"
                   "  out: { kind: file.sink, from: format, path: out }\n",
                   workers, workers);
    diagnostics_init(&d, "t.yaml", buf_text(&text), text.len);
    assert_int_equal(topology_load("t.yaml", buf_text(&text), text.len, bulkhead_kinds,
                                   TOPOLOGY_PROCESSES, &d, &topology),
                     0);
    diagnostics_done(&d);
    buf_done(&text);
    return topology;
}

/* The least that is enough, and the message for one fewer. */
static uint64_t least_of(const struct topology *topology, uint64_t open_count, struct err *e)
{
    uint64_t allowed = 0;
    while (descriptors_check(topology, open_count, allowed, e) != 0)
        allowed++;
    assert_true(allowed != 0);
    assert_int_equal(descriptors_check(topology, open_count, allowed - 1, e), ERR_MISMATCH);
    return allowed;
}

static void assert_said(unsigned workers, uint64_t open_count, const char *expected)
{
    struct topology *topology = topology_of(workers);
    struct err e;
    (void)least_of(topology, open_count, &e);
    assert_string_equal(e.text, expected);
    topology_free(topology);
}

#define TO_DO "; raise it (ulimit -n, LimitNOFILE=), or use fewer workers"

static void who_needs_the_most_is_named(void **state)
{
    (void)state;
    /* Each worker has an edge to the dead letters, and so have the two others. */
    assert_said(16, 0,
                "stage 'dead-letters' needs up to 320 open files for its 34 inputs and 0 outputs, "
                "and the hard limit is 319" TO_DO);
    assert_said(16, 46,
                "stage 'dead-letters' needs up to 320 open files for its 34 inputs and 0 outputs, "
                "and the hard limit is 319" TO_DO);
    assert_said(16, 47,
                "the supervisor of 35 processes needs up to 321 open files, and the hard limit is "
                "320" TO_DO);
    assert_said(1, 0,
                "the supervisor of 5 processes needs up to 94 open files, and the hard limit is "
                "93" TO_DO);
}

/* More of anything never needs fewer. */
static void need_grows_with_workers_and_open_files(void **state)
{
    (void)state;
    uint64_t before = 0;
    for (unsigned workers = 1; workers <= 16; workers++) {
        struct topology *topology = topology_of(workers);
        struct err e;
        uint64_t need = least_of(topology, 3, &e), more = least_of(topology, 9, &e);
        assert_true(need >= before && more >= need);
        before = need;
        topology_free(topology);
    }
}

static void what_is_open_is_counted(void **state)
{
    (void)state;
    uint64_t before = descriptors_open();
    int fd = open("/dev/null", O_RDONLY);
    assert_true(fd >= 0 && before >= 2);
    assert_int_equal(descriptors_open(), before + 1);
    (void)close(fd);
    assert_int_equal(descriptors_open(), before);
    assert_true(descriptors_allowed() >= before);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_needs_the_most_is_named),
        cmocka_unit_test(need_grows_with_workers_and_open_files),
        cmocka_unit_test(what_is_open_is_counted),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
