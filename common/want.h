/* SPDX-License-Identifier: MIT */
/*
 * want.h - what a host may run out of
 *
 * Want of a resource is no fault of whoever asks for it: others have it now, and give it back one
 * day. So it is told apart from all other errors, waited for, and said by its name.
 */
#ifndef BULKHEAD_COMMON_WANT_H
#define BULKHEAD_COMMON_WANT_H

/* name, text: "no TEXT", "for want of TEXT". The numbers are those of the control channel. */
#define WANT_LIST(X)                                                                               \
    X(WANT_NOTHING, "nothing")                                                                     \
    X(WANT_SPACE, "space")             /* ENOSPC */                                                \
    X(WANT_INODES, "inodes")           /* ENOSPC where something new was to be made */             \
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

/* What an errno says that there is none of; WANT_NOTHING: it says something else. */
enum want want_of_errno(int error);

/* As want_of_errno(), of a call that makes a process or a thread. */
enum want want_of_fork(int error);

/*
 * Of what there was none where ENOSPC came of making a file, a directory or a socket: inodes or
 * space. The path is that of the new one, which lies in dir_fd, unless that is AT_FDCWD.
 */
enum want want_of_new(int dir_fd, const char *path);

/* The text of a want. */
const char *want_text(enum want want);

#endif
