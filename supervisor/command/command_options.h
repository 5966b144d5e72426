/* SPDX-License-Identifier: MIT */
/*
 * command_options.h - the command line of a command, as a table
 *
 * One table says which options a command has. Its command line is read by it, and its usage and its
 * help are made from it, so no option can be missing in one of them. Options have no short forms
 * and are spelled out: getopt_long(3) takes every beginning of an option for the whole, so --f
 * would empty outputs (--fresh), and what a script says would get another meaning with the next
 * option.
 */
#ifndef BULKHEAD_SUPERVISOR_COMMAND_COMMAND_OPTIONS_H
#define BULKHEAD_SUPERVISOR_COMMAND_COMMAND_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

struct command_option {
    const char *name;     /* without the dashes; NULL ends the table */
    const char *argument; /* what stands for its value in the help; NULL: it takes none */
    const char *meaning;  /* a few words, and for an argument what holds if it is not given */
    bool repeats;         /* may be given again, and each adds something */
};

/* The most options that a command has. */
#define COMMAND_OPTIONS_MAX 16u

struct command_syntax {
    const char *name;
    const char *operand; /* NULL: none; in brackets: it may be left out */
    const char *summary; /* a line */
    const struct command_option *options;
};

/* The options that several commands have. */
#define COMMAND_OPTION_SET                                                                         \
    {                                                                                              \
        "set", "STAGE.OPTION=VALUE", "this value in place of that of the topology", true           \
    }
#define COMMAND_OPTION_STATE                                                                       \
    {                                                                                              \
        "state", "DIR",                                                                            \
            "the state directory; default: bulkhead/NAME in $XDG_STATE_HOME, or else in /var/lib " \
            "for "                                                                                 \
            "root, or in ~/.local/state",                                                          \
            false                                                                                  \
    }
#define COMMAND_OPTION_STATE_OF_RUN                                                                \
    {                                                                                              \
        "state", "DIR",                                                                            \
            "the state directory of the run; default: that of the only run that has one by "       \
            "default",                                                                             \
            false                                                                                  \
    }

/*
 * Takes one option.
 *
 *   option   its place in the table
 *   value    what follows it, not empty; NULL if it takes none
 *
 * Returns: EXIT_OK, or EXIT_USAGE with the error said
 */
typedef int command_take(void *context, size_t option, const char *value);

/*
 * Reads a command line: first looks whether every option is there, has a value if it takes one, and
 * stands there once if it does not repeat, and whether the operand is there and alone; then takes
 * the options, in their order. Options may stand before or after the operand; after "--" there are
 * none.
 *
 *   argv          of the command, from its own name on
 *   ret_operand   set to the operand, NULL if there is none; may be NULL for a command without one
 *
 * Returns: EXIT_OK; EXIT_USAGE with the error and the usage said; what take() returned, if that is
 *          not EXIT_OK
 */
int command_parse(const struct command_syntax *syntax, int argc, char **argv, command_take *take,
                  void *context, const char **ret_operand);

/* Prints how a command is called to stderr and returns EXIT_USAGE. */
int command_usage(const struct command_syntax *syntax);

/* Adds how a command is called, in lines of 80 columns at most. */
void command_write_usage(const struct command_syntax *syntax, struct buf *out);

/* Adds a line, or a few, for each option of a command. */
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
