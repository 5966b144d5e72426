/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/type.h"
#include "supervisor/command/command.h"
#include "supervisor/command/command_options.h"

#define USAGE "check [--print] [--set STAGE.OPTION=VALUE]... T.yaml"

static void print_contract(const struct contract *contract, struct buf *out)
{
    for (size_t i = 0; i < contract->count; i++) {
        char type[TYPE_NAME_BYTES_MAX];
        buf_add_format(out, "%s%s: %s", i != 0 ? ", " : "", contract->fields[i].name,
                       type_name(contract->fields[i].type, type));
    }
}

/* The proved graph: every link with the contract of what flows over it. */
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

int command_check(kind_registry kinds, int argc, char **argv)
{
    static const struct option options[] = {
        {"print", no_argument, NULL, 'p'}, {"set", required_argument, NULL, 'S'}, {0}};
    struct settings settings = {0};
    bool print = false;
    int c;
    if (command_check_options(argc, argv, options) != EXIT_OK)
        return command_usage(USAGE);
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'p')
            print = true;
        else if (c != 'S')
            return command_usage(USAGE);
        else if (command_add_setting(&settings, optarg) != EXIT_OK)
            return EXIT_USAGE;
    }
    if (argc - optind != 1)
        return command_usage(USAGE);
    struct topology_source source;
    struct topology *topology = NULL;
    int code = command_check_topology(kinds, argv[optind], &settings, TOPOLOGY_PROCESSES, &source,
                                      &topology);
    if (code == EXIT_OK) {
        struct buf out = {0};
        buf_add_format(&out, "%s: '%s' version %" PRId64 " is good: %zu stages, %zu links\n",
                       source.name, topology->name, topology->version, topology->stage_count,
                       topology->edge_count);
        if (print)
            print_graph(topology, &out);
        code = command_print(&out, code);
        buf_done(&out);
    }
    topology_free(topology);
    topology_source_done(&source);
    return code;
}
