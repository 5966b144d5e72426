/* SPDX-License-Identifier: MIT */
/*
 * inherited.h - what exec passes on to a process: put in order first thing in main()
 *
 * The table of all of it is docs/decisions/0014-what-a-process-inherits.md. Whoever started us,
 * what follows finds signals, descriptors, limits, umask and environment as they are from a plain
 * shell.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_INHERITED_H
#define BULKHEAD_SUPERVISOR_RUN_INHERITED_H

#include <signal.h>
#include <stdbool.h>

enum inherited_by {
    INHERITED_BY_TOOL, /* a command that prints something and ends */
    INHERITED_BY_RUN,
    INHERITED_BY_CHAOS,
};

/*
 * Puts in order what was inherited. `run` can be stopped from here on: until it takes signals over
 * itself, one that asks to stop ends the process at once, with exit code 0.
 */
void inherited_take(enum inherited_by by);

/* Adds a signal to a set, unless whoever started us had it ignored, as nohup does with SIGHUP. */
void inherited_heed(sigset_t *set, int signal);

/* Adds the signals that ask to stop. */
void inherited_heed_stops(sigset_t *set);

/* Lets a handler have them. */
void inherited_set_stops(void (*handler)(int));

/* Adds them too, and blocks the set: from here on they do what the caller makes of them. */
void inherited_end_early_stops(sigset_t *set);

/*
 * For when the work is done, and what is left is to print it: a signal that asks to stop, also one
 * that came before, leaves a second for that; then the process ends with the exit code.
 */
void inherited_set_late_stops(int code);

/* Whether TERM says that the terminal cannot move its cursor: it is "dumb", or nobody said. */
bool inherited_terminal_is_dumb(void);

/* Whether whoever started it had it scheduled in real time, which it left. */
bool inherited_was_real_time(void);

/* Whether descriptor 0, 1 or 2 was closed, and is /dev/null now. */
bool inherited_was_closed(int fd);

#endif
