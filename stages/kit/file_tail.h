/* SPDX-License-Identifier: MIT */
/*
 * file_tail.h - the last bytes before an offset, which identify a file that was read or written
 *
 * Cursors keep the CRC-32C of these bytes. A file that was truncated and written again, or
 * replaced, may be long enough, but it has different bytes there. docs/protocol.md, "Cursor", has
 * the number.
 */
#ifndef BULKHEAD_STAGES_KIT_FILE_TAIL_H
#define BULKHEAD_STAGES_KIT_FILE_TAIL_H

#include <stdint.h>

#define FILE_TAIL_BYTES 4096u

/*
 * Returns where the tail that ends at an offset begins: FILE_TAIL_BYTES before it, or at the
 * beginning of the file if that is nearer.
 */
static inline uint64_t file_tail_start(uint64_t offset)
{
    return offset > FILE_TAIL_BYTES ? offset - FILE_TAIL_BYTES : 0;
}

#endif
