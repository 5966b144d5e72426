/* SPDX-License-Identifier: MIT */
/*
 * stage_main.h - the main() of a stage program
 *
 * A program with kinds of its own consists of the kinds and these few lines:
 *
 *     static const struct kind_entry kinds[] = {{&my_kind, &my_ops}, {0}};
 *
 *     int main(int argc, char **argv)
 *     {
 *         return stage_main(argc, argv, kinds);
 *     }
 *
 * It is built inside the source tree and linked with build/libbulkhead.a and the LIBS of the
 * Makefile; `make install` installs neither the archive nor the headers. The supervisor that starts
 * it needs the declarations of these kinds too, so it is also a program of your own, made with
 * command_main() of supervisor/command/command.h. docs/adding-a-kind.md shows how to build both,
 * and tests/faults/ is an example. ipc/stage_protocol.h is the contract between the two programs.
 */
#ifndef BULKHEAD_STAGES_HOST_STAGE_MAIN_H
#define BULKHEAD_STAGES_HOST_STAGE_MAIN_H

#include "topology/kind.h"

/*
 * Runs one stage process to its end. The supervisor passes the arguments; nothing else should.
 * Returns: an enum stage_exit, for main() to return.
 */
int stage_main(int argc, char **argv, kind_registry kinds);

#endif
