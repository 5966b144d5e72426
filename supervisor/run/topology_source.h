/* SPDX-License-Identifier: MIT */
/*
 * topology_source.h - where the text of a topology comes from
 *
 * It is a file, "-" for standard input, or something that cannot be read twice: a named pipe, or
 * the /dev/fd/63 of a shell's <(...). It is read once, to its end; from then on only the text
 * counts.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_TOPOLOGY_SOURCE_H
#define BULKHEAD_SUPERVISOR_RUN_TOPOLOGY_SOURCE_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"

struct topology_source {
    const char *name;   /* for messages */
    const char *file;   /* the file; NULL if it cannot be read again */
    const char *beside; /* the file whose directory is ${TOPOLOGY_DIR}; "-" for the current one */
    bool is_stdin;      /* standard input was read for it */
    bool is_once;       /* it cannot be read again, or not by another process */
    struct buf text;
};

/*
 * Reads all of it, up to TOPOLOGY_BYTES_MAX.
 *
 *   file        the file as the user named it; borrowed for as long as the source lives
 *   ret_source  the caller frees it with topology_source_done(), whatever is returned
 *
 * Returns: 0; ERR_IO; ERR_NOT_FOUND; ERR_RANGE: too long; ERR_INVALID: a directory, or no name. e
 *          names the file.
 */
int topology_source_read(const char *file, struct topology_source *ret_source, struct err *e);

/* Frees the text. */
void topology_source_done(struct topology_source *source);

#endif
