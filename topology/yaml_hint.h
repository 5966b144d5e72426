/* SPDX-License-Identifier: MIT */
/*
 * yaml_hint.h - what to write instead where YAML is broken by one of its usual traps
 */
#ifndef BULKHEAD_TOPOLOGY_YAML_HINT_H
#define BULKHEAD_TOPOLOGY_YAML_HINT_H

#include <stddef.h>

/*
 * The cure for what most likely broke a line of valid UTF-8, with "; " before it; "" if that is not
 * clear.
 *
 *   message   of the YAML library
 */
const char *yaml_hint(const char *line, size_t len, const char *message);

#endif
