/* SPDX-License-Identifier: MIT */
/*
 * child.h - starts child processes
 *
 * Whatever state this process is in, a child gets what is asked for and nothing else: descriptors
 * in their places, every signal with its default action unless it is to be ignored, and no signal
 * blocked. It is killed when the thread that started it ends.
 */
#ifndef BULKHEAD_COMMON_CHILD_H
#define BULKHEAD_COMMON_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

/* All places of descriptors are below this. */
#define CHILD_PLACES_MAX 32

struct child_fd {
    int fd; /* -1: the place stays empty */
    int place;
};

enum child_group {
    CHILD_IN_SESSION, /* in its own session: signals from our terminal do not reach it */
    CHILD_IN_GROUP,   /* in its own process group within our session */
};

struct child_options {
    const char *program;          /* the path of the executable */
    const char *const *arguments; /* from argv[0] on; ends with NULL */
    const struct child_fd *fds;   /* each place once; other places stay empty */
    size_t fd_count;
    bool keeps_others;  /* it inherits our other descriptors, except those closed on exec */
    const int *ignored; /* signals to ignore; ends with 0 */
    enum child_group group;
    uint64_t memory_bytes_max; /* RLIMIT_DATA, as far as the hard limit allows; 0: as ours */
    bool dies_first;           /* the kernel kills it before us when memory is short */
};

struct child {
    pid_t pid;
    int pid_fd;
    int birth_fd; /* non-blocking; readable when child_hear_birth() has an answer */
};

/*
 * Starts a child. Returns as soon as there is a process, which may not have reached its exec yet.
 *
 * Ownership: the caller closes pid_fd and birth_fd, and reaps the process.
 * Returns:   0, or ERR_IO: e says why there is no process, and which resource is short, if any.
 */
int child_start(const struct child_options *options, struct child *ret_child, struct err *e);

/*
 * Asks whether a child has reached its exec.
 *
 *   ret_error   0: it has, or it died before; else the errno with which its exec failed, after
 *               which it ends on its own
 *
 * Returns: 0, or ERR_AGAIN: not known yet.
 */
int child_hear_birth(const struct child *child, int *ret_error);

/* Sends a signal to a child that was not reaped yet. No effect if it is dead already. */
void child_signal(const struct child *child, int number);

#endif
