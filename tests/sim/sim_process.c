/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "tests/sim/sim_coroutine.h"
#include "tests/sim/sim_world.h"

struct process *present;

bool fault_one_in(uint64_t n)
{
    if (world.faults.left == 0 || !chance_one_in(n))
        return false;
    world.faults.left--;
    world.faults.happened++;
    return true;
}

/* --- queues --- */

void queue_push(struct queue *queue, const void *bytes, size_t len, uint64_t arrives_us,
                bool garbage)
{
    struct message *message = sim_new(1, sizeof *message);
    *message = (struct message){
        .bytes = sim_new(len, 1), .len = len, .arrives_us = arrives_us, .garbage = garbage};
    if (bytes != NULL && len != 0)
        memcpy(message->bytes, bytes, len);
    if (queue->last != NULL)
        queue->last->next = message;
    else
        queue->first = message;
    queue->last = message;
    queue->count++;
}

struct message *queue_pop(struct queue *queue)
{
    struct message *message = queue->first;
    queue->first = message->next;
    if (queue->first == NULL)
        queue->last = NULL;
    queue->count--;
    return message;
}

void queue_clear(struct queue *queue)
{
    while (queue->first != NULL) {
        struct message *message = queue_pop(queue);
        sim_free(message->bytes);
        sim_free(message);
    }
}

/* --- processes --- */

void process_enter(struct process *process)
{
    REQUIRE(present == NULL);
    present = process;
    memory_set_owner(&process->memory);
}

void process_leave(void)
{
    present = NULL;
    memory_set_owner(NULL);
}

void process_check_nothing_left(struct process *process)
{
    if (process->memory.count != 0)
        fail("%s gen %llu ended and left %zu allocations", process->name,
             (unsigned long long)process->generation, process->memory.count);
    size_t open = calls_forget(process);
    if (open != 0)
        fail("%s gen %llu ended and left %zu descriptors, links or mappings", process->name,
             (unsigned long long)process->generation, open);
}

static void live(void *opaque)
{
    struct process *process = opaque;
    int code = host_run(&process->host);
    TRACE("%s gen %llu exits with code %d %s", process->name,
          (unsigned long long)process->generation, code, code != 0 ? process->host.e.text : "");
    process_exit(code);
}

/* A start that succeeded becomes the supervisor, and keeps what it has opened. */
static void check_ended(struct process *process)
{
    if (process->is_stage || process->end.exit_code != 0)
        process_check_nothing_left(process);
}

struct process *process_new_start(void (*life)(void *process))
{
    struct process *process = sim_new(1, sizeof *process);
    process->disk = world.disk;
    process->name = "supervisor";
    process->generation = world.attempts;
    process->suffers = true;
    process->resumes_us = sim_report.now_us + chance_below(1000);
    process->context = coroutine_new(life, process);
    return process;
}

void process_exit(int code)
{
    present->end = (struct process_end){.exit_code = code};
    present->ended = true;
    coroutine_leave();
    UNREACHABLE();
}

struct process *process_new(size_t stage, uint64_t generation)
{
    struct process *process = sim_new(1, sizeof *process);
    process->disk = world.disk;
    process->stage = stage;
    process->name = world.topology->stages[stage].name;
    process->generation = generation;
    process->is_stage = process->suffers = true;
    process->config = (struct process_host_config){.topology = world.topology,
                                                   .stage = &world.topology->stages[stage],
                                                   .generation = generation,
                                                   .begins_after = world.begins_after[stage]};
    if (world.topology->stages[stage].kind->takes_stdin)
        process->config.input = &world.supervisor.start.input;
    process->host.config = &process->config;
    process->resumes_us = sim_report.now_us + 500 + chance_below(5000);
    if (chance_one_in(world.faults.again_one_in))
        process->calls_left = 1 + chance_below(chance_one_in(2) ? 30 : 300);
    process->context = coroutine_new(live, process);
    return process;
}

void process_run(struct process *process)
{
    process->started = true;
    process->waits = NULL;
    process_enter(process);
    coroutine_enter(process->context);
    process_leave();
    if (process->ended && process->end.signal == 0)
        check_ended(process);
    else if (process->ended)
        process_kill(process, process->end.signal);
    else if (process->is_stage)
        check_process(process);
}

void process_kill(struct process *process, int signal)
{
    if (!process->ended)
        TRACE("%s gen %llu is killed by signal %d while it waits", process->name,
              (unsigned long long)process->generation, signal);
    process->ended = true;
    process->end = (struct process_end){.signal = signal};
    (void)calls_forget(process);
    memory_free_all(&process->memory);
}

void process_free(struct process *process)
{
    if (process == NULL)
        return;
    if (!process->ended)
        process_kill(process, SIGKILL);
    coroutine_free(process->context);
    queue_clear(&process->from_supervisor);
    queue_clear(&process->to_supervisor);
    check_forget(process);
    sim_free(process);
}

/* Kills others with it, as an administrator or the OOM killer may. */
static void doom_others(const struct process *process)
{
    for (size_t i = 0; i < world.topology->stage_count; i++) {
        struct process *other = world.supervisor.stages[i].process;
        if (other != NULL && other != process && chance_one_in(2))
            other->doomed = true;
    }
}

static void die(const char *what, const char *of, uint64_t detail)
{
    struct process *process = present;
    /* With no record in hand, or the record would rightly be taken for poison. */
    bool tainted = !process->doomed && process->host.page != NULL &&
                   atomic_load(&process->host.page->seq_in_hand) == 0 &&
                   chance_one_in(world.faults.taint_one_in);
    process->end.signal = tainted ? SIGSEGV : chance_one_in(4) ? SIGTERM : SIGKILL;
    process->ended = true;
    if (tainted && process->image_fd >= 0)
        memory_file_taint(process->image_fd);
    if (process->is_stage && !process->doomed && chance_one_in(8))
        doom_others(process);
    world.kills++;
    TRACE("%s gen %llu killed by signal %d in %s(%s, %llu)", process->name,
          (unsigned long long)process->generation, process->end.signal, what, of,
          (unsigned long long)detail);
    coroutine_leave();
    UNREACHABLE();
}

void process_call(const char *what, const char *of, uint64_t detail)
{
    if (present == NULL || !present->suffers)
        return;
    present->calls++;
    if (!present->is_stage && present->calls_left != 0 && --present->calls_left == 0) {
        if (world.faults.power_one_in == 0 || chance_one_in(2))
            die(what, of, detail);
        world.power_fails = true;
        coroutine_leave();
        UNREACHABLE();
    }
    /* A dead supervisor takes its stages with it at once, but not all in the same moment. */
    bool last = present->is_stage && present->calls_left != 0 && --present->calls_left == 0 &&
                fault_one_in(1);
    if (present->doomed ? !present->supervisor_gone || chance_one_in(4)
                        : last || (present->is_stage && fault_one_in(world.faults.kill_one_in)))
        die(what, of, detail);
    /* A call takes time: the clock that a turn saw at its beginning is out of date at its end. */
    if (chance_one_in(50))
        sim_report.now_us += chance_below(2000);
    if (chance_one_in(world.faults.yield_one_in)) {
        struct process *process = present;
        char kept[DISK_NAME_BYTES_MAX]; /* a copy: nodes move when others make files meanwhile */
        (void)snprintf(kept, sizeof kept, "%s", of);
        coroutine_leave();
        INVARIANT(present == process);
        if (present->doomed && !present->supervisor_gone)
            die(what, kept, detail);
    }
}

void process_sleep(uint64_t us)
{
    if (present == NULL || !present->suffers)
        return;
    present->resumes_us = sim_report.now_us + us;
    coroutine_leave();
    if (present->doomed)
        die("sleep", "", us);
}

void process_pause(void)
{
    struct process *process = present;
    coroutine_leave();
    process->waits = NULL;
    if (process->doomed && !process->supervisor_gone)
        die("poll", "", 0);
}

static bool waits_are_over(const struct process *process)
{
    if (sim_report.now_us >= process->wait_until_us)
        return true;
    for (nfds_t i = 0; i < process->wait_count; i++) {
        if (fd_is_ready(process, process->waits[i].fd))
            return true;
    }
    return false;
}

bool process_is_ready(const struct process *process)
{
    if (process->ended || process->frozen)
        return false;
    if (process->doomed)
        return true;
    return process->waits != NULL ? waits_are_over(process)
                                  : sim_report.now_us >= process->resumes_us;
}

uint64_t process_ready_at_us(const struct process *process)
{
    if (process->ended || process->frozen)
        return UINT64_MAX;
    if (process->waits == NULL)
        return process->resumes_us;
    uint64_t at_us = process->wait_until_us;
    for (nfds_t i = 0; i < process->wait_count; i++) {
        uint64_t fd_us = fd_ready_at_us(process, process->waits[i].fd);
        at_us = fd_us < at_us ? fd_us : at_us;
    }
    return at_us;
}
