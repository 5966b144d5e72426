/* SPDX-License-Identifier: MIT */
/*
 * memfd.h - memory that processes share
 *
 * Whoever maps a file dies of SIGBUS when somebody cuts it. So what is shared is sealed: a process
 * that has gone wrong can write nonsense into it, but not take it away from others.
 */
#ifndef BULKHEAD_COMMON_MEMFD_H
#define BULKHEAD_COMMON_MEMFD_H

#include "common/err.h"

enum memfd_seals {
    MEMFD_GROWS,     /* nobody can make it shorter */
    MEMFD_STAYS,     /* nobody can change its length */
    MEMFD_READ_ONLY, /* nobody can change anything */
};

/* Makes an empty one, closed on exec, which the caller closes. Returns 0 or ERR_IO. */
int memfd_new(const char *name, int *ret_fd, struct err *e);

/* Seals it as it is now, for good. Returns 0 or ERR_IO (it is mapped by one who may write). */
int memfd_seal(int fd, enum memfd_seals seals, struct err *e);

#endif
