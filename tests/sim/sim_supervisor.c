/* SPDX-License-Identifier: MIT */
/*
 * The supervisor: the real core with a loop that does what supervisor_loop.c does, one event at a
 * time, in an order that chance chooses among those that are waiting.
 */
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "common/check.h"
#include "stages/stage.h"
#include "tests/sim/sim_calls_p.h"
#include "tests/sim/sim_world.h"

static void take_event(struct core_event *event);

/* --- what a stage process says --- */

static void hear_control(size_t index)
{
    struct supervised *stage = &world.supervisor.stages[index];
    while (stage->control_open) {
        struct control_message message;
        struct err e;
        int rc = control_receive(control_fd_of(index), &message, &e);
        if (rc == ERR_AGAIN)
            return;
        struct core_event event = {.stage = index};
        if (rc == 0 && core_event_of_message(&message, &event)) {
            take_event(&event);
            continue;
        }
        stage->control_open = false;
        if (rc == ERR_END)
            return;
        event.kind = CORE_STAGE_MISBEHAVED;
        event.text = rc == 0 ? "it sent what only we send" : e.text;
        take_event(&event);
    }
}

/* --- births and deaths --- */

static void do_spawn(const struct core_action *action)
{
    struct supervised *stage = &world.supervisor.stages[action->stage];
    if (fault_one_in(world.faults.spawn_one_in)) {
        struct core_event event = {
            .kind = CORE_SPAWN_FAILED, .stage = action->stage, .text = "cannot fork"};
        stage->kills++;
        take_event(&event);
        return;
    }
    if (stage->image_fd >= 0 && !action->keep_image) {
        memory_file_free(stage->image_fd);
        stage->image_fd = memory_file_new(true);
    }
    stage->process = process_new(action->stage, action->generation);
    stage->process->status_fd = stage->status_fd;
    stage->process->image_fd = stage->image_fd;
    stage->control_open = true;
    TRACE("supervisor spawns %s gen %" PRIu64 "%s", stage->process->name, action->generation,
          action->keep_image ? " with its memory" : "");
}

static void bury(size_t index)
{
    struct supervised *stage = &world.supervisor.stages[index];
    hear_control(index);
    struct process_end end = stage->process->end;
    process_free(stage->process);
    stage->process = NULL;
    uint64_t seq = atomic_load(&stage->page->seq_in_hand);
    enum status_work work = status_page_work(stage->page);
    atomic_store(&stage->page->seq_in_hand, 0);
    atomic_store(&stage->page->work, STATUS_ON_RECORD);
    struct core_event event = {.kind = CORE_STAGE_EXITED,
                               .stage = index,
                               .acked = atomic_load(&stage->page->acked),
                               .seq = seq,
                               .work = work,
                               .signal = end.signal,
                               .exit_code = end.exit_code};
    take_event(&event);
}

/* --- events and actions --- */

static void do_tell(const struct core_action *action)
{
    struct err e;
    if (world.supervisor.stages[action->stage].process == NULL)
        return;
    TRACE("supervisor tells %s %s edge %u serial %" PRIu64 " acked %" PRIu64 " expected %" PRIu64,
          world.topology->stages[action->stage].name, control_kind_name(action->message.kind),
          action->message.edge, action->message.serial, action->message.acked,
          action->message.expected);
    int rc = control_send(control_fd_of(action->stage), &action->message, &e);
    if (rc == ERR_AGAIN || rc == ERR_IO) {
        struct core_event event = {.kind = CORE_STAGE_MISBEHAVED,
                                   .stage = action->stage,
                                   .text = "it does not read what it is told"};
        take_event(&event);
    }
}

static void do_action(const struct core_action *action)
{
    struct process *process = world.supervisor.stages[action->stage].process;
    switch (action->kind) {
    case CORE_SPAWN:
        do_spawn(action);
        return;
    case CORE_QUARANTINE:
        fail("%s is to do without seq %" PRIu64 ", which never did any harm",
             world.topology->stages[action->stage].name, action->seq);
    case CORE_KILL:
        TRACE("supervisor kills %s", world.topology->stages[action->stage].name);
        if (process != NULL && !process->ended)
            process_kill(process, SIGKILL);
        return;
    case CORE_TELL:
        do_tell(action);
        return;
    case CORE_NOTE:
        TRACE("supervisor: %s: %s", world.topology->stages[action->stage].name, action->text);
        return;
    case CORE_EXIT:
        world.supervisor.exits = true;
        return;
    }
}

static void take_event(struct core_event *event)
{
    struct supervisor_sim *s = &world.supervisor;
    event->now_ms = sim_report.now_us / 1000;
    core_step(&s->core, event, &s->actions);
    if (s->acting)
        return;
    s->acting = true;
    for (size_t i = 0; i < s->actions.count; i++) {
        struct core_action action = s->actions.items[i];
        do_action(&action);
    }
    s->actions.count = 0;
    s->acting = false;
}

/* Nothing stands still by itself: links that lose something must be seen sooner than by this. */
static void check_standstill(void)
{
    const struct supervisor_sim *s = &world.supervisor;
    for (size_t i = 0; i < s->core.edge_count && !s->link_silent; i++) {
        if (strstr(s->core.edges[i].why, "nothing moves") == NULL)
            continue;
        world_dump();
        fail("everything stood still, and no link was silent");
    }
}

static void observe(void)
{
    struct core_observation observations[WORLD_STAGES_MAX];
    for (size_t i = 0; i < world.topology->stage_count; i++) {
        const struct status_page *page = world.supervisor.stages[i].page;
        observations[i] =
            (struct core_observation){.beats = atomic_load(&page->beats),
                                      .waiting = atomic_load(&page->waiting) != STATUS_BUSY,
                                      .processed = atomic_load(&page->processed),
                                      .acked = atomic_load(&page->acked)};
    }
    struct core_event event = {.kind = CORE_STAGES_OBSERVED, .observations = observations};
    take_event(&event);
    check_standstill();
    world.supervisor.observes_us =
        sim_report.now_us + core_observe_interval_ms(&world.supervisor.core) * 1000;
}

/* --- the life --- */

void supervisor_start(void)
{
    struct supervisor_sim *s = &world.supervisor;
    memcpy(world.begins_after, s->start.begins_after, sizeof world.begins_after);
    s->alive = true;
    s->exits = s->stop_asked = s->link_silent = false;
    s->faults_before = world.faults.happened;
    world.lives++;
    TRACE("supervisor starts, life %" PRIu64, world.lives);
    core_init(&s->core, world.topology);
    for (size_t i = 0; i < world.topology->stage_count; i++) {
        struct err e;
        s->stages[i] = (struct supervised){.image_fd = -1};
        INVARIANT(status_page_create(&s->stages[i].status_fd, &e) == 0);
        INVARIANT(status_page_map(s->stages[i].status_fd, &s->stages[i].page, &e) == 0);
        if (world.topology->stages[i].kind->store_spec != NULL)
            s->stages[i].image_fd = memory_file_new(true);
    }
    s->observes_us = sim_report.now_us + core_observe_interval_ms(&s->core) * 1000;
    struct core_event start = {.kind = CORE_STARTED};
    take_event(&start);
}

static bool has_message(const struct supervised *stage)
{
    return stage->process != NULL && stage->control_open &&
           stage->process->to_supervisor.first != NULL;
}

bool supervisor_is_ready(void)
{
    const struct supervisor_sim *s = &world.supervisor;
    if (!s->alive)
        return false;
    for (size_t i = 0; i < world.topology->stage_count; i++) {
        if (has_message(&s->stages[i]) ||
            (s->stages[i].process != NULL && s->stages[i].process->ended))
            return true;
    }
    return sim_report.now_us >= supervisor_ready_at_us();
}

uint64_t supervisor_ready_at_us(void)
{
    const struct supervisor_sim *s = &world.supervisor;
    if (!s->alive)
        return UINT64_MAX;
    uint64_t deadline_ms = core_deadline_ms(&s->core);
    return deadline_ms != 0 && deadline_ms * 1000 < s->observes_us ? deadline_ms * 1000
                                                                   : s->observes_us;
}

bool supervisor_step(void)
{
    struct supervisor_sim *s = &world.supervisor;
    size_t count = world.topology->stage_count;
    uint64_t deadline_ms = core_deadline_ms(&s->core);
    size_t first = chance_below(count + 1);
    for (size_t n = 0; n <= count; n++) {
        size_t i = (first + n) % (count + 1);
        if (i == count) {
            if (sim_report.now_us >= s->observes_us) {
                observe();
                return true;
            }
            if (deadline_ms == 0 || sim_report.now_us / 1000 < deadline_ms)
                continue;
            struct core_event event = {.kind = CORE_TIME_PASSED};
            take_event(&event);
            return true;
        }
        if (s->stages[i].process != NULL && s->stages[i].process->ended &&
            (!has_message(&s->stages[i]) || chance_one_in(2))) {
            bury(i);
            return true;
        }
        if (has_message(&s->stages[i])) {
            hear_control(i);
            return true;
        }
    }
    return false;
}

void supervisor_ask_stop(void)
{
    struct core_event event = {.kind = CORE_STOP_REQUESTED};
    TRACE("somebody asks the supervisor to stop");
    world.supervisor.stop_asked = true;
    take_event(&event);
}

void supervisor_ask_kill(size_t stage)
{
    struct core_event event = {.kind = CORE_KILL_REQUESTED, .stage = stage};
    const struct process *process = world.supervisor.stages[stage].process;
    if (process == NULL || process->ended)
        return;
    TRACE("somebody asks the supervisor to kill %s", process->name);
    take_event(&event);
}

void supervisor_freeze(size_t stage)
{
    struct process *process = world.supervisor.stages[stage].process;
    if (process == NULL || process->ended)
        return;
    /* What a debugger holds makes no signal: it is asked, some time, and does not answer. */
    bool held = chance_one_in(2);
    TRACE("%s %s", process->name, held ? "is held by a debugger" : "gets SIGSTOP");
    process->frozen = true;
    if (held)
        return;
    struct core_event event = {.kind = CORE_STAGE_FROZEN, .stage = stage};
    take_event(&event);
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
    core_done(&s->core);
    core_actions_done(&s->actions);
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
