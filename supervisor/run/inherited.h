/* SPDX-License-Identifier: MIT */
/*
 * inherited.h - what a process inherits across exec: normalized first thing in main()
 *
 * docs/decisions/0014-what-a-process-inherits.md has the table of all of it. However we were
 * started, the rest of the program finds signals, descriptors, limits, umask and environment as a
 * plain shell leaves them.
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
 * Normalizes what was inherited. From here on `run` can be stopped: until it handles signals
 * itself, one that asks to stop ends the process at once, with exit code 0.
 */
void inherited_take(enum inherited_by by);

/* Adds a signal to a set, unless we were started with it ignored, as SIGHUP is under nohup. */
void inherited_heed(sigset_t *set, int signal);

/* Adds the signals that ask to stop, except those that we were started with ignored. */
void inherited_heed_stops(sigset_t *set);

/* Installs a handler for the same signals. */
void inherited_set_stops(void (*handler)(int));

/* Adds the same signals and blocks the set. From here on the caller decides what they do. */
void inherited_end_early_stops(sigset_t *set);

/*
 * To be called when the work is done and only its results are left to print. A signal that asks to
 * stop, even one that came before, leaves one second for that; then the process exits with `code`.
 */
void inherited_set_late_stops(int code);

/* Whether the terminal cannot move its cursor as far as TERM says: it is "dumb" or not set. */
bool inherited_terminal_is_dumb(void);

/* Whether this process was started with a real-time scheduling policy, which it has left. */
bool inherited_was_real_time(void);

/* Whether descriptor 0, 1 or 2 was closed at the start, and is /dev/null now. */
bool inherited_was_closed(int fd);

#endif
