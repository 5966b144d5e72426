#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Cut, lengthen and overwrite all shared memory that a process has open, as far as it lets us.

cut_shared_memory.py PID. Exits with 1 if anything could be cut, or a topology be written.
"""

import os
import sys

done = []
for entry in os.scandir(f"/proc/{sys.argv[1]}/fd"):
    try:
        name = os.readlink(entry.path)
        if not name.startswith("/memfd:"):
            continue
        fd = os.open(entry.path, os.O_RDWR)
        length = os.fstat(fd).st_size
    except FileNotFoundError:
        continue
    for to in (0, length - 1) if length != 0 else ():
        try:
            os.ftruncate(fd, to)
            done.append(f"{name} was cut to {to}")
        except PermissionError:
            pass
    if "topology" in name:
        try:
            os.pwrite(fd, b"x", 0)
            done.append(f"{name} was written")
        except PermissionError:
            pass
    os.close(fd)
print(*done, sep="\n")
sys.exit(1 if done else 0)
