/* SPDX-License-Identifier: MIT */
/*
 * Whole stories of the supervisor's core in simulated time. A story is a list of events and the
 * trace of the actions that the core asked for; if the trace differs, both are printed. The
 * topology is a chain of three: source (0) -> step (1) -> sink (2), with the edges 0 and 1.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/buf.h"
#include "ipc/stage_protocol.h"
#include "supervisor/core/core.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

static const struct kind source_kind = {.name = "source", .role = KIND_SOURCE};
static const struct kind step_kind = {.name = "step", .role = KIND_STEP};
static const struct kind sink_kind = {.name = "sink", .role = KIND_SINK};

#define STALL_MS 4000u
/* How long a failed link stays down. */
#define LINK_PAUSE_MS 20u

struct story {
    struct stage stages[3];
    struct edge edges[2];
    struct topology topology;
    struct core core;
    struct core_actions actions;
    uint64_t now_ms;
    bool silent[3];                            /* stages that do not answer when they are asked */
    const struct core_link_observation *links; /* what is seen of the two, if anything */
    uint64_t given;                            /* by a source that has input all the time */
    struct buf trace;
};

static int set_up(void **state)
{
    static struct story story;
    memset(&story, 0, sizeof story);
    story.stages[0].kind = &source_kind;
    story.stages[1].kind = &step_kind;
    story.stages[2].kind = &sink_kind;
    story.edges[0] = (struct edge){.index = 0, .from = 0, .to = 1};
    story.edges[1] = (struct edge){.index = 1, .from = 1, .to = 2};
    story.topology = (struct topology){.stages = story.stages,
                                       .stage_count = 3,
                                       .edges = story.edges,
                                       .edge_count = 2,
                                       .stall_timeout_ms = STALL_MS};
    core_init(&story.core, &story.topology);
    story.now_ms = 1000;
    *state = &story;
    return 0;
}

static int tear_down(void **state)
{
    struct story *s = *state;
    core_done(&s->core);
    core_actions_done(&s->actions);
    buf_done(&s->trace);
    return 0;
}

static const char *message_word(enum control_kind kind)
{
    switch (kind) {
    case CTL_SUPERVISOR_LINK_LISTEN:
        return "listen";
    case CTL_SUPERVISOR_LINK_DIAL:
        return "dial";
    case CTL_SUPERVISOR_LINK_UP:
        return "up";
    case CTL_SUPERVISOR_LINK_CLOSE:
        return "close";
    case CTL_SUPERVISOR_DRAIN:
        return "drain";
    case CTL_SUPERVISOR_STOP:
        return "stop";
    case CTL_SUPERVISOR_ASK_ALL:
        return "ask";
    case CTL_SUPERVISOR_SETTLE:
        return "settle";
    default:
        return "?";
    }
}

static void trace_action(struct story *s, const struct core_action *a)
{
    struct buf *t = &s->trace;
    const struct control_message *m = &a->message;
    switch (a->kind) {
    case CORE_SPAWN:
        buf_add_format(t, "spawn %zu gen %" PRIu64 "%s\n", a->stage, a->generation,
                       a->keep_image ? " keep" : "");
        return;
    case CORE_QUARANTINE:
        buf_add_format(t, "quarantine %zu seq %" PRIu64 ": %s\n", a->stage, a->seq, a->text);
        return;
    case CORE_KILL:
        buf_add_format(t, "kill %zu\n", a->stage);
        return;
    case CORE_TELL:
        if (m->kind == CTL_SUPERVISOR_PING)
            return; /* observe() answers them */
        buf_add_format(t, "tell %zu %s", a->stage, message_word(m->kind));
        if (m->kind == CTL_SUPERVISOR_ASK_ALL)
            buf_add_format(t, " serial %" PRIu64, m->serial);
        else if (m->kind != CTL_SUPERVISOR_DRAIN && m->kind != CTL_SUPERVISOR_STOP &&
                 m->kind != CTL_SUPERVISOR_SETTLE)
            buf_add_format(t, " edge %u serial %" PRIu64, m->edge, m->serial);
        if (m->kind == CTL_SUPERVISOR_LINK_DIAL)
            buf_add_format(t, " acked %" PRIu64 " expected %" PRIu64, m->acked, m->expected);
        if (m->kind == CTL_SUPERVISOR_LINK_DIAL && m->furthest != m->expected)
            buf_add_format(t, " furthest %" PRIu64, m->furthest);
        buf_add_byte(t, '\n');
        return;
    case CORE_NOTE:
        buf_add_format(t, "%s %zu %s\n", a->serious ? "warn" : "note", a->stage, a->text);
        return;
    case CORE_EXIT:
        buf_add_text(t, "exit\n");
    }
}

static void tell_core(struct story *s, struct core_event event)
{
    event.now_ms = s->now_ms;
    core_step(&s->core, &event, &s->actions);
    for (size_t i = 0; i < s->actions.count; i++)
        trace_action(s, &s->actions.items[i]);
    s->actions.count = 0;
}

/* Compares the trace since the last EXPECT, and clears it. */
static void expect(struct story *s, const char *wanted, const char *file, int line)
{
    const char *got = buf_text(&s->trace);
    if (strcmp(got, wanted) != 0) {
        print_error("wanted:\n%s\ngot:\n%s\n", wanted, got);
        _fail(file, line);
    }
    buf_reset(&s->trace);
}
#define EXPECT(wanted) expect(s, wanted, __FILE__, __LINE__)

static void event(struct story *s, enum core_event_kind kind, size_t stage)
{
    tell_core(s, (struct core_event){.kind = kind, .stage = stage, .text = "why"});
}

static void link_event(struct story *s, enum core_event_kind kind, size_t stage, uint32_t edge,
                       uint64_t serial)
{
    tell_core(s, (struct core_event){.kind = kind,
                                     .stage = stage,
                                     .edge = edge,
                                     .serial = serial,
                                     .acked = 40,
                                     .expected = 57,
                                     .text = "why"});
}

static void died(struct story *s, size_t stage, int signal_number, uint64_t acked)
{
    tell_core(s, (struct core_event){.kind = CORE_STAGE_EXITED,
                                     .stage = stage,
                                     .signal = signal_number,
                                     .exit_code = signal_number == 0 ? 1 : 0,
                                     .acked = acked});
}

static void time_passes(struct story *s, uint64_t ms)
{
    s->now_ms += ms;
    event(s, CORE_TIME_PASSED, 0);
}

/* Brings the chain up; the serials of its links are then 1 (edge 1) and 2 (edge 0). */
static void bring_up(struct story *s)
{
    event(s, CORE_STARTED, 0);
    EXPECT("spawn 0 gen 1\nspawn 1 gen 1\nspawn 2 gen 1\n");
    event(s, CORE_STAGE_READY, 1);
    event(s, CORE_STAGE_READY, 2);
    EXPECT("");
    event(s, CORE_STAGE_POSITIONED, 2);
    EXPECT("tell 2 listen edge 1 serial 1\n");
    link_event(s, CORE_LINK_LISTENING, 2, 1, 1);
    EXPECT("tell 1 dial edge 1 serial 1 acked 40 expected 57\n");
    link_event(s, CORE_LINK_DIALED, 1, 1, 1);
    EXPECT("tell 2 up edge 1 serial 1\n");
    event(s, CORE_STAGE_POSITIONED, 1); /* now it knows, from its peer */
    EXPECT("");
    event(s, CORE_STAGE_READY, 0);
    EXPECT("tell 1 listen edge 0 serial 2\n");
    link_event(s, CORE_LINK_LISTENING, 1, 0, 2);
    link_event(s, CORE_LINK_DIALED, 0, 0, 2);
    EXPECT("tell 0 dial edge 0 serial 2 acked 40 expected 57\ntell 1 up edge 0 serial 2\n");
}

static void stages_are_linked_from_the_sink_up(void **state)
{
    bring_up(*state);
}

static void a_finished_input_stops_along_the_flow(void **state)
{
    struct story *s = *state;
    bring_up(s);
    event(s, CORE_STAGE_DONE, 0);
    EXPECT("tell 0 stop\ntell 1 stop\ntell 2 stop\n");
    died(s, 1, 0, 90);
    died(s, 0, 0, 90);
    EXPECT("tell 0 close edge 0 serial 2\ntell 2 close edge 1 serial 1\n");
    died(s, 2, 0, 90);
    EXPECT("exit\n");
    assert_int_equal(s->core.outcome, CORE_OUTCOME_DONE);
}

static void a_killed_stage_is_back_at_once_with_its_memory(void **state)
{
    struct story *s = *state;
    bring_up(s);
    died(s, 1, SIGKILL, 90);
    EXPECT("tell 0 close edge 0 serial 2\ntell 2 close edge 1 serial 1\n"
           "note 1 was killed by signal 9 (SIGKILL); restarting now\nspawn 1 gen 2 keep\n");
    event(s, CORE_STAGE_READY, 1);
    EXPECT("tell 2 listen edge 1 serial 3\n");
    link_event(s, CORE_LINK_LISTENING, 2, 1, 1); /* of the old link: late */
    assert_int_equal(s->core.late_messages, 1);
    EXPECT("");
    link_event(s, CORE_LINK_LISTENING, 2, 1, 3);
    EXPECT("tell 1 dial edge 1 serial 3 acked 40 expected 57\n");
}

/* A stage without state no longer knows what it passed on; those downstream of it do. */
static void a_source_is_told_what_the_furthest_stage_has(void **state)
{
    struct story *s = *state;
    bring_up(s);
    died(s, 1, SIGKILL, 90);
    event(s, CORE_STAGE_READY, 1);
    link_event(s, CORE_LINK_LISTENING, 2, 1, 3);
    link_event(s, CORE_LINK_DIALED, 1, 1, 3);
    event(s, CORE_STAGE_POSITIONED, 1);
    buf_reset(&s->trace);
    tell_core(s, (struct core_event){.kind = CORE_LINK_LISTENING,
                                     .stage = 1,
                                     .edge = 0,
                                     .serial = 4,
                                     .acked = 40,
                                     .expected = 41});
    EXPECT("tell 0 dial edge 0 serial 4 acked 40 expected 41 furthest 57\n");
}

static void memory_of_a_crashed_stage_is_not_kept(void **state)
{
    struct story *s = *state;
    bring_up(s);
    died(s, 1, SIGSEGV, 90);
    EXPECT("tell 0 close edge 0 serial 2\ntell 2 close edge 1 serial 1\n"
           "note 1 was killed by signal 11 (SIGSEGV); restarting now\nspawn 1 gen 2\n");
}

static void kills_from_outside_never_add_up(void **state)
{
    struct story *s = *state;
    bring_up(s);
    for (int i = 0; i < 1000; i++) { /* in the pipeline, but nothing to do: no acks move */
        s->now_ms += RESTART_HEALTHY_MS;
        died(s, 0, SIGKILL, 90);
        assert_int_equal(s->core.stages[0].strikes, 0);
        event(s, CORE_STAGE_READY, 0);
        uint64_t serial = s->core.serial;
        link_event(s, CORE_LINK_LISTENING, 1, 0, serial);
        link_event(s, CORE_LINK_DIALED, 0, 0, serial);
    }
    assert_int_equal(s->core.stages[0].restarts, 1000);
    assert_int_equal(s->core.is, PIPELINE_RUNNING);
}

static void deaths_with_progress_never_add_up(void **state)
{
    struct story *s = *state;
    bring_up(s);
    for (uint64_t i = 1; i < 500; i++) {
        died(s, 1, SIGABRT, 90 + i); /* its own fault, but each life moved the acks */
        assert_int_equal(s->core.stages[1].is, STAGE_STARTING);
        event(s, CORE_STAGE_READY, 1);
    }
    assert_int_equal(s->core.is, PIPELINE_RUNNING);
}

static void a_storm_backs_off_and_then_stops_in_order(void **state)
{
    struct story *s = *state;
    bring_up(s);
    died(s, 1, SIGSEGV, 90); /* it had acked 90: progress */
    buf_reset(&s->trace);
    uint64_t waited_ms[RESTART_STRIKES_MAX] = {0};
    for (unsigned strike = 1; strike < RESTART_STRIKES_MAX; strike++) {
        died(s, 1, SIGSEGV, 90);
        assert_int_equal(s->core.stages[1].is, STAGE_BACKOFF);
        waited_ms[strike] = core_deadline_ms(&s->core) - s->now_ms;
        time_passes(s, waited_ms[strike] - 1);
        assert_int_equal(s->core.stages[1].is, STAGE_BACKOFF);
        time_passes(s, 1);
        assert_int_equal(s->core.stages[1].is, STAGE_STARTING);
    }
    assert_int_equal(waited_ms[1], RESTART_BACKOFF_MS_FIRST);
    assert_int_equal(waited_ms[2], 2 * RESTART_BACKOFF_MS_FIRST);
    assert_int_equal(waited_ms[9], RESTART_BACKOFF_MS_MAX);
    buf_reset(&s->trace);
    died(s, 1, SIGSEGV, 90);
    EXPECT("tell 0 stop\ntell 2 stop\n");
    died(s, 0, 0, 90);
    died(s, 2, 0, 90);
    EXPECT("exit\n");
    assert_int_equal(s->core.outcome, CORE_OUTCOME_STORM);
    assert_string_equal(s->core.reason, "it was killed by signal 11 (SIGSEGV), 10 times in a row "
                                        "without progress");
}

static void a_user_may_kill_a_stage_that_never_gets_ready(void **state)
{
    struct story *s = *state;
    event(s, CORE_STARTED, 0);
    for (int i = 0; i < 100; i++) {
        event(s, CORE_KILL_REQUESTED, 1);
        died(s, 1, SIGKILL, 0);
        assert_int_equal(s->core.stages[1].is, STAGE_STARTING);
    }
    assert_int_equal(s->core.is, PIPELINE_RUNNING);
}

/*
 * One observation of the three stages, at the right interval after the last one. A stage that is
 * asked answers at once, unless it is silent.
 */
static void observe(struct story *s, const struct core_observation seen[3])
{
    s->now_ms += core_observe_interval_ms(&s->core);
    tell_core(s, (struct core_event){
                     .kind = CORE_STAGES_OBSERVED, .observations = seen, .links = s->links});
    for (size_t i = 0; i < 3; i++) {
        const struct core_stage *stage = &s->core.stages[i];
        if (stage->asked != 0 && !s->silent[i])
            tell_core(s, (struct core_event){
                             .kind = CORE_STAGE_ANSWERED, .stage = i, .serial = stage->asked});
    }
}

static const struct core_observation busy_still = {.beats = 7};
static const struct core_observation asleep = {
    .beats = 7, .waiting = true, .processed = 4, .acked = 4};
static const struct core_observation asleep_pending = {
    .beats = 7, .waiting = true, .processed = 9, .acked = 4};

static void a_stage_that_does_not_move_is_hung(void **state)
{
    struct story *s = *state;
    bring_up(s);
    const struct core_observation seen[3] = {asleep_pending, busy_still, asleep};
    observe(s, seen); /* its beats are news */
    for (int i = 0; i < 3; i++)
        observe(s, seen);
    EXPECT("");
    observe(s, seen);
    EXPECT("warn 1 did not make progress for the stall_timeout of 4000 ms; killing it\nkill 1\n");
    died(s, 1, SIGKILL, 0);
    assert_int_equal(s->core.stages[1].strikes, 1); /* our kill for its fault counts */
    assert_false(s->core.stages[1].image_trusted);
}

/* The end of a run and the status report why they were killed, not by which signal. */
static void a_stage_that_hangs_again_and_again_is_said_to_hang(void **state)
{
    struct story *s = *state;
    bring_up(s);
    for (unsigned n = 0; n < RESTART_STRIKES_MAX; n++) {
        struct core_observation seen[3] = {asleep_pending, {.beats = n}, asleep};
        observe(s, seen);
        seen[1].beats = 100 + n; /* it has come to run */
        while (!s->core.stages[1].hung)
            observe(s, seen);
        died(s, 1, SIGKILL, 0);
        if (n == 0)
            assert_non_null(
                strstr(buf_text(&s->trace),
                       "note 1 did not make progress for the stall_timeout of 4000 ms and was "
                       "killed, without progress (1 of 10); restarting in 50 ms\n"));
        time_passes(s, RESTART_BACKOFF_MS_MAX);
        if (n + 1 < RESTART_STRIKES_MAX)
            event(s, CORE_STAGE_READY, 1);
    }
    assert_string_equal(s->core.reason,
                        "it did not make progress for the stall_timeout of 4000 ms and was "
                        "killed, 10 times in a row without progress");
}

static void expect_end(struct story *s, size_t stage, int signal_number, const char *wanted)
{
    char text[CORE_CAUSE_BYTES_MAX];
    core_describe_end(&s->core.stages[stage], signal_number, 3, text);
    assert_string_equal(text, wanted);
}

/* Each of our kills has a cause; other signals, and exits, are reported as they are. */
static void an_end_is_described_by_its_cause(void **state)
{
    struct story *s = *state;
    bring_up(s);
    expect_end(s, 1, SIGKILL, "was killed by signal 9 (SIGKILL)");
    expect_end(s, 1, 0, "exited with code 3");
    event(s, CORE_KILL_REQUESTED, 0);
    expect_end(s, 0, SIGKILL, "was killed on request");
    event(s, CORE_STAGE_FROZEN, 1);
    event(s, CORE_KILL_REQUESTED, 1); /* it was dying already */
    expect_end(s, 1, SIGKILL, "was stopped from outside and was killed");
    expect_end(s, 1, SIGSEGV, "was killed by signal 11 (SIGSEGV)");
    event(s, CORE_STAGE_MISBEHAVED, 2);
    expect_end(s, 2, SIGKILL, "was killed: why");
    died(s, 1, SIGKILL, 0);
    expect_end(s, 1, SIGKILL, "was killed by signal 9 (SIGKILL)");
    event(s, CORE_STOP_REQUESTED, 0);
    event(s, CORE_STOP_REQUESTED, 0);
    expect_end(s, 1, SIGKILL, "was killed because the run was to stop without waiting");
}

static void a_stage_that_does_not_get_ready_is_hung(void **state)
{
    struct story *s = *state;
    event(s, CORE_STARTED, 0);
    buf_reset(&s->trace);
    /* That its page shows "waiting" may be left over from the process before it. */
    struct core_observation seen[3] = {asleep, asleep, {.beats = 1, .waiting = true}};
    observe(s, seen);
    seen[2].beats++;
    for (int i = 0; i < 4; i++) {
        EXPECT("");
        observe(s, seen);
        seen[0].beats++;
        seen[1].beats++;
    }
    observe(s, seen);
    EXPECT("warn 2 did not make progress for the stall_timeout of 4000 ms; killing it\nkill 2\n");
}

/* So has a process that follows another one, although the page still shows what that one did. */
static void one_that_is_started_again_has_longer_too(void **state)
{
    struct story *s = *state;
    bring_up(s);
    struct core_observation seen[3] = {asleep, asleep, {.beats = 900}};
    observe(s, seen);
    event(s, CORE_KILL_REQUESTED, 2);
    died(s, 2, SIGKILL, 0);
    buf_reset(&s->trace);
    uint64_t until_ms = s->core.stages[2].spawned_at_ms + START_SILENCE_MS;
    seen[2].beats = 950; /* it has moved since it was looked at last */
    while (s->now_ms + core_observe_interval_ms(&s->core) < until_ms)
        observe(s, seen);
    EXPECT("");
    observe(s, seen);
    EXPECT("warn 2 did not make progress for 30000 ms after it was started; killing it\nkill 2\n");
}

/* A process that has never moved may not have run yet, on a host that starts many. */
static void a_stage_that_has_not_come_to_run_has_longer(void **state)
{
    struct story *s = *state;
    event(s, CORE_STARTED, 0);
    buf_reset(&s->trace);
    struct core_observation seen[3] = {asleep, asleep, {.beats = 0}};
    uint64_t until_ms = s->core.stages[2].spawned_at_ms + START_SILENCE_MS;
    while (s->now_ms + core_observe_interval_ms(&s->core) < until_ms) {
        observe(s, seen);
        seen[0].beats++;
        seen[1].beats++;
    }
    EXPECT("");
    observe(s, seen);
    EXPECT("warn 2 did not make progress for 30000 ms after it was started; killing it\nkill 2\n");
}

static void one_beat_in_the_last_moment_is_enough(void **state)
{
    struct story *s = *state;
    bring_up(s);
    struct core_observation seen[3] = {asleep_pending, busy_still, asleep};
    for (int i = 0; i < 40; i++) {
        observe(s, seen);
        if (i % 3 == 2)
            seen[1].beats++;
    }
    EXPECT("");
}

/* The supervisor was stopped, or the whole host. That proves nothing about the stages. */
static void after_a_sleep_of_its_own_the_supervisor_blames_nobody(void **state)
{
    struct story *s = *state;
    bring_up(s);
    const struct core_observation seen[3] = {asleep_pending, busy_still, asleep};
    for (int i = 0; i < 40; i++) {
        if (i % 4 == 3)
            s->now_ms += 3600000;
        observe(s, seen);
    }
    EXPECT("");
}

static void a_standstill_makes_links_anew(void **state)
{
    struct story *s = *state;
    bring_up(s);
    const struct core_observation seen[3] = {asleep_pending, asleep_pending, asleep_pending};
    for (int i = 0; i < 4; i++)
        observe(s, seen);
    EXPECT("");
    observe(s, seen);
    EXPECT("warn 1 link 0: seqs 5 to 9 are under way, but stalled\n"
           "tell 0 close edge 0 serial 2\ntell 1 close edge 0 serial 2\n"
           "warn 2 link 1: seqs 5 to 9 are under way, but stalled\n"
           "tell 1 close edge 1 serial 1\ntell 2 close edge 1 serial 1\n");
    time_passes(s, LINK_PAUSE_MS);
    EXPECT("note 0 link 0: stalled; re-establishing it\n"
           "tell 1 listen edge 0 serial 3\n"
           "note 1 link 1: stalled; re-establishing it\n"
           "tell 2 listen edge 1 serial 4\n");
}

/* As if its ends had made the link again. */
static void set_up_again(struct core_edge *edge)
{
    edge->is = EDGE_UP;
    edge->deadline_ms = 0;
}

/* The pages of both ends show lost frames and lost acks. */
static void a_standstill_is_looked_for_where_records_stand(void **state)
{
    struct story *s = *state;
    bring_up(s);
    const struct core_observation seen[3] = {asleep_pending, asleep_pending, asleep};
    for (int i = 0; i < 5; i++)
        observe(s, seen);
    EXPECT("warn 2 link 1: seqs 5 to 9 are under way, but stalled\n"
           "tell 1 close edge 1 serial 1\ntell 2 close edge 1 serial 1\n");
    set_up_again(&s->core.edges[1]);
    const struct core_observation unheard[3] = {
        asleep_pending,
        {.beats = 7, .waiting = true, .processed = 9, .acked = 9},
        {.beats = 7, .waiting = true, .processed = 9, .acked = 9}};
    for (int i = 0; i < 5; i++)
        observe(s, unheard);
    EXPECT("warn 1 link 0: seqs 5 to 9 are under way, but stalled\n"
           "tell 0 close edge 0 serial 2\ntell 1 close edge 0 serial 2\n");
}

static void a_standstill_that_new_links_do_not_end_is_that_of_their_ends(void **state)
{
    struct story *s = *state;
    bring_up(s);
    const struct core_observation seen[3] = {asleep_pending, asleep_pending, asleep};
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 5; i++)
            observe(s, seen);
        s->core.edges[1].failures = 0; /* as if that were long ago */
        set_up_again(&s->core.edges[1]);
    }
    buf_reset(&s->trace);
    for (int i = 0; i < 5; i++)
        observe(s, seen);
    time_passes(s, LINK_PAUSE_MS);
    EXPECT("warn 2 link 1: seqs 5 to 9 are under way, but stalled\n"
           "tell 1 close edge 1 serial 1\ntell 2 close edge 1 serial 1\n"
           "warn 1 link 1: stalled, repeatedly; restarting both its ends\nkill 1\nkill "
           "2\n");
}

/*
 * The source and the first link move at every observation: input comes. The second link does not.
 */
static void observe_a_stream(struct story *s, unsigned times, struct core_link_observation second)
{
    for (unsigned i = 0; i < times; i++) {
        uint64_t n = 100 + ++s->given;
        const struct core_observation seen[3] = {
            {.beats = n, .waiting = true, .processed = n, .acked = 4},
            {.beats = n, .waiting = true, .processed = n, .acked = 4},
            {.beats = 7, .waiting = true, .processed = second.taken, .acked = second.taken}};
        second.given = second.given != 0 ? n : 0;
        const struct core_link_observation links[2] = {{.given = n, .taken = n, .heard = 4},
                                                       second};
        s->links = links;
        observe(s, seen);
        s->links = NULL;
    }
}

/* The same, whatever comes in at the source meanwhile. */
static void a_link_that_stands_is_made_anew_though_others_move(void **state)
{
    struct story *s = *state;
    bring_up(s);
    const struct core_link_observation lost = {.given = 1, .taken = 4, .heard = 4};
    observe_a_stream(s, 4, lost);
    EXPECT("");
    observe_a_stream(s, 1, lost);
    EXPECT("warn 2 link 1: seqs 5 to 105 are under way, but stalled\n"
           "tell 1 close edge 1 serial 1\ntell 2 close edge 1 serial 1\n");
    time_passes(s, LINK_PAUSE_MS);
    EXPECT("note 1 link 1: stalled; re-establishing it\ntell 2 listen edge 1 serial 3\n");
    for (int round = 0; round < 2; round++) {
        s->core.edges[1].failures = 0; /* as if that were long ago */
        set_up_again(&s->core.edges[1]);
        buf_reset(&s->trace);
        observe_a_stream(s, 5, lost);
    }
    buf_reset(&s->trace);
    time_passes(s, LINK_PAUSE_MS);
    EXPECT("warn 1 link 1: stalled, repeatedly; restarting both its ends\nkill 1\nkill "
           "2\n");
}

static void acks_that_stand_are_a_link_that_stands(void **state)
{
    struct story *s = *state;
    bring_up(s);
    uint64_t n = 200;
    for (int i = 0; i < 5; i++) {
        EXPECT("");
        n++;
        const struct core_observation seen[3] = {
            {.beats = n, .waiting = true, .processed = n, .acked = 4},
            {.beats = n, .waiting = true, .processed = n, .acked = n - 3},
            {.beats = n, .waiting = true, .processed = n, .acked = n}};
        const struct core_link_observation links[2] = {{.given = n, .taken = n, .heard = 4},
                                                       {.given = n, .taken = n, .heard = n - 3}};
        s->links = links;
        observe(s, seen);
    }
    EXPECT("warn 0 link 0: acks of seqs 5 to 202 are under way, but stalled\n"
           "tell 0 close edge 0 serial 2\ntell 1 close edge 0 serial 2\n");
}

/* A full receiver, parts of one seq that arrive, and a busy end do not count as a standstill. */
static void a_link_that_has_a_reason_to_stand_is_left_alone(void **state)
{
    struct story *s = *state;
    bring_up(s);
    observe_a_stream(
        s, 20, (struct core_link_observation){.given = 1, .taken = 4, .heard = 4, .full = true});
    for (uint64_t part = 0; part < 20; part++)
        observe_a_stream(
            s, 1, (struct core_link_observation){.given = 1, .taken = 4, .heard = 4, .part = part});
    observe_a_stream(s, 20, (struct core_link_observation){.taken = 4, .heard = 4});
    const struct core_link_observation links[2] = {{.given = 9, .taken = 9, .heard = 9},
                                                   {.given = 9, .taken = 4, .heard = 4}};
    s->links = links;
    for (uint64_t i = 0; i < 20; i++) {
        const struct core_observation seen[3] = {
            asleep, asleep, {.beats = i, .processed = 4, .acked = 4}};
        observe(s, seen);
    }
    EXPECT("");
}

/* A stage that lacks a resource, and one that owes an answer, are judged on their own. */
static void a_link_whose_end_is_out_of_action_is_left_alone(void **state)
{
    struct story *s = *state;
    bring_up(s);
    const struct core_link_observation lost = {.given = 1, .taken = 4, .heard = 4};
    tell_core(s, (struct core_event){
                     .kind = CORE_STAGE_PAUSED, .stage = 2, .want = WANT_SPACE, .text = "full"});
    buf_reset(&s->trace);
    observe_a_stream(s, 20, lost);
    EXPECT("");
    event(s, CORE_STAGE_RESUMED, 2);
    buf_reset(&s->trace);
    for (int i = 0; i < 10; i++) { /* it was us that did not run */
        observe_a_stream(s, 4, lost);
        s->now_ms += 3600000;
    }
    EXPECT("");
    s->silent[2] = true;
    observe_a_stream(s, 6, lost);
    EXPECT("warn 2 did not answer for the stall_timeout of 4000 ms, although it reports that it is "
           "waiting; "
           "killing it\nkill 2\n");
}

/* It is asleep, as its page says, but forever: in a debugger, or because of a bug. */
static void a_stage_that_waits_and_does_not_answer_is_hung(void **state)
{
    struct story *s = *state;
    bring_up(s);
    s->silent[2] = true;
    const struct core_observation seen[3] = {asleep, asleep, asleep};
    for (int i = 0; i < 5; i++)
        observe(s, seen);
    EXPECT("warn 2 did not answer for the stall_timeout of 4000 ms, although it reports that it is "
           "waiting; "
           "killing it\n"
           "kill 2\n");
    for (int i = 0; i < 4; i++)
        observe(s, seen);
    EXPECT("warn 2 was killed 4000 ms ago and is not gone: a debugger holds it, or the kernel is "
           "waiting for a disk; killing it again\nkill 2\n");
    died(s, 2, SIGKILL, 0);
    assert_int_equal(s->core.stages[2].strikes, 1);
    time_passes(s, RESTART_BACKOFF_MS_FIRST);
    assert_int_equal(s->core.stages[2].asked, 0);
}

/* Nothing else is killed for a stage that does not answer, before or after that is known. */
static void while_one_owes_an_answer_nobody_else_is_blamed(void **state)
{
    struct story *s = *state;
    bring_up(s);
    s->silent[0] = true;
    const struct core_observation seen[3] = {asleep_pending, asleep, asleep};
    for (int i = 0; i < 5; i++)
        observe(s, seen);
    EXPECT("warn 0 did not answer for the stall_timeout of 4000 ms, although it reports that it is "
           "waiting; "
           "killing it\n"
           "kill 0\n");
}

/* The answer to another question, or of another stage, does not count. */
static void a_late_answer_is_none(void **state)
{
    struct story *s = *state;
    bring_up(s);
    s->silent[1] = true;
    const struct core_observation seen[3] = {asleep, asleep, asleep};
    observe(s, seen);
    observe(s, seen);
    uint64_t asked = s->core.stages[1].asked;
    tell_core(s, (struct core_event){.kind = CORE_STAGE_ANSWERED, .stage = 1, .serial = asked - 1});
    tell_core(s, (struct core_event){.kind = CORE_STAGE_ANSWERED, .stage = 0, .serial = asked});
    tell_core(s, (struct core_event){.kind = CORE_STAGE_ANSWERED, .stage = 1, .serial = 0});
    assert_int_equal(s->core.late_messages, 3);
    assert_int_equal(s->core.stages[1].asked, asked);
    tell_core(s, (struct core_event){.kind = CORE_STAGE_ANSWERED, .stage = 1, .serial = asked});
    assert_int_equal(s->core.stages[1].asked, 0);
    EXPECT("");
}

static void a_wait_with_nothing_under_way_is_no_standstill(void **state)
{
    struct story *s = *state;
    bring_up(s);
    const struct core_observation seen[3] = {asleep, asleep, asleep};
    for (int i = 0; i < 20; i++)
        observe(s, seen);
    event(s, CORE_STAGE_PAUSED, 2);
    EXPECT("warn 2 why; waiting for space\n");
    const struct core_observation pending[3] = {asleep_pending, asleep, asleep};
    for (int i = 0; i < 20; i++)
        observe(s, pending);
    event(s, CORE_STAGE_RESUMED, 2);
    EXPECT("warn 2 has space again; continuing\n");
}

static void a_reader_that_takes_its_time_is_no_standstill(void **state)
{
    struct story *s = *state;
    bring_up(s);
    const struct core_observation seen[3] = {
        asleep_pending, asleep, {.beats = 7, .waiting = true, .unread = true, .processed = 9}};
    for (int i = 0; i < 20; i++)
        observe(s, seen);
    EXPECT("");
}

static void died_with(struct story *s, size_t stage, int signal_number, uint64_t seq)
{
    tell_core(s, (struct core_event){.kind = CORE_STAGE_EXITED,
                                     .stage = stage,
                                     .signal = signal_number,
                                     .seq = seq,
                                     .acked = 0});
    buf_reset(&s->trace);
    while (s->core.stages[stage].is == STAGE_BACKOFF)
        time_passes(s, 10);
}

/* A life with its links downstream up, over which it was told that `expected` is next. */
static void hear_from_downstream(struct story *s, uint64_t expected)
{
    event(s, CORE_STAGE_READY, 1);
    event(s, CORE_STAGE_POSITIONED, 1);
    tell_core(s, (struct core_event){.kind = CORE_LINK_LISTENING,
                                     .stage = 2,
                                     .edge = 1,
                                     .serial = s->core.edges[1].serial,
                                     .expected = expected});
    buf_reset(&s->trace);
}

static void the_third_death_at_one_record_takes_it_out_before_the_next_start(void **state)
{
    struct story *s = *state;
    bring_up(s);
    died_with(s, 1, SIGSEGV, 41);
    died_with(s, 1, SIGABRT, 41);
    hear_from_downstream(s, 41);
    tell_core(s, (struct core_event){
                     .kind = CORE_STAGE_EXITED, .stage = 1, .signal = SIGSEGV, .seq = 41});
    EXPECT("tell 0 close edge 0 serial 4\ntell 2 close edge 1 serial 3\n"
           "quarantine 1 seq 41: was killed by signal 11 (SIGSEGV)\n"
           "note 1 was killed by signal 11 (SIGSEGV); restarting now\nspawn 1 gen 4\n");
}

/* A record that kills only sometimes passed once; its output is downstream. */
static void a_record_that_has_passed_is_not_taken_out(void **state)
{
    struct story *s = *state;
    bring_up(s);
    for (int i = 0; i < 5; i++) {
        hear_from_downstream(s, 42);
        tell_core(s, (struct core_event){
                         .kind = CORE_STAGE_EXITED, .stage = 1, .signal = SIGSEGV, .seq = 41});
        assert_null(strstr(buf_text(&s->trace), "quarantine"));
        time_passes(s, 5000);
    }
    hear_from_downstream(s, 41);
    tell_core(s, (struct core_event){
                     .kind = CORE_STAGE_EXITED, .stage = 1, .signal = SIGSEGV, .seq = 41});
    assert_non_null(strstr(buf_text(&s->trace), "quarantine 1 seq 41"));
}

/* The next stage was restarted and no longer knows, but the one after it has the outputs. */
static void what_has_passed_far_downstream_is_not_taken_out(void **state)
{
    struct story *s = *state;
    s->core.stages[0].may_quarantine = true; /* as if it were a step: two stages lie behind it */
    bring_up(s);
    for (int i = 0; i < 5; i++) {
        s->core.edges[0].heard_by = s->core.stages[0].generation;
        s->core.edges[0].expected = 41;
        s->core.edges[1].heard_by = s->core.stages[1].generation;
        s->core.edges[1].expected = 57;
        tell_core(s, (struct core_event){
                         .kind = CORE_STAGE_EXITED, .stage = 0, .signal = SIGSEGV, .seq = 41});
        assert_null(strstr(buf_text(&s->trace), "quarantine"));
        time_passes(s, 5000);
    }
    s->core.edges[0].heard_by = s->core.stages[0].generation;
    s->core.edges[1].expected = 41;
    tell_core(s, (struct core_event){
                     .kind = CORE_STAGE_EXITED, .stage = 0, .signal = SIGSEGV, .seq = 41});
    assert_non_null(strstr(buf_text(&s->trace), "quarantine 0 seq 41"));
}

static void nothing_is_taken_out_that_downstream_was_not_asked_about(void **state)
{
    struct story *s = *state;
    bring_up(s);
    for (int i = 0; i < 5; i++) {
        died_with(s, 1, SIGSEGV, 60);
        assert_null(strstr(buf_text(&s->trace), "quarantine"));
    }
}

/* One more death of the step at seq 41; its process knows that no stage has that seq yet. */
static void died_doing(struct story *s, enum status_work work, bool out_of_memory)
{
    while (s->core.stages[1].is == STAGE_BACKOFF)
        time_passes(s, 10);
    hear_from_downstream(s, 41);
    tell_core(s, (struct core_event){.kind = CORE_STAGE_EXITED,
                                     .stage = 1,
                                     .signal = SIGABRT,
                                     .seq = 41,
                                     .work = work,
                                     .out_of_memory = out_of_memory});
    assert_null(strstr(buf_text(&s->trace), "quarantine"));
}

/* To skip the record would not remove the cause of the deaths. */
static void what_else_kills_at_a_seq_stops_the_topology_and_takes_nothing_out(void **state)
{
    struct story *s = *state;
    bring_up(s);
    for (int i = 0; i < 3; i++)
        died_doing(s, STATUS_ON_TIME, false);
    assert_int_equal(s->core.outcome, CORE_OUTCOME_STORM);
    assert_int_equal(s->core.reason_stage, 1);
    assert_string_equal(s->core.reason,
                        "it was killed by signal 6 (SIGABRT), 3 times in a row at seq 41, closing "
                        "what was due: no record is to blame, and none is "
                        "lost; once the fault is fixed, the next run resumes from there");
}

static void out_of_memory_by_what_else_is_done_at_a_seq_says_what_to_do(void **state)
{
    struct story *s = *state;
    s->core.stages[1].memory_bytes_max = 64u << 20;
    bring_up(s);
    for (int i = 0; i < 3; i++)
        died_doing(s, STATUS_ON_MANY, true);
    assert_int_equal(s->core.outcome, CORE_OUTCOME_STORM);
    assert_string_equal(s->core.reason,
                        "it exceeded its memory_max of 67108864 bytes, 3 times in a row at seq "
                        "41, holding many records, not because of the one in hand: no record is "
                        "to blame, and none is lost; raise memory_max, or let one record cause "
                        "less work (smaller windows, fewer branches that meet, more workers), and "
                        "run it again");
}

/* Only deaths at the same work are in a row; the third at the record itself quarantines it. */
static void deaths_by_this_and_that_at_a_seq_are_not_in_a_row(void **state)
{
    static const enum status_work works[] = {STATUS_ON_TIME,   STATUS_ON_TIME, STATUS_ON_RECORD,
                                             STATUS_ON_RECORD, STATUS_ON_TIME, STATUS_ON_RECORD,
                                             STATUS_ON_RECORD};
    struct story *s = *state;
    bring_up(s);
    for (size_t i = 0; i < sizeof works / sizeof works[0]; i++)
        died_doing(s, works[i], false);
    assert_int_equal(s->core.outcome, CORE_OUTCOME_NONE);
    while (s->core.stages[1].is == STAGE_BACKOFF)
        time_passes(s, 10);
    hear_from_downstream(s, 41);
    tell_core(s, (struct core_event){
                     .kind = CORE_STAGE_EXITED, .stage = 1, .signal = SIGSEGV, .seq = 41});
    assert_non_null(strstr(buf_text(&s->trace), "quarantine 1 seq 41"));
}

/* Its output was emitted once, so it can be emitted again; but we do not try forever. */
static void what_was_let_go_once_is_tried_again(void **state)
{
    struct story *s = *state;
    bring_up(s);
    for (unsigned i = 1; i < RESTART_STRIKES_MAX; i++) {
        hear_from_downstream(s, 42);
        tell_core(s, (struct core_event){.kind = CORE_STAGE_EXITED,
                                         .stage = 1,
                                         .signal = SIGSEGV,
                                         .seq = 41,
                                         .work = STATUS_ON_TIME});
        assert_int_equal(s->core.outcome, CORE_OUTCOME_NONE);
        time_passes(s, RESTART_BACKOFF_MS_MAX);
    }
    died_doing(s, STATUS_ON_TIME, false);
    assert_int_equal(s->core.outcome, CORE_OUTCOME_STORM);
}

/* If a debugger holds it three times at one record, that record is not poison. */
static void what_a_debugger_holds_is_not_at_fault(void **state)
{
    struct story *s = *state;
    bring_up(s);
    s->core.stages[1].may_quarantine = true;
    for (int life = 0; life < 4; life++) {
        struct core_observation seen[3] = {asleep, {.beats = 7, .held = true}, asleep};
        hear_from_downstream(s, 1);
        for (int i = 0; i < 6; i++)
            observe(s, seen);
        EXPECT(
            "warn 1 did not make progress for the stall_timeout of 4000 ms (a debugger holds it); "
            "killing it\nkill 1\n");
        seen[1].held = false; /* it is dead, which is not known yet */
        for (int i = 0; i < 4; i++)
            observe(s, seen);
        EXPECT(
            "warn 1 was killed 4000 ms ago and is not gone: a debugger holds it, or the kernel is "
            "waiting for a disk; killing it again\nkill 1\n");
        died_with(s, 1, SIGKILL, 41);
        assert_int_equal(s->core.stages[1].poison_deaths, 0);
        assert_int_equal(s->core.stages[1].strikes, 0);
        s->core.stages[1].beats = 0;
    }
}

static void a_kill_from_outside_is_no_poison_and_forgives_none(void **state)
{
    struct story *s = *state;
    bring_up(s);
    for (int i = 0; i < 20; i++) {
        event(s, CORE_KILL_REQUESTED, 1);
        died_with(s, 1, SIGKILL, 41);
    }
    died_with(s, 1, SIGSEGV, 41);
    died_with(s, 1, SIGKILL, 41);
    died_with(s, 1, SIGSEGV, 41);
    died_with(s, 1, SIGTERM, 41);
    hear_from_downstream(s, 41);
    tell_core(s, (struct core_event){
                     .kind = CORE_STAGE_EXITED, .stage = 1, .signal = SIGSEGV, .seq = 41});
    assert_non_null(strstr(buf_text(&s->trace), "quarantine 1 seq 41"));
}

static void deaths_at_different_records_or_at_none_are_no_poison(void **state)
{
    struct story *s = *state;
    bring_up(s);
    for (uint64_t i = 0; i < 8; i++) {
        s->core.stages[1].strikes = 0;
        tell_core(s, (struct core_event){.kind = CORE_STAGE_EXITED,
                                         .stage = 1,
                                         .signal = SIGSEGV,
                                         .seq = i % 3 == 0 ? 0 : 40 + i % 2});
        assert_null(strstr(buf_text(&s->trace), "quarantine"));
        while (s->core.stages[1].is == STAGE_BACKOFF)
            time_passes(s, 10);
    }
}

/* As the kernel does when memory is short: we wait until it is over, but not forever. */
static void kills_without_progress_are_waited_out_and_end_at_last(void **state)
{
    struct story *s = *state;
    bring_up(s);
    for (unsigned i = 1; i < RESTART_OUTSIDE_MAX; i++) {
        s->core.stages[1].was_linked = true;
        died(s, 1, SIGKILL, 0);
        assert_int_equal(s->core.stages[1].is,
                         i <= RESTART_OUTSIDE_FREE ? STAGE_STARTING : STAGE_BACKOFF);
        time_passes(s, RESTART_BACKOFF_MS_MAX);
    }
    s->core.stages[1].was_linked = true;
    buf_reset(&s->trace);
    died(s, 1, SIGKILL, 0);
    assert_int_equal(s->core.outcome, CORE_OUTCOME_STORM);
    assert_string_equal(s->core.reason,
                        "it was killed by signal 9 (SIGKILL), 200 times in a row without progress");
}

static void a_source_has_no_quarantine(void **state)
{
    struct story *s = *state;
    bring_up(s);
    for (int i = 0; i < 5; i++) {
        tell_core(s, (struct core_event){
                         .kind = CORE_STAGE_EXITED, .stage = 0, .signal = SIGSEGV, .seq = 41});
        time_passes(s, 5000);
    }
    assert_null(strstr(buf_text(&s->trace), "quarantine"));
}

static void want_of_space_is_waited_out_however_long(void **state)
{
    struct story *s = *state;
    bring_up(s);
    for (int i = 0; i < 1000; i++) {
        tell_core(s, (struct core_event){
                         .kind = CORE_STAGE_EXITED, .stage = 2, .exit_code = STAGE_EXIT_WANT});
        assert_int_equal(s->core.stages[2].is, STAGE_BACKOFF);
        assert_true(s->core.stages[2].paused);
        time_passes(s, core_want_wait_ms((unsigned)i + 1));
        assert_int_equal(s->core.stages[2].is, STAGE_STARTING);
    }
    assert_int_equal(s->core.stages[2].strikes, 0);
    assert_int_equal(s->core.is, PIPELINE_RUNNING);
}

/* It may have been its own fault, so its memory is not kept. */
static void an_end_that_nobody_saw_is_a_death(void **state)
{
    struct story *s = *state;
    bring_up(s);
    tell_core(s, (struct core_event){
                     .kind = CORE_STAGE_EXITED, .stage = 1, .exit_code = CORE_EXIT_UNKNOWN});
    assert_non_null(strstr(buf_text(&s->trace), "is gone, and it is not known how it ended"));
    assert_false(s->core.stages[1].image_trusted);
    assert_int_equal(s->core.stages[1].strikes, 1);
    buf_reset(&s->trace);
}
/* A shortage on the host may end. Until then nothing is killed and nothing is counted. */
static void a_link_without_a_resource_is_waited_for(void **state)
{
    struct story *s = *state;
    bring_up(s);
    const struct core_observation pending[3] = {asleep_pending, asleep, asleep};
    for (unsigned i = 0; i < 100; i++) {
        tell_core(s, (struct core_event){.kind = CORE_LINK_FAILED,
                                         .stage = 2,
                                         .edge = 1,
                                         .serial = s->core.edges[1].serial,
                                         .want = WANT_INODES,
                                         .text = "why"});
        assert_int_equal(core_stage_want(&s->core, 2), WANT_INODES);
        assert_int_equal(s->core.edges[1].is, EDGE_DOWN);
        observe(s, pending);
        time_passes(s, core_want_wait_ms(i + 1));
        assert_int_equal(s->core.edges[1].is, EDGE_LISTENING);
    }
    assert_null(strstr(buf_text(&s->trace), "kill"));
    assert_int_equal(s->core.edges[1].failures, 0);
    const char *said = strstr(buf_text(&s->trace), "warn 2 link 1: why; waiting for inodes");
    assert_non_null(said);
    assert_null(strstr(said + 1, "warn")); /* once */
    buf_reset(&s->trace);
    link_event(s, CORE_LINK_LISTENING, 2, 1, s->core.edges[1].serial);
    link_event(s, CORE_LINK_DIALED, 1, 1, s->core.edges[1].serial);
    assert_non_null(strstr(buf_text(&s->trace), "warn 2 link 1 has inodes again; continuing\n"));
    assert_int_equal(core_stage_want(&s->core, 2), WANT_NOTHING);
}

static void spawn_lacks(struct story *s, size_t stage, enum want want)
{
    tell_core(s, (struct core_event){
                     .kind = CORE_SPAWN_FAILED, .stage = stage, .want = want, .text = "why"});
}

static void a_process_that_the_host_has_no_room_for_is_waited_for(void **state)
{
    struct story *s = *state;
    event(s, CORE_STARTED, 0);
    buf_reset(&s->trace);
    spawn_lacks(s, 2, WANT_PROCESSES);
    EXPECT("warn 2 why; waiting for processes\n"
           "warn 2 ended for lack of processes; trying again until that changes\n");
    for (unsigned i = 1; i < 100; i++) {
        time_passes(s, core_want_wait_ms(i));
        assert_int_equal(s->core.stages[2].is, STAGE_STARTING);
        spawn_lacks(s, 2, WANT_PROCESSES);
        assert_int_equal(core_stage_want(&s->core, 2), WANT_PROCESSES);
    }
    assert_int_equal(s->core.stages[2].strikes, 0);
    assert_null(strstr(buf_text(&s->trace), "warn"));
    time_passes(s, RESTART_BACKOFF_MS_MAX);
    buf_reset(&s->trace);
    event(s, CORE_STAGE_READY, 2);
    EXPECT("warn 2 has processes again; continuing\n");
}

/* That a stage is ready proves nothing if the shortage shows only while it works. */
static void what_a_stage_wants_at_work_is_said_once(void **state)
{
    struct story *s = *state;
    bring_up(s);
    tell_core(s, (struct core_event){
                     .kind = CORE_STAGE_PAUSED, .stage = 2, .text = "no room for 12 bytes at 7"});
    EXPECT("warn 2 no room for 12 bytes at 7; waiting for space\n");
    for (unsigned i = 1; i < 100; i++) {
        tell_core(s, (struct core_event){
                         .kind = CORE_STAGE_EXITED, .stage = 2, .exit_code = STAGE_EXIT_WANT});
        time_passes(s, RESTART_BACKOFF_MS_MAX);
        if (i == 1)
            buf_reset(&s->trace);
        event(s, CORE_STAGE_READY, 2);
        tell_core(s, (struct core_event){.kind = CORE_STAGE_PAUSED,
                                         .stage = 2,
                                         .text = i % 2 == 0 ? "no room for 12 bytes at 7"
                                                            : "no room for 4096 bytes at 123"});
        assert_int_equal(core_stage_want(&s->core, 2), WANT_SPACE);
    }
    assert_null(strstr(buf_text(&s->trace), "warn"));
    buf_reset(&s->trace);
    event(s, CORE_STAGE_RESUMED, 2);
    EXPECT("warn 2 has space again; continuing\n");
    event(s, CORE_STAGE_RESUMED, 2);
    EXPECT("");
}

/* Waiting does not raise our own limit of descriptors. */
static void too_few_descriptors_from_the_beginning_end_the_run(void **state)
{
    struct story *s = *state;
    event(s, CORE_STARTED, 0);
    for (unsigned i = 1; i < RESTART_STRIKES_MAX; i++) {
        spawn_lacks(s, 2, WANT_DESCRIPTORS);
        assert_int_equal(s->core.stages[2].is, STAGE_BACKOFF);
        time_passes(s, RESTART_BACKOFF_MS_MAX);
    }
    spawn_lacks(s, 2, WANT_DESCRIPTORS);
    assert_int_equal(s->core.outcome, CORE_OUTCOME_STORM);
}

/* Long lives with nothing to do that end in a death, as in production a few times a year. */
static void live_and_die(struct story *s, bool pending, uint64_t seq)
{
    const struct core_observation seen[3] = {pending ? asleep_pending : asleep, asleep, asleep};
    s->core.stages[1].was_linked = true;
    for (uint64_t ms = 0; ms < RESTART_HEALTHY_MS; ms += core_observe_interval_ms(&s->core))
        observe(s, seen);
    died_with(s, 1, SIGSEGV, seq);
}

static void deaths_after_long_idle_lives_are_not_in_a_row(void **state)
{
    struct story *s = *state;
    bring_up(s);
    for (int i = 0; i < 50; i++) {
        live_and_die(s, false, 0);
        assert_int_equal(s->core.stages[1].is, STAGE_STARTING);
        assert_int_equal(s->core.stages[1].strikes, 1);
        event(s, CORE_STAGE_READY, 1);
    }
    assert_int_equal(s->core.is, PIPELINE_RUNNING);
}

static void deaths_after_long_lives_without_progress_are(void **state)
{
    struct story *s = *state;
    bring_up(s);
    for (unsigned i = 1; i < RESTART_STRIKES_MAX; i++) {
        live_and_die(s, i % 2 == 0, i % 2 == 0 ? 0 : 41 + i); /* under way, or in hand */
        assert_int_equal(s->core.stages[1].strikes, i);
        event(s, CORE_STAGE_READY, 1);
    }
    live_and_die(s, true, 0);
    assert_int_equal(s->core.outcome, CORE_OUTCOME_STORM);
}

static void a_link_that_does_not_come_up_is_made_anew(void **state)
{
    struct story *s = *state;
    event(s, CORE_STARTED, 0);
    event(s, CORE_STAGE_READY, 1);
    event(s, CORE_STAGE_READY, 2);
    event(s, CORE_STAGE_POSITIONED, 2);
    buf_reset(&s->trace);
    time_passes(s, LINK_DEADLINE_MS);
    EXPECT("tell 1 close edge 1 serial 1\ntell 2 close edge 1 serial 1\n");
    time_passes(s, LINK_PAUSE_MS);
    EXPECT("note 1 link 1: was not up in time; re-establishing it\n"
           "tell 2 listen edge 1 serial 2\n");
    for (unsigned i = 1; i < LINK_ATTEMPTS_MAX; i++) {
        time_passes(s, LINK_DEADLINE_MS);
        time_passes(s, LINK_PAUSE_MS);
    }
    buf_reset(&s->trace);
    time_passes(s, LINK_DEADLINE_MS);
    time_passes(s, LINK_PAUSE_MS);
    EXPECT("tell 1 close edge 1 serial 6\ntell 2 close edge 1 serial 6\n"
           "warn 1 link 1: was not up in time, repeatedly; restarting both its ends\n"
           "kill 1\nkill 2\n");
    died(s, 1, SIGKILL, 0);
    died(s, 2, SIGKILL, 0);
    assert_int_equal(s->core.stages[1].strikes + s->core.stages[2].strikes, 0);
}

/* For example, a debugger holds it: then it is killed for that, and its peer is not. */
static void nobody_is_killed_for_a_link_whose_end_owes_an_answer(void **state)
{
    struct story *s = *state;
    bring_up(s);
    s->silent[2] = true;
    const struct core_observation seen[3] = {asleep, asleep, asleep};
    observe(s, seen);
    observe(s, seen);
    buf_reset(&s->trace);
    for (unsigned i = 0; i < 3 * LINK_ATTEMPTS_MAX; i++) {
        link_event(s, CORE_LINK_FAILED, 1, 1, s->core.edges[1].serial);
        time_passes(s, LINK_PAUSE_MS);
    }
    assert_null(strstr(buf_text(&s->trace), "kill"));
    buf_reset(&s->trace);
    for (unsigned i = 0; i < 3; i++)
        observe(s, seen);
    EXPECT("warn 2 did not answer for the stall_timeout of 4000 ms, although it reports that it is "
           "waiting; "
           "killing it\nkill 2\n");
}

static void who_cannot_listen_is_to_blame(void **state)
{
    struct story *s = *state;
    event(s, CORE_STARTED, 0);
    event(s, CORE_STAGE_READY, 1);
    event(s, CORE_STAGE_READY, 2);
    event(s, CORE_STAGE_POSITIONED, 2);
    for (unsigned i = 0; i <= LINK_ATTEMPTS_MAX; i++) {
        buf_reset(&s->trace);
        link_event(s, CORE_LINK_FAILED, 2, 1, s->core.edges[1].serial);
        time_passes(s, LINK_PAUSE_MS);
    }
    EXPECT("tell 1 close edge 1 serial 6\ntell 2 close edge 1 serial 6\n"
           "warn 2 link 1: why, repeatedly and because of this end; restarting it\n"
           "kill 2\n");
}

static void a_broken_link_is_made_anew_and_late_news_of_it_dropped(void **state)
{
    struct story *s = *state;
    bring_up(s);
    link_event(s, CORE_LINK_FAILED, 2, 1, 1);
    EXPECT("tell 1 close edge 1 serial 1\ntell 2 close edge 1 serial 1\n");
    link_event(s, CORE_LINK_FAILED, 1, 1, 1); /* the other end has seen it too */
    EXPECT("");
    assert_int_equal(s->core.late_messages, 1);
    time_passes(s, LINK_PAUSE_MS);
    EXPECT("note 1 link 1: why; re-establishing it\ntell 2 listen edge 1 serial 3\n");
}

/* A survivor sees the link break before the supervisor learns of the death. */
static void links_that_break_with_their_ends_are_not_counted(void **state)
{
    struct story *s = *state;
    bring_up(s);
    for (int i = 0; i < 100; i++) {
        link_event(s, CORE_LINK_FAILED, 1, 1, s->core.edges[1].serial);
        event(s, CORE_KILL_REQUESTED, 2);
        died(s, 2, SIGKILL, 0);
        event(s, CORE_STAGE_READY, 2);
        event(s, CORE_STAGE_POSITIONED, 2);
        assert_int_equal(s->core.edges[1].is, EDGE_LISTENING);
        assert_int_equal(s->core.edges[1].failures, 0);
    }
}

static void a_stage_speaks_only_of_its_own_links(void **state)
{
    struct story *s = *state;
    bring_up(s);
    link_event(s, CORE_LINK_FAILED, 0, 1, 1);
    link_event(s, CORE_LINK_FAILED, 2, 77, 1);
    EXPECT("");
    assert_int_equal(s->core.late_messages, 2);
}

static void a_stop_drains_and_a_second_one_does_not_wait(void **state)
{
    struct story *s = *state;
    bring_up(s);
    event(s, CORE_STOP_REQUESTED, 0);
    EXPECT("tell 0 drain\n");
    died(s, 0, SIGKILL, 90); /* killed while it drains: it drains when it is back */
    buf_reset(&s->trace);
    event(s, CORE_STAGE_READY, 0);
    EXPECT("tell 0 drain\ntell 1 listen edge 0 serial 3\n");
    event(s, CORE_STOP_REQUESTED, 0);
    EXPECT("kill 0\nkill 1\nkill 2\n");
    died(s, 0, SIGKILL, 90);
    died(s, 1, SIGKILL, 90);
    died(s, 2, SIGKILL, 90);
    assert_int_equal(s->core.outcome, CORE_OUTCOME_FORCED);
    assert_int_equal(s->core.is, PIPELINE_STOPPED);
}

static void draining_has_a_deadline_and_so_has_stopping(void **state)
{
    struct story *s = *state;
    bring_up(s);
    event(s, CORE_STOP_REQUESTED, 0);
    buf_reset(&s->trace);
    time_passes(s, DRAIN_DEADLINE_MS);
    EXPECT("kill 0\nkill 1\nkill 2\n");
    died(s, 0, SIGKILL, 90);
    died(s, 1, SIGKILL, 90);
    died(s, 2, SIGKILL, 90);
    EXPECT("tell 1 close edge 0 serial 2\ntell 2 close edge 1 serial 1\nexit\n");
}

static void a_stage_that_does_not_stop_is_killed(void **state)
{
    struct story *s = *state;
    bring_up(s);
    event(s, CORE_STAGE_DONE, 0);
    died(s, 0, 0, 90);
    died(s, 2, 0, 90);
    buf_reset(&s->trace);
    time_passes(s, STOP_DEADLINE_MS);
    EXPECT("kill 1\n");
    died(s, 1, SIGKILL, 90);
    EXPECT("exit\n");
    assert_int_equal(s->core.outcome, CORE_OUTCOME_DONE);
}

/* A source with nothing to read is done at once. The sink may still find its output broken. */
static void nothing_to_do_is_not_done_before_all_are_ready(void **state)
{
    struct story *s = *state;
    event(s, CORE_STARTED, 0);
    event(s, CORE_STAGE_READY, 0);
    event(s, CORE_STAGE_READY, 1);
    buf_reset(&s->trace);
    event(s, CORE_STAGE_DONE, 0);
    EXPECT("");
    event(s, CORE_STAGE_REFUSED, 2);
    EXPECT("tell 0 stop\ntell 1 stop\ntell 2 stop\n");
    died(s, 0, 0, 0);
    died(s, 1, 0, 0);
    died(s, 2, 0, 0);
    assert_int_equal(s->core.outcome, CORE_OUTCOME_REFUSED);
}

static void a_refusal_while_all_stop_is_one_still(void **state)
{
    struct story *s = *state;
    bring_up(s);
    event(s, CORE_STAGE_DONE, 0);
    event(s, CORE_STAGE_REFUSED, 2);
    assert_int_equal(s->core.outcome, CORE_OUTCOME_REFUSED);
    assert_string_equal(s->core.reason, "why");
}

static void a_refusal_stops_all_and_is_not_tried_again(void **state)
{
    struct story *s = *state;
    bring_up(s);
    event(s, CORE_STAGE_REFUSED, 0);
    EXPECT("tell 0 stop\ntell 1 stop\ntell 2 stop\n");
    tell_core(s, (struct core_event){.kind = CORE_STAGE_EXITED, .stage = 0, .exit_code = 78});
    died(s, 1, 0, 90);
    died(s, 2, 0, 90);
    assert_int_equal(s->core.outcome, CORE_OUTCOME_REFUSED);
    assert_string_equal(s->core.reason, "why");
    assert_int_equal(s->core.reason_stage, 0);
}

static void a_frozen_stage_is_killed_and_comes_back(void **state)
{
    struct story *s = *state;
    bring_up(s);
    event(s, CORE_STAGE_FROZEN, 1);
    EXPECT("warn 1 was stopped from outside; killing it\nkill 1\n");
    died(s, 1, SIGKILL, 0);
    assert_int_equal(s->core.stages[1].strikes, 0);
    assert_int_equal(s->core.stages[1].is, STAGE_STARTING);
}

static void a_failed_spawn_backs_off(void **state)
{
    struct story *s = *state;
    event(s, CORE_STARTED, 0);
    buf_reset(&s->trace);
    event(s, CORE_SPAWN_FAILED, 2);
    EXPECT("note 2 why, without progress (1 of 10); restarting in 50 ms\n");
    time_passes(s, 50);
    EXPECT("spawn 2 gen 2\n");
}

/* --- output of former lives of a sink --- */

static void all_acked(struct story *s, uint64_t serial)
{
    tell_core(s, (struct core_event){.kind = CORE_STAGE_ALL_ACKED, .stage = 0, .serial = serial});
}

/* A chain whose sink is killed, and comes back with a question. */
static void ask(struct story *s, uint64_t serial)
{
    char wanted[64];
    died(s, 2, SIGKILL, 90 + serial);
    buf_reset(&s->trace);
    event(s, CORE_STAGE_UNSETTLED, 2);
    (void)snprintf(wanted, sizeof wanted, "tell 0 ask serial %" PRIu64 "\n", serial);
    EXPECT(wanted);
    event(s, CORE_STAGE_READY, 2);
}

static void the_end_waits_for_what_former_lives_have_shown(void **state)
{
    struct story *s = *state;
    bring_up(s);
    ask(s, 1);
    event(s, CORE_STAGE_DONE, 0);
    EXPECT("");
    all_acked(s, 1);
    EXPECT("tell 2 settle\n");
    event(s, CORE_STAGE_SETTLED, 2);
    EXPECT("tell 0 stop\ntell 1 stop\ntell 2 stop\n");
}

/* It may have written more than the process that the answer is for. */
static void an_answer_is_not_for_a_later_process(void **state)
{
    struct story *s = *state;
    bring_up(s);
    ask(s, 1);
    ask(s, 2);
    all_acked(s, 1);
    EXPECT("");
    all_acked(s, 2);
    EXPECT("tell 2 settle\n");
    /* It is killed before it has cut anything. */
    event(s, CORE_STAGE_DONE, 0);
    ask(s, 3);
    all_acked(s, 3);
    EXPECT("tell 2 settle\n");
    event(s, CORE_STAGE_SETTLED, 2);
    EXPECT("tell 0 stop\ntell 1 stop\ntell 2 stop\n");
}

/* Its next process has not asked again yet when the source is done. */
static void a_question_outlives_the_process_that_asked(void **state)
{
    struct story *s = *state;
    bring_up(s);
    ask(s, 1);
    died(s, 2, SIGKILL, 92);
    buf_reset(&s->trace);
    event(s, CORE_STAGE_DONE, 0);
    EXPECT("");
    died(s, 2, SIGKILL, 92); /* nor has the one after it */
    time_passes(s, RESTART_BACKOFF_MS_FIRST);
    buf_reset(&s->trace);
    event(s, CORE_STAGE_UNSETTLED, 2);
    EXPECT("tell 0 ask serial 2\n");
    event(s, CORE_STAGE_READY, 2);
    all_acked(s, 2);
    EXPECT("tell 2 settle\n");
    event(s, CORE_STAGE_SETTLED, 2);
    EXPECT("tell 0 stop\ntell 1 stop\ntell 2 stop\n");
}

/* A sink that had already cut it when it was killed has no question any more. */
static void a_settled_sink_has_no_question(void **state)
{
    struct story *s = *state;
    bring_up(s);
    ask(s, 1);
    event(s, CORE_STAGE_DONE, 0);
    all_acked(s, 1);
    died(s, 2, SIGKILL, 92);
    buf_reset(&s->trace);
    event(s, CORE_STAGE_READY, 2);
    EXPECT("tell 0 stop\ntell 1 stop\ntell 2 stop\n");
}

static void a_new_source_is_asked_again_and_has_not_said_that_it_is_done(void **state)
{
    struct story *s = *state;
    bring_up(s);
    ask(s, 1);
    event(s, CORE_STAGE_DONE, 0);
    died(s, 0, SIGKILL, 90);
    buf_reset(&s->trace);
    event(s, CORE_STAGE_READY, 0);
    EXPECT("tell 0 ask serial 1\ntell 1 listen edge 0 serial 3\n");
    all_acked(s, 1);
    EXPECT("tell 2 settle\n");
    event(s, CORE_STAGE_SETTLED, 2);
    EXPECT("");
    event(s, CORE_STAGE_DONE, 0);
    EXPECT("tell 0 stop\ntell 1 stop\ntell 2 stop\n");
}

/* A source that is told to read no more may never reach what it emitted before. */
static void a_drain_leaves_the_question_open(void **state)
{
    struct story *s = *state;
    bring_up(s);
    ask(s, 1);
    event(s, CORE_STOP_REQUESTED, 0);
    EXPECT("tell 0 drain\n");
    event(s, CORE_STAGE_DONE, 0);
    EXPECT("tell 0 stop\ntell 1 stop\ntell 2 stop\n");
}

static void only_a_sink_that_starts_asks_and_only_the_source_answers(void **state)
{
    struct story *s = *state;
    bring_up(s);
    event(s, CORE_STAGE_UNSETTLED, 2);
    tell_core(s, (struct core_event){.kind = CORE_STAGE_ALL_ACKED, .stage = 1, .serial = 9});
    EXPECT("");
    assert_int_equal(s->core.late_messages, 2);
}

/*
 * Random events in any order, even impossible ones: no invariant breaks. Whatever came before, a
 * stop that is requested twice ends in an exit once all processes are dead.
 */
static void any_order_of_events_ends_in_an_exit(void **state)
{
    struct story *s = *state;
    for (int round = 0; round < 3000; round++) {
        core_done(&s->core);
        core_init(&s->core, &s->topology);
        event(s, CORE_STARTED, 0);
        for (int i = 0; i < 60 && s->core.is != PIPELINE_STOPPED; i++) {
            size_t stage = random_below(3);
            enum core_event_kind kind = (enum core_event_kind)random_below(CORE_TIME_PASSED + 1);
            enum core_stage_state is = s->core.stages[stage].is;
            bool alive = is == STAGE_STARTING || is == STAGE_RUNNING || is == STAGE_STOPPING;
            /* What the loop guarantees: one start, and only a process that lives can end. */
            if (kind == CORE_STARTED || (kind == CORE_STAGE_EXITED && !alive) ||
                (kind == CORE_SPAWN_FAILED && is != STAGE_STARTING))
                continue;
            s->now_ms += random_below(4000);
            const struct core_observation seen[3] = {{.beats = random_below(2)},
                                                     {.waiting = random_below(2) != 0},
                                                     {.beats = 1, .processed = 1}};
            tell_core(s, (struct core_event){.kind = kind,
                                             .stage = stage,
                                             .edge = (uint32_t)random_below(3),
                                             .serial = s->core.serial - random_below(3),
                                             .acked = random_below(100),
                                             .seq = random_below(3),
                                             .signal = random_below(2) != 0 ? SIGKILL : SIGSEGV,
                                             .observations = seen,
                                             .text = "why"});
        }
        event(s, CORE_STOP_REQUESTED, 0);
        event(s, CORE_STOP_REQUESTED, 0);
        for (size_t i = 0; i < 3; i++) {
            if (s->core.stages[i].is != STAGE_DOWN)
                died(s, i, SIGKILL, 0);
        }
        assert_int_equal(s->core.is, PIPELINE_STOPPED);
        buf_reset(&s->trace);
    }
}

/* Whether the assertion that ends every step fails in this state. */
static bool is_noticed(const struct core *core)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit no_core_file = {0};
        (void)setrlimit(RLIMIT_CORE, &no_core_file);
        (void)close(STDERR_FILENO);
        core_invariant(core);
        _exit(EXIT_SUCCESS);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void a_state_that_cannot_be_is_noticed(void **state)
{
    struct story *s = *state;
    bring_up(s);
    assert_false(is_noticed(&s->core));
    struct core_stage *stage = &s->core.stages[1];
    struct core_edge *edge = &s->core.edges[0];
    const struct core_stage stage_was = *stage;
    const struct core_edge edge_was = *edge;
#define EXPECT_NOTICED(change)                                                                     \
    do {                                                                                           \
        change;                                                                                    \
        assert_true(is_noticed(&s->core));                                                         \
        *stage = stage_was;                                                                        \
        *edge = edge_was;                                                                          \
    } while (0)
    EXPECT_NOTICED(stage->is = STAGE_DOWN);                 /* wanted, but not started */
    EXPECT_NOTICED(stage->is = STAGE_BACKOFF);              /* without a time for the restart */
    EXPECT_NOTICED(stage->deadline_ms = 1);                 /* it runs and waits */
    EXPECT_NOTICED(stage->wanted = false);                  /* in a pipeline that goes on */
    EXPECT_NOTICED(stage->positioned = false);              /* and still linked */
    EXPECT_NOTICED(stage->generation++);                    /* the link is of the process before */
    EXPECT_NOTICED(edge->is = EDGE_DOWN);                   /* and forgotten */
    EXPECT_NOTICED(edge->is = EDGE_DIALING);                /* with no end to it */
    EXPECT_NOTICED(edge->serial = s->core.serial + 1);      /* of a link that is still to come */
    EXPECT_NOTICED(s->core.outcome = CORE_OUTCOME_STOPPED); /* while it runs */
#undef EXPECT_NOTICED
}

int main(int argc, char **argv)
{
    random_init("core");
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(stages_are_linked_from_the_sink_up),
        TEST(a_finished_input_stops_along_the_flow),
        TEST(a_killed_stage_is_back_at_once_with_its_memory),
        TEST(a_source_is_told_what_the_furthest_stage_has),
        TEST(memory_of_a_crashed_stage_is_not_kept),
        TEST(an_end_that_nobody_saw_is_a_death),
        TEST(kills_from_outside_never_add_up),
        TEST(deaths_with_progress_never_add_up),
        TEST(a_storm_backs_off_and_then_stops_in_order),
        TEST(a_user_may_kill_a_stage_that_never_gets_ready),
        TEST(a_stage_that_does_not_move_is_hung),
        TEST(a_stage_that_hangs_again_and_again_is_said_to_hang),
        TEST(an_end_is_described_by_its_cause),
        TEST(a_stage_that_does_not_get_ready_is_hung),
        TEST(a_stage_that_has_not_come_to_run_has_longer),
        TEST(one_that_is_started_again_has_longer_too),
        TEST(one_beat_in_the_last_moment_is_enough),
        TEST(after_a_sleep_of_its_own_the_supervisor_blames_nobody),
        TEST(a_standstill_makes_links_anew),
        TEST(a_standstill_is_looked_for_where_records_stand),
        TEST(a_standstill_that_new_links_do_not_end_is_that_of_their_ends),
        TEST(a_link_that_stands_is_made_anew_though_others_move),
        TEST(acks_that_stand_are_a_link_that_stands),
        TEST(a_link_that_has_a_reason_to_stand_is_left_alone),
        TEST(a_link_whose_end_is_out_of_action_is_left_alone),
        TEST(a_stage_that_waits_and_does_not_answer_is_hung),
        TEST(what_a_debugger_holds_is_not_at_fault),
        TEST(while_one_owes_an_answer_nobody_else_is_blamed),
        TEST(a_late_answer_is_none),
        TEST(a_wait_with_nothing_under_way_is_no_standstill),
        TEST(a_reader_that_takes_its_time_is_no_standstill),
        TEST(the_third_death_at_one_record_takes_it_out_before_the_next_start),
        TEST(a_record_that_has_passed_is_not_taken_out),
        TEST(what_has_passed_far_downstream_is_not_taken_out),
        TEST(nothing_is_taken_out_that_downstream_was_not_asked_about),
        TEST(a_kill_from_outside_is_no_poison_and_forgives_none),
        TEST(deaths_at_different_records_or_at_none_are_no_poison),
        TEST(kills_without_progress_are_waited_out_and_end_at_last),
        TEST(a_source_has_no_quarantine),
        TEST(what_else_kills_at_a_seq_stops_the_topology_and_takes_nothing_out),
        TEST(out_of_memory_by_what_else_is_done_at_a_seq_says_what_to_do),
        TEST(deaths_by_this_and_that_at_a_seq_are_not_in_a_row),
        TEST(what_was_let_go_once_is_tried_again),
        TEST(want_of_space_is_waited_out_however_long),
        TEST(a_link_without_a_resource_is_waited_for),
        TEST(a_process_that_the_host_has_no_room_for_is_waited_for),
        TEST(what_a_stage_wants_at_work_is_said_once),
        TEST(too_few_descriptors_from_the_beginning_end_the_run),
        TEST(deaths_after_long_idle_lives_are_not_in_a_row),
        TEST(deaths_after_long_lives_without_progress_are),
        TEST(links_that_break_with_their_ends_are_not_counted),
        TEST(a_link_that_does_not_come_up_is_made_anew),
        TEST(nobody_is_killed_for_a_link_whose_end_owes_an_answer),
        TEST(who_cannot_listen_is_to_blame),
        TEST(a_broken_link_is_made_anew_and_late_news_of_it_dropped),
        TEST(a_stage_speaks_only_of_its_own_links),
        TEST(a_stop_drains_and_a_second_one_does_not_wait),
        TEST(draining_has_a_deadline_and_so_has_stopping),
        TEST(a_stage_that_does_not_stop_is_killed),
        TEST(nothing_to_do_is_not_done_before_all_are_ready),
        TEST(a_refusal_while_all_stop_is_one_still),
        TEST(a_refusal_stops_all_and_is_not_tried_again),
        TEST(a_frozen_stage_is_killed_and_comes_back),
        TEST(a_failed_spawn_backs_off),
        TEST(the_end_waits_for_what_former_lives_have_shown),
        TEST(an_answer_is_not_for_a_later_process),
        TEST(a_question_outlives_the_process_that_asked),
        TEST(a_settled_sink_has_no_question),
        TEST(a_new_source_is_asked_again_and_has_not_said_that_it_is_done),
        TEST(a_drain_leaves_the_question_open),
        TEST(only_a_sink_that_starts_asks_and_only_the_source_answers),
        TEST(any_order_of_events_ends_in_an_exit),
        TEST(a_state_that_cannot_be_is_noticed),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
