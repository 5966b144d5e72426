#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""killed_sink.py CURSOR: makes the cursor of an output that of a sink that was killed.

So whatever lies behind its committed length may have been shown by that sink. Takes back in both
slots what an orderly end has noted, and which file it was, as of a copy that is not known to be
one; the format is in docs/protocol.md, "Cursor"."""

import struct
import sys

SLOT_DISTANCE, SLOT_BYTES, AT_ENDED, END = 4096, 140, 16 + 20, 16 + 48


def crc32c(data):
    """CRC32C, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


with open(sys.argv[1], "r+b") as cursor:
    for slot in range(2):
        cursor.seek(slot * SLOT_DISTANCE)
        data = bytearray(cursor.read(SLOT_BYTES))
        if len(data) < SLOT_BYTES or not any(data):
            continue
        data[AT_ENDED:END] = bytes(END - AT_ENDED)
        struct.pack_into("<I", data, SLOT_BYTES - 4, crc32c(data[:-4]))
        cursor.seek(slot * SLOT_DISTANCE)
        cursor.write(data)
