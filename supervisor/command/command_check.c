/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "common/type.h"
#include "supervisor/command/command.h"
#include "supervisor/run/version.h"

enum { CHECK_PRINT, CHECK_SET };

static const struct command_option options[] = {
    [CHECK_PRINT] = {"print", NULL,
                     "also print the checked graph: each link, with the fields that flow over it",
                     COMMAND_OPTION_ALONE},
    [CHECK_SET] = COMMAND_OPTION_SET,
    {0}};

const struct command_syntax command_check_syntax = {
    "check", COMMAND_OPERAND_TOPOLOGY, "report every error in a topology, with its place", options};

struct check {
    struct settings settings;
    bool print;
};

static int take_option(void *context, size_t option, const char *value)
{
    struct check *check = context;
    if (option == CHECK_SET)
        return command_add_setting(&check->settings, value);
    check->print = true;
    return EXIT_OK;
}

/* The names and types of the fields of a record. */
static void print_contract(const struct contract *contract, struct buf *out)
{
    for (size_t i = 0; i < contract->count; i++) {
        char type[TYPE_NAME_BYTES_MAX];
        buf_add_format(out, "%s%s: %s", i != 0 ? ", " : "", contract->fields[i].name,
                       type_name(contract->fields[i].type, type));
    }
}

/* The checked graph: one line for each link, so that it can be searched, whatever its width. */
static void print_graph(const struct topology *t, struct buf *out)
{
    for (size_t i = 0; i < t->edge_count; i++) {
        const struct edge *edge = &t->edges[i];
        buf_add_format(out, "%s%s -> %s  { ", t->stages[edge->from].name,
                       edge->port == PORT_DEAD ? ".dead" : "", t->stages[edge->to].name);
        print_contract(edge->contract, out);
        buf_add_text(out, " }\n");
    }
}

static int print_all(const struct topology_source *source, const struct topology *t, bool graph)
{
    struct version version;
    struct err e;
    if (version_describe(t, &version, &e) != 0) {
        log_line(LOG_ERROR, "'%s': %s", source->name, e.text);
        return EXIT_INVALID;
    }
    struct buf out = {0};
    char shown[VERSION_SHOWN_BYTES];
    buf_add_format(&out, "%s: '%s' version %s is valid: %zu stages, %zu link%s\n", source->name,
                   t->name, timeline_show_version(version.id.text, version.number, shown),
                   t->stage_count, t->edge_count, t->edge_count == 1 ? "" : "s");
    if (graph)
        print_graph(t, &out);
    int code = command_print(&out, EXIT_OK);
    buf_done(&out);
    version_done(&version);
    return code;
}

int command_check(kind_registry kinds, int argc, char **argv)
{
    struct check check = {0};
    const char *file;
    int code = command_parse(&command_check_syntax, argc, argv, take_option, &check, &file);
    if (code != EXIT_OK)
        return code;
    struct topology_source source;
    struct topology *topology = NULL;
    code = command_check_topology(kinds, file, &check.settings, TOPOLOGY_PROCESSES, &source,
                                  &topology);
    if (code == EXIT_OK) {
        code = print_all(&source, topology, check.print);
    }
    topology_free(topology);
    topology_source_done(&source);
    return code;
}
