/* SPDX-License-Identifier: MIT */
/*
 * The driver of the core, with operations that only record what they were asked for: the order of
 * events and actions, and what follows when an operation fails. The simulation plays whole lives.
 * The topology is a chain of three with the edges 0 and 1.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "supervisor/run/driver.h"
#include "tests/unit/cases.h"

#define STAGES 3u
#define MESSAGES_MAX 80u

static const struct kind source_kind = {.name = "source", .role = KIND_SOURCE};
static const struct kind step_kind = {.name = "step", .role = KIND_STEP};
static const struct kind sink_kind = {.name = "sink", .role = KIND_SINK};

/* The world of the driver, and how its operations are to behave. */
struct world {
    struct stage stages[STAGES];
    struct edge edges[2];
    struct topology topology;
    struct status_page pages[STAGES];
    struct driver driver;
    uint64_t now_ms;
    uint64_t armed_ms;
    bool fails_to_spawn[STAGES];
    bool fails_to_send[STAGES];
    int quarantine_rc;
    int birth_rc, birth_error;
    bool has_no_links;
    struct control_message said[MESSAGES_MAX]; /* sent by stage 1, not received yet */
    size_t said_count, heard_count;
    int receive_rc; /* returned when all were received */
    bool has_ended[STAGES], is_stopped[STAGES];
    struct process_end end;
    char note[ERR_TEXT_BYTES_MAX]; /* the last one that was not a warning */
    struct buf trace;
};

static uint64_t now_ms(void *context)
{
    const struct world *w = context;
    return w->now_ms;
}

static void arm(void *context, uint64_t deadline_ms)
{
    struct world *w = context;
    w->armed_ms = deadline_ms;
}

static void log_stage(void *context, enum log_level level, size_t stage, const char *text)
{
    struct world *w = context;
    if (level <= LOG_WARNING)
        buf_add_format(&w->trace, "log %zu %s\n", stage, text);
    else
        (void)snprintf(w->note, sizeof w->note, "%s", text);
}

static void exit_run(void *context)
{
    struct world *w = context;
    buf_add_text(&w->trace, "exit\n");
}

static int renew_image(void *context, size_t stage, struct err *e)
{
    struct world *w = context;
    (void)e;
    buf_add_format(&w->trace, "renew %zu\n", stage);
    return 0;
}

static int spawn(void *context, size_t stage, uint64_t generation, struct err *e)
{
    struct world *w = context;
    buf_add_format(&w->trace, "spawn %zu gen %" PRIu64 "\n", stage, generation);
    w->has_ended[stage] = false;
    return w->fails_to_spawn[stage] ? err_set(e, ERR_IO, "cannot fork") : 0;
}

static int hear_birth(void *context, size_t stage, int *ret_error)
{
    const struct world *w = context;
    (void)stage;
    if (w->birth_rc == 0)
        *ret_error = w->birth_error;
    return w->birth_rc;
}

static void kill_process(void *context, size_t stage)
{
    struct world *w = context;
    buf_add_format(&w->trace, "kill %zu\n", stage);
}

static enum process_change look(void *context, size_t stage, struct process_end *ret_end)
{
    struct world *w = context;
    bool is_stopped = w->is_stopped[stage];
    w->is_stopped[stage] = false;
    *ret_end = w->end;
    return is_stopped ? PROCESS_STOPPED : w->has_ended[stage] ? PROCESS_ENDED : PROCESS_UNCHANGED;
}

static bool is_held(void *context, size_t stage)
{
    (void)context;
    (void)stage;
    return false;
}

static void bury(void *context, size_t stage)
{
    struct world *w = context;
    buf_add_format(&w->trace, "bury %zu\n", stage);
}

static int send_control(void *context, size_t stage, const struct control_message *message,
                        struct err *e)
{
    struct world *w = context;
    buf_add_format(&w->trace, "tell %zu %s\n", stage,
                   control_kind_name(message->kind) + strlen("CTL_SUPERVISOR_"));
    return w->fails_to_send[stage] ? err_set(e, ERR_AGAIN, "full") : 0;
}

static int receive_control(void *context, size_t stage, struct control_message *ret_message,
                           struct err *e)
{
    struct world *w = context;
    if (stage == 1 && w->heard_count < w->said_count) {
        *ret_message = w->said[w->heard_count++];
        return 0;
    }
    return stage == 1 && w->receive_rc != 0 ? err_set(e, w->receive_rc, "cannot read that")
                                            : ERR_AGAIN;
}

static void stop_hearing(void *context, size_t stage)
{
    struct world *w = context;
    buf_add_format(&w->trace, "deaf to %zu\n", stage);
}

static int quarantine(void *context, size_t stage, struct quarantine_entry *entry, struct err *e)
{
    struct world *w = context;
    buf_add_format(&w->trace, "quarantine %zu seq %" PRIu64 "\n", stage, entry->seq);
    return w->quarantine_rc != 0 ? err_set(e, w->quarantine_rc, "cannot write") : 0;
}

static void remove_sockets(void *context, size_t edge)
{
    struct world *w = context;
    buf_add_format(&w->trace, "sockets of %zu\n", edge);
}

static bool links_are_removed(void *context)
{
    const struct world *w = context;
    return w->has_no_links;
}

static const struct driver_ops operations = {.now_ms = now_ms,
                                             .arm = arm,
                                             .log = log_stage,
                                             .exit = exit_run,
                                             .renew_image = renew_image,
                                             .spawn = spawn,
                                             .hear_birth = hear_birth,
                                             .kill = kill_process,
                                             .look = look,
                                             .is_held = is_held,
                                             .bury = bury,
                                             .send = send_control,
                                             .receive = receive_control,
                                             .stop_hearing = stop_hearing,
                                             .quarantine = quarantine,
                                             .remove_sockets = remove_sockets,
                                             .links_are_removed = links_are_removed};

static int set_up(void **state)
{
    static struct world w;
    memset(&w, 0, sizeof w);
    const struct kind *const kinds[STAGES] = {&source_kind, &step_kind, &sink_kind};
    for (size_t i = 0; i < STAGES; i++) {
        w.stages[i].kind = kinds[i];
        w.stages[i].index = i;
    }
    w.edges[0] = (struct edge){.index = 0, .from = 0, .to = 1};
    w.edges[1] = (struct edge){.index = 1, .from = 1, .to = 2};
    w.topology = (struct topology){.stages = w.stages,
                                   .stage_count = STAGES,
                                   .edges = w.edges,
                                   .edge_count = 2,
                                   .stall_timeout_ms = 4000};
    w.now_ms = 1000;
    driver_init(&w.driver, &w.topology, &operations, &w);
    for (size_t i = 0; i < STAGES; i++)
        w.driver.stages[i].page = &w.pages[i];
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    driver_done(&w->driver);
    buf_done(&w->trace);
    return 0;
}

static void expect(struct world *w, const char *trace)
{
    assert_string_equal(buf_text(&w->trace), trace);
    buf_reset(&w->trace);
}

static void start(struct world *w)
{
    driver_start(&w->driver);
    expect(w, "spawn 0 gen 1\nspawn 1 gen 1\nspawn 2 gen 1\n");
}

/* The step sends a message. */
static void say(struct world *w, enum control_kind kind)
{
    assert_true(w->said_count < MESSAGES_MAX);
    w->said[w->said_count++] = (struct control_message){.kind = kind};
}

/* The step ends. */
static void end(struct world *w, int signal)
{
    w->end = (struct process_end){.signal = signal};
    w->has_ended[1] = true;
    driver_look_at(&w->driver, 1);
}

/* An event that an action raises comes after all actions of the same list. */
static void a_spawn_that_fails_waits_for_its_turn(void **state)
{
    struct world *w = *state;
    w->fails_to_spawn[0] = w->fails_to_spawn[1] = w->fails_to_spawn[2] = true;
    driver_start(&w->driver);
    expect(w, "spawn 0 gen 1\nspawn 1 gen 1\nspawn 2 gen 1\n");
    for (size_t i = 0; i < STAGES; i++) {
        assert_int_equal(w->driver.core.stages[i].is, STAGE_BACKOFF);
        assert_false(w->driver.stages[i].alive);
    }
    assert_int_equal(w->armed_ms, core_deadline_ms(&w->driver.core));
    w->now_ms = w->armed_ms;
    driver_time_passed(&w->driver);
    expect(w, "spawn 0 gen 2\nspawn 1 gen 2\nspawn 2 gen 2\n");
}

static void a_run_in_which_nothing_works_ends(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < STAGES; i++)
        w->fails_to_spawn[i] = w->fails_to_send[i] = true;
    driver_start(&w->driver);
    for (int i = 0; i < 100 && w->driver.core.is != PIPELINE_STOPPED; i++) {
        w->now_ms = w->armed_ms;
        driver_time_passed(&w->driver);
    }
    assert_int_equal(w->driver.core.outcome, CORE_OUTCOME_STORM);
    assert_non_null(strstr(buf_text(&w->trace), "exit\n"));
}

/* All are deaf at once, and each is reported only once. */
static void stages_that_do_not_read_are_killed(void **state)
{
    struct world *w = *state;
    start(w);
    for (size_t i = 0; i < STAGES; i++)
        w->fails_to_send[i] = true;
    say(w, CTL_STAGE_REFUSED);
    driver_hear(&w->driver, 1);
    expect(w, "tell 0 STOP\ntell 1 STOP\ntell 2 STOP\n"
              "log 0 it does not read its messages; killing it\nkill 0\n"
              "log 1 it does not read its messages; killing it\nkill 1\n"
              "log 2 it does not read its messages; killing it\nkill 2\n");
}

static void a_stage_that_did_not_read_is_told_nothing_more(void **state)
{
    struct world *w = *state;
    start(w);
    say(w, CTL_STAGE_READY);
    driver_hear(&w->driver, 1);
    w->fails_to_send[1] = true;
    atomic_store(&w->pages[1].waiting, STATUS_IDLE);
    driver_observe(&w->driver);
    expect(w, "tell 1 PING\nlog 1 it does not read its messages; killing it\nkill 1\n");
    say(w, CTL_STAGE_REFUSED);
    driver_hear(&w->driver, 1);
    expect(w, "tell 0 STOP\ntell 2 STOP\n");
}

static void a_stage_that_talks_nonsense_is_not_heard_again(void **state)
{
    struct world *w = *state;
    start(w);
    say(w, CTL_SUPERVISOR_STOP);
    say(w, CTL_STAGE_REFUSED);
    driver_hear(&w->driver, 1);
    expect(
        w,
        "deaf to 1\nlog 1 it sent a message that only the supervisor sends; killing it\nkill 1\n");
    driver_hear(&w->driver, 1);
    end(w, SIGKILL);
    expect(w, "bury 1\nsockets of 0\n"); /* it waits for its restart */
    assert_int_equal(w->heard_count, 1);
    assert_int_equal(w->driver.core.is, PIPELINE_RUNNING);
}

static void bytes_that_are_no_message_are_nonsense(void **state)
{
    struct world *w = *state;
    start(w);
    w->receive_rc = ERR_PROTOCOL;
    driver_hear(&w->driver, 1);
    expect(w, "deaf to 1\nlog 1 cannot read that; killing it\nkill 1\n");
}

static void a_channel_that_is_closed_is_no_fault(void **state)
{
    struct world *w = *state;
    start(w);
    w->receive_rc = ERR_END;
    driver_hear(&w->driver, 1);
    driver_hear(&w->driver, 1);
    expect(w, "deaf to 1\n");
}

static void one_that_talks_much_is_heard_in_turns(void **state)
{
    struct world *w = *state;
    start(w);
    for (size_t i = 0; i < MESSAGES_MAX; i++)
        say(w, CTL_STAGE_RESUMED);
    driver_hear(&w->driver, 1);
    assert_in_range(w->heard_count, 1, MESSAGES_MAX - 1);
    driver_hear(&w->driver, 1);
    assert_int_equal(w->heard_count, MESSAGES_MAX);
}

/* Its last messages come first, then its end, then the next process, and last its old sockets. */
static void a_dead_process_is_heard_to_the_end_and_buried(void **state)
{
    struct world *w = *state;
    start(w);
    w->birth_rc = ERR_AGAIN; /* it died too early for that to be known */
    for (size_t i = 0; i < MESSAGES_MAX - 1; i++)
        say(w, CTL_STAGE_RESUMED);
    say(w, CTL_STAGE_READY);
    atomic_store(&w->pages[1].seq_in_hand, 7);
    atomic_store(&w->pages[1].acked, 6);
    atomic_store(&w->pages[1].waiting, STATUS_IDLE);
    end(w, SIGTERM);
    expect(w, "bury 1\nspawn 1 gen 2\nsockets of 0\n");
    assert_int_equal(w->heard_count, MESSAGES_MAX);
    assert_true(w->driver.core.stages[1].was_ready);
    assert_int_equal(w->driver.core.stages[1].acked, 6);
    assert_int_equal(w->driver.stages[1].last_seq, 7);
    assert_string_equal(w->driver.stages[1].last_end, "was killed by signal 15 (SIGTERM)");
    assert_int_equal(atomic_load(&w->pages[1].seq_in_hand), 0);
    assert_int_equal(atomic_load(&w->pages[1].waiting), STATUS_BUSY);
}

static void a_process_that_is_stopped_and_gone_is_both(void **state)
{
    struct world *w = *state;
    start(w);
    w->is_stopped[1] = true;
    end(w, SIGKILL);
    expect(w, "log 1 was stopped from outside; killing it\nkill 1\n"
              "bury 1\nsockets of 0\n");
    driver_look_at(&w->driver, 1); /* there is no process */
    assert_false(driver_kill(&w->driver, 1));
    expect(w, "");
}

static void a_process_that_never_came_to_its_program_has_not_started(void **state)
{
    struct world *w = *state;
    start(w);
    w->birth_error = ENOENT;
    driver_hear_birth(&w->driver, 1);
    assert_true(w->driver.stages[1].is_born);
    w->birth_error = 0; /* it is known, and not asked again */
    end(w, 0);
    expect(w, "bury 1\nsockets of 0\n");
    assert_int_equal(w->driver.core.stages[1].is, STAGE_BACKOFF);
    assert_non_null(strstr(w->note, "cannot start the process: No such file or directory, "));
}

static void a_birth_that_takes_too_long_is_ended(void **state)
{
    struct world *w = *state;
    w->birth_rc = ERR_AGAIN;
    start(w);
    driver_hear_birth(&w->driver, 1);
    assert_false(w->driver.stages[1].is_born);
    driver_birth_is_overdue(&w->driver, 1);
    expect(w, "log 1 its process did not start its program within 30000 ms; killing it\n"
              "deaf to 1\nkill 1\n");
    driver_birth_is_overdue(&w->driver, 1);
    expect(w, "");
    say(w, CTL_STAGE_READY); /* it reached its program before the signal reached it */
    driver_hear(&w->driver, 1);
    w->birth_rc = 0;
    driver_birth_is_overdue(&w->driver, 2); /* it was we who were asleep */
    expect(w, "");
    end(w, SIGKILL);
    assert_non_null(strstr(w->note, "its process did not start its program within 30000 ms, "));
}

static void without_their_directory_no_link_is_waited_for(void **state)
{
    struct world *w = *state;
    start(w);
    say(w, CTL_STAGE_LINK_FAILED);
    driver_hear(&w->driver, 1);
    assert_int_equal(w->driver.core.outcome, CORE_OUTCOME_NONE);
    w->has_no_links = true;
    say(w, CTL_STAGE_LINK_FAILED);
    driver_hear(&w->driver, 1);
    assert_int_equal(w->driver.core.outcome, CORE_OUTCOME_REFUSED);
    assert_non_null(strstr(w->driver.core.reason, "'links' of the state directory was removed"));
}

/* Three deaths at a record quarantine it. */
static void die_of_a_record(struct world *w)
{
    w->driver.core.stages[1].may_quarantine = true;
    for (int i = 0; i < 3; i++) {
        w->driver.core.edges[1].heard_by = w->driver.core.stages[1].generation;
        atomic_store(&w->pages[1].seq_in_hand, 7);
        buf_reset(&w->trace);
        end(w, SIGSEGV);
        if (i == 2)
            break;
        w->now_ms = w->armed_ms;
        driver_time_passed(&w->driver);
        assert_int_equal(w->driver.core.stages[1].is, STAGE_STARTING);
    }
}

static void a_record_is_in_quarantine_before_the_next_process(void **state)
{
    struct world *w = *state;
    start(w);
    die_of_a_record(w);
    expect(w, "bury 1\nquarantine 1 seq 7\n"
              "log 1 seq 7 goes to the dead letters: it was killed by signal 11 (SIGSEGV)\n"
              "spawn 1 gen 4\nsockets of 0\n");
}

static void a_quarantine_without_space_is_judged_again(void **state)
{
    struct world *w = *state;
    start(w);
    w->quarantine_rc = ERR_NO_SPACE;
    die_of_a_record(w);
    expect(w, "bury 1\nquarantine 1 seq 7\n"
              "log 1 cannot put seq 7 into quarantine: cannot write\n"
              "spawn 1 gen 4\nsockets of 0\n");
    assert_int_equal(w->driver.core.is, PIPELINE_RUNNING);
}

static void a_quarantine_that_fails_ends_the_run(void **state)
{
    struct world *w = *state;
    start(w);
    w->quarantine_rc = ERR_IO;
    die_of_a_record(w);
    assert_int_equal(w->driver.core.outcome, CORE_OUTCOME_REFUSED);
    assert_string_equal(w->driver.core.reason, "cannot put seq 7 into quarantine: cannot write");
    expect(w, "bury 1\nquarantine 1 seq 7\nspawn 1 gen 4\n"
              "tell 0 STOP\ntell 1 STOP\ntell 2 STOP\nsockets of 0\n");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(a_spawn_that_fails_waits_for_its_turn),
        TEST(a_run_in_which_nothing_works_ends),
        TEST(stages_that_do_not_read_are_killed),
        TEST(a_stage_that_did_not_read_is_told_nothing_more),
        TEST(a_stage_that_talks_nonsense_is_not_heard_again),
        TEST(bytes_that_are_no_message_are_nonsense),
        TEST(a_channel_that_is_closed_is_no_fault),
        TEST(one_that_talks_much_is_heard_in_turns),
        TEST(a_dead_process_is_heard_to_the_end_and_buried),
        TEST(a_process_that_is_stopped_and_gone_is_both),
        TEST(a_process_that_never_came_to_its_program_has_not_started),
        TEST(a_birth_that_takes_too_long_is_ended),
        TEST(without_their_directory_no_link_is_waited_for),
        TEST(a_record_is_in_quarantine_before_the_next_process),
        TEST(a_quarantine_without_space_is_judged_again),
        TEST(a_quarantine_that_fails_ends_the_run),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
