/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/text.h"
#include "ipc/stage_protocol.h"
#include "stages/host/stage_main.h"
#include "supervisor/command/command.h"
#include "supervisor/run/inherited.h"

#ifndef BULKHEAD_VERSION
#error "the Makefile gives BULKHEAD_VERSION"
#endif

struct command {
    const char *name;
    int (*run)(kind_registry kinds, int argc, char **argv);
    const char *usage;
    const char *summary;
};

static const struct command commands[] = {
    {"run", command_run, "run [options] T.yaml", "run a topology, every stage a process"},
    {"check", command_check, "check [options] T.yaml", "every error of a topology, with its place"},
    {"graph", command_graph, "graph [options] T.yaml", "the picture; --live: with what flows"},
    {"chaos", command_chaos, "chaos [options] T.yaml", "kill it all the time: same bytes?"},
    {"kinds", command_kinds, "kinds [KIND]", "the kinds of stages and their options"},
    {"journal", command_journal, "journal [options] T.yaml", "what is kept of standard input"},
    {"status", command_status, "status [--json]", "what is running"},
    {"kill", command_kill, "kill STAGE", "SIGKILL one stage, for tests"},
    {"stop", command_stop, "stop", "drain and stop; twice: at once"},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void write_help(struct buf *out)
{
    buf_add_text(out,
                 "bulkhead " BULKHEAD_VERSION " - runs pipelines whose stages may be killed\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        buf_add_format(out, "  bulkhead %-24s %s\n", commands[i].usage, commands[i].summary);
    buf_add_text(out,
                 "\noptions of run:\n"
                 "  --inline        in one process, without isolation: same bytes\n"
                 "  --fresh         start over: forget the state, empty the outputs that are ours\n"
                 "  --discard STAGE forget what is kept of a stage; it begins where its input is\n"
                 "  --accept-gap    go on though stages lack records that nobody can give again\n"
                 "  --state DIR     the state directory (most commands take it too)\n"
                 "  --set STAGE.OPTION=VALUE\n"
                 "                  say it in place of the topology; may be repeated (check,\n"
                 "                  graph and chaos too)\n"
                 "  --quiet         no progress\n"
                 "  --verbose       say more\n"
                 "\noptions of check:\n"
                 "  --print         the proved graph too: links, with the fields that flow there\n"
                 "\noptions of graph:\n"
                 "  --live          a running one, with rates and lag, until it ends\n"
                 "  --dot           for Graphviz; --mermaid: for Mermaid\n"
                 "  --all           the dead letters too\n"
                 "  --ascii         no other characters\n"
                 "\noptions of chaos:\n"
                 "  --kills N       so many in all; 100 if not given\n"
                 "  --seed S        what is killed when; shown if it is drawn\n"
                 "  --targets STAGE,...\n"
                 "                  only these; also supervisor, all\n"
                 "  --keep DIR      use DIR, and keep what was written\n"
                 "  --quiet         no progress; --verbose: every kill\n"
                 "\noptions of journal:\n"
                 "  --print         its records: seq, line, content; --from SEQ, --to SEQ\n"
                 "  --verify        whether every block is whole\n"
                 "\noptions of status:\n"
                 "  --json          for programs, with more in it\n"
                 "\nexit codes:\n");
#define X(name, code, meaning) buf_add_format(out, "  %d  %s\n", code, meaning);
    EXIT_CODE_LIST(X)
#undef X
}

static int print_help(void)
{
    struct buf out = {0};
    write_help(&out);
    int code = command_print(&out, EXIT_OK);
    buf_done(&out);
    return code;
}

static int print_command_help(const struct command *command)
{
    struct buf out = {0};
    buf_add_format(&out, "usage: bulkhead %s\n%s; more: bulkhead --help, man bulkhead\n",
                   command->usage, command->summary);
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
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i].name;
    const char *nearest = text_nearest(name, names, COMMAND_COUNT);
    log_line(LOG_ERROR, "there is no command '%s'%s%s%s", name,
             nearest != NULL ? "; did you mean '" : "; see bulkhead --help",
             nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
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
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    }
    return NULL;
}

/* `bulkhead run --help`, also behind what was typed already. */
static bool asks_for_help(int argc, char **argv)
{
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

int command_main(int argc, char **argv, kind_registry kinds)
{
    if (argc > 1 && strcmp(argv[1], STAGE_ARGUMENT) == 0)
        return stage_main(argc, argv, kinds);
    inherited_take(role(argc > 1 ? argv[1] : ""));
    log_init("bulkhead", LOG_INFO);
    if (argc < 2) {
        struct buf out = {0};
        write_help(&out);
        (void)command_write(STDERR_FILENO, &out, NULL);
        buf_done(&out);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        (strcmp(argv[1], "help") == 0 && argc == 2))
        return print_help();
    if (strcmp(argv[1], "--version") == 0)
        return print_version();
    bool helps = strcmp(argv[1], "help") == 0;
    const struct command *command = find_command(argv[helps ? 2 : 1]);
    if (command == NULL)
        return unknown_command(argv[helps ? 2 : 1]);
    if (helps || asks_for_help(argc, argv))
        return print_command_help(command);
    argv[1] = argv[0]; /* the name of the program, as main() gets it */
    return command->run(kinds, argc - 1, argv + 1);
}
