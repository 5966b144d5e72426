/* SPDX-License-Identifier: MIT */
/*
 * topology_source.h - where the text of a topology comes from
 *
 * A file, "-" for standard input, or what cannot be read twice: a named pipe, the /dev/fd/63 of a
 * shell's <(...). It is read once, to its end, and from then on its text is what counts.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_TOPOLOGY_SOURCE_H
#define BULKHEAD_SUPERVISOR_RUN_TOPOLOGY_SOURCE_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"

struct topology_source {
    const char *name; /* for messages */
    const char *file; /* NULL: none that can be read again */
    /* Beside what the files of ${TOPOLOGY_DIR} lie. What is no file is nowhere: where we started.
     */
    const char *beside;
    bool is_stdin; /* standard input has been read for it */
    bool is_once;  /* it cannot be read another time, or not by another process */
    struct buf text;
};

/*
 * Reads all of it, TOPOLOGY_BYTES_MAX at most.
 *
 *   file        as the user named it; borrowed for as long as the source lives
 *   ret_source  the caller frees it with topology_source_done(), whatever is returned
 *
 * Returns: 0; ERR_IO, ERR_NOT_FOUND; ERR_RANGE (too long); ERR_INVALID (a directory). e names the
 * file.
 */
int topology_source_read(const char *file, struct topology_source *ret_source, struct err *e);

/* Frees the text. */
void topology_source_done(struct topology_source *source);

#endif
