/* SPDX-License-Identifier: MIT */
/*
 * status, kill and stop: one request to a running supervisor. Which one: that of --state, or the
 * only one that runs under the default directory.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "ipc/lock_holder.h"
#include "supervisor/client/control_client.h"
#include "supervisor/command/command.h"
#include "supervisor/command/command_options.h"
#include "supervisor/run/state_dir.h"

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
        int fd = control_client_connect(path);
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

/* Sends one request and prints the answer. */
static int ask(const char *state_path, const char *request)
{
    int fd = state_path != NULL ? control_client_connect(state_path) : connect_to_only();
    if (fd < 0) {
        struct err e;
        if (state_path != NULL && control_client_explain(state_path, &e) != 0)
            log_line(LOG_ERROR, "%s", e.text);
        return EXIT_NOT_RUNNING;
    }
    struct buf answer = {0};
    int rc = control_client_exchange(fd, request, &answer);
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

int command_status(kind_registry kinds, int argc, char **argv)
{
    (void)kinds;
    static const char usage[] = "status [--json] [--state DIR]";
    static const struct option options[] = {
        {"state", required_argument, NULL, 's'}, {"json", no_argument, NULL, 'j'}, {0}};
    const char *state = NULL;
    bool json = false;
    int c;
    if (command_check_options(argc, argv, options) != EXIT_OK)
        return command_usage(usage);
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
    int code = ask(state, json ? "status json" : "status");
    if (code == EXIT_NOT_RUNNING && state != NULL && lock_holder_of(state) == 0) {
        struct buf last = {0};
        state_dir_read_last_run(state, json, &last);
        code = command_print(&last, code);
        buf_done(&last);
    }
    return code;
}

int command_kill(kind_registry kinds, int argc, char **argv)
{
    (void)kinds;
    static const char usage[] = "kill STAGE [--state DIR]";
    static const struct option options[] = {{"state", required_argument, NULL, 's'}, {0}};
    const char *state = NULL;
    int c;
    if (command_check_options(argc, argv, options) != EXIT_OK)
        return command_usage(usage);
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c != 's')
            return command_usage(usage);
        state = optarg;
    }
    if (argc - optind != 1)
        return command_usage(usage);
    if (*argv[optind] == '\0' || strlen(argv[optind]) > STAGE_NAME_BYTES_MAX) {
        log_line(LOG_ERROR,
                 "kill wants the name of a stage; a name has 1 to %u bytes, this one %zu",
                 STAGE_NAME_BYTES_MAX, strlen(argv[optind]));
        return command_usage(usage);
    }
    char *request = memory_format("kill %s", argv[optind]);
    int code = ask(state, request);
    free(request);
    return code;
}

int command_stop(kind_registry kinds, int argc, char **argv)
{
    (void)kinds;
    static const char usage[] = "stop [--state DIR]";
    static const struct option options[] = {{"state", required_argument, NULL, 's'}, {0}};
    const char *state = NULL;
    int c;
    if (command_check_options(argc, argv, options) != EXIT_OK)
        return command_usage(usage);
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c != 's')
            return command_usage(usage);
        state = optarg;
    }
    if (argc != optind)
        return command_usage(usage);
    return ask(state, "stop");
}
