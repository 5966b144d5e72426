/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/chaos/chaos_watch.h"
#include "tests/unit/cases.h"

static const struct kind source_kind = {.name = "source", .role = KIND_SOURCE};
static const struct kind sink_kind = {.name = "sink", .role = KIND_SINK};
static struct stage stages[] = {{.name = "in", .kind = &source_kind},
                                {.name = "out", .kind = &sink_kind, .index = 1}};
static const struct topology topology = {.stages = stages, .stage_count = 2};

struct fixture {
    struct chaos_report report;
    struct chaos_watch watch;
    struct status_snapshot seen;
};

static void begin(struct fixture *f)
{
    *f = (struct fixture){.seen = {.pid = 9,
                                   .stage_count = 2,
                                   .stages = {{.stage = "in", .pid = 10, .generation = 1},
                                              {.stage = "out", .pid = 11, .generation = 1}}}};
    chaos_watch_init(&f->watch, &topology, &f->report, 0);
}

static void end(struct fixture *f)
{
    chaos_watch_done(&f->watch);
    chaos_report_done(&f->report);
}

/* Sets what the status shows of a stage from now on. */
static void show(struct fixture *f, size_t stage, uint64_t generation, uint64_t acked,
                 uint64_t now_us)
{
    f->seen.stages[stage].generation = generation;
    f->seen.stages[stage].acked = acked;
    chaos_watch_see(&f->watch, &f->seen, now_us);
}

/* Makes a pidfd of a process that has ended. */
static int dead_process(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    assert_true(pid > 0);
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    assert_true(fd >= 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return fd;
}

static void harm_is_bounded_until_acks_move_on(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    assert_false(chaos_watch_may_harm(&f.watch, 1)); /* no status was seen */
    for (uint64_t generation = 1; generation <= CHAOS_HARMS_MAX; generation++) {
        show(&f, 1, generation, 5, generation);
        assert_true(chaos_watch_may_harm(&f.watch, 1));
        chaos_watch_stopped(&f.watch, 1, generation);
        assert_false(chaos_watch_may_harm(&f.watch, 1)); /* this generation was harmed */
    }
    show(&f, 1, 9, 5, 10);
    assert_false(chaos_watch_may_harm(&f.watch, 1));
    assert_true(chaos_watch_may_harm(&f.watch, 0));
    show(&f, 1, 9, 6, 11);
    assert_true(chaos_watch_may_harm(&f.watch, 1));
    assert_int_equal(f.watch.progress_us, 11);
    f.seen.stages[1].pid = 0;
    show(&f, 1, 9, 6, 12);
    assert_false(chaos_watch_may_harm(&f.watch, 1)); /* it has no process now */
    assert_int_equal(f.watch.progress_us, 11);
    assert_int_equal(f.report.stages[1].stops, CHAOS_HARMS_MAX);
    end(&f);
}

/* Acks of the old process do not count, seen late or shown at once by the new process.
 */
static void recovery_is_acks_of_a_later_generation_beyond_the_death(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    show(&f, 1, 1, 100, 1000);
    chaos_watch_killed(&f.watch, 1, dead_process(), 2000);
    show(&f, 1, 2, 130, 2100); /* the death was not noticed yet */
    chaos_watch_look_for_deaths(&f.watch);
    show(&f, 1, 2, 140, 2500);
    chaos_watch_look_for_deaths(&f.watch);
    show(&f, 1, 2, 140, 3000);
    show(&f, 1, 2, 0, 3500); /* a stage without state does not know yet */
    assert_int_equal(f.report.stage_recovery.count, 0);
    show(&f, 1, 2, 141, 7000);
    show(&f, 1, 2, 142, 8000);
    assert_int_equal(f.report.stage_recovery.count, 1);
    assert_int_equal(f.report.stage_recovery.items[0], 5000);
    assert_int_equal(f.report.stages[1].kills, 1);
    end(&f);
}

static void what_is_harmed_again_is_not_measured(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    show(&f, 0, 1, 100, 1000);
    chaos_watch_killed(&f.watch, 0, dead_process(), 2000);
    show(&f, 0, 2, 100, 2500);
    chaos_watch_killed(&f.watch, 0, dead_process(), 3000);
    chaos_watch_look_for_deaths(&f.watch);
    show(&f, 0, 2, 100, 3100);
    show(&f, 0, 3, 101, 3500);
    assert_int_equal(f.report.stage_recovery.count, 1); /* the second */
    assert_int_equal(f.report.stage_recovery.items[0], 500);
    chaos_watch_killed(&f.watch, 0, dead_process(), 4000);
    chaos_watch_supervisor_harmed(&f.watch, false, 4100);
    chaos_watch_look_for_deaths(&f.watch);
    show(&f, 0, 4, 102, 5000);
    show(&f, 0, 4, 103, 5001);
    assert_int_equal(f.report.stage_recovery.count, 1);
    assert_int_equal(f.report.supervisor_recovery.count, 0);
    end(&f);
}

static void a_new_supervisor_begins_anew(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    f.seen.stages[0].restarts = 4;
    f.seen.stages[1].restarts = 3;
    show(&f, 0, 5, 50, 1000);
    chaos_watch_stopped(&f.watch, 0, 1000);
    chaos_watch_supervisor_harmed(&f.watch, true, 2000);
    assert_int_equal(f.watch.supervisor_harms, 1);
    chaos_watch_supervisor_gone(&f.watch, 2001);
    assert_int_equal(f.report.restarts, 7);
    assert_false(f.watch.answered);
    assert_false(chaos_watch_may_harm(&f.watch, 0));
    show(&f, 0, 1, 50, 3000);
    assert_true(f.watch.answered && chaos_watch_may_harm(&f.watch, 0));
    assert_int_equal(f.report.supervisor_recovery.count, 0);
    show(&f, 1, 1, 60, 3500); /* the source is the last to ack */
    assert_int_equal(f.report.supervisor_recovery.count, 0);
    show(&f, 0, 1, 51, 4000);
    assert_int_equal(f.report.supervisor_recovery.count, 1);
    assert_int_equal(f.report.supervisor_recovery.items[0], 2000);
    assert_int_equal(f.watch.supervisor_harms, 0);
    end(&f);
}

static void another_topology_is_not_looked_at(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    memcpy(f.seen.stages[1].stage, "other", sizeof "other");
    show(&f, 0, 1, 1, 1);
    f.seen.stage_count = 1;
    show(&f, 0, 1, 1, 1);
    assert_false(f.watch.answered || chaos_watch_may_harm(&f.watch, 0));
    end(&f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(harm_is_bounded_until_acks_move_on),
        cmocka_unit_test(recovery_is_acks_of_a_later_generation_beyond_the_death),
        cmocka_unit_test(what_is_harmed_again_is_not_measured),
        cmocka_unit_test(a_new_supervisor_begins_anew),
        cmocka_unit_test(another_topology_is_not_looked_at),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
