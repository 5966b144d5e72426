/* SPDX-License-Identifier: MIT */
/*
 * How a stage ends that cannot go on: what it tells the supervisor, and with which code. What the
 * host has none of is waited for, so the next process begins where this one was; what a bound of
 * our own forbids ends the run, in order where we come to know of it before the memory is gone.
 */
#include "stages/process_host_p.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"

/* For those who are called without a host; there is one stage in a process. */
static const struct process_host_config *this_process;

int host_end(struct host *h, int rc)
{
    bool refused = rc == ERR_MISMATCH || rc == ERR_CORRUPT, unread = rc == ERR_UNREAD;
    bool wants = rc == ERR_NO_SPACE || rc == ERR_NO_SPACE_LOST ||
                 (rc == ERR_IO && h->e.want != WANT_NOTHING);
    if (refused || unread) {
        host_refuse(h, unread ? CTL_STAGE_UNREAD : CTL_STAGE_REFUSED); /* the supervisor says it */
        return STAGE_EXIT_REFUSED;
    }
    if (wants) {
        struct control_message message = {
            .kind = CTL_STAGE_PAUSED, .want = h->e.want != WANT_NOTHING ? h->e.want : WANT_SPACE};
        (void)snprintf(message.text, sizeof message.text, "%s", h->e.text);
        (void)host_tell(h, &message);
        return STAGE_EXIT_WANT;
    }
    if (rc != 0)
        log_line(LOG_ERROR, "%s", h->e.text);
    return rc == 0 ? STAGE_EXIT_STOPPED : STAGE_EXIT_FAILED;
}

void host_check_memory(struct host *h, const struct inlet *in)
{
    if (h->e.want != WANT_MEMORY || h->config->stage->memory_bytes_max == 0)
        return;
    host_show_in_hand(h, in->expected);
    log_line(LOG_ERROR, "no memory to take in seq %" PRIu64 ": %s (memory_max is %" PRIu64 ")",
             in->expected, h->e.text, h->config->stage->memory_bytes_max);
    abort();
}

/*
 * No memory could be had. If that is the stage's own bound, it is its own doing, and it dies. If it
 * is the host that has none, or a limit of the user, no record is to blame: it is waited for.
 */
static void end_for_want_of_memory(const char *text, size_t bytes)
{
    uint64_t margin = 1u << 20; /* malloc(3) asks for more than it was asked */
    uint64_t max = this_process != NULL ? this_process->stage->memory_bytes_max : 0;
    bool own = max != 0 && (bytes >= max || memory_private_bytes() + bytes + margin >= max);
    if (own)
        return;
    struct host h = {0};
    (void)err_set(&h.e, ERR_IO, "%s", text);
    h.e.want = WANT_MEMORY;
    _exit(host_end(&h, ERR_IO));
}

void host_end_for_want_of_thread(const struct err *e)
{
    struct host h = {.e = *e};
    _exit(host_end(&h, ERR_IO));
}

void host_end_for_want_of_state(const struct err *e)
{
    struct host h = {.config = this_process, .e = *e};
    _exit(host_end(&h, e->code));
}

void host_watch_wants(const struct process_host_config *config)
{
    this_process = config;
    memory_on_none(end_for_want_of_memory);
}
