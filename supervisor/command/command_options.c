/* SPDX-License-Identifier: MIT */
#include "supervisor/command/command_options.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "common/check.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"
#include "supervisor/command/wrapped.h"
#include "supervisor/run/exit_codes.h"
#include "supervisor/run/inherited.h"

#define MEANING_COLUMN 18u

/* --- parsing --- */

/* Reports an unknown option; text has one or two dashes, and the option ends after len bytes. */
static int report_unknown(const char *text, size_t len, const struct command_option *options)
{
    const char *names[COMMAND_OPTIONS_MAX], *nearest = NULL;
    size_t count = 0, dashes = strspn(text, "-") < 2 ? 1 : 2;
    char *name = memory_dup(text + dashes, len - dashes);
    for (; options[count].name != NULL && count < COMMAND_OPTIONS_MAX; count++) {
        names[count] = options[count].name;
        /* Other programs accept a prefix. */
        if (strlen(name) > 2 - dashes && strncmp(name, names[count], strlen(name)) == 0)
            nearest = names[count];
    }
    bool is_short = dashes == 1 && strlen(name) == 1;
    if (nearest == NULL && !is_short)
        nearest = text_nearest(name, names, count);
    char whole[NAME_BYTES_MAX + 3], hint[TEXT_SUGGESTION_BYTES];
    (void)snprintf(whole, sizeof whole, "--%s", nearest != NULL ? nearest : "");
    log_line(LOG_ERROR, "there is no option '%.*s'%s", (int)len, text,
             text_suggestion(nearest != NULL ? whole : NULL,
                             is_short ? "; options have no short forms" : "", hint));
    free(name);
    return EXIT_USAGE;
}

static const struct command_option *find_option(const char *name, size_t len,
                                                const struct command_option *options)
{
    for (; options->name != NULL; options++) {
        if (strlen(options->name) == len && strncmp(options->name, name, len) == 0)
            return options;
    }
    return NULL;
}

/* Checks the use of a known option; value: as given, NULL: none. */
static int check_option(const struct command_option *option, const char *value, bool is_given)
{
    const char *name = option->name;
    int code = EXIT_USAGE;
    if (option->argument == NULL && value != NULL)
        log_line(LOG_ERROR, "--%s takes no value, but '%s' was given", name, value);
    else if (option->argument != NULL && value == NULL)
        log_line(LOG_ERROR, "--%s needs a value", name);
    else if (option->argument != NULL && *value == '\0')
        log_line(LOG_ERROR, "--%s needs a value, but this one is empty", name);
    else if (is_given && option->argument != NULL && option->use != COMMAND_OPTION_REPEATS)
        log_line(LOG_ERROR, "--%s is given twice; give it once", name);
    else
        code = EXIT_OK;
    return code;
}

/* One word of a command line, or an option together with its value. */
struct word {
    const char *operand;                 /* NULL: it is an option */
    const struct command_option *option; /* NULL: it is unknown, or this is an operand */
    size_t len;                          /* length of the option with its dashes */
    const char *value;                   /* NULL: none */
};

/* A walk over a command line. */
struct words {
    const struct command_option *options;
    char **argv;
    int argc, at;
    bool options_are_over;
};

static bool next_word(struct words *w, struct word *ret_word)
{
    if (!w->options_are_over && w->at < w->argc && strcmp(w->argv[w->at], "--") == 0) {
        w->options_are_over = true;
        w->at++;
    }
    if (w->at >= w->argc)
        return false;
    const char *text = w->argv[w->at++];
    *ret_word = (struct word){.operand = text};
    if (w->options_are_over || text[0] != '-' || text[1] == '\0')
        return true;
    size_t len = strcspn(text, "=");
    *ret_word = (struct word){.len = len};
    if (text[1] == '-' && len > 2)
        ret_word->option = find_option(text + 2, len - 2, w->options);
    ret_word->value = text[len] == '=' ? text + len + 1 : NULL;
    if (ret_word->option != NULL && ret_word->option->argument != NULL && ret_word->value == NULL &&
        w->at < w->argc)
        ret_word->value = w->argv[w->at++];
    return true;
}

static int report_surplus(const struct command_syntax *syntax, const char *operand)
{
    if (syntax->operand == NULL)
        log_line(LOG_ERROR, "%s takes no argument, but '%s' was given", syntax->name, operand);
    else
        log_line(LOG_ERROR, "%s takes one argument, and '%s' is a second one", syntax->name,
                 operand);
    return EXIT_USAGE;
}

/* Checks that every option can be accepted, and that there are as many operands as required. */
static int check_words(struct words w, const struct command_syntax *syntax)
{
    bool given[COMMAND_OPTIONS_MAX] = {false};
    size_t operands = 0, operands_max = syntax->operand != NULL ? 1 : 0;
    struct word word;
    for (int at = w.at; next_word(&w, &word); at = w.at) {
        if (word.operand != NULL) {
            if (operands++ == operands_max)
                return report_surplus(syntax, word.operand);
            continue;
        }
        if (word.option == NULL)
            return report_unknown(w.argv[at], word.len, w.options);
        size_t index = (size_t)(word.option - w.options);
        REQUIRE(index < COMMAND_OPTIONS_MAX);
        if (check_option(word.option, word.value, given[index]) != EXIT_OK)
            return EXIT_USAGE;
        given[index] = true;
    }
    bool needs_operand = syntax->operand != NULL && syntax->operand[0] != '[';
    if (!needs_operand || operands != 0)
        return EXIT_OK;
    log_line(LOG_ERROR, "%s needs an argument: %s", syntax->name, syntax->operand);
    return EXIT_USAGE;
}

int command_parse(const struct command_syntax *syntax, int argc, char **argv, command_take *take,
                  void *context, const char **ret_operand)
{
    struct words w = {.options = syntax->options, .argv = argv, .argc = argc, .at = 1};
    if (check_words(w, syntax) != EXIT_OK)
        return command_usage(syntax);
    const char *operand = NULL;
    struct word word;
    while (next_word(&w, &word)) {
        if (word.operand != NULL) {
            operand = word.operand;
            continue;
        }
        int code = take(context, (size_t)(word.option - syntax->options), word.value);
        if (code != EXIT_OK)
            return code;
    }
    if (ret_operand != NULL)
        *ret_operand = operand;
    return EXIT_OK;
}

/* Notes what a word that is not the one being looked for says. */
static void note_word(const struct command_syntax *syntax, const struct word *word,
                      struct command_place *place)
{
    if (word->operand != NULL) {
        place->operand = word->operand;
    } else if (word->option != NULL) {
        size_t index = (size_t)(word->option - syntax->options);
        REQUIRE(index < COMMAND_OPTIONS_MAX);
        place->given[index] = true;
        if (strcmp(word->option->name, "state") == 0)
            place->state = word->value;
    }
}

/* Describes the word being looked for, text, which is a part of `word`. */
static void describe_word(const struct word *word, const char *text, struct command_place *place)
{
    const char *equals = strchr(text, '=');
    bool is_value = word->value == text;
    bool ends_in_value = word->value != NULL && equals != NULL && word->value == equals + 1;
    if (word->operand == text && strcmp(text, "-") != 0) {
        place->what = COMMAND_PLACE_OPERAND;
    } else if (word->option != NULL && word->option->argument != NULL &&
               (is_value || ends_in_value)) {
        place->what = COMMAND_PLACE_VALUE;
        place->option = word->option;
        place->done = (size_t)(word->value - text);
    } else {
        place->what = COMMAND_PLACE_OPTION;
    }
}

void command_find_place(const struct command_syntax *syntax, int argc, char **argv, int at,
                        struct command_place *ret_place)
{
    REQUIRE(at > 0 && at < argc);
    *ret_place = (struct command_place){.what = COMMAND_PLACE_OPTION}; /* of a "--" at the end */
    struct words w = {.options = syntax->options, .argv = argv, .argc = argc, .at = 1};
    struct word word;
    for (int begin = w.at; next_word(&w, &word); begin = w.at) {
        if (begin <= at && at < w.at)
            describe_word(&word, argv[at], ret_place);
        else
            note_word(syntax, &word, ret_place);
    }
}

/* --- usage and help --- */

void command_write_usage(const struct command_syntax *syntax, struct buf *out)
{
    struct buf word = {0};
    buf_add_format(&word, "usage: bulkhead %s", syntax->name);
    struct wrapped w = {.out = out, .column = word.len, .indent = word.len + 1};
    buf_add(out, word.data, word.len);
    for (const struct command_option *option = syntax->options; option->name != NULL; option++) {
        buf_reset(&word);
        buf_add_text(&word, option->use == COMMAND_OPTION_OR ? "| " : "[");
        buf_add_format(&word, "--%s", option->name);
        if (option->argument != NULL)
            buf_add_format(&word, " %s", option->argument);
        bool is_nested = option->use == COMMAND_OPTION_WITH;
        bool ends_group = option[1].name == NULL || option[1].use == COMMAND_OPTION_ALONE ||
                          option[1].use == COMMAND_OPTION_REPEATS;
        buf_add_format(&word, "%s%s%s", is_nested ? "]" : "", ends_group ? "]" : "",
                       option->use == COMMAND_OPTION_REPEATS ? "..." : "");
        wrapped_add_word(&w, word.data, word.len);
    }
    if (syntax->operand != NULL)
        wrapped_add_word(&w, syntax->operand, strlen(syntax->operand));
    buf_add_byte(out, '\n');
    buf_done(&word);
}

void command_write_options(const struct command_syntax *syntax, struct buf *out)
{
    for (const struct command_option *option = syntax->options; option->name != NULL; option++) {
        size_t begin = out->len;
        buf_add_format(out, "  --%s", option->name);
        if (option->argument != NULL)
            buf_add_format(out, " %s", option->argument);
        size_t column = out->len - begin;
        if (column + 1 >= MEANING_COLUMN) {
            buf_add_byte(out, '\n');
            column = 0;
        }
        buf_add_format(out, "%*s", (int)(MEANING_COLUMN - column), "");
        struct wrapped w = {.out = out, .column = MEANING_COLUMN, .indent = MEANING_COLUMN};
        wrapped_add_text(&w, option->meaning);
        buf_add_byte(out, '\n');
    }
}

int command_usage(const struct command_syntax *syntax)
{
    inherited_set_late_stops(EXIT_USAGE); /* printing may wait for a reader that never comes */
    struct buf out = {0};
    command_write_usage(syntax, &out);
    fputs(buf_text(&out), stderr);
    buf_done(&out);
    return EXIT_USAGE;
}
