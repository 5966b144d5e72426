#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What the dead letter of a line that is too long shows of it does not depend on where the blocks
# lie in which the file is read: lines of all lengths around both bounds, over many blocks.
. "$ROOT/tests/integration/lib.sh"
export INPUT=$PWD/input OUTPUT=$PWD/output
python3 -c '
import sys
for i in range(12000):
    length = 60 + i * 7 % 230
    end = b"\r\n" if i % 3 == 0 else b"\n"
    sys.stdout.buffer.write(bytes(97 + (i + k) % 26 for k in range(length)) + end)' >input
sed 's/max_line_bytes: 112/max_line_bytes: 64/' "$ROOT/tests/chaos/copy.yaml" >copy.yaml
topology=$PWD/copy.yaml
python3 - >wanted <<'END'
for n, line in enumerate(open("input", newline="\n"), 1):
    line = line.removesuffix("\n").removesuffix("\r")
    if len(line) > 64:
        print(n, f"the line is {len(line)} bytes long, and max_line_bytes is 64; the input shown is its beginning", line[:256])
END
run --inline >summary
python3 - "$state/dead-letters.jsonl" >shown <<'END'
import json, sys
for text in open(sys.argv[1]):
    letter = json.loads(text)
    print(letter["line"], letter["message"], letter["input"])
END
same shown wanted
