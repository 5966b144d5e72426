/* SPDX-License-Identifier: MIT */
/*
 * graph: draws a topology, in the terminal or in the language of another program.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/command/command.h"
#include "supervisor/graph/graph_live.h"
#include "supervisor/graph/graph_view.h"

/* The width of a picture that goes to a file or a pipe, so that it is the same for every user. */
#define COLUMNS_PLAIN 80

struct arguments {
    const char *file;
    const char *state_path;
    bool dot, mermaid, live, all, ascii;
    struct settings settings;
};

enum { GRAPH_DOT, GRAPH_MERMAID, GRAPH_LIVE, GRAPH_STATE, GRAPH_ALL, GRAPH_ASCII, GRAPH_SET };

static const struct command_option options[] = {
    [GRAPH_DOT] = {"dot", NULL, "write DOT, the language of Graphviz", COMMAND_OPTION_ALONE},
    [GRAPH_MERMAID] = {"mermaid", NULL, "write Mermaid", COMMAND_OPTION_OR},
    [GRAPH_LIVE] = {"live", NULL, "draw a running topology, with rates and lag, until it ends",
                    COMMAND_OPTION_OR},
    [GRAPH_STATE] = {"state", "DIR",
                     "with --live: the state directory of the run; default: same as for run",
                     COMMAND_OPTION_WITH},
    [GRAPH_ALL] = {"all", NULL, "also show the dead letters", COMMAND_OPTION_ALONE},
    [GRAPH_ASCII] = {"ascii", NULL, "draw with ASCII only; the default unless the locale is UTF-8",
                     COMMAND_OPTION_ALONE},
    [GRAPH_SET] = COMMAND_OPTION_SET,
    {0}};

const struct command_syntax command_graph_syntax = {
    "graph", COMMAND_OPERAND_TOPOLOGY, "draw a topology; --live draws a running one", options};

static int take_option(void *context, size_t option, const char *value)
{
    struct arguments *a = context;
    if (option == GRAPH_SET)
        return command_add_setting(&a->settings, value);
    if (option == GRAPH_STATE)
        a->state_path = value;
    a->dot |= option == GRAPH_DOT;
    a->mermaid |= option == GRAPH_MERMAID;
    a->live |= option == GRAPH_LIVE;
    a->all |= option == GRAPH_ALL;
    a->ascii |= option == GRAPH_ASCII;
    return EXIT_OK;
}

static int parse_arguments(int argc, char **argv, struct arguments *a)
{
    int code = command_parse(&command_graph_syntax, argc, argv, take_option, a, &a->file);
    if (code != EXIT_OK)
        return code;
    if (a->dot + a->mermaid + a->live > 1)
        log_line(LOG_ERROR, "--dot, --mermaid and --live exclude each other; use one of them");
    else if (a->state_path != NULL && !a->live)
        log_line(LOG_ERROR, "--state has no use without --live; add --live or remove --state");
    else
        return EXIT_OK;
    return command_usage(&command_graph_syntax);
}

/* Whether the locale uses UTF-8, by the same variables that setlocale(3) consults. */
static bool locale_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && *value != '\0')
            return strcasestr(value, "UTF-8") != NULL || strcasestr(value, "UTF8") != NULL;
    }
    return false;
}

int command_graph(kind_registry kinds, int argc, char **argv)
{
    struct arguments a = {0};
    int code = parse_arguments(argc, argv, &a);
    if (code != EXIT_OK)
        return code;
    struct topology_source source;
    struct topology *topology = NULL;
    /* A running topology was checked with its own state directory, where it was started. */
    code = a.live ? command_load_topology(kinds, a.file, &a.settings, TOPOLOGY_LOGICAL, &source,
                                          &topology)
                  : command_check_topology(kinds, a.file, &a.settings, TOPOLOGY_LOGICAL, &source,
                                           &topology);
    topology_source_done(&source);
    if (code != EXIT_OK)
        return code;
    struct graph_view view;
    graph_view_init(&view, topology, a.all);
    struct graph_style style = {.ascii = a.ascii || !locale_is_utf8(), .columns = COLUMNS_PLAIN};
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        style.columns = size.ws_col;
    struct buf out = {0};
    if (a.dot)
        graph_write_dot(&view, &out);
    else if (a.mermaid)
        graph_write_mermaid(&view, &out);
    else if (!a.live)
        graph_write_picture(&view, &style, &out);
    code = a.live ? graph_live(&view, &style, a.state_path) : command_print(&out, EXIT_OK);
    buf_done(&out);
    graph_view_done(&view);
    topology_free(topology);
    return code;
}
