/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/file.h"
#include "common/log.h"
#include "common/text.h"
#include "stages/host/process_host.h"
#include "stages/stage.h"
#include "supervisor/command/command.h"
#include "supervisor/run/inherited.h"
#include "supervisor/run/spawn.h"
#include "topology/load.h"

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

/*
 * The life of a stage process. Its arguments are ours: name, generation, the seq behind which it
 * begins, verbose or quiet, the stream of standard input, the name of the topology file, whose text
 * is in a descriptor, and the settings.
 */
static int be_stage(int argc, char **argv, kind_registry kinds)
{
    int64_t generation, begins_after;
    if (argc < SPAWN_ARGUMENTS || text_parse_int(argv[3], &generation) != 0 || generation < 1 ||
        text_parse_int(argv[4], &begins_after) != 0 || begins_after < 0) {
        fprintf(stderr, "bulkhead: %s is for the supervisor alone\n", SPAWN_STAGE_ARGUMENT);
        return EXIT_USAGE;
    }
    /* What ps and top show; the program was executed by way of /proc, as "exe". */
    (void)prctl(PR_SET_NAME, argv[2]);
    log_init("", strcmp(argv[5], "verbose") == 0 ? LOG_DEBUG : LOG_INFO);
    struct settings settings = {0};
    struct buf text = {0};
    struct err e;
    int rc = file_read_whole(STAGE_FD_TOPOLOGY, TOPOLOGY_BYTES_MAX, &text, &e);
    for (int i = SPAWN_ARGUMENTS; rc == 0 && i < argc; i++)
        rc = settings_add(&settings, argv[i], &e);
    if (rc != 0) {
        log_line(LOG_ERROR, "reading the topology: %s", e.text);
        return STAGE_EXIT_FAILED;
    }
    struct diagnostics d;
    diagnostics_init(&d, argv[7], (const char *)text.data, text.len);
    d.settings = &settings;
    struct topology *topology = NULL;
    const struct stage *stage = NULL;
    if (topology_load(argv[7], (const char *)text.data, text.len, kinds, TOPOLOGY_PROCESSES, &d,
                      &topology) == 0)
        stage = topology_find_stage(topology, argv[2]);
    diagnostics_done(&d);
    buf_done(&text);
    int code = STAGE_EXIT_FAILED;
    if (stage == NULL) {
        log_line(LOG_ERROR, "the topology that was good for the supervisor is not for '%s'",
                 argv[2]);
    } else {
        struct process_host_config config = {.topology = topology,
                                             .stage = stage,
                                             .generation = (uint64_t)generation,
                                             .begins_after = (uint64_t)begins_after};
        struct stage_input input;
        if (stage->kind->takes_stdin && spawn_parse_stream(argv[6], &input) == 0)
            config.input = &input;
        code = process_host_run(&config);
    }
    topology_free(topology);
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
    if (strcmp(command, SPAWN_STAGE_ARGUMENT) == 0)
        return INHERITED_BY_STAGE;
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
    inherited_take(role(argc > 1 ? argv[1] : ""));
    if (argc > 1 && strcmp(argv[1], SPAWN_STAGE_ARGUMENT) == 0)
        return be_stage(argc, argv, kinds);
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
