/* SPDX-License-Identifier: MIT */
/*
 * terminal_input.h - whether what is typed on a terminal is meant for this run
 *
 * A terminal gives what is typed to the process group in its foreground, and stops others of the
 * session that read from it (SIGTTIN; setpgid(2), tty_ioctl(4)). A stage is in a session of its
 * own, of which the terminal knows nothing: it would take from the shell what is typed there while
 * the run is in the background.
 */
#ifndef BULKHEAD_STAGES_KIT_TERMINAL_INPUT_H
#define BULKHEAD_STAGES_KIT_TERMINAL_INPUT_H

#include <stdbool.h>

/*
 * Whether a descriptor is a terminal that has another process group in its foreground than that of
 * our parent. False for one that is no terminal, and for our own: there the kernel sees to it.
 */
bool terminal_is_elsewhere(int fd);

/* Whether a descriptor is a terminal that was closed: nothing will come from it any more. */
bool terminal_is_gone(int fd);

#endif
