/* SPDX-License-Identifier: MIT */
#include "supervisor/command/completion.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/memory.h"
#include "common/value.h"
#include "ipc/status_snapshot.h"
#include "supervisor/client/status_read.h"
#include "supervisor/command/command.h"
#include "topology/load.h"

/* The word being typed, and where its candidates go. */
struct typed {
    const struct completion_line *line;
    const struct command_syntax *syntax; /* NULL: of the command itself */
    struct command_place place;
    const char *text; /* the whole word */
    size_t done;      /* its first bytes, which every candidate begins with and none is chosen by */
    struct buf *out;
};

/* Appends a candidate if what is typed is its beginning. */
static void offer(const struct typed *typed, const char *name, const char *end, const char *meaning)
{
    const char *rest = typed->text + typed->done;
    struct buf word = {0};
    buf_add_format(&word, "%s%s", name, end);
    if (strncmp(buf_text(&word), rest, strlen(rest)) == 0)
        buf_add_format(typed->out, "%.*s%s\t%s\n", (int)typed->done, typed->text, buf_text(&word),
                       meaning);
    buf_done(&word);
}

static void offer_names_of_files(const struct typed *typed, const char *which)
{
    buf_add_format(typed->out, ":%s\n", which);
}

static void offer_commands(const struct typed *typed)
{
    for (const struct command_syntax *const *c = typed->line->commands; *c != NULL; c++)
        offer(typed, (*c)->name, "", (*c)->summary);
    offer(typed, "help", "", "show how to call bulkhead, or one command");
}

static void offer_kinds(const struct typed *typed)
{
    for (kind_registry entry = typed->line->kinds; entry->kind != NULL; entry++) {
        if (!entry->kind->internal)
            offer(typed, entry->kind->name, "", entry->kind->summary);
    }
}

static void offer_types(const struct typed *typed)
{
#define X(tag, name, meaning) offer(typed, name, "", meaning);
    VALUE_TAG_LIST(X)
#undef X
}

static void offer_shells(const struct typed *typed)
{
    for (const char *const *shell = completion_shells; *shell != NULL; shell++)
        offer(typed, *shell, "", "print the script for this shell");
}

static void offer_directories(const struct typed *typed)
{
    offer_names_of_files(typed, "directories");
}

static void offer_topologies(const struct typed *typed)
{
    offer_names_of_files(typed, "topologies");
}

/*
 * The topology on the command line. NULL if there is none, if it is not a regular file, which might
 * not be readable twice, or if it has errors. The caller frees it.
 */
static struct topology *load_topology(const struct typed *typed)
{
    const char *file = typed->place.operand;
    struct stat st;
    if (file == NULL || stat(file, &st) != 0 || !S_ISREG(st.st_mode))
        return NULL;
    struct topology *topology = NULL;
    struct topology_source source;
    struct err e;
    if (topology_source_read(file, &source, &e) == 0) {
        struct diagnostics d;
        const char *text = (const char *)source.text.data;
        diagnostics_init(&d, file, text, source.text.len);
        if (topology_load(source.beside, text, source.text.len, typed->line->kinds,
                          TOPOLOGY_PROCESSES, &d, &topology) != 0)
            topology = NULL;
        diagnostics_done(&d);
    }
    topology_source_done(&source);
    return topology;
}

/* Whether a stage is the first of its workers, and is written in the topology. */
static bool is_written(const struct stage *stage)
{
    return stage->worker == 0 && !stage->kind->internal;
}

static void offer_stages_of_topology(const struct typed *typed, bool with_workers)
{
    struct topology *topology = load_topology(typed);
    for (size_t i = 0; topology != NULL && i < topology->stage_count; i++) {
        const struct stage *stage = &topology->stages[i];
        if (is_written(stage))
            offer(typed, stage->base, "", stage->kind->summary);
        if (with_workers && stage->workers > 1)
            offer(typed, stage->name, "", "one of its workers");
    }
    topology_free(topology);
}

/* The stages of the supervisor that `kill` would talk to. */
static void offer_stages_of_run(const struct typed *typed)
{
    struct buf answer = {0};
    struct status_snapshot *status = memory_new(1, sizeof *status);
    struct err e;
    if (command_ask_quietly(typed->place.state, "status json", &answer) &&
        status_read(answer.data, answer.len, status, &e) == 0) {
        for (size_t i = 0; i < status->stage_count; i++)
            offer(typed, status->stages[i].stage, "", status->stages[i].kind);
    }
    free(status);
    buf_done(&answer);
}

static void offer_stages(const struct typed *typed)
{
    if (strcmp(typed->syntax->operand, "STAGE") == 0)
        offer_stages_of_run(typed);
    else
        offer_stages_of_topology(typed, false);
}

/* One of a list with commas. */
static void offer_targets(const struct typed *typed)
{
    struct typed last = *typed;
    const char *comma = strrchr(typed->text + typed->done, ',');
    if (comma != NULL)
        last.done = (size_t)(comma + 1 - typed->text);
    else
        offer(&last, "all", "", "all stages and the supervisor");
    offer(&last, "supervisor", "", "the supervisor itself");
    offer_stages_of_topology(&last, true);
}

/* Whether one scalar can be the value of an option. */
static bool takes_a_scalar(enum option_tag tag)
{
    switch (tag) {
    case OPTION_GROUP:
    case OPTION_GROUPS:
    case OPTION_FIELD_GROUPS:
    case OPTION_CONDITIONS:
    case OPTION_NAMED_CONDITIONS:
        return false;
    default:
        return true;
    }
}

static bool is_useless(const struct kind *kind, const char *name)
{
    const char *const *useless = kind_useless_keys(kind);
    while (useless != NULL && *useless != NULL && strcmp(*useless, name) != 0)
        useless++;
    return useless != NULL && *useless != NULL;
}

static void offer_values(const struct typed *typed, const struct option_spec *spec)
{
    if (option_is_path(spec->tag))
        offer_names_of_files(typed, "files");
    if (spec->tag == OPTION_BOOL) {
        offer(typed, "true", "", "");
        offer(typed, "false", "", "");
    }
    for (size_t i = 0; spec->choices != NULL && spec->choices[i] != NULL; i++)
        offer(typed, spec->choices[i], "", "");
}

/* Offers the options of a stage, or the values of the one that is typed already. */
static void offer_options_of(const struct typed *typed, const struct kind *kind,
                             const struct option_spec *specs)
{
    const char *text = typed->text + typed->done;
    size_t len = strcspn(text, "=");
    for (; specs->name != NULL; specs++) {
        if (!takes_a_scalar(specs->tag) || is_useless(kind, specs->name))
            continue;
        if (text[len] != '=') {
            offer(typed, specs->name, "=", specs->meaning);
        } else if (strlen(specs->name) == len && strncmp(specs->name, text, len) == 0) {
            struct typed value = *typed;
            value.done += len + 1;
            offer_values(&value, specs);
        }
    }
}

/* STAGE.OPTION=VALUE, one part after the other. */
static void offer_settings(const struct typed *typed)
{
    const char *text = typed->text + typed->done;
    size_t len = strcspn(text, ".=");
    struct topology *topology = load_topology(typed);
    for (size_t i = 0; topology != NULL && i < topology->stage_count; i++) {
        const struct stage *stage = &topology->stages[i];
        if (!is_written(stage))
            continue;
        if (text[len] != '.') {
            offer(typed, stage->base, ".", stage->kind->summary);
        } else if (strlen(stage->base) == len && strncmp(stage->base, text, len) == 0) {
            struct typed option = *typed;
            option.done += len + 1;
            offer_options_of(&option, stage->kind, stage->kind->options);
            offer_options_of(&option, stage->kind, kind_common_options);
        }
    }
    topology_free(topology);
}

/* What can be in the place of an argument, by the word that is its name in the help. */
static const struct {
    const char *argument;
    void (*offer)(const struct typed *typed);
} arguments[] = {
    {"T.yaml", offer_topologies},
    {"DIR", offer_directories},
    {"STAGE", offer_stages},
    {"STAGE,...", offer_targets},
    {"STAGE.OPTION=VALUE", offer_settings},
    {"[KIND]", offer_kinds},
    {"[TYPE]", offer_types},
    {"SHELL", offer_shells},
};

static void offer_argument(const struct typed *typed, const char *argument)
{
    for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++) {
        if (strcmp(arguments[i].argument, argument) == 0)
            arguments[i].offer(typed);
    }
}

static void offer_options(const struct typed *typed)
{
    const struct command_option *option = typed->syntax->options;
    for (size_t i = 0; option[i].name != NULL; i++) {
        struct buf name = {0};
        buf_add_format(&name, "--%s", option[i].name);
        if (option[i].use == COMMAND_OPTION_REPEATS || !typed->place.given[i])
            offer(typed, buf_text(&name), "", option[i].meaning);
        buf_done(&name);
    }
    offer(typed, "--help", "", "show how to call this command");
}

static const struct command_syntax *find_syntax(const struct completion_line *line,
                                                const char *name)
{
    const struct command_syntax *const *c = line->commands;
    while (*c != NULL && strcmp((*c)->name, name) != 0)
        c++;
    return *c;
}

/* The first word: a command, or an option of the program itself. */
static void write_first(const struct typed *typed)
{
    offer_commands(typed);
    if (typed->text[0] != '-')
        return;
    offer(typed, "--help", "", "show how to call bulkhead");
    offer(typed, "--version", "", "show the version");
}

/* A word after the name of a command. */
static void write_later(struct typed *typed)
{
    const struct completion_line *line = typed->line;
    command_find_place(typed->syntax, line->argc - 1, line->argv + 1, line->at - 1, &typed->place);
    typed->done = typed->place.done;
    switch (typed->place.what) {
    case COMMAND_PLACE_OPTION:
        offer_options(typed);
        break;
    case COMMAND_PLACE_VALUE:
        offer_argument(typed, typed->place.option->argument);
        break;
    case COMMAND_PLACE_OPERAND:
        if (typed->syntax->operand != NULL && typed->place.operand == NULL)
            offer_argument(typed, typed->syntax->operand);
        break;
    }
}

void completion_write(const struct completion_line *line, struct buf *out)
{
    struct typed typed = {.line = line, .text = line->argv[line->at], .out = out};
    if (strpbrk(typed.text, "\t\n") != NULL)
        return; /* a candidate would not be one line */
    if (line->at == 1) {
        write_first(&typed);
    } else if (strcmp(line->argv[1], "help") == 0) {
        if (line->at == 2)
            offer_commands(&typed);
    } else {
        typed.syntax = find_syntax(line, line->argv[1]);
        if (typed.syntax != NULL)
            write_later(&typed);
    }
}
