/* SPDX-License-Identifier: MIT */
/*
 * How a stage ends that cannot continue: what it reports to the supervisor, and its exit code. For
 * a resource that the host lacks the supervisor waits, and the next process continues where this
 * one was. Exceeding a limit of our own ends the run; it ends in order if that is noticed before
 * the memory is gone.
 */
#include "stages/host/process_host_p.h"

#include <stdio.h>
#include <unistd.h>

#include "common/log.h"

int host_end(struct host *h, int rc)
{
    bool refused = rc == ERR_MISMATCH || rc == ERR_CORRUPT, unread = rc == ERR_UNREAD;
    bool wants = rc == ERR_NO_SPACE || rc == ERR_NO_SPACE_LOST ||
                 (rc == ERR_IO && h->e.want != WANT_NOTHING);
    if (refused || unread) {
        host_refuse(h, unread ? CTL_STAGE_UNREAD : CTL_STAGE_REFUSED); /* the supervisor logs it */
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

void host_end_for_want_of_thread(const struct err *e)
{
    struct host h = {.e = *e};
    _exit(host_end(&h, ERR_IO));
}
