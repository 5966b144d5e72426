/* SPDX-License-Identifier: MIT */
/*
 * cursor.h - the durable position of a source or a sink
 *
 * The file has two slots in pages of their own, written in turn, each with a counter and a CRC32C.
 * Whichever slot a kill or a power failure tears, the other one is intact, and nothing was ever
 * done that relied on the torn one. Format: docs/protocol.md, "Cursor".
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
 * Opens the file "cursor" in a directory, or creates it.
 *
 *   dir_fd       must stay open for as long as the cursor is
 *   magic        identifies the kind; a cursor of another kind is ERR_MISMATCH
 *   ret_payload  the payload written last, if *ret_found
 *
 * Returns: 0, ERR_CORRUPT (neither slot verifies), ERR_MISMATCH, ERR_IO.
 */
int cursor_open(struct cursor *c, int dir_fd, uint32_t magic, bool durable,
                uint8_t ret_payload[CURSOR_PAYLOAD_BYTES], bool *ret_found, struct err *e);

/*
 * Reads a cursor without opening it, and changes nothing. *ret_found is false if the directory has
 * none. Returns as cursor_open().
 */
int cursor_read(int dir_fd, uint32_t magic, uint8_t ret_payload[CURSOR_PAYLOAD_BYTES],
                bool *ret_found, struct err *e);

/*
 * Writes the payload to the older slot and makes it safe.
 *
 * Returns: 0
 *          ERR_NO_SPACE
 *          ERR_MISMATCH  the file was removed or replaced; nothing was written
 *          ERR_IO        the cursor must not be used any more
 */
int cursor_write(struct cursor *c, uint32_t magic, const uint8_t payload[CURSOR_PAYLOAD_BYTES],
                 struct err *e);

/* Closes the file. Accepts a cursor that was never opened if its fd is -1. */
void cursor_close(struct cursor *c);

#endif
