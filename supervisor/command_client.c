/* SPDX-License-Identifier: MIT */
/*
 * status, kill and stop: one request to a running supervisor. Which one: that of --state, or the
 * only one that runs under the default directory.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "supervisor/command.h"
#include "supervisor/control_server_loop.h"
#include "supervisor/state_dir.h"

#define ANSWER_BYTES_MAX (1u << 20)
#define ANSWER_SECONDS_MAX 5

/* Connects to the supervisor of a state directory; -1 if none answers. */
static int connect_to(const char *state_path)
{
    int dir_fd = open(state_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return -1;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path,
                   "/proc/self/fd/%d/" CONTROL_SOCKET_FILE, dir_fd);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* A supervisor that is stopped accepts and says nothing. */
    const struct timeval patience = {.tv_sec = ANSWER_SECONDS_MAX};
    if (fd >= 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(fd);
        fd = -1;
    }
    (void)close(dir_fd);
    return fd;
}

/* Connects to the only supervisor under the default directory; -1 with the error said. */
static int connect_to_only(void)
{
    char *root = state_dir_root();
    DIR *dir = root != NULL ? opendir(root) : NULL;
    struct buf names = {0};
    int found = -1;
    unsigned count = 0;
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        char *path = memory_format("%s/%s", root, entry->d_name);
        int fd = connect_to(path);
        free(path);
        if (fd < 0)
            continue;
        if (found >= 0)
            (void)close(found);
        found = fd;
        buf_add_format(&names, "%s%s", count++ != 0 ? ", " : "", entry->d_name);
    }
    if (count == 0)
        log_line(LOG_ERROR, "nothing is running under '%s'; if it runs elsewhere, say --state DIR",
                 root != NULL ? root : "~/.local/state/bulkhead");
    if (count > 1) {
        log_line(LOG_ERROR, "%u topologies are running (%s); say which with --state %s/NAME", count,
                 buf_text(&names), root);
        (void)close(found);
        found = -1;
    }
    if (dir != NULL)
        (void)closedir(dir);
    buf_done(&names);
    free(root);
    return found;
}

static int exchange(int fd, const char *request, struct buf *answer)
{
    char *line = memory_format("%s\n", request);
    ssize_t sent = send(fd, line, strlen(line), MSG_NOSIGNAL);
    bool good = sent == (ssize_t)strlen(line);
    free(line);
    while (good && answer->len < ANSWER_BYTES_MAX) {
        ssize_t n = recv(fd, buf_reserve(answer, 4096), 4096, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? 0 : -1;
        answer->len += (size_t)n;
    }
    return -1;
}

/* Sends one request and prints the answer. */
static int ask(const char *state_path, const char *request)
{
    int fd = state_path != NULL ? connect_to(state_path) : connect_to_only();
    if (fd < 0) {
        if (state_path != NULL)
            log_line(LOG_ERROR, "no supervisor is running in '%s'", state_path);
        return EXIT_NOT_RUNNING;
    }
    struct buf answer = {0};
    int rc = exchange(fd, request, &answer);
    (void)close(fd);
    const char *text = buf_text(&answer);
    int code = EXIT_FAILED;
    if (rc == 0 && strncmp(text, "ok\n", 3) == 0) {
        struct buf rest = {.data = answer.data + 3, .len = answer.len - 3};
        code = command_print(&rest, EXIT_OK);
    } else if (rc == 0 && strncmp(text, "error: ", 7) == 0) {
        log_line(LOG_ERROR, "%.*s", (int)strcspn(text + 7, "\n"), text + 7);
    } else {
        log_line(LOG_ERROR, "the supervisor gave no answer");
        code = EXIT_NOT_RUNNING;
    }
    buf_done(&answer);
    return code;
}

int command_status(int argc, char **argv)
{
    static const char usage[] = "status [--json] [--state DIR]";
    static const struct option options[] = {
        {"state", required_argument, NULL, 's'}, {"json", no_argument, NULL, 'j'}, {0}};
    const char *state = NULL;
    bool json = false;
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 's')
            state = optarg;
        else if (c == 'j')
            json = true;
        else
            return command_usage(usage);
    }
    if (argc != optind)
        return command_usage(usage);
    return ask(state, json ? "status json" : "status");
}

int command_kill(int argc, char **argv)
{
    static const char usage[] = "kill STAGE [--state DIR]";
    static const struct option options[] = {{"state", required_argument, NULL, 's'}, {0}};
    const char *state = NULL;
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c != 's')
            return command_usage(usage);
        state = optarg;
    }
    if (argc - optind != 1 || strlen(argv[optind]) > NAME_BYTES_MAX)
        return command_usage(usage);
    char *request = memory_format("kill %s", argv[optind]);
    int code = ask(state, request);
    free(request);
    return code;
}

int command_stop(int argc, char **argv)
{
    static const char usage[] = "stop [--state DIR]";
    static const struct option options[] = {{"state", required_argument, NULL, 's'}, {0}};
    const char *state = NULL;
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c != 's')
            return command_usage(usage);
        state = optarg;
    }
    if (argc != optind)
        return command_usage(usage);
    return ask(state, "stop");
}
