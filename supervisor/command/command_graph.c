/* SPDX-License-Identifier: MIT */
/*
 * graph: the picture of a topology, in the terminal or in the language of another program.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/command/command.h"
#include "supervisor/command/command_options.h"
#include "supervisor/graph/graph_live.h"
#include "supervisor/graph/graph_view.h"

#define USAGE                                                                                      \
    "graph [--dot | --mermaid | --live [--state DIR]] [--all] [--ascii] "                          \
    "[--set STAGE.OPTION=VALUE]... T.yaml"

/* Of a picture that goes into a file or a pipe: the same for everybody. */
#define COLUMNS_PLAIN 80

struct arguments {
    const char *file;
    const char *state_path;
    bool dot, mermaid, live, all, ascii;
    struct settings settings;
};

static int parse_arguments(int argc, char **argv, struct arguments *a)
{
    static const struct option options[] = {
        {"dot", no_argument, NULL, 'd'},       {"mermaid", no_argument, NULL, 'm'},
        {"live", no_argument, NULL, 'l'},      {"state", required_argument, NULL, 's'},
        {"all", no_argument, NULL, 'a'},       {"ascii", no_argument, NULL, 'A'},
        {"set", required_argument, NULL, 'S'}, {0}};
    int c;
    if (command_check_options(argc, argv, options) != EXIT_OK)
        return command_usage(USAGE);
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'd')
            a->dot = true;
        else if (c == 'm')
            a->mermaid = true;
        else if (c == 'l')
            a->live = true;
        else if (c == 's')
            a->state_path = optarg;
        else if (c == 'a')
            a->all = true;
        else if (c == 'A')
            a->ascii = true;
        else if (c != 'S')
            return command_usage(USAGE);
        else if (command_add_setting(&a->settings, optarg) != EXIT_OK)
            return EXIT_USAGE;
    }
    bool is_wrong = true;
    if (a->dot + a->mermaid + a->live > 1)
        log_line(LOG_ERROR, "--dot, --mermaid and --live are pictures of their own; say one");
    else if (a->state_path != NULL && !a->live)
        log_line(LOG_ERROR, "--state says where what --live shows is running, and it is not there");
    else
        is_wrong = argc - optind != 1;
    if (is_wrong)
        return command_usage(USAGE);
    a->file = argv[optind];
    return EXIT_OK;
}

/* Whether the environment says that characters are UTF-8, as setlocale(3) would look it up. */
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
    /* What runs was checked with its own state directory, and from where it was started. */
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
