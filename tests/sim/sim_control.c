/* SPDX-License-Identifier: MIT */
/*
 * The control channel: send() and recv() on the descriptors of both its ends, below the real
 * control.c; and the result of poll() for any descriptor of a stage.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/control.h"
#include "tests/sim/sim_calls_p.h"
#include "tests/sim/sim_world.h"

#define CONTROL_FD_BASE (3 << 20)
/* How much a socket pair holds before it returns EAGAIN; about as much as on Linux. */
#define CONTROL_MESSAGES_MAX 90u

int control_fd_of(size_t stage)
{
    return CONTROL_FD_BASE + (int)stage;
}

static struct process *stage_at(int fd)
{
    return world.supervisor.stages[fd - CONTROL_FD_BASE].process;
}

/* A stage sends nonsense: random bytes, a message of the supervisor, or one about a former link. */
static void send_nonsense(struct process *process)
{
    uint8_t bytes[CONTROL_BYTES_MAX] = {0};
    struct control_message message = {0};
    message.edge = (uint32_t)chance_below(WORLD_EDGES_MAX);
    message.serial = chance_one_in(4) ? UINT64_MAX : 0;
    message.acked = chance_bits();
    message.expected = chance_bits();
    static const enum control_kind kinds[] = {CTL_SUPERVISOR_STOP, CTL_SUPERVISOR_LINK_DIAL,
                                              CTL_STAGE_LINK_LISTENING, CTL_STAGE_LINK_DIALED,
                                              CTL_STAGE_LINK_FAILED};
    message.kind = kinds[chance_below(sizeof kinds / sizeof kinds[0])];
    size_t len = control_encode(&message, bytes);
    if (chance_one_in(3)) {
        len = chance_below(sizeof bytes) + 1;
        bytes[chance_below(len)] ^= 0x55;
    }
    TRACE("%s gen %llu sends nonsense (%s, %zu bytes)", process->name,
          (unsigned long long)process->generation, control_kind_name(message.kind), len);
    queue_push(&process->to_supervisor, bytes, len, 0, false);
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    if (fd == STAGE_FD_CONTROL && present != NULL) {
        struct control_message message = {0};
        (void)control_decode(bytes, len, &message, NULL);
        process_call("send", control_kind_name(message.kind), message.serial);
        struct process *process = present;
        if (process->supervisor_gone)
            return fail_with(EPIPE);
        if (process->to_supervisor.count >= CONTROL_MESSAGES_MAX)
            return fail_with(EAGAIN);
        TRACE("%s gen %llu says %s edge %u serial %llu acked %llu expected %llu %s", process->name,
              (unsigned long long)process->generation, control_kind_name(message.kind),
              message.edge, (unsigned long long)message.serial, (unsigned long long)message.acked,
              (unsigned long long)message.expected, message.text);
        if (message.kind == CTL_STAGE_LINK_LISTENING)
            check_ack(process->stage, message.acked);
        queue_push(&process->to_supervisor, bytes, len, 0, false);
        if (fault_one_in(world.faults.control_one_in))
            send_nonsense(process);
        return (ssize_t)len;
    }
    if (fd < CONTROL_FD_BASE || fd >= CONTROL_FD_BASE + (int)WORLD_STAGES_MAX)
        return __real_send(fd, bytes, len, flags);
    struct process *process = stage_at(fd);
    if (process == NULL || process->ended)
        return fail_with(EPIPE);
    if (process->from_supervisor.count >= CONTROL_MESSAGES_MAX)
        return fail_with(EAGAIN);
    queue_push(&process->from_supervisor, bytes, len, sim_report.now_us + chance_below(300), false);
    return (ssize_t)len;
}

static ssize_t take(struct queue *queue, void *bytes, size_t len)
{
    struct message *message = queue_pop(queue);
    size_t got = message->len < len ? message->len : len;
    memcpy(bytes, message->bytes, got);
    sim_free(message->bytes);
    sim_free(message);
    return (ssize_t)got;
}

ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags)
{
    if (fd == STAGE_FD_CONTROL && present != NULL) {
        process_call("recv", "control", 0);
        struct process *process = present;
        if (process->from_supervisor.first == NULL)
            return process->supervisor_gone ? 0 : fail_with(EAGAIN);
        if (process->from_supervisor.first->arrives_us > sim_report.now_us)
            return fail_with(EAGAIN);
        return take(&process->from_supervisor, bytes, len);
    }
    if (fd < CONTROL_FD_BASE || fd >= CONTROL_FD_BASE + (int)WORLD_STAGES_MAX)
        return __real_recv(fd, bytes, len, flags);
    struct process *process = stage_at(fd);
    if (process->to_supervisor.first == NULL)
        return process->ended ? 0 : fail_with(EAGAIN);
    return take(&process->to_supervisor, bytes, len);
}

ssize_t __wrap___recv_chk(int fd, void *bytes, size_t len, size_t size, int flags)
{
    (void)size;
    return __wrap_recv(fd, bytes, len, flags);
}

bool fd_is_ready(const struct process *process, int fd)
{
    if (fd < 0)
        return false; /* poll() ignores it */
    if (fd == STDIN_FILENO)
        return pipe_is_ready();
    if (fd != STAGE_FD_CONTROL)
        return link_fd_is_ready(process, fd);
    return process->supervisor_gone ||
           (process->from_supervisor.first != NULL &&
            process->from_supervisor.first->arrives_us <= sim_report.now_us);
}

uint64_t fd_ready_at_us(const struct process *process, int fd)
{
    if (fd < 0)
        return UINT64_MAX;
    if (fd == STDIN_FILENO)
        return pipe_is_ready() ? 0 : UINT64_MAX;
    if (fd != STAGE_FD_CONTROL)
        return link_fd_ready_at_us(process, fd);
    return process->supervisor_gone                 ? 0
           : process->from_supervisor.first == NULL ? UINT64_MAX
                                                    : process->from_supervisor.first->arrives_us;
}
