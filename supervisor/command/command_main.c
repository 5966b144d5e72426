/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/log.h"
#include "common/text.h"
#include "ipc/stage_protocol.h"
#include "stages/host/stage_main.h"
#include "stages/registry.h"
#include "supervisor/command/command.h"
#include "supervisor/command/completion.h"
#include "supervisor/run/inherited.h"

#ifndef BULKHEAD_VERSION
#error "the Makefile gives BULKHEAD_VERSION"
#endif

struct command {
    const struct command_syntax *syntax;
    int (*run)(kind_registry kinds, int argc, char **argv);
};

static const struct command commands[] = {
    {&command_run_syntax, command_run},       {&command_check_syntax, command_check},
    {&command_plan_syntax, command_plan},     {&command_graph_syntax, command_graph},
    {&command_chaos_syntax, command_chaos},   {&command_kinds_syntax, command_kinds},
    {&command_types_syntax, command_types},   {&command_journal_syntax, command_journal},
    {&command_status_syntax, command_status}, {&command_kill_syntax, command_kill},
    {&command_stop_syntax, command_stop},     {&command_completion_syntax, command_completion},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void write_help(struct buf *out)
{
    buf_add_text(out,
                 "bulkhead " BULKHEAD_VERSION " - runs pipelines whose stages may be killed\n\n"
                 "usage: bulkhead COMMAND [OPTION]... [ARGUMENT]\n\ncommands:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command_syntax *syntax = commands[i].syntax;
        char call[64];
        (void)snprintf(call, sizeof call, "%s%s%s", syntax->name,
                       syntax->operand != NULL ? " " : "",
                       syntax->operand != NULL ? syntax->operand : "");
        buf_add_format(out, "  %-17s %s\n", call, syntax->summary);
    }
    buf_add_text(out, "  help [COMMAND]    show this help, or the help of one command\n"
                      "  --version         print the version\n\n"
                      "T.yaml is the file of a topology, or - for standard input.\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (commands[i].syntax->options[0].name == NULL)
            continue;
        buf_add_format(out, "\noptions of %s:\n", commands[i].syntax->name);
        command_write_options(commands[i].syntax, out);
    }
    buf_add_text(out, "\nexit codes:\n");
#define X(name, code, meaning) buf_add_format(out, "  %d  %s\n", code, meaning);
    EXIT_CODE_LIST(X)
#undef X
    buf_add_text(
        out, "\nmanuals:\n"
             "  man bulkhead           commands, signals, files and exit codes in full\n"
             "  man bulkhead-topology  the topology file: stages, kinds, types, dead letters\n");
}

static int print_help(void)
{
    struct buf out = {0};
    write_help(&out);
    int code = command_print(&out, EXIT_OK);
    buf_done(&out);
    return code;
}

/* Whether bulkhead-topology(5) says more about what a command takes. */
static bool describes_topologies(const struct command_syntax *syntax)
{
    return syntax->operand != NULL && strcmp(syntax->operand, command_kill_syntax.operand) != 0;
}

static int print_command_help(const struct command *command)
{
    struct buf out = {0};
    command_write_usage(command->syntax, &out);
    buf_add_format(&out, "\n%s\n", command->syntax->summary);
    if (command->syntax->options[0].name != NULL)
        buf_add_text(&out, "\noptions:\n");
    command_write_options(command->syntax, &out);
    if (command->run == command_status)
        command_status_fields(&out);
    buf_add_format(&out, "\nmanuals: man bulkhead%s\n",
                   describes_topologies(command->syntax) ? ", man bulkhead-topology" : "");
    int code = command_print(&out, EXIT_OK);
    buf_done(&out);
    return code;
}

static int print_version(void)
{
    struct buf out = {0};
    buf_add_text(&out, "bulkhead " BULKHEAD_VERSION "\n");
    int code = command_print(&out, EXIT_OK);
    buf_done(&out);
    return code;
}

static int unknown_command(const char *name)
{
    const char *names[COMMAND_COUNT + 1], *nearest = NULL;
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i].syntax->name;
    names[COMMAND_COUNT] = "help";
    for (size_t i = 0; i <= COMMAND_COUNT; i++) {
        /* The first one: "st" must not suggest "stop" to those who want the status. */
        if (nearest == NULL && strlen(name) > 1 && strncmp(name, names[i], strlen(name)) == 0)
            nearest = names[i];
    }
    if (nearest == NULL)
        nearest = strcmp(name, "version") == 0 ? "--version"
                                               : text_nearest(name, names, COMMAND_COUNT + 1);
    char hint[TEXT_SUGGESTION_BYTES];
    log_line(LOG_ERROR, "there is no command '%s'%s", name,
             text_suggestion(nearest, "; see bulkhead --help", hint));
    return EXIT_USAGE;
}

/* An option where a command is expected. */
static int unknown_option(const char *text)
{
    static const char *const names[] = {"--help", "--version"};
    const char *nearest = text_nearest(text, names, sizeof names / sizeof names[0]);
    if (strcasecmp(text, "-v") == 0)
        nearest = "--version";
    char hint[TEXT_SUGGESTION_BYTES];
    log_line(LOG_ERROR, "there is no option '%s' before the command%s", text,
             text_suggestion(nearest, "; options of a command come after its name", hint));
    return EXIT_USAGE;
}

static enum inherited_by role(const char *command)
{
    if (strcmp(command, "run") == 0)
        return INHERITED_BY_RUN;
    return strcmp(command, "chaos") == 0 ? INHERITED_BY_CHAOS : INHERITED_BY_TOOL;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(name, commands[i].syntax->name) == 0)
            return &commands[i];
    }
    return NULL;
}

static bool is_help_option(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* `bulkhead run --help`, also after other words of the command line. */
static bool asks_for_help(int argc, char **argv)
{
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (is_help_option(argv[i]))
            return true;
    }
    return false;
}

/* `bulkhead help` or `bulkhead --help`, with or without the name of a command. */
static int help(int argc, char **argv)
{
    bool is_asked = is_help_option(argv[1]) || asks_for_help(argc, argv);
    if (argc > 3 && !is_asked) {
        log_line(LOG_ERROR, "help takes one command, and '%s' is a second one", argv[3]);
        return EXIT_USAGE;
    }
    if (argc == 2 || strcmp(argv[2], "help") == 0 || is_help_option(argv[2]))
        return print_help();
    const struct command *command = find_command(argv[2]);
    if (command != NULL)
        return print_command_help(command);
    return is_asked ? print_help() : unknown_command(argv[2]);
}

static int complete(kind_registry kinds, int argc, char **argv)
{
    const struct command_syntax *syntaxes[COMMAND_COUNT + 1] = {NULL};
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        syntaxes[i] = commands[i].syntax;
    return command_complete(kinds, syntaxes, argc, argv);
}

int command_main(int argc, char **argv, kind_registry kinds)
{
    if (argc > 1 && strcmp(argv[1], STAGE_ARGUMENT) == 0)
        return stage_main(argc, argv, kinds);
    registry_require(kinds);
    inherited_take(role(argc > 1 ? argv[1] : ""));
    log_init("bulkhead", LOG_INFO);
    if (argc < 2) {
        struct buf out = {0};
        write_help(&out);
        (void)command_write(STDERR_FILENO, &out, NULL);
        buf_done(&out);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], COMPLETION_ARGUMENT) == 0)
        return complete(kinds, argc, argv);
    if (strcmp(argv[1], "help") == 0 || is_help_option(argv[1]))
        return help(argc, argv);
    if (strcmp(argv[1], "--version") == 0)
        return print_version();
    if (argv[1][0] == '-')
        return unknown_option(argv[1]);
    const struct command *command = find_command(argv[1]);
    if (command == NULL)
        return unknown_command(argv[1]);
    if (asks_for_help(argc, argv))
        return print_command_help(command);
    argv[1] = argv[0]; /* the name of the program, as main() received it */
    return command->run(kinds, argc - 1, argv + 1);
}
