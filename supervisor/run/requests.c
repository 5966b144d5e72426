/* SPDX-License-Identifier: MIT */
#include "supervisor/run/requests.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/run/status.h"

/* Kills the process of that name, or all workers of the stage of that name. */
static void answer_kill(struct supervisor *s, const char *name, struct buf *answer)
{
    struct buf killed = {0};
    const struct stage *named = NULL;
    for (size_t i = 0; i < s->topology->stage_count; i++) {
        const struct stage *stage = &s->topology->stages[i];
        if (strcmp(stage->name, name) != 0 && strcmp(stage->base, name) != 0)
            continue;
        named = stage;
        if (driver_kill(&s->driver, i))
            buf_add_format(&killed, "killed '%s' (pid %ld, generation %" PRIu64 ")\n", stage->name,
                           (long)s->stages[i].process.pid, s->driver.core.stages[i].generation);
    }
    if (named == NULL)
        buf_add_format(answer, "error: '%s' has no stage '%s'\n", s->topology->name, name);
    else if (killed.len == 0)
        buf_add_format(answer, "error: stage '%s' has no process now; it is %s\n", name,
                       core_stage_state_text(s->driver.core.stages[named->index].is));
    else
        buf_add_format(answer, "ok\n%s", buf_text(&killed));
    buf_done(&killed);
}

static void answer_status(const struct supervisor *s, status_write_fn *write, struct buf *answer)
{
    struct status_snapshot *snapshot = status_take(s);
    buf_add_text(answer, "ok\n");
    write(snapshot, answer);
    free(snapshot);
}

void requests_answer(struct supervisor *s, const char *request, struct buf *answer)
{
    if (strcmp(request, "status") == 0) {
        answer_status(s, status_write_text, answer);
    } else if (strcmp(request, "status json") == 0) {
        answer_status(s, status_write_json, answer);
    } else if (strncmp(request, "kill ", 5) == 0) {
        answer_kill(s, request + 5, answer);
    } else if (strcmp(request, "stop") == 0) {
        buf_add_format(answer, "ok\n%s\n",
                       s->driver.core.is == PIPELINE_RUNNING ? "draining, then stopping"
                                                             : "stopping without waiting");
        driver_stop(&s->driver);
    } else {
        buf_add_text(answer, "error: no such request\n");
    }
}
