/* SPDX-License-Identifier: MIT */
/*
 * yaml_hint.h - errors of the YAML library in words for users, with a hint on what to write instead
 */
#ifndef BULKHEAD_TOPOLOGY_YAML_HINT_H
#define BULKHEAD_TOPOLOGY_YAML_HINT_H

#include "topology/diagnostics.h"

/*
 * What a message of the YAML library means; the message itself if it is not one of the usual ones.
 */
const char *yaml_phrase(const char *message);

#define YAML_HINT_BYTES_MAX 256u
/*
 * How to mend what most likely broke a text of valid UTF-8, with "; " before it; "" if the cause is
 * not clear.
 *
 *   d         must have been started with the text
 *   place     of the error
 *   message   as the YAML library worded it
 */
void yaml_hint(const struct diagnostics *d, struct place place, const char *message,
               char ret_hint[static YAML_HINT_BYTES_MAX]);

#endif
