/* SPDX-License-Identifier: MIT */
/*
 * yaml_text.h - whether a text may be given to the YAML library at all
 *
 * The library trusts its input: it treats a NUL, or a byte that is not UTF-8, as the end of the
 * file, and some bytes make it loop. So the whole text is verified first.
 */
#ifndef BULKHEAD_TOPOLOGY_YAML_TEXT_H
#define BULKHEAD_TOPOLOGY_YAML_TEXT_H

#include <stddef.h>

#include "topology/diagnostics.h"

/*
 * Checks that a text is UTF-8, apart from a byte order mark at its beginning, and has none of:
 *
 *   - NULs, and control characters except tab and newline, which may follow a carriage return
 *   - characters that end a line for some programs but not for others
 *   - directives (lines that begin with '%')
 *   - keys that begin with a '?' on its own, which make the library use freed memory
 *   - texts that are cut off by a '#' that looks like a part of them
 *
 * Returns: 0, or ERR_INVALID with the errors added to d.
 */
int yaml_text_check(const char *text, size_t len, struct diagnostics *d);

#endif
