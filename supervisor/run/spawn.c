/* SPDX-License-Identifier: MIT */
#include "supervisor/run/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/child.h"
#include "common/file.h"
#include "common/memfd.h"
#include "ipc/stage_protocol.h"

/* The descriptors made for one process. -1: not made yet. */
struct channels {
    int control[2], stderr_pipe[2], topology_fd, null_fd;
};

static void close_all(struct channels *c)
{
    int fds[] = {c->control[0],     c->control[1],  c->stderr_pipe[0],
                 c->stderr_pipe[1], c->topology_fd, c->null_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0)
            (void)close(fds[i]);
    }
}

/* The text is sealed, so that no stage can change what the next process of a stage reads. */
static int give_topology(const struct buf *given, int *ret_fd, struct err *e)
{
    int rc = memfd_new("bulkhead-topology", ret_fd, e);
    if (rc == 0)
        rc = file_write_at(*ret_fd, 0, given->data, given->len, e);
    return rc == 0 ? memfd_seal(*ret_fd, MEMFD_READ_ONLY, e) : rc;
}

static int make_channels(const struct spawn_request *request, struct channels *c, struct err *e)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, c->control) != 0 ||
        pipe2(c->stderr_pipe, O_CLOEXEC) != 0 || fcntl(c->stderr_pipe[0], F_SETFL, O_NONBLOCK) != 0)
        return err_set_errno(e, "cannot create the channels of a stage");
    c->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (c->null_fd < 0)
        return err_set_errno(e, "cannot open /dev/null");
    return give_topology(request->given, &c->topology_fd, e);
}

static struct stage_stream stream_of(const struct stage_input *input)
{
    if (input == NULL)
        return (struct stage_stream){0};
    return (struct stage_stream){
        .is = true, .id = input->stream, .kept = input->kept, .relayed = input->relay_read_fd >= 0};
}

static int start(const struct spawn_request *request, const struct channels *c,
                 struct child *ret_child, struct err *e)
{
    const struct stage_input *input = request->input;
    const struct child_fd fds[] = {
        {input != NULL ? input->fd : c->null_fd, STDIN_FILENO},
        {request->takes_stdout ? STDOUT_FILENO : c->null_fd, STDOUT_FILENO},
        {c->stderr_pipe[1], STDERR_FILENO},
        {c->control[1], STAGE_FD_CONTROL},
        {request->status_fd, STAGE_FD_STATUS},
        {c->topology_fd, STAGE_FD_TOPOLOGY},
        {request->links_fd, STAGE_FD_LINKS},
        {request->stages_fd, STAGE_FD_STAGES},
        {request->image_fd, STAGE_FD_IMAGE},
        {request->lock_fd, STAGE_FD_LOCK},
        {input != NULL ? input->relay_read_fd : -1, STAGE_FD_RELAY_READ},
        {input != NULL ? input->relay_write_fd : -1, STAGE_FD_RELAY_WRITE},
    };
    /* If all processes are sent a stop signal at once, only the supervisor acts on it. */
    static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGXFSZ, 0};
    const struct stage_arguments arguments = {.name = request->stage,
                                              .generation = request->generation,
                                              .begins_after = request->begins_after,
                                              .verbose = request->verbose,
                                              .stream = stream_of(input)};
    struct stage_argument_texts texts;
    const char *argv[STAGE_ARGUMENT_COUNT + 1];
    stage_arguments_write(&arguments, "bulkhead", &texts, argv);
    const struct child_options options = {.program = request->program,
                                          .arguments = argv,
                                          .fds = fds,
                                          .fd_count = sizeof fds / sizeof fds[0],
                                          .ignored = ignored,
                                          .group = CHILD_IN_SESSION,
                                          .memory_bytes_max = request->memory_bytes_max,
                                          .dies_first = true};
    return child_start(&options, ret_child, e);
}

int spawn_stage(const struct spawn_request *request, struct spawned *ret_spawned, struct err *e)
{
    struct channels c = {
        .control = {-1, -1}, .stderr_pipe = {-1, -1}, .topology_fd = -1, .null_fd = -1};
    struct child child;
    int rc = make_channels(request, &c, e);
    if (rc == 0)
        rc = start(request, &c, &child, e);
    if (rc == 0) {
        *ret_spawned = (struct spawned){.pid = child.pid,
                                        .pid_fd = child.pid_fd,
                                        .control_fd = c.control[0],
                                        .stderr_fd = c.stderr_pipe[0],
                                        .birth_fd = child.birth_fd};
        c.control[0] = c.stderr_pipe[0] = -1;
    }
    close_all(&c);
    return rc;
}

int spawn_hear_birth(const struct spawned *spawned, int *ret_error)
{
    return child_hear_birth(&(struct child){.birth_fd = spawned->birth_fd}, ret_error);
}

void spawn_signal(const struct spawned *spawned, int signal)
{
    child_signal(&(struct child){.pid_fd = spawned->pid_fd}, signal);
}
