/* SPDX-License-Identifier: MIT */
/*
 * stage_main.h - the main() of a stage program
 *
 * A program with kinds of its own is this, and the kinds:
 *
 *     static const struct kind_entry kinds[] = {{&my_kind, &my_ops}, {0}};
 *
 *     int main(int argc, char **argv)
 *     {
 *         return stage_main(argc, argv, kinds);
 *     }
 *
 * It is built inside the source tree and linked with build/libbulkhead.a and the Makefile's LIBS;
 * `make install` installs neither the archive nor the headers. The supervisor that starts it has
 * the declarations of the kinds, and is a program of its own: command_main() of
 * supervisor/command/command.h. docs/adding-a-kind.md builds both, tests/faults/ is an example.
 * What a stage program promises and is promised is in ipc/stage_protocol.h.
 */
#ifndef BULKHEAD_STAGES_HOST_STAGE_MAIN_H
#define BULKHEAD_STAGES_HOST_STAGE_MAIN_H

#include "topology/kind.h"

/* Runs one stage process to its end, as the supervisor asks for it. Returns its enum stage_exit. */
int stage_main(int argc, char **argv, kind_registry kinds);

#endif
