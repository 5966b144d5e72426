#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""one_by_one.py INPUT OUTPUT COUNT: appends lines to INPUT, each when the one before is in OUTPUT.

Some come at once, some a random moment later: what they race with is the rest of a source between two
lines. Exits with 1 if a line has not come out after ten seconds.
"""
import os
import random
import sys
import time


def size_of(path):
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def main():
    path, output, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with open(path, "ab", buffering=0) as lines:
        for number in range(1, count + 1):
            lines.write(b"%07d\n" % number)
            asked = 0
            while size_of(output) < 8 * number:
                time.sleep(0.0005)  # between two looks; what is waited for is the line
                asked += 1
                if asked == 20000:
                    sys.exit(f"line {number} never came out")
            time.sleep(random.choice((0, 0.0005, 0.002, 0.01)) * random.random())


main()
