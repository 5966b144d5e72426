#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A record whose JSON would be larger than a record can be: it is written no further than to that
# bound, in both hosts; many such records in a row leave the others as they are.
. "$ROOT/tests/integration/lib.sh"
topology=$PWD/large.yaml
cat >"$topology" <<'END'
topology: large
types: { X: { a: string, b: string, c: string, d: string } }
stages:
  lines: { kind: file.source, path: input, max_line_bytes: 2097152 }
  parse: { kind: regex.parse, from: lines, type: X, pattern: '^(?=(?<a>.*))(?=(?<b>.*))(?=(?<c>.*))(?<d>.*)$' }
  encode: { kind: json.encode, from: parse }
  out: { kind: file.sink, from: encode, path: "${OUTPUT}" }
END
python3 - >input <<'END'
for n in range(3):
    print("before %d" % n)
    print("\x01" * 2000000)
END
export OUTPUT=$PWD/reference
"$BULKHEAD" run --quiet --inline --state reference.state "$topology" >summary
export OUTPUT=$PWD/answers
run >summary
same answers reference
same state/dead-letters.jsonl reference.state/dead-letters.jsonl
[ "$(wc -l <answers)" -eq 3 ] || fail "$(wc -l <answers) lines"
cut -c1-200 state/dead-letters.jsonl >letters
[ "$(grep -c '"reason":"record-too-large","message":"its text would have more than 14614528 bytes' letters)" -eq 3 ] ||
    fail "$(cat letters)"
