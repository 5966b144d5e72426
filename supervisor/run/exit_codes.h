/* SPDX-License-Identifier: MIT */
/*
 * exit_codes.h - how the program ends; an interface, repeated in man/bulkhead.1
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_EXIT_CODES_H
#define BULKHEAD_SUPERVISOR_RUN_EXIT_CODES_H

/* name, code, meaning */
#define EXIT_CODE_LIST(X)                                                                          \
    X(EXIT_OK, 0, "it worked; for run: the input is done, or it was stopped as asked")             \
    X(EXIT_FAILED, 1, "it failed; for run: a stage died too often and all was stopped in order")   \
    X(EXIT_USAGE, 2, "the command line makes no sense")                                            \
    X(EXIT_INVALID, 3, "the topology has errors, or cannot be read")                               \
    X(EXIT_BUSY, 4, "another supervisor works in this state directory")                            \
    X(EXIT_REFUSED, 5, "state, input and output do not belong together, or cannot be opened")      \
    X(EXIT_NOT_RUNNING, 6, "there is no supervisor to talk to")                                    \
    X(EXIT_DIFFERENT, 7, "for chaos: other bytes, a run that failed, or something left behind")    \
    X(EXIT_UNPROVEN, 8, "for chaos: interrupted, or too little input to kill anything")            \
    X(EXIT_UNREAD, 9, "nobody reads standard output any more; the next run goes on from there")

enum exit_code {
#define X(name, code, meaning) name = code,
    EXIT_CODE_LIST(X)
#undef X
};

#endif
