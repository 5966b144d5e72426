/* SPDX-License-Identifier: MIT */
/*
 * want.h - resources that a host may run out of
 *
 * A shortage is not the fault of the process that asks: other processes use the resource now and
 * will return it. So it is distinguished from all other errors, waited for, and reported by name.
 */
#ifndef BULKHEAD_COMMON_WANT_H
#define BULKHEAD_COMMON_WANT_H

/* name, text: "no TEXT", "has TEXT again". The numbers are those of the control channel. */
#define WANT_LIST(X)                                                                               \
    X(WANT_NOTHING, "nothing")                                                                     \
    X(WANT_SPACE, "space")             /* ENOSPC */                                                \
    X(WANT_INODES, "inodes")           /* ENOSPC where something new was to be created */          \
    X(WANT_QUOTA, "quota")             /* EDQUOT */                                                \
    X(WANT_DESCRIPTORS, "descriptors") /* EMFILE: of this process */                               \
    X(WANT_OPEN_FILES, "open files")   /* ENFILE: of the host */                                   \
    X(WANT_MEMORY, "memory")           /* ENOMEM, ENOBUFS */                                       \
    X(WANT_PROCESSES, "processes")     /* EAGAIN of fork(2), clone(2) and execve(2) */

enum want {
#define X(name, text) name,
    WANT_LIST(X)
#undef X
        WANT_COUNT
};

/* The resource whose shortage an errno reports; WANT_NOTHING: it has another meaning. */
enum want want_of_errno(int error);

/* As want_of_errno(), for a call that creates a process or a thread. */
enum want want_of_fork(int error);

/*
 * Whether inodes or space ran out when the creation of a file, a directory or a socket failed with
 * ENOSPC.
 *
 *   path   of the new one, relative to dir_fd (AT_FDCWD: to the current directory)
 */
enum want want_of_new(int dir_fd, const char *path);

/* The name of a resource. */
const char *want_text(enum want want);

#endif
