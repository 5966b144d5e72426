/* SPDX-License-Identifier: MIT */
/*
 * plan: says what a topology would mean for the state that there is, before it is run. It asks the
 * code that starts a run, and changes nothing.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "ipc/lock_holder.h"
#include "supervisor/command/command.h"
#include "supervisor/run/start.h"
#include "supervisor/run/state_dir.h"
#include "supervisor/run/version.h"

enum { PLAN_DISCARD, PLAN_ACCEPT_GAP, PLAN_STATE, PLAN_SET, PLAN_JSON };

static const struct command_option options[] = {
    [PLAN_DISCARD] = {"discard", "STAGE", "plan with the state of a stage discarded",
                      COMMAND_OPTION_REPEATS},
    [PLAN_ACCEPT_GAP] = {"accept-gap", NULL, "plan for a start with --accept-gap",
                         COMMAND_OPTION_ALONE},
    [PLAN_STATE] = COMMAND_OPTION_STATE,
    [PLAN_SET] = COMMAND_OPTION_SET,
    [PLAN_JSON] = {"json", NULL, "print JSON for programs", COMMAND_OPTION_ALONE},
    {0}};

const struct command_syntax command_plan_syntax = {
    "plan", COMMAND_OPERAND_TOPOLOGY, "say what a topology would mean for the state there is",
    options};

struct plan {
    const char *file;
    const char *state_path;
    bool json;
    struct start_options start;
    struct settings settings;
    struct topology_source source;
    struct topology *topology;
    struct version version;
    struct state_dir state;
};

static int take_option(void *context, size_t option, const char *value)
{
    struct plan *plan = context;
    if (option == PLAN_SET)
        return command_add_setting(&plan->settings, value);
    if (option == PLAN_DISCARD)
        return command_add_discard(&plan->start, value);
    plan->json |= option == PLAN_JSON;
    plan->start.accept_gap |= option == PLAN_ACCEPT_GAP;
    if (option == PLAN_STATE)
        plan->state_path = value;
    return EXIT_OK;
}

/* Prints the plan; errors and warnings go to stderr. */
static int print_plan(const struct plan *plan, const struct start_view *view, int code)
{
    struct buf out = {0};
    if (plan->json)
        start_view_write_json(view, plan->topology->name, &out);
    else
        start_view_write(view, plan->topology->name, &out);
    code = command_print(&out, code);
    buf_done(&out);
    return code;
}

static int examine(struct plan *plan)
{
    struct start_request request = {.state_fd = plan->state.fd,
                                    .stages_fd = plan->state.stages_fd,
                                    .path = plan->state.path,
                                    .file = plan->source.name,
                                    .topology = plan->topology,
                                    .version = &plan->version,
                                    .options = &plan->start};
    struct start_view view;
    struct start_report report = {0};
    bool running = plan->state.fd >= 0 && lock_holder_of(plan->state.path) != 0;
    int rc = start_examine(&request, running, &view, &report);
    int code = command_start_code(rc);
    /* Without a verdict on the stages there is nothing to be shown. */
    if (view.stage_count != 0)
        code = print_plan(plan, &view, code);
    command_log_lines(LOG_WARNING, &report.warnings);
    buf_done(&report.notes);
    command_log_lines(LOG_ERROR, &report.errors);
    start_view_done(&view);
    return code;
}

/* A start writes to the directory. */
static int check_access(const struct plan *plan)
{
    if (plan->state.fd < 0 || faccessat(plan->state.fd, ".", W_OK | X_OK, AT_EACCESS) == 0)
        return EXIT_OK;
    log_line(LOG_ERROR, "'%s' cannot be written by this user; use chmod 0700", plan->state.path);
    return EXIT_REFUSED;
}

static int plan_all(struct plan *plan, kind_registry kinds)
{
    struct err e;
    int code = command_check_topology(kinds, plan->file, &plan->settings, TOPOLOGY_PROCESSES,
                                      &plan->source, &plan->topology);
    if (code != EXIT_OK)
        return code;
    code = command_preflight(plan->topology, &plan->source, plan->state_path, PREFLIGHT_PLAN);
    if (code != EXIT_OK)
        return code;
    int rc = version_describe(plan->topology, &plan->version, &e);
    if (rc == 0)
        rc = state_dir_look(&plan->state, plan->state_path, plan->topology->name, &e);
    if (rc != 0) {
        log_line(LOG_ERROR, "%s", e.text);
        return EXIT_REFUSED;
    }
    code = check_access(plan);
    if (code == EXIT_OK)
        code = examine(plan);
    state_dir_close(&plan->state);
    return code;
}

int command_plan(kind_registry kinds, int argc, char **argv)
{
    struct plan plan = {0};
    int code = command_parse(&command_plan_syntax, argc, argv, take_option, &plan, &plan.file);
    if (code != EXIT_OK)
        return code;
    code = plan_all(&plan, kinds);
    version_done(&plan.version);
    topology_free(plan.topology);
    topology_source_done(&plan.source);
    return code;
}
