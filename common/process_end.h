/* SPDX-License-Identifier: MIT */
/*
 * process_end.h - how a process ended, for a person
 */
#ifndef BULKHEAD_COMMON_PROCESS_END_H
#define BULKHEAD_COMMON_PROCESS_END_H

#define PROCESS_END_BYTES 64

/*
 * Writes how a process ended, as the rest of a sentence about it: "was killed by signal 9
 * (SIGKILL)" or "exited with code 2".
 *
 *   signal     that killed it (WTERMSIG); 0: none, it exited
 *   exit_code  then: with what (WEXITSTATUS)
 *
 * Returns: ret_text.
 */
const char *process_end_text(int signal, int exit_code, char ret_text[PROCESS_END_BYTES]);

#endif
