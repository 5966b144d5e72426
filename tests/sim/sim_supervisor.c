/* SPDX-License-Identifier: MIT */
/*
 * The supervisor: the real core and its real driver, with operations on the simulated world.
 * Waiting events are taken one by one, in random order.
 */
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "common/check.h"
#include "tests/sim/sim_calls_p.h"
#include "tests/sim/sim_world.h"

static struct supervised *stage_at(size_t stage)
{
    return &world.supervisor.stages[stage];
}

static const char *name_of(size_t stage)
{
    return world.topology->stages[stage].name;
}

/* --- the operations of the driver --- */

static uint64_t now_ms(void *context)
{
    (void)context;
    return sim_report.now_us / 1000;
}

static void arm(void *context, uint64_t deadline_ms)
{
    (void)context;
    world.supervisor.deadline_ms = deadline_ms;
}

static void log_stage(void *context, enum log_level level, size_t stage, const char *text)
{
    (void)context;
    (void)level;
    TRACE("supervisor: %s: %s", name_of(stage), text);
}

static void end_run(void *context)
{
    (void)context;
    world.supervisor.exits = true;
}

static int renew_image(void *context, size_t stage, struct err *e)
{
    (void)context;
    (void)e;
    TRACE("supervisor gives %s new memory", name_of(stage));
    memory_file_free(stage_at(stage)->image_fd);
    stage_at(stage)->image_fd = memory_file_new(true);
    return 0;
}

static int spawn(void *context, size_t stage, uint64_t generation, struct err *e)
{
    (void)context;
    if (fault_one_in(world.faults.spawn_one_in))
        return err_set(e, ERR_IO, "cannot fork");
    struct process *process = process_new(stage, generation);
    process->status_fd = stage_at(stage)->status_fd;
    process->image_fd = stage_at(stage)->image_fd;
    stage_at(stage)->process = process;
    stage_at(stage)->is_stopped = false;
    TRACE("supervisor spawns %s gen %" PRIu64, process->name, generation);
    return 0;
}

/* There is no exec here, so none can fail. */
static int hear_birth(void *context, size_t stage, int *ret_error)
{
    (void)context;
    (void)stage;
    *ret_error = 0;
    return 0;
}

static void kill_process(void *context, size_t stage)
{
    (void)context;
    TRACE("supervisor kills %s", name_of(stage));
    if (!stage_at(stage)->process->ended)
        process_kill(stage_at(stage)->process, SIGKILL);
}

static enum process_change look(void *context, size_t stage, struct process_end *ret_end)
{
    (void)context;
    const struct process *process = stage_at(stage)->process;
    if (process->ended) {
        *ret_end = process->end;
        return PROCESS_ENDED;
    }
    bool is_stopped = stage_at(stage)->is_stopped;
    stage_at(stage)->is_stopped = false;
    return is_stopped ? PROCESS_STOPPED : PROCESS_UNCHANGED;
}

static bool is_held(void *context, size_t stage)
{
    (void)context;
    return stage_at(stage)->process->frozen;
}

static void bury(void *context, size_t stage)
{
    (void)context;
    process_free(stage_at(stage)->process);
    stage_at(stage)->process = NULL;
}

static int send_control(void *context, size_t stage, const struct control_message *message,
                        struct err *e)
{
    (void)context;
    TRACE("supervisor tells %s %s edge %u serial %" PRIu64 " acked %" PRIu64 " expected %" PRIu64,
          name_of(stage), control_kind_name(message->kind), message->edge, message->serial,
          message->acked, message->expected);
    return control_send(control_fd_of(stage), message, e);
}

static int receive_control(void *context, size_t stage, struct control_message *ret_message,
                           struct err *e)
{
    (void)context;
    return control_receive(control_fd_of(stage), ret_message, e);
}

/* has_message() asks the driver. */
static void stop_hearing(void *context, size_t stage)
{
    (void)context;
    (void)stage;
}

static int quarantine(void *context, size_t stage, struct quarantine_entry *entry, struct err *e)
{
    (void)context;
    (void)e;
    fail("%s is to do without seq %" PRIu64 ", which never did any harm", name_of(stage),
         entry->seq);
}

/* Links have no sockets here. */
static void remove_sockets(void *context, size_t edge)
{
    (void)context;
    (void)edge;
}

static bool links_are_removed(void *context)
{
    (void)context;
    return false;
}

static const struct driver_ops operations = {.now_ms = now_ms,
                                             .arm = arm,
                                             .log = log_stage,
                                             .exit = end_run,
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

/* --- the life --- */

/* Nothing stands still without a cause: links that lose something must be noticed before this. */
static void check_standstill(void)
{
    const struct supervisor_sim *s = &world.supervisor;
    for (size_t i = 0; i < s->driver.core.edge_count && !s->link_silent; i++) {
        if (strstr(s->driver.core.edges[i].why, "stalled") == NULL)
            continue;
        world_dump();
        fail("everything stood still, and no link was silent");
    }
}

static void observe_again_later(void)
{
    world.supervisor.observes_us =
        sim_report.now_us + core_observe_interval_ms(&world.supervisor.driver.core) * 1000;
}

void supervisor_start(void)
{
    struct supervisor_sim *s = &world.supervisor;
    memcpy(world.begins_after, s->start.begins_after, sizeof world.begins_after);
    s->alive = true;
    s->exits = s->stop_asked = s->link_silent = false;
    s->faults_before = world.faults.happened;
    world.lives++;
    TRACE("supervisor starts, life %" PRIu64, world.lives);
    driver_init(&s->driver, world.topology, &operations, NULL);
    for (size_t i = 0; i < world.topology->stage_count; i++) {
        struct err e;
        s->stages[i] = (struct supervised){.image_fd = -1};
        INVARIANT(status_page_create(&s->stages[i].status_fd, &e) == 0);
        INVARIANT(status_page_map(s->stages[i].status_fd, &s->stages[i].page, &e) == 0);
        if (s->driver.stages[i].has_image)
            s->stages[i].image_fd = memory_file_new(true);
        s->driver.stages[i].page = s->stages[i].page;
    }
    observe_again_later();
    driver_start(&s->driver);
}

static bool has_message(size_t stage)
{
    return world.supervisor.driver.stages[stage].is_heard &&
           stage_at(stage)->process->to_supervisor.first != NULL;
}

static bool has_ended(size_t stage)
{
    return stage_at(stage)->process != NULL && stage_at(stage)->process->ended;
}

bool supervisor_is_ready(void)
{
    if (!world.supervisor.alive)
        return false;
    for (size_t i = 0; i < world.topology->stage_count; i++) {
        if (has_message(i) || has_ended(i))
            return true;
    }
    return sim_report.now_us >= supervisor_ready_at_us();
}

uint64_t supervisor_ready_at_us(void)
{
    const struct supervisor_sim *s = &world.supervisor;
    if (!s->alive)
        return UINT64_MAX;
    return s->deadline_ms != 0 && s->deadline_ms * 1000 < s->observes_us ? s->deadline_ms * 1000
                                                                         : s->observes_us;
}

/* Does what is due by now. Returns false if nothing is. */
static bool take_time(void)
{
    struct supervisor_sim *s = &world.supervisor;
    if (sim_report.now_us >= s->observes_us) {
        driver_observe(&s->driver);
        check_standstill();
        observe_again_later();
        return true;
    }
    if (s->deadline_ms == 0 || sim_report.now_us / 1000 < s->deadline_ms)
        return false;
    driver_time_passed(&s->driver);
    return true;
}

bool supervisor_step(void)
{
    struct driver *driver = &world.supervisor.driver;
    size_t count = world.topology->stage_count;
    size_t first = chance_below(count + 1);
    for (size_t n = 0; n <= count; n++) {
        size_t i = (first + n) % (count + 1);
        if (i == count) {
            if (take_time())
                return true;
        } else if (has_ended(i) && (!has_message(i) || chance_one_in(2))) {
            driver_look_at(driver, i);
            return true;
        } else if (has_message(i)) {
            driver_hear(driver, i);
            return true;
        }
    }
    return false;
}

void supervisor_ask_stop(void)
{
    TRACE("a user asks the supervisor to stop");
    world.supervisor.stop_asked = true;
    driver_stop(&world.supervisor.driver);
}

void supervisor_ask_kill(size_t stage)
{
    const struct process *process = stage_at(stage)->process;
    if (process == NULL || process->ended)
        return;
    TRACE("a user asks the supervisor to kill %s", process->name);
    (void)driver_kill(&world.supervisor.driver, stage);
}

void supervisor_freeze(size_t stage)
{
    struct process *process = stage_at(stage)->process;
    if (process == NULL || process->ended)
        return;
    /*
     * A debugger that holds a process causes no signal: the process is asked, and does not answer.
     */
    bool held = chance_one_in(2);
    TRACE("%s %s", process->name, held ? "is held by a debugger" : "gets SIGSTOP");
    process->frozen = true;
    stage_at(stage)->is_stopped = !held;
    driver_look_at(&world.supervisor.driver, stage);
}

void supervisor_exit(void)
{
    start_leave();
    supervisor_end();
}

void supervisor_end(void)
{
    struct supervisor_sim *s = &world.supervisor;
    if (s->self != NULL)
        process_kill(s->self, SIGKILL);
    process_free(s->self);
    s->self = NULL;
    if (!s->alive)
        return;
    driver_done(&s->driver);
    for (size_t i = 0; i < world.topology->stage_count; i++) {
        struct process *process = s->stages[i].process;
        if (process == NULL)
            continue;
        process->supervisor_gone = process->doomed = true;
        process->frozen = false;
    }
    s->alive = false;
}

bool supervisor_bury_orphans(void)
{
    struct supervisor_sim *s = &world.supervisor;
    bool all_gone = true;
    for (size_t i = 0; i < world.topology->stage_count; i++) {
        struct supervised *stage = &s->stages[i];
        if (stage->process != NULL && stage->process->ended) {
            process_free(stage->process);
            stage->process = NULL;
        }
        all_gone = all_gone && stage->process == NULL;
    }
    if (!all_gone)
        return false;
    for (size_t i = 0; i < world.topology->stage_count; i++) {
        if (s->stages[i].page == NULL)
            continue;
        memory_file_free(s->stages[i].status_fd);
        memory_file_free(s->stages[i].image_fd);
        s->stages[i] = (struct supervised){.image_fd = -1};
    }
    return true;
}
