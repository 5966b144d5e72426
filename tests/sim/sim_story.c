/* SPDX-License-Identifier: MIT */
/*
 * One seed. Chance decides how often each thing goes wrong, and how often in total. When that is
 * used up, nothing more goes wrong, and the run must come to its end. The scheduler lets one actor
 * move at a time: a process until it yields, waits or ends, or the supervisor for one event. If
 * none can move, time advances until one can; if that is never, the run hangs.
 */
#include "tests/sim/sim_story.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/bounds.h"
#include "common/bytes.h"
#include "common/check.h"
#include "common/file.h"
#include "stages/store/cursor.h"
#include "tests/sim/sim_input.h"
#include "tests/sim/sim_topology.h"
#include "tests/sim/sim_world.h"

#define STEPS_MAX 400000u

struct world world;

static uint64_t pick(const uint64_t *values, size_t count)
{
    return values[chance_below(count)];
}
#define PICK(...)                                                                                  \
    pick((const uint64_t[]){__VA_ARGS__},                                                          \
         sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

const char *profile_name(enum profile profile)
{
    static const char *const names[] = {
#define X(name, text, meaning) text,
        PROFILE_LIST(X)
#undef X
    };
    return names[profile];
}

enum profile story_profile(uint64_t seed)
{
    return (enum profile)(seed % PROFILES);
}

void story_init(void)
{
    topologies_init();
}

void story_done(void)
{
    topologies_done();
}

static void draw_kills(struct faults *f)
{
    f->kill_one_in = PICK(30, 100, 100, 300, 1000);
    f->taint_one_in = PICK(0, 2, 5);
    f->again_one_in = PICK(0, 1, 3);
    f->freeze_one_in = PICK(0, 0, 1000);
    f->user_kill_one_in = PICK(0, 500, 3000);
    f->supervisor_one_in = PICK(0, 500, 3000);
    f->start_one_in = PICK(0, 1, 2, 4);
    f->fresh_one_in = PICK(0, 0, 0, 2, 4);
    f->stop_one_in = PICK(0, 0, 2000);
    f->rest_one_in = PICK(0, 2);
    f->workers_one_in = PICK(0, 1, 3);
    f->jump_one_in = PICK(0, 0, 2000);
    f->spawn_one_in = PICK(0, 0, 10);
}

static void draw_power(struct faults *f)
{
    f->power_one_in = PICK(200, 500, 1000, 3000);
    f->start_one_in = PICK(0, 1, 2, 4);
    f->fresh_one_in = PICK(0, 0, 0, 2, 4);
    if (f->kill_one_in == 0)
        f->kill_one_in = PICK(0, 100, 300, 1000);
    f->taint_one_in = PICK(0, 2);
    f->again_one_in = PICK(0, 0, 2);
    f->rest_one_in = PICK(0, 2);
    f->workers_one_in = PICK(0, 0, 2);
}

static void draw_network(struct faults *f)
{
    f->break_one_in = PICK(0, 100, 500);
    f->silent_one_in = PICK(0, 0, 0, 200);
    f->garbage_one_in = PICK(5, 20, 50);
    f->control_one_in = PICK(0, 0, 30);
    f->listen_one_in = PICK(0, 5, 20);
    if (f->kill_one_in == 0)
        f->kill_one_in = PICK(0, 0, 300);
}

static void draw_disk(struct faults *f)
{
    f->write_error_one_in = PICK(0, 30, 200);
    f->sync_error_one_in = PICK(10, 30, 100);
    f->disk_full_one_in = PICK(0, 0, 100);
    if (f->kill_one_in == 0)
        f->kill_one_in = PICK(0, 0, 100, 1000);
    f->power_one_in = PICK(0, 500, 3000);
    f->start_one_in = PICK(0, 2, 8);
    f->sync_us_max = PICK(3000, 300000);
}

static void draw_faults(enum profile profile)
{
    struct faults *f = &world.faults;
    *f = (struct faults){0};
    f->yield_one_in = PICK(2, 4, 10, 50);
    f->short_one_in = PICK(0, 3, 20);
    f->interrupt_one_in = PICK(0, 5, 50);
    f->sync_us_max = PICK(100, 3000);
    f->delay_us_max = PICK(0, 50, 2000, 30000);
    f->link_messages_max = PICK(1, 2, 8);
    f->left = chance_below(PICK(3, 20, 60));
    if (profile == PROFILE_KILLS || profile == PROFILE_ALL)
        draw_kills(f);
    if (profile == PROFILE_POWER || (profile == PROFILE_ALL && chance_one_in(2)))
        draw_power(f);
    if (profile == PROFILE_NETWORK || (profile == PROFILE_ALL && chance_one_in(2)))
        draw_network(f);
    if (profile == PROFILE_DISK || (profile == PROFILE_ALL && chance_one_in(2)))
        draw_disk(f);
    if (!world.durable)
        f->power_one_in = 0;
}

static void make_world(enum profile profile, struct sim_input *ret_input)
{
    struct sim_report report = sim_report;
    world = (struct world){0};
    sim_report = report;
    sim_report.now_us = 1000000 + chance_below(1000000);
    world.forms = topologies_pick(&world.durable, &world.source,
                                  profile == PROFILE_POWER || profile == PROFILE_DISK);
    world.by_pipe = world.source == SOURCE_PIPE;
    world.by_follow = world.source == SOURCE_FOLLOWED;
    world.topology = world.forms->variants[0];
    world.logical = world.forms->logical;
    draw_faults(profile);
    *ret_input = input_make();
    if (world.by_pipe) {
        /* Each part is a stream of its own, and a byte order mark counts only at its beginning. */
        input_unmark(ret_input, 0);
        input_unmark(ret_input, ret_input->part_len);
    }
    if (world.by_follow) {
        input_end_line(ret_input);
        follow_plan(ret_input->bytes, ret_input->len);
    }
    reference_make(ret_input->bytes, ret_input->len);
    world.disk = disk_new(world.durable);
    (void)disk_make(world.disk, DISK_ROOT, INPUT_NAME, false);
    disk_sync_all(world.disk);
    boot_begin(world.disk);
    for (size_t i = 0; i < WORLD_STAGES_MAX; i++)
        world.supervisor.stages[i].image_fd = -1;
    TRACE("%zu processes, %" PRIu64 " seqs, durability: %s, %" PRIu64 " faults",
          world.topology->stage_count, world.reference.seqs, world.durable ? "host" : "process",
          world.faults.left);
}

static void free_world(void)
{
    supervisor_end();
    for (size_t i = 0; i < world.topology->stage_count; i++) {
        struct process *process = world.supervisor.stages[i].process;
        if (process != NULL && !process->ended)
            process_kill(process, SIGKILL);
    }
    INVARIANT(supervisor_bury_orphans());
    links_reset();
    disk_free(world.disk);
    reference_free();
}

/* Provides the input, or the first part of it. */
static void give_input(const struct sim_input *input, bool whole)
{
    int node = disk_find(world.disk, DISK_ROOT, INPUT_NAME);
    size_t len = whole ? input->len : input->part_len;
    if (world.by_pipe) {
        pipe_begin(input->bytes, world.piped, len);
        world.piped = len;
    } else if (!world.by_follow) {
        disk_write(world.disk, node, 0, input->bytes, len);
        disk_sync(world.disk, node);
    }
    world.input_seqs = whole ? world.reference.seqs : input->part_seqs;
    if (world.input_seqs > world.reference.seqs)
        fail("the input has %" PRIu64 " seqs for us and %" PRIu64 " for the inline host",
             world.input_seqs, world.reference.seqs);
}

/* How much of the input the source has emitted, by its cursor: it would notice a change of that. */
static uint64_t given_bytes(void)
{
    enum { PAYLOAD_AT_GIVEN_OFFSET = 104 }; /* docs/protocol.md, "Payload of file.source" */
    const uint32_t magic = 0x4f534842u;     /* "BHSO" */
    struct process tool = {.disk = world.disk, .name = "writer"};
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    char path[128];
    bool found = false;
    int fd;
    (void)snprintf(path, sizeof path, STATE_PATH "/stages/%s", world.topology->stages[0].base);
    process_enter(&tool);
    if (file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &fd, NULL) == 0)
        (void)cursor_read(fd, magic, payload, &found, NULL);
    process_leave();
    (void)calls_forget(&tool);
    return found ? bytes_get_u64(payload + PAYLOAD_AT_GIVEN_OFFSET) : 0;
}

/*
 * While everything is down, the rest of the input is replaced. Only uncommitted output of it
 * exists, and that must leave no trace. If a part that was already emitted were changed, the source
 * would notice, and refuse it.
 */
static void change_rest(struct sim_input *input)
{
    /* An end that a source has noted must not move. */
    if (world.topology->marks_end || world.source != SOURCE_FILE)
        return;
    if (world.input_seqs != world.reference.seqs || !fault_one_in(world.faults.rest_one_in))
        return;
    seq_number kept = check_recovery(false);
    if (!input_change_rest(input, kept, given_bytes()))
        return;
    TRACE("the input is changed behind seq %" PRIu64, kept);
    int node = disk_find(world.disk, DISK_ROOT, INPUT_NAME);
    disk_truncate(world.disk, node, 0);
    world.rest_changed = true;
    reference_free();
    reference_make(input->bytes, input->len);
    give_input(input, true);
}

/*
 * While everything is down, stages get another number of workers. None of the new workers resumes
 * before the point up to which all old ones have acked.
 */
static void change_workers(void)
{
    if (!fault_one_in(world.faults.workers_one_in))
        return;
    const struct topology *old = world.topology;
    const struct topology *new = world.forms->variants[chance_below(TOPOLOGY_VARIANTS)];
    seq_number said[WORLD_STAGES_MAX] = {0};
    for (size_t i = 0; i < new->stage_count; i++) {
        said[i] = UINT64_MAX;
        for (size_t k = 0; k < old->stage_count; k++) {
            if (strcmp(old->stages[k].base, new->stages[i].base) == 0 && world.said[k] < said[i])
                said[i] = world.said[k];
        }
    }
    memcpy(world.said, said, sizeof said);
    world.topology = new;
    TRACE("%zu processes in place of %zu", new->stage_count, old->stage_count);
}

/*
 * What was in the pipe is gone, and so is what was read from it but not yet safe in the journal;
 * none of that was emitted. What comes next is another stream: a line of which the journal holds
 * only the beginning ends there.
 */
static void lose_pipe(void)
{
    struct sim_input *input = world.input;
    bool whole = world.gives_whole;
    struct journal_kept kept = pipe_find_kept(world.disk, false);
    size_t len = (size_t)kept.bytes + world.newlines;
    if (kept.last < world.given)
        fail("the journal ends with %" PRIu64 ", but %" PRIu64 " was given out", kept.last,
             world.given);
    if (len > input->len)
        fail("the journal has %zu bytes, and there were no more than %zu", len, input->len);
    world.newlines += len != 0 && input->bytes[len - 1] != '\n' ? 1 : 0;
    input_cut(input, len);
    reference_free();
    reference_make(input->bytes, input->len);
    world.piped = input->part_len;
    world.rest_changed = true;
    give_input(input, whole);
}

static void lose_power(void)
{
    world.power_fails = false;
    TRACE("the power fails");
    world.power_losses++;
    supervisor_end();
    for (size_t i = 0; i < world.topology->stage_count; i++) {
        struct process *process = world.supervisor.stages[i].process;
        if (process != NULL && !process->ended)
            process_kill(process, SIGKILL);
    }
    INVARIANT(supervisor_bury_orphans());
    disk_lose_power(world.disk);
    boot_begin(world.disk);
    if (world.by_pipe)
        lose_pipe();
    world.disk_full_until_us = 0;
    world.supervisor.starts_us = sim_report.now_us + chance_below(100000);
}

static void faults_of_the_turn(void)
{
    struct faults *f = &world.faults;
    if (f->left == 0 && !world.power_fails)
        return;
    size_t stage = chance_below(world.topology->stage_count);
    if (world.power_fails || fault_one_in(f->power_one_in))
        lose_power();
    if (!world.supervisor.alive)
        return;
    if (fault_one_in(f->supervisor_one_in)) {
        TRACE("the supervisor is killed");
        supervisor_end();
        world.supervisor.starts_us = sim_report.now_us + chance_below(100000);
        return;
    }
    if (fault_one_in(f->freeze_one_in))
        supervisor_freeze(stage);
    if (fault_one_in(f->user_kill_one_in))
        supervisor_ask_kill(stage);
    if (fault_one_in(f->stop_one_in))
        supervisor_ask_stop();
    if (fault_one_in(f->jump_one_in)) {
        sim_report.now_us += chance_below(PICK(100000, 5000000, 100000000));
        TRACE("time has jumped");
    }
}

void world_dump(void)
{
    const struct supervisor_sim *s = &world.supervisor;
    printf("at %" PRIu64 " us, %" PRIu64 " steps, the supervisor is %s\n", sim_report.now_us,
           world.steps, s->alive ? core_pipeline_state_text(s->driver.core.is) : "dead");
    for (size_t i = 0; i < world.topology->stage_count; i++) {
        const struct process *p = s->stages[i].process;
        printf("  %-12s %s", world.topology->stages[i].name,
               s->alive ? core_stage_state_text(s->driver.core.stages[i].is) : "");
        if (p == NULL) {
            puts(", no process");
            continue;
        }
        const struct host *h = &p->host;
        printf(", gen %" PRIu64 "%s%s, given %" PRIu64 ", done %" PRIu64 ", committed %" PRIu64
               "%s\n",
               p->generation,
               p->ended           ? " ended"
               : p->waits != NULL ? " in poll()"
                                  : "",
               p->frozen ? " frozen" : "", h->runner.given, h->runner.done, h->committed,
               h->positioned ? "" : ", no position");
        for (size_t k = 0; k < h->inlet_count; k++)
            printf("    in edge %zu: %s%s, expects %" PRIu64 ", %zu bytes queued\n",
                   h->inlets[k].edge->index, h->inlets[k].link != NULL ? "link" : "no link",
                   h->inlets[k].up ? " up" : "", h->inlets[k].expected, h->inlets[k].queued_bytes);
        for (size_t k = 0; k < h->outlet_count; k++)
            printf("    out edge %zu: %s, pushed %" PRIu64 ", acked %" PRIu64 ", sent %zu of %zu\n",
                   h->outlets[k].edge->index, h->outlets[k].link != NULL ? "link" : "no link",
                   h->outlets[k].window.pushed, h->outlets[k].peer_acked, h->outlets[k].window.sent,
                   h->outlets[k].window.count);
    }
}

/* Lets time pass until an actor can move. */
static void wait_for_somebody(void)
{
    uint64_t at_us = supervisor_ready_at_us();
    uint64_t pipe_us = pipe_writes_at_us();
    at_us = pipe_us < at_us ? pipe_us : at_us;
    uint64_t follow_us = follow_acts_at_us();
    at_us = follow_us < at_us ? follow_us : at_us;
    bool orphans = false;
    for (size_t i = 0; i < world.topology->stage_count; i++) {
        const struct process *process = world.supervisor.stages[i].process;
        if (process == NULL || process->ended)
            continue;
        orphans = true;
        uint64_t process_us = process_ready_at_us(process);
        at_us = process_us < at_us ? process_us : at_us;
    }
    const struct process *self = world.supervisor.self;
    if (self != NULL && !self->ended) {
        uint64_t self_us = process_ready_at_us(self);
        at_us = self_us < at_us ? self_us : at_us;
    } else if (!world.supervisor.alive && !orphans) {
        at_us = world.supervisor.starts_us;
    }
    if (at_us == UINT64_MAX) {
        world_dump();
        fail("it hangs: nothing will ever happen again");
    }
    if (at_us > sim_report.now_us)
        sim_report.now_us = at_us;
}

/* Moves a random one of the actors that can move. */
static void move_somebody(void)
{
    struct process *ready[WORLD_STAGES_MAX + 1];
    size_t count = 0;
    struct process *self = world.supervisor.self;
    if (self != NULL && !self->ended && process_is_ready(self))
        ready[count++] = self;
    for (size_t i = 0; i < world.topology->stage_count; i++) {
        struct process *process = world.supervisor.stages[i].process;
        if (process == NULL || process->ended)
            continue;
        /* A turn without a reason must do no harm. */
        bool spurious = process->waits != NULL && !process->frozen && chance_one_in(50);
        if (spurious || process_is_ready(process))
            ready[count++] = process;
    }
    bool supervisor = supervisor_is_ready();
    if (count == 0 && !supervisor) {
        wait_for_somebody();
        return;
    }
    size_t chosen = chance_below(count + (supervisor ? 1 : 0));
    if (chosen == count)
        (void)supervisor_step();
    else
        process_run(ready[chosen]);
    if (self != NULL && self->ended && !world.supervisor.alive && start_judge())
        supervisor_start();
    if (world.check_wanted)
        (void)check_recovery(world.durable);
    world.check_wanted = false;
}

/* A log has no end, so the run is stopped once all of it is written and processed. */
static bool is_all_done(void)
{
    const struct status_page *page = world.supervisor.stages[0].page;
    return world.by_follow && follow_is_over() && page != NULL &&
           atomic_load(&page->acked) == world.reference.seqs;
}

static void stop_at_the_end(void)
{
    if (world.supervisor.alive && !world.supervisor.stop_asked && is_all_done())
        supervisor_ask_stop();
}

/* How a life of the supervisor may end. Returns whether the work is done. */
static bool judge_outcome(void)
{
    const struct supervisor_sim *s = &world.supervisor;
    uint64_t faults = world.faults.happened - s->faults_before;
    switch (s->driver.core.outcome) {
    case CORE_OUTCOME_DONE:
        check_done();
        return true;
    case CORE_OUTCOME_STOPPED:
    case CORE_OUTCOME_FORCED:
        if (is_all_done()) {
            check_done();
            return true;
        }
        if (s->stop_asked)
            return false;
        break;
    case CORE_OUTCOME_STORM:
        if (faults >= RESTART_STRIKES_MAX)
            return false;
        break;
    case CORE_OUTCOME_REFUSED:
    case CORE_OUTCOME_UNREAD:
    case CORE_OUTCOME_NONE:
        break;
    }
    fail("the supervisor gave up (outcome %d) after %" PRIu64 " faults: %s: %s",
         (int)s->driver.core.outcome, faults,
         world.topology->stages[s->driver.core.reason_stage].name, s->driver.core.reason);
}

/* Runs from nothing to the end of the input, with as many supervisors as it takes. */
static void run_to_the_end(struct sim_input *input)
{
    for (;;) {
        if (++world.steps > STEPS_MAX) {
            world_dump();
            fail("no end after %u steps", STEPS_MAX);
        }
        sim_report.now_us += chance_below(30);
        if (!world.supervisor.alive && world.supervisor.self == NULL && supervisor_bury_orphans() &&
            sim_report.now_us >= world.supervisor.starts_us) {
            if (world.attempts > 0) {
                change_rest(input);
                change_workers();
            }
            start_begin();
        }
        faults_of_the_turn();
        if (world.by_pipe)
            pipe_step();
        if (world.by_follow)
            follow_step();
        stop_at_the_end();
        move_somebody();
        if (!world.supervisor.alive || !world.supervisor.exits)
            continue;
        bool done = judge_outcome();
        TRACE("supervisor exits, outcome %d", (int)world.supervisor.driver.core.outcome);
        supervisor_exit();
        world.supervisor.starts_us = sim_report.now_us + chance_below(100000);
        INVARIANT(supervisor_bury_orphans());
        if (done)
            return;
    }
}

void story_play(uint64_t seed, enum profile profile, struct story_totals *totals)
{
    chance_seed(seed * PROFILES + (uint64_t)profile);
    struct sim_input input;
    make_world(profile, &input);
    world.input = &input;
    /* If the end of a part is marked, the whole input at once would be a different one. */
    bool in_parts = chance_one_in(3) && !world.topology->marks_end && !world.by_follow;
    if (in_parts) {
        give_input(&input, false);
        world.gives_whole = false;
        run_to_the_end(&input);
    }
    give_input(&input, true);
    world.gives_whole = true;
    run_to_the_end(&input);
    free_world();
    sim_free(input.bytes);
    totals->seeds++;
    totals->steps += world.steps;
    totals->kills += world.kills;
    totals->lives += world.lives;
    totals->power_losses += world.power_losses;
    totals->faults += world.faults.happened;
    totals->checks += world.checks;
}
