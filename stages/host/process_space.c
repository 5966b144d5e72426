/* SPDX-License-Identifier: MIT */
/*
 * A stage that lacks space: what it reports to the supervisor, and when it tries again.
 */
#include <stdio.h>

#include "common/bounds.h"
#include "common/clock.h"
#include "stages/host/process_host_p.h"

bool host_must_wait_for_space(const struct host *h)
{
    return h->paused != HOST_NOT_PAUSED && clock_monotonic_ms() < h->retry_at_ms;
}

int host_note_space(struct host *h, enum host_pause what, int rc)
{
    if (rc != 0 && rc != ERR_NO_SPACE)
        return rc;
    enum host_pause before = h->paused;
    struct control_message message = {.kind = CTL_STAGE_RESUMED};
    if (rc == ERR_NO_SPACE) {
        h->retry_at_ms = clock_monotonic_ms() + SPACE_RETRY_MS;
        h->paused = what;
        message.kind = CTL_STAGE_PAUSED;
        message.want = h->e.want != WANT_NOTHING ? h->e.want : WANT_SPACE;
        (void)snprintf(message.text, sizeof message.text, "%s", h->e.text);
    } else if (h->paused == what) {
        h->paused = HOST_NOT_PAUSED;
    }
    bool changed = (before == HOST_NOT_PAUSED) != (h->paused == HOST_NOT_PAUSED);
    return changed ? host_tell(h, &message) : 0;
}
