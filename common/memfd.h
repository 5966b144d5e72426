/* SPDX-License-Identifier: MIT */
/*
 * memfd.h - memory that processes share
 *
 * A process that maps a file dies of SIGBUS when another process truncates it. So shared memory is
 * sealed: a faulty process can write nonsense into it, but cannot take it away from the others.
 */
#ifndef BULKHEAD_COMMON_MEMFD_H
#define BULKHEAD_COMMON_MEMFD_H

#include "common/err.h"

enum memfd_seals {
    MEMFD_GROWS,     /* it cannot be made shorter */
    MEMFD_STAYS,     /* its length cannot be changed */
    MEMFD_READ_ONLY, /* nothing can be changed */
};

/* Creates an empty memfd, close-on-exec. The caller closes ret_fd. Returns 0 or ERR_IO. */
int memfd_new(const char *name, int *ret_fd, struct err *e);

/* Seals it as it is now, for good. Returns 0 or ERR_IO (such as: it is mapped for writing). */
int memfd_seal(int fd, enum memfd_seals seals, struct err *e);

#endif
