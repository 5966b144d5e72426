/* SPDX-License-Identifier: MIT */
/*
 * cursor.h - the small durable fact of a source or a sink: how far it is
 *
 * A file of two slots in pages of their own, written in turn, each with a counter and a CRC32C.
 * Whatever a kill or a power loss tears, the other slot is whole, and what the torn one said was
 * never acted upon. Format: docs/protocol.md, "Cursor".
 */
#ifndef BULKHEAD_STAGES_STORE_CURSOR_H
#define BULKHEAD_STAGES_STORE_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

#define CURSOR_PAYLOAD_BYTES 240u

struct cursor {
    int dir_fd; /* borrowed */
    int fd;
    bool durable;
    uint64_t counter;
};

/*
 * Opens or makes the cursor file "cursor" in a directory.
 *
 *   dir_fd       stays open for as long as the cursor is
 *   magic        tells the kinds apart: a cursor of another kind is ERR_MISMATCH
 *   ret_payload  what was written last, if *ret_found
 *
 * Returns: 0, ERR_CORRUPT (neither slot verifies), ERR_MISMATCH, ERR_IO.
 */
int cursor_open(struct cursor *c, int dir_fd, uint32_t magic, bool durable,
                uint8_t ret_payload[CURSOR_PAYLOAD_BYTES], bool *ret_found, struct err *e);

/*
 * Reads a cursor that is not open, and changes nothing; a directory without one has none. Returns
 * as cursor_open().
 */
int cursor_read(int dir_fd, uint32_t magic, uint8_t ret_payload[CURSOR_PAYLOAD_BYTES],
                bool *ret_found, struct err *e);

/*
 * Writes the payload into the older slot and makes it safe.
 * Returns: 0, ERR_NO_SPACE; ERR_MISMATCH: somebody has removed or replaced the file, and nothing is
 *          written; ERR_IO: use c no more.
 */
int cursor_write(struct cursor *c, uint32_t magic, const uint8_t payload[CURSOR_PAYLOAD_BYTES],
                 struct err *e);

/* Closes the file. Takes one that was never opened if its fd is -1. */
void cursor_close(struct cursor *c);

#endif
