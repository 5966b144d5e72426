#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A large record kills its stage, which may have little memory: its dead letter is made within that
# same memory, though the JSON of the record would be six times as large. Of a record that is too
# large to be shown the beginning is kept, cut between characters; a smaller one is shown whole.
. "$ROOT/tests/integration/lib.sh"
faults="$(dirname "$BULKHEAD")/tests/bulkhead-faults"
[ -x "$faults" ] || faults="$ROOT/build/tests/bulkhead-faults"
export BULKHEAD=$faults
# What a sanitizer reserves is beyond any limit.
memory_max=", memory_max: 100MiB"
case $BUILD_NAME in *asan*) memory_max="" ;; esac
cat >t.yaml <<END
topology: t
stall_timeout: 60s
types: { T: { id: string, a: string, b: string, c: string, d: string, e: string, f: string } }
stages:
  in: { kind: file.source, path: input, max_line_bytes: 2MiB }
  parse:
    { kind: regex.parse, from: in, type: T, pattern: '^(?<id>[a-z]+) (?<a>(?<b>(?<c>(?<d>(?<e>(?<f>.*))))))\$' }
  step: { kind: fault.step, from: parse, field: id, on: "large,umlauts,small", does: grow$memory_max }
  text: { kind: json.encode, from: step, fields: [id] }
  out: { kind: file.sink, from: text, path: answers }
END
[ -n "$memory_max" ] || sed -i 's/does: grow/does: segv/' t.yaml
python3 - <<'END'
with open("input", "wb") as out:
    out.write(b"first x\n")
    out.write(b"large " + b"\x01" * 2000000 + b"\n")
    out.write(b"umlauts " + "ä".encode() * 2000 + b"\x01" * 1900000 + b"\n")
    out.write(b"small y\n")
    out.write(b"last z\n")
END
printf '{"id":"%s"}\n' first last >wanted
"$BULKHEAD" run --quiet --state "$state" t.yaml >summary 2>run.err || fail "exit $?: $(head -n 5 run.err)"
same answers wanted
python3 - "$state/dead-letters.jsonl" <<'END' || fail "$(cut -c 1-400 "$state/dead-letters.jsonl")"
import json, sys
large, umlauts, small = [json.loads(line) for line in open(sys.argv[1], "rb")]
assert [l["reason"] for l in (large, umlauts, small)] == ["poison"] * 3
assert large["input"] == ('{"id":"large","a":"' + "\\u0001" * 100)[:256]
text = '{"id":"umlauts","a":"'
assert umlauts["input"] == text + "ä" * ((256 - len(text)) // 2), umlauts["input"]
assert small["record"] == {"id": "small", **{field: "y" for field in "abcdef"}}
END
