/* SPDX-License-Identifier: MIT */
/*
 * yaml_text.h - whether a text may be given to the YAML library at all
 *
 * The library believes its input: it takes a byte that is not UTF-8, or a NUL, for the end of the
 * file, and loops on some. So the text is verified to its last byte before.
 */
#ifndef BULKHEAD_TOPOLOGY_YAML_TEXT_H
#define BULKHEAD_TOPOLOGY_YAML_TEXT_H

#include <stddef.h>

#include "topology/diagnostics.h"

/*
 * Whether all of a text is UTF-8 without NUL, control characters but tab and newline (with a
 * carriage return before it, if wanted), characters that are an end of line to some programs and
 * not to others, directives (a line that begins with '%'), keys that begin with a '?' alone, at
 * which the library uses memory that it has freed, and texts that a '#' cuts off which looks like a
 * part of them. A byte order mark at its beginning is no part of it.
 *
 * Returns: 0, or ERR_INVALID with the errors added to d.
 */
int yaml_text_check(const char *text, size_t len, struct diagnostics *d);

#endif
