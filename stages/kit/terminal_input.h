/* SPDX-License-Identifier: MIT */
/*
 * terminal_input.h - whether what is typed on a terminal is meant for this run
 *
 * A terminal gives its input to the process group in its foreground, and stops the other groups of
 * its session that read from it (SIGTTIN; setpgid(2), tty_ioctl(4)). A stage runs in a session of
 * its own, which the terminal does not know. While the run is in the background, the stage would
 * take what is typed there away from the shell.
 */
#ifndef BULKHEAD_STAGES_KIT_TERMINAL_INPUT_H
#define BULKHEAD_STAGES_KIT_TERMINAL_INPUT_H

#include <stdbool.h>

/*
 * Whether a descriptor is a terminal whose foreground process group is not that of our parent.
 * False if it is not a terminal, or if it is our own: the kernel takes care of that.
 */
bool terminal_is_elsewhere(int fd);

/* Whether a descriptor is a terminal that was closed, from which nothing will come any more. */
bool terminal_is_gone(int fd);

#endif
