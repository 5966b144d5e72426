#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Patterns with a repeat that fails at its last character, on lines that are made for it: what is too
# much work is a dead letter, the same from both hosts, however fast the machine is; in a kind, in a
# condition and in a type. No stage is taken for hung meanwhile.
. "$ROOT/tests/integration/lib.sh"
topology=$PWD/attacked.yaml
cat >"$topology" <<'END'
topology: attacked
stall_timeout: 10s
types:
  Line: { text: string }
  Typed: { text: 'string(/[a-z]{65535}[A-Z]/)' }
stages:
  lines: { kind: file.source, path: input, max_line_bytes: 2097152 }
  parse: { kind: regex.parse, from: lines, type: Line, pattern: '^(?<text>.*)$', workers: 2 }
  some: { kind: filter, from: parse, where: { text: { matches: '[xy]{65535}[qr]' } } }
  typed: { kind: regex.parse, from: lines, type: Typed, pattern: '^(?<text>.*)$' }
  hard: { kind: regex.parse, from: lines, type: Line, pattern: '(?<text>\w{65535}[^\w])' }
  behind: { kind: regex.parse, from: lines, type: Line, pattern: '(?<text>(?<=\w{65535})!)' }
  all: { kind: merge, from: [some, hard, behind], origin: by }
  encode: { kind: json.encode, from: all }
  out: { kind: file.sink, from: encode, path: "${OUTPUT}" }
  encode-typed: { kind: json.encode, from: typed }
  out-typed: { kind: file.sink, from: encode-typed, path: "${OUTPUT}.typed" }
END
python3 - "$(scaled 2000000)" >input <<'END'
import sys
print("short")
print(("x" * 65534 + "z") * (int(sys.argv[1]) // 65535))
print("x" * 65535 + "q")
print("x" * 65535 + "!")
END
export OUTPUT=$PWD/reference
"$BULKHEAD" run --quiet --inline --state reference.state "$topology" >summary
export OUTPUT=$PWD/answers
run >summary 2>err
same answers reference
same answers.typed reference.typed
same state/dead-letters.jsonl reference.state/dead-letters.jsonl
! grep -q hung err || fail "$(cat err)"
# By the line, the stage and the reason.
python3 - <<'END' >seen
import json
for line in open("state/dead-letters.jsonl"):
    d = json.loads(line)
    print(d["line"], d["stage"], d["reason"], d["message"])
END
cat >wanted <<'END'
1 typed bad-value the field 'text' does not match the pattern of its type
1 hard no-match the pattern does not match
1 behind no-match the pattern does not match
2 some too-hard the pattern '[xy]{65535}[qr]' takes more than 20000000 steps or 16 MiB on the field 'text'
2 typed too-hard the field 'text' takes more than 20000000 steps or 16 MiB to match against the pattern of its type
2 hard too-hard the pattern '(?<text>\w{65535}[^\w])' takes more than 20000000 steps or 16 MiB on it
2 behind no-match the pattern does not match
3 typed bad-value the field 'text' does not match the pattern of its type
3 hard no-match the pattern does not match
3 behind no-match the pattern does not match
4 typed bad-value the field 'text' does not match the pattern of its type
END
sort seen >seen.sorted
sort wanted | diff - seen.sorted || fail "other dead letters"

# What has no bound is refused by the check, with its place.
sed "s/(?<text>(?<=.*!)/(?<text>\\\\X+)/" "$topology" >refused.yaml
expect_exit 3 "$BULKHEAD" check refused.yaml >out 2>&1
grep -q 'refused.yaml:12:.*has \\X or a script run, which may take unbounded time, at byte 9' out || fail "$(cat out)"
