/* SPDX-License-Identifier: MIT */
/*
 * command_options.h - the command line of a command, as a table
 *
 * One table lists the options of a command. The command line is parsed by this table, and the usage
 * and the help are generated from it, so no option can be missing from one of them. Options have no
 * short forms and must be written out. getopt_long(3) would accept any unique prefix: then --f
 * would empty outputs (--fresh), and a prefix in a script could change its meaning when an option
 * is added.
 */
#ifndef BULKHEAD_SUPERVISOR_COMMAND_COMMAND_OPTIONS_H
#define BULKHEAD_SUPERVISOR_COMMAND_COMMAND_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

/* How often an option may be given, and how the usage shows it. */
enum command_option_use {
    COMMAND_OPTION_ALONE,   /* independent of the others: [--a] */
    COMMAND_OPTION_REPEATS, /* may be given several times, and each time adds something: [--a]... */
    COMMAND_OPTION_OR,      /* excludes the option before it in the table: [--x | --a] */
    COMMAND_OPTION_WITH,    /* belongs to the nearest other option before it: [--x [--a]] */
};

struct command_option {
    const char *name;     /* without the dashes; NULL ends the table */
    const char *argument; /* placeholder of its value in the help; NULL: it has no value */
    const char *meaning;  /* a few words; for an option with a value also the default */
    enum command_option_use use;
};

/* The most options that a command has. */
#define COMMAND_OPTIONS_MAX 16u

struct command_syntax {
    const char *name;
    const char *operand; /* NULL: none; in brackets: optional */
    const char *summary; /* one line */
    const struct command_option *options;
};

/* The operand of the commands that read a topology. */
#define COMMAND_OPERAND_TOPOLOGY "T.yaml"

/* The options that several commands have. */
#define COMMAND_OPTION_SET                                                                         \
    {                                                                                              \
        "set", "STAGE.OPTION=VALUE", "override one option of a stage in the topology",             \
            COMMAND_OPTION_REPEATS                                                                 \
    }
#define COMMAND_OPTION_STATE                                                                       \
    {                                                                                              \
        "state", "DIR",                                                                            \
            "the state directory; default: bulkhead/NAME in $XDG_STATE_HOME, or if that is not "   \
            "set, in /var/lib for root and in ~/.local/state for other users",                     \
            COMMAND_OPTION_ALONE                                                                   \
    }
#define COMMAND_OPTION_STATE_OF_RUN                                                                \
    {                                                                                              \
        "state", "DIR",                                                                            \
            "the state directory of the run; default: that of the only run under the default "     \
            "directory",                                                                           \
            COMMAND_OPTION_ALONE                                                                   \
    }

/*
 * Receives one option.
 *
 *   option   its index in the table
 *   value    its value, not empty; NULL if it has none
 *
 * Returns: EXIT_OK, or EXIT_USAGE after logging the error
 */
typedef int command_take(void *context, size_t option, const char *value);

/*
 * Parses a command line. It is checked as a whole first: every option must exist, have a value if
 * it takes one, and appear only once unless it repeats; there must be exactly one operand if one is
 * required. Only then are the options passed to take(), in their order. Options may come before or
 * after the operand; after "--" there are none.
 *
 *   argv          of the command, from its own name on
 *   ret_operand   set to the operand, or NULL if there is none; may be NULL if the command has none
 *
 * Returns: EXIT_OK; EXIT_USAGE after logging the error and printing the usage; or what take()
 *          returned, if that is not EXIT_OK
 */
int command_parse(const struct command_syntax *syntax, int argc, char **argv, command_take *take,
                  void *context, const char **ret_operand);

/* Prints the usage of a command to stderr and returns EXIT_USAGE. */
int command_usage(const struct command_syntax *syntax);

/* Appends the usage of a command, in lines of at most 80 columns. */
void command_write_usage(const struct command_syntax *syntax, struct buf *out);

/* Appends one or more lines for each option of a command. */
void command_write_options(const struct command_syntax *syntax, struct buf *out);

/* Where a word of a command line is, and what the other words say. */
struct command_place {
    enum {
        COMMAND_PLACE_OPTION,  /* the name of an option */
        COMMAND_PLACE_VALUE,   /* the value of one, alone or after its '=' */
        COMMAND_PLACE_OPERAND, /* neither */
    } what;
    const struct command_option *option; /* of the value */
    size_t done;                         /* of a value: how many bytes of the word precede it */
    bool given[COMMAND_OPTIONS_MAX];     /* whether another word names this option */
    const char *operand;                 /* another word that is the operand; or NULL */
    const char *state;                   /* the value of --state in another word; or NULL */
};

/*
 * Finds what the word argv[at] of a command line is, which need not be complete or correct.
 * argv[0] is the name of the command.
 * Requires:  0 < at < argc.
 */
void command_find_place(const struct command_syntax *syntax, int argc, char **argv, int at,
                        struct command_place *ret_place);

#endif
