/* SPDX-License-Identifier: MIT */
/*
 * version.h - the version of a topology: a digest of all that can change a record or a verdict
 *
 * The text behind the digest has two parts. The first is what people wrote: types, stages, kinds,
 * options and wiring. The second is what the program and the host make of it: the programs of
 * stages, the fields that they emit, the forms of their states. The order of types and stages, the
 * form of the file, comments, and what has no influence on records (paths, workers, memory,
 * durability) are not in it. Format: docs/protocol.md, "Versions"; why:
 * docs/decisions/0030-version.md.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_VERSION_H
#define BULKHEAD_SUPERVISOR_RUN_VERSION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/err.h"
#include "topology/graph.h"

struct version {
    struct buf text;       /* both parts */
    struct digest id;      /* of the whole text */
    struct digest written; /* of the first part */
    int64_t number;        /* `version:` in the topology; 0: it has none */
    struct buf resolved;   /* the topology, with everything resolved: resolved.h */
};

/*
 * Describes the version of a topology. Reads the programs of stages that have one of their own.
 * Ownership: the caller frees *ret_version with version_done().
 * Returns:   0; ERR_NOT_FOUND, ERR_IO: a program cannot be read; ERR_RANGE, ERR_INVALID: see
 *            resolved_write().
 */
int version_describe(const struct topology *topology, struct version *ret_version, struct err *e);

/* Frees the text. */
void version_done(struct version *version);

/* Whether an option, named as in options_text.h, has no influence on records or verdicts. */
bool version_is_neutral(const struct kind *kind, const char *option);

#endif
