/* SPDX-License-Identifier: MIT */
/*
 * status, kill and stop: send one request to a running supervisor. It is the one named by --state,
 * or else the only one that runs under the default directory.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "ipc/lock_holder.h"
#include "ipc/status_fields.h"
#include "supervisor/client/control_client.h"
#include "supervisor/command/command.h"
#include "supervisor/command/wrapped.h"
#include "supervisor/run/state_dir.h"

/* Connects to the only supervisor under the default directory. Returns -1, after logging why unless
 * it is to be quiet, if there is none or more than one. */
static int connect_to_only(bool quiet)
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
    if (count == 0 && !quiet)
        log_line(LOG_ERROR, "nothing is running under '%s'; if it runs elsewhere, use --state DIR",
                 root != NULL ? root : "~/.local/state/bulkhead");
    if (count > 1 && !quiet)
        log_line(LOG_ERROR, "%u topologies are running (%s); choose one with --state %s/NAME",
                 count, buf_text(&names), root);
    if (count > 1) {
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
    int fd = state_path != NULL ? control_client_connect(state_path) : connect_to_only(false);
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
        log_line(LOG_ERROR, "the supervisor did not answer");
        code = EXIT_NOT_RUNNING;
    }
    buf_done(&answer);
    return code;
}

bool command_ask_quietly(const char *state_path, const char *request, struct buf *ret_answer)
{
    int fd = state_path != NULL ? control_client_connect(state_path) : connect_to_only(true);
    if (fd < 0)
        return false;
    int rc = control_client_exchange(fd, request, ret_answer);
    (void)close(fd);
    if (rc != 0 || strncmp(buf_text(ret_answer), "ok\n", 3) != 0)
        return false;
    buf_drop_front(ret_answer, 3);
    return true;
}

/* The arguments of all three commands. */
struct arguments {
    const char *state, *operand;
    bool json;
};

enum { CLIENT_STATE, CLIENT_JSON };

static const struct command_option options[] = {[CLIENT_STATE] = COMMAND_OPTION_STATE_OF_RUN, {0}};
static const struct command_option status_options[] = {
    [CLIENT_STATE] = COMMAND_OPTION_STATE_OF_RUN,
    [CLIENT_JSON] = {"json", NULL, "print JSON for programs, with more fields",
                     COMMAND_OPTION_ALONE},
    {0}};

const struct command_syntax command_status_syntax = {"status", NULL, "show what is running",
                                                     status_options};
const struct command_syntax command_kill_syntax = {
    "kill", "STAGE", "kill one stage with SIGKILL, for tests", options};
const struct command_syntax command_stop_syntax = {
    "stop", NULL, "drain and stop; if repeated, stop without waiting", options};

static int take_option(void *context, size_t option, const char *value)
{
    struct arguments *a = context;
    if (option == CLIENT_STATE)
        a->state = value;
    else
        a->json = true;
    return EXIT_OK;
}

int command_status(kind_registry kinds, int argc, char **argv)
{
    (void)kinds;
    struct arguments a = {0};
    int code = command_parse(&command_status_syntax, argc, argv, take_option, &a, NULL);
    if (code != EXIT_OK)
        return code;
    code = ask(a.state, a.json ? "status json" : "status");
    if (code == EXIT_NOT_RUNNING && a.state != NULL && lock_holder_of(a.state) == 0) {
        struct buf last = {0};
        state_dir_read_last_run(a.state, a.json, &last);
        code = command_print(&last, code);
        buf_done(&last);
    }
    return code;
}

static void write_fields(const struct status_field *fields, struct buf *out)
{
    for (; fields->name != NULL; fields++) {
        buf_add_format(out, "  %s: %s, %s%s%s\n", fields->name, status_type_text(fields->type),
                       status_kind_text(fields->kind), fields->unit[0] != '\0' ? ", " : "",
                       fields->unit);
        wrapped_add_paragraph(out, fields->meaning, 6);
    }
}

void command_status_fields(struct buf *out)
{
    buf_add_text(out, "\n--json prints one object: these fields, then stages, an array\n");
    write_fields(status_run_fields, out);
    buf_add_text(out,
                 "\neach object in stages: a stage, in the order of the flow, dead-letters last\n");
    write_fields(status_stage_fields, out);
    buf_add_text(out, "\nkinds of fields:\n");
    for (enum status_kind kind = 0; kind < STATUS_KIND_COUNT; kind++)
        buf_add_format(out, "  %-10s %s\n", status_kind_text(kind), status_kind_meaning(kind));
}

int command_kill(kind_registry kinds, int argc, char **argv)
{
    (void)kinds;
    struct arguments a = {0};
    int code = command_parse(&command_kill_syntax, argc, argv, take_option, &a, &a.operand);
    if (code != EXIT_OK)
        return code;
    size_t len = strlen(a.operand);
    if (len == 0 || len > STAGE_NAME_BYTES_MAX) {
        log_line(LOG_ERROR, "kill needs the name of a stage: 1 to %u bytes, not %zu",
                 STAGE_NAME_BYTES_MAX, len);
        return command_usage(&command_kill_syntax);
    }
    char *request = memory_format("kill %s", a.operand);
    code = ask(a.state, request);
    free(request);
    return code;
}

int command_stop(kind_registry kinds, int argc, char **argv)
{
    (void)kinds;
    struct arguments a = {0};
    int code = command_parse(&command_stop_syntax, argc, argv, take_option, &a, NULL);
    return code != EXIT_OK ? code : ask(a.state, "stop");
}
