/* SPDX-License-Identifier: MIT */
/*
 * child.h - the start of a child process
 *
 * Whatever this process was given or has done to itself, a child finds what is asked for and
 * nothing else: descriptors in their places, every signal with its default action unless it is to
 * be ignored, none blocked. It is killed when the thread that started it ends.
 */
#ifndef BULKHEAD_COMMON_CHILD_H
#define BULKHEAD_COMMON_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

/* The places of descriptors are below it. */
#define CHILD_PLACES_MAX 32

struct child_fd {
    int fd; /* -1: the place stays empty */
    int place;
};

enum child_group {
    CHILD_IN_SESSION, /* of its own: what a terminal sends to us does not reach it */
    CHILD_IN_GROUP,   /* of its own, in our session */
};

struct child_options {
    const char *program;          /* the path of the executable */
    const char *const *arguments; /* from argv[0] on; ends with NULL */
    const struct child_fd *fds;   /* each place once; places that are not named are empty */
    size_t fd_count;
    bool keeps_others;  /* our other descriptors too, if they are not closed on exec */
    const int *ignored; /* signals; ends with 0 */
    enum child_group group;
    uint64_t memory_bytes_max; /* RLIMIT_DATA, as far as the hard limit allows; 0: ours */
    bool dies_first;           /* the kernel takes it before us when memory is short */
};

struct child {
    pid_t pid;
    int pid_fd;
    int birth_fd; /* readable when child_hear_birth() has something to say, non-blocking */
};

/*
 * Starts a child. Returns when there is a process; it may not have come to its exec yet, or be
 * stopped on the way.
 *
 * Ownership: the caller closes pid_fd and birth_fd and reaps the process.
 * Returns:   0, or ERR_IO with why there is no process; what is wanted is in e.
 */
int child_start(const struct child_options *options, struct child *ret_child, struct err *e);

/*
 * Whether a child has come to its exec.
 *
 *   ret_error   0: it has, or it died on the way; else the errno for which it could not, and then
 *               it ends by itself
 *
 * Returns: 0, or ERR_AGAIN: neither yet
 */
int child_hear_birth(const struct child *child, int *ret_error);

/* Sends a signal to a child that was not reaped yet; a dead one does not mind. */
void child_signal(const struct child *child, int number);

#endif
