/* SPDX-License-Identifier: MIT */
#include "stages/host/stage_main.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/file.h"
#include "common/log.h"
#include "ipc/control.h"
#include "ipc/stage_protocol.h"
#include "stages/host/crash_signals.h"
#include "stages/host/process_host.h"
#include "stages/registry.h"
#include "topology/stage_topology.h"

/* For errors that a restart would not fix: the supervisor stops the topology and reports why. */
static int refuse(const struct err *e)
{
    struct control_message message = {.kind = CTL_STAGE_REFUSED};
    (void)snprintf(message.text, sizeof message.text, "%s", e->text);
    struct err ignored;
    if (control_send(STAGE_FD_CONTROL, &message, &ignored) != 0)
        log_line(LOG_ERROR, "%s", e->text);
    return STAGE_EXIT_REFUSED;
}

static int read_topology(kind_registry kinds, struct topology **ret_topology,
                         const struct stage **ret_stage, struct err *e)
{
    struct buf given = {0};
    int rc = file_read_whole(STAGE_FD_TOPOLOGY, STAGE_TOPOLOGY_BYTES_MAX, &given, e);
    (void)close(STAGE_FD_TOPOLOGY);
    if (rc == 0)
        rc = stage_topology_read(given.data, given.len, kinds, ret_topology, ret_stage, e);
    buf_done(&given);
    return rc;
}

static int run(const struct stage_arguments *arguments, const struct topology *topology,
               const struct stage *stage)
{
    struct process_host_config config = {.topology = topology,
                                         .stage = stage,
                                         .generation = arguments->generation,
                                         .begins_after = arguments->begins_after};
    const struct stage_stream *stream = &arguments->stream;
    const struct stage_input input = {
        .fd = STDIN_FILENO,
        .relay_read_fd = stream->relayed ? STAGE_FD_RELAY_READ : -1,
        .relay_write_fd = stream->relayed ? STAGE_FD_RELAY_WRITE : -1,
        .stream = stream->id,
        .kept = stream->kept,
    };
    if (stage->kind->takes_stdin && stream->is)
        config.input = &input;
    return process_host_run(&config);
}

int stage_main(int argc, char **argv, kind_registry kinds)
{
    registry_require(kinds);
    crash_signals_take();
    struct stage_arguments arguments;
    struct err e;
    int rc = stage_arguments_read(argc, argv, &arguments, &e);
    if (rc == ERR_INVALID) {
        fprintf(stderr, "%s: %s\n", argc > 0 ? argv[0] : "stage", e.text);
        return STAGE_EXIT_USAGE;
    }
    if (rc != 0)
        return refuse(&e);
    /* The name that ps and top show. A program executed through /proc would be called "exe". */
    (void)prctl(PR_SET_NAME, arguments.name);
    log_init("", arguments.verbose ? LOG_DEBUG : LOG_INFO);
    struct topology *topology = NULL;
    const struct stage *stage = NULL;
    rc = read_topology(kinds, &topology, &stage, &e);
    if (rc == 0 && strcmp(stage->name, arguments.name) != 0)
        rc = err_set(&e, ERR_PROTOCOL, "started as stage '%s', but given the topology for '%s'",
                     arguments.name, stage->name);
    int code = STAGE_EXIT_FAILED;
    if (rc == 0)
        code = run(&arguments, topology, stage);
    else if (rc == ERR_MISMATCH)
        code = refuse(&e);
    else
        log_line(LOG_ERROR, "%s", e.text);
    topology_free(topology);
    return code;
}
