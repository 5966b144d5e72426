/* SPDX-License-Identifier: MIT */
/*
 * exit_codes.h - the exit codes of the program; an interface, which man/bulkhead.1 repeats
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_EXIT_CODES_H
#define BULKHEAD_SUPERVISOR_RUN_EXIT_CODES_H

/* name, code, meaning */
#define EXIT_CODE_LIST(X)                                                                          \
    X(EXIT_OK, 0, "success; for run: the input is done, or the run was stopped as asked")          \
    X(EXIT_FAILED, 1, "failure; for run: a stage died too often, and all were stopped in order")   \
    X(EXIT_USAGE, 2, "the command line is wrong")                                                  \
    X(EXIT_INVALID, 3, "the topology has errors, or cannot be read")                               \
    X(EXIT_BUSY, 4, "another supervisor is running in this state directory")                       \
    X(EXIT_REFUSED, 5, "state, input and output do not belong together, or cannot be opened")      \
    X(EXIT_NOT_RUNNING, 6, "there is no supervisor to talk to")                                    \
    X(EXIT_DIFFERENT, 7, "for chaos: bytes differ, a run failed, or something was left behind")    \
    X(EXIT_UNPROVEN, 8, "for chaos: interrupted, or too little input to kill anything")            \
    X(EXIT_UNREAD, 9, "standard output has no reader any more; the next run resumes from there")

enum exit_code {
#define X(name, code, meaning) name = code,
    EXIT_CODE_LIST(X)
#undef X
};

#endif
