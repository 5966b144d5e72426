#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads a file that grows, as `tail -F` does: follower.py FILE COPY UNTIL

Every byte is read once, as soon as it is there, and added to COPY. It is an error if the file is
ever shorter than it was. Ends when a file UNTIL is there and no more is to be read.
"""
import os
import sys
import time

path, copy_path, until = sys.argv[1:]
while not os.path.exists(path):
    time.sleep(0.001)
fd = os.open(path, os.O_RDONLY)
read = 0
with open(copy_path, "wb") as copy:
    while True:
        last = os.path.exists(until)
        size = os.fstat(fd).st_size
        if size < read:
            sys.exit(f"'{path}' has {size} bytes; {read} were read of it before")
        data = os.pread(fd, 1 << 20, read)
        copy.write(data)
        read += len(data)
        if not data and last:
            break
        if not data:
            time.sleep(0.0002)
