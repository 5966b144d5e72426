/* SPDX-License-Identifier: MIT */
/*
 * file_tail.h - the last bytes before a place in a file, by whose CRC the file is known again
 *
 * Cursors keep the CRC-32C of them: a file that was truncated and written again, or replaced, is
 * long enough but has other bytes there. docs/protocol.md, "Cursor", has their number.
 */
#ifndef BULKHEAD_STAGES_KIT_FILE_TAIL_H
#define BULKHEAD_STAGES_KIT_FILE_TAIL_H

#include <stdint.h>

#define FILE_TAIL_BYTES 4096u

/* Where the tail before an offset begins: FILE_TAIL_BYTES before it, or with the file. */
static inline uint64_t file_tail_start(uint64_t offset)
{
    return offset > FILE_TAIL_BYTES ? offset - FILE_TAIL_BYTES : 0;
}

#endif
