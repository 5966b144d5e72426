/* SPDX-License-Identifier: MIT */
/*
 * process_end.h - how a process ended, as text
 */
#ifndef BULKHEAD_COMMON_PROCESS_END_H
#define BULKHEAD_COMMON_PROCESS_END_H

#define PROCESS_END_BYTES 64

/*
 * Writes how a process ended, as the end of a sentence: "was killed by signal 9 (SIGKILL)" or
 * "exited with code 2".
 *
 *   signal     the signal that killed it (WTERMSIG); 0 if it exited
 *   exit_code  its exit code (WEXITSTATUS), if it exited
 *
 * Returns: ret_text.
 */
const char *process_end_text(int signal, int exit_code, char ret_text[PROCESS_END_BYTES]);

#endif
