/* SPDX-License-Identifier: MIT */
/*
 * The happy path: start -> the core asks for processes -> they are born, send their messages, end,
 * and are buried -> the last one is gone -> exit. An action that fails raises an event, which the
 * core takes after all actions of the event before it have been carried out.
 */
#include "supervisor/run/driver.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "common/memory.h"
#include "common/utf8.h"

/* A stage that sends messages without end must not keep us from hearing the others. */
#define MESSAGES_PER_TURN 64u

static void log_stage(struct driver *d, enum log_level level, size_t stage, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void log_stage(struct driver *d, enum log_level level, size_t stage, const char *format, ...)
{
    char text[ERR_TEXT_BYTES_MAX + 128];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    d->ops->log(d->context, level, stage, text);
}

/* --- actions; a failure is raised as an event --- */

static void do_spawn(struct driver *d, const struct core_action *action)
{
    struct driver_stage *stage = &d->stages[action->stage];
    struct err e;
    int rc = 0;
    /* The memory of a state outlives its process, unless that died by its own fault. */
    if (stage->has_image && !action->keep_image)
        rc = d->ops->renew_image(d->context, action->stage, &e);
    if (rc == 0)
        rc = d->ops->spawn(d->context, action->stage, action->generation, &e);
    if (rc != 0) {
        event_queue_add(&d->events, &(struct core_event){.kind = CORE_SPAWN_FAILED,
                                                         .stage = action->stage,
                                                         .want = e.want,
                                                         .text = e.text});
        return;
    }
    stage->alive = stage->is_heard = true;
    stage->is_deaf = stage->is_born = false;
    stage->birth_error = 0;
}

static void do_tell(struct driver *d, const struct core_action *action)
{
    struct driver_stage *stage = &d->stages[action->stage];
    if (!stage->alive || stage->is_deaf)
        return;
    struct err e;
    int rc = d->ops->send(d->context, action->stage, &action->message, &e);
    if (rc != ERR_AGAIN && rc != ERR_IO)
        return; /* if it has ended, it will be buried */
    stage->is_deaf = true;
    event_queue_add(&d->events, &(struct core_event){.kind = CORE_STAGE_MISBEHAVED,
                                                     .stage = action->stage,
                                                     .text = "it does not read its messages"});
}

/*
 * Writes down that a stage skips a record. If there is no space for that, the decision was never
 * made: the record will kill the stage again, and be judged again.
 */
static void do_quarantine(struct driver *d, const struct core_action *action)
{
    struct quarantine_entry entry = {.seq = action->seq};
    size_t len = utf8_cut(action->text, strlen(action->text), sizeof entry.cause - 1);
    memcpy(entry.cause, action->text, len); /* a cause that is not UTF-8 could not be read back */
    struct err e;
    int rc = d->ops->quarantine(d->context, action->stage, &entry, &e);
    if (rc == 0) {
        log_stage(d, LOG_WARNING, action->stage, "seq %" PRIu64 " goes to the dead letters: it %s",
                  entry.seq, entry.cause);
    } else if (rc == ERR_NO_SPACE || rc == ERR_NO_SPACE_LOST) {
        log_stage(d, LOG_ERROR, action->stage, "cannot put seq %" PRIu64 " into quarantine: %s",
                  entry.seq, e.text);
    } else {
        (void)err_wrap(&e, "cannot put seq %" PRIu64 " into quarantine", entry.seq);
        event_queue_add(&d->events, &(struct core_event){.kind = CORE_STAGE_REFUSED,
                                                         .stage = action->stage,
                                                         .text = e.text});
    }
}

static void do_action(struct driver *d, const struct core_action *action)
{
    switch (action->kind) {
    case CORE_SPAWN:
        do_spawn(d, action);
        return;
    case CORE_QUARANTINE:
        do_quarantine(d, action);
        return;
    case CORE_KILL:
        if (d->stages[action->stage].alive)
            d->ops->kill(d->context, action->stage);
        return;
    case CORE_TELL:
        do_tell(d, action);
        return;
    case CORE_NOTE:
        d->ops->log(d->context, action->serious ? LOG_WARNING : LOG_INFO, action->stage,
                    action->text);
        return;
    case CORE_EXIT:
        d->ops->exit(d->context);
        return;
    }
}

/* Gives the core an event from outside, and then all events that follow from it. */
static void take(struct driver *d, const struct core_event *event)
{
    event_queue_add(&d->events, event);
    struct queued_event next;
    while (event_queue_take(&d->events, &next)) {
        next.event.now_ms = d->ops->now_ms(d->context);
        core_step(&d->core, &next.event, &d->actions);
        for (size_t i = 0; i < d->actions.count; i++)
            do_action(d, &d->actions.items[i]);
        d->actions.count = 0;
    }
    d->ops->arm(d->context, core_deadline_ms(&d->core));
}

/* --- messages of a stage --- */

/* Turns a message into an event. Returns false if a stage must not send that message. */
static bool understand(struct driver *d, const struct control_message *message,
                       struct core_event *event)
{
    if (!core_event_of_message(message, event))
        return false;
    /* Without their directory no link can be made any more, and it cannot be put back. */
    if (event->kind == CORE_LINK_FAILED && d->ops->links_are_removed(d->context)) {
        event->kind = CORE_STAGE_REFUSED;
        event->text = "the directory 'links' of the state directory was removed during the run, "
                      "and no link can be made without it; the next run creates it again";
    }
    return true;
}

static void stop_hearing(struct driver *d, size_t index)
{
    d->stages[index].is_heard = false;
    d->ops->stop_hearing(d->context, index);
}

/* Reads some of the messages that a stage has sent, including those that a dead one left behind. */
static void hear(struct driver *d, size_t index, unsigned messages_max)
{
    struct driver_stage *stage = &d->stages[index];
    for (unsigned i = 0; stage->is_heard && i < messages_max; i++) {
        struct control_message message;
        struct err e;
        int rc = d->ops->receive(d->context, index, &message, &e);
        if (rc == ERR_AGAIN)
            return;
        struct core_event event = {.stage = index};
        if (rc == 0 && understand(d, &message, &event)) {
            take(d, &event);
            continue;
        }
        stop_hearing(d, index);
        if (rc == ERR_END)
            return;
        event.kind = CORE_STAGE_MISBEHAVED;
        event.text = rc == 0 ? "it sent a message that only the supervisor sends" : e.text;
        take(d, &event);
    }
}

void driver_hear(struct driver *d, size_t stage)
{
    hear(d, stage, MESSAGES_PER_TURN);
}

/* --- births and deaths --- */

void driver_hear_birth(struct driver *d, size_t index)
{
    struct driver_stage *stage = &d->stages[index];
    if (stage->alive && !stage->is_born)
        stage->is_born = d->ops->hear_birth(d->context, index, &stage->birth_error) == 0;
}

/* It hangs between fork and exec, for example in a file system that does not answer. */
void driver_birth_is_overdue(struct driver *d, size_t index)
{
    struct driver_stage *stage = &d->stages[index];
    driver_hear_birth(d, index); /* it may have been we who were asleep */
    if (!stage->alive || stage->is_born)
        return;
    log_stage(d, LOG_WARNING, index,
              "its process did not start its program within %u ms; killing it", SPAWN_EXEC_MS_MAX);
    stage->is_born = true;
    stage->birth_error = ETIMEDOUT;
    /* If it reaches its program before the signal reaches it, its messages are ignored. */
    stop_hearing(d, index);
    d->ops->kill(d->context, index);
}

/* Clears what a page says of the present moment, for the next process. */
static void clear_page(struct status_page *page)
{
    atomic_store(&page->seq_in_hand, 0);
    atomic_store(&page->work, STATUS_ON_RECORD);
    atomic_store(&page->out_of_memory, 0);
    atomic_store(&page->waiting, STATUS_BUSY); /* the next process sets it when it waits */
}

/* Describes why a process never reached its program. */
static void describe_birth_error(int error, struct err *e)
{
    if (error == ETIMEDOUT) {
        (void)err_set(e, ERR_IO, "its process did not start its program within %u ms",
                      SPAWN_EXEC_MS_MAX);
    } else {
        errno = error;
        (void)err_set_errno(e, "cannot start the process");
    }
    e->want = want_of_fork(error);
}

/*
 * The process is dead: reads what it left behind, reaps it, and tells the core. The next process is
 * already being started when the sockets are removed, which may have to wait for the disk. It is
 * told to listen after that.
 */
static void bury(struct driver *d, size_t index, const struct process_end *end)
{
    struct driver_stage *stage = &d->stages[index];
    hear(d, index, UINT_MAX);
    driver_hear_birth(d, index);
    d->ops->bury(d->context, index);
    stage->alive = stage->is_heard = false;
    core_describe_end(&d->core.stages[index], end->signal, end->exit_code, stage->last_end);
    stage->last_seq = atomic_load(&stage->page->seq_in_hand);
    struct core_event event = {.kind = CORE_STAGE_EXITED,
                               .stage = index,
                               .acked = atomic_load(&stage->page->acked),
                               .seq = stage->last_seq,
                               .work = status_page_work(stage->page),
                               .out_of_memory = atomic_load(&stage->page->out_of_memory) != 0,
                               .signal = end->signal,
                               .exit_code = end->exit_code};
    clear_page(stage->page);
    struct err e;
    if (stage->birth_error != 0) {
        describe_birth_error(stage->birth_error, &e);
        event.kind = CORE_SPAWN_FAILED;
        event.want = e.want;
        event.text = e.text;
    }
    take(d, &event);
    /* The sockets on which it listened; those of its next life have other names. */
    for (size_t i = 0; i < d->topology->edge_count; i++) {
        if (d->topology->edges[i].to == index)
            d->ops->remove_sockets(d->context, i);
    }
}

void driver_look_at(struct driver *d, size_t index)
{
    while (d->stages[index].alive) {
        struct process_end end;
        switch (d->ops->look(d->context, index, &end)) {
        case PROCESS_UNCHANGED:
            return;
        case PROCESS_ENDED:
            bury(d, index, &end);
            return;
        case PROCESS_STOPPED:
            take(d, &(struct core_event){.kind = CORE_STAGE_FROZEN, .stage = index});
        }
    }
}

/* --- what the pages show --- */

static struct core_observation observe_stage(struct driver *d, size_t index)
{
    const struct driver_stage *stage = &d->stages[index];
    uint64_t beats = atomic_load(&stage->page->beats);
    uint32_t waiting = atomic_load(&stage->page->waiting);
    bool is_still = stage->alive && beats == d->core.stages[index].beats;
    return (struct core_observation){.beats = beats,
                                     .waiting = waiting != STATUS_BUSY,
                                     .held = is_still && d->ops->is_held(d->context, index),
                                     .unread = waiting == STATUS_UNREAD,
                                     .processed = atomic_load(&stage->page->processed),
                                     .acked = atomic_load(&stage->page->acked)};
}

/* What both ends show of every link. Nothing is known of a link for which a page has no room. */
static void observe_links(struct driver *d)
{
    const struct topology *t = d->topology;
    size_t sends[PROCESSES_MAX] = {0}, receives[PROCESSES_MAX] = {0};
    for (size_t i = 0; i < t->edge_count; i++)
        sends[t->edges[i].to]++; /* a page shows the links it sends on after those it receives on */
    for (size_t i = 0; i < t->edge_count; i++) {
        size_t from = t->edges[i].from, to = t->edges[i].to;
        size_t sent = sends[from]++, received = receives[to]++;
        d->links[i] = (struct core_link_observation){.heard = UINT64_MAX};
        if (sent >= STATUS_LINKS_MAX || received >= STATUS_LINKS_MAX)
            continue;
        const struct status_link *sender = &d->stages[from].page->links[sent];
        const struct status_link *receiver = &d->stages[to].page->links[received];
        uint64_t frames = atomic_load(&receiver->detail);
        d->links[i] = (struct core_link_observation){.given = atomic_load(&sender->seq),
                                                     .heard = atomic_load(&sender->detail),
                                                     .taken = atomic_load(&receiver->seq),
                                                     .part = frames / 2,
                                                     .full = frames % 2 != 0};
    }
}

void driver_observe(struct driver *d)
{
    for (size_t i = 0; i < d->topology->stage_count; i++)
        d->observations[i] = observe_stage(d, i);
    observe_links(d);
    take(d, &(struct core_event){
                .kind = CORE_STAGES_OBSERVED, .observations = d->observations, .links = d->links});
}

/* --- the run --- */

void driver_start(struct driver *d)
{
    take(d, &(struct core_event){.kind = CORE_STARTED});
}

void driver_stop(struct driver *d)
{
    take(d, &(struct core_event){.kind = CORE_STOP_REQUESTED});
}

bool driver_kill(struct driver *d, size_t stage)
{
    if (!d->stages[stage].alive)
        return false;
    take(d, &(struct core_event){.kind = CORE_KILL_REQUESTED, .stage = stage});
    return true;
}

void driver_time_passed(struct driver *d)
{
    take(d, &(struct core_event){.kind = CORE_TIME_PASSED});
}

void driver_init(struct driver *d, const struct topology *topology, const struct driver_ops *ops,
                 void *context)
{
    *d = (struct driver){.topology = topology,
                         .ops = ops,
                         .context = context,
                         .stages = memory_new(topology->stage_count, sizeof *d->stages),
                         .observations = memory_new(topology->stage_count, sizeof *d->observations),
                         .links = memory_new(topology->edge_count, sizeof *d->links)};
    core_init(&d->core, topology);
    /*
     * The most events that can wait at once: for each stage, that its process could not be started
     * and that it does not read its messages, each once per process; one of a quarantine, which
     * only a death causes; and one from outside.
     */
    event_queue_init(&d->events, 2 * topology->stage_count + 2);
    for (size_t i = 0; i < topology->stage_count; i++)
        d->stages[i].has_image = topology->stages[i].kind->store_spec != NULL;
}

void driver_done(struct driver *d)
{
    core_actions_done(&d->actions);
    core_done(&d->core);
    event_queue_done(&d->events);
    free(d->stages);
    free(d->observations);
    free(d->links);
    *d = (struct driver){0};
}
