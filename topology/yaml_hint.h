/* SPDX-License-Identifier: MIT */
/*
 * yaml_hint.h - what to write instead where YAML is broken by one of its usual traps
 */
#ifndef BULKHEAD_TOPOLOGY_YAML_HINT_H
#define BULKHEAD_TOPOLOGY_YAML_HINT_H

#include "topology/diagnostics.h"

#define YAML_HINT_BYTES_MAX 256u
/*
 * The cure for what most likely broke a text of valid UTF-8, with "; " before it; "" if that is not
 * clear.
 *
 *   d         knows the text
 *   place     of the error
 *   message   of the YAML library
 */
void yaml_hint(const struct diagnostics *d, struct place place, const char *message,
               char ret_hint[static YAML_HINT_BYTES_MAX]);

#endif
