#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Standard input that is made of what our own files are made of: headers of blocks that somebody
# made up by docs/protocol.md, and the whole journal of a former run, blocks and all, in places
# where blocks may begin. The source is killed again and again: the same bytes as from a file.
. "$ROOT/tests/integration/lib.sh"
feed="$ROOT/tests/integration/feed.py"
kills=$(scaled 60)
cat >stdin.yaml <<'END'
topology: t
stages:
  in: { kind: stdin.source, max_line_bytes: 2MiB }
  out: { kind: file.sink, from: in, path: out }
END
sed 's/stdin.source/file.source, path: input/; s/path: out/path: wanted/' stdin.yaml >file.yaml

# A former run of the same stage: blocks of many sizes, and an end of input.
for length in 1 50 3000 70000; do seq "$length" | "$BULKHEAD" run --quiet --state former stdin.yaml >/dev/null; done
[ "$(find former/stages/in -name 'journal.*' | wc -l)" -ge 1 ] || fail "no journal is left of the former run"
rm -f out

python3 - former/stages/in input "$(scaled 200000)" <<'END'
import glob, struct, sys
old = b"".join(open(name, "rb").read().ljust(1 << 17, b"\0") for name in sorted(glob.glob(sys.argv[1] + "/journal.*")))
assert b"BHJB" in old
out = open(sys.argv[2], "wb")
for i in range(int(sys.argv[3])):
    # A block without bytes: its CRC is 0, and it is good by itself.
    out.write(b"BHJB" + struct.pack("<IQ", 0, i * 64) + b"x" * 36 + b"\0" * 4 + b"y" * 7 + b"\n")
for _ in range(8):
    out.write(old[: len(old) // 64 * 64 - 1] + b"\n")
END
"$BULKHEAD" run --quiet --state reference file.yaml >/dev/null

for pieces in small large; do
    "$feed" --kills "$kills" --pieces $pieces input "$BULKHEAD" run --quiet --state "$state" stdin.yaml \
        >summary 2>feed.err || fail "$pieces: exit $?: $(tail -n 5 feed.err)"
    same out wanted
    rm -rf state out
done

# What a kill leaves, by hand: the place of a header is a hole, and behind it lie whole blocks.
mkfifo pipe
exec 8<>pipe
"$BULKHEAD" run --quiet --state "$state" stdin.yaml <pipe >/dev/null 2>run.err 8>&- &
runner=$!
echo first >&8
has_line() { grep -qs first out; }
wait_for has_line
kill -9 "$runner"
wait "$runner" || true
journal=$(find state/stages/in -name 'journal.0*' | sort | tail -n 1)
landed=262144 # less than a block
case $BUILD_NAME in *small*) landed=2048 ;; esac
python3 - "$journal" input $landed <<'END'
import os, sys
with open(sys.argv[1], "r+b") as journal:
    end = (os.path.getsize(sys.argv[1]) + 63) // 64 * 64
    journal.seek(end + 64)
    journal.write(open(sys.argv[2], "rb").read(int(sys.argv[3]))) # whole lines
END
exec 8>&-
"$BULKHEAD" run --quiet --state "$state" stdin.yaml <<<last >/dev/null 2>run.err || fail "exit $?: $(cat run.err)"
{ echo first && head -c $landed input && echo last; } >wanted
same out wanted
