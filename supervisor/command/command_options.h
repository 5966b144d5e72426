/* SPDX-License-Identifier: MIT */
/*
 * command_options.h - the options of a command line, each spelled out
 *
 * getopt_long(3) takes every beginning of an option for the whole: --f empties outputs (--fresh),
 * and what a script says gets another meaning with the next option that begins like it. So what
 * stands there is looked at first; an option has one name.
 */
#ifndef BULKHEAD_SUPERVISOR_COMMAND_COMMAND_OPTIONS_H
#define BULKHEAD_SUPERVISOR_COMMAND_COMMAND_OPTIONS_H

#include <getopt.h>

/*
 * Whether getopt_long(3) will find only options that there are, each with as many arguments as it
 * takes, none of them empty, and twice only what means another thing each time. Called before it.
 * There are no options of one letter.
 * Returns: EXIT_OK, or EXIT_USAGE with the error said, and the option that may be meant.
 */
int command_check_options(int argc, char **argv, const struct option *options);

#endif
