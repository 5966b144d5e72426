/* SPDX-License-Identifier: MIT */
/*
 * version_copies.h - the copies of all versions of a topology in its state directory
 *
 * "versions/DIGEST/version" is the text of a version (version.h), and beside it "topology.yaml" is
 * the topology as it was resolved at the last start with it. So what the manifest says of a version
 * can be read and run again, whatever has become of the file that it came from.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_VERSION_COPIES_H
#define BULKHEAD_SUPERVISOR_RUN_VERSION_COPIES_H

#include "common/err.h"
#include "supervisor/run/manifest.h"
#include "supervisor/run/version.h"

#define VERSION_COPIES "versions"
#define VERSION_COPY_TEXT "version"
#define VERSION_COPY_TOPOLOGY "topology.yaml"

/*
 * Keeps the copy of a version, which is durable when this returns. Writes nothing if it is there.
 *
 *   path  the state directory, for messages
 *
 * Returns: 0, ERR_NO_SPACE, ERR_IO; ERR_MISMATCH: something else has the name of a directory.
 */
int version_copies_add(int state_fd, const char *path, const struct version *version,
                       struct err *e);

/*
 * Removes the copies of all versions that a manifest does not have. What is not ours stays. Returns
 * 0 or ERR_IO.
 */
int version_copies_trim(int state_fd, const struct manifest *manifest, struct err *e);

#endif
