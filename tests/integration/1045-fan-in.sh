#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What one record brings may be more than one message holds: by a fan-in of large records, by two of
# them one behind the other, by many large records in a row. Both hosts write the same, with any
# number of workers, and while the stages are killed in the middle of it.
. "$ROOT/tests/integration/lib.sh"
cat >graph.yaml <<'END'
topology: fan-in
types: { X: { x: string } }
stages:
  src: { kind: file.source, path: "${INPUT}" }
  p: { kind: regex.parse, from: src, type: X, pattern: '^(?<x>.*)$' }
  e1: { kind: json.encode, from: p, workers: 2 }
  e2: { kind: json.encode, from: p }
  e3: { kind: json.encode, from: p }
  m: { kind: merge, from: [e1, e2, e3] }
  left: { kind: merge, from: m }
  right: { kind: merge, from: m }
  again: { kind: merge, from: [left, right] }
  out: { kind: file.sink, from: again, path: "${OUTPUT}" }
END
topology=$PWD/graph.yaml
large=$(($(scaled $((1 << 20))) - 10))
python3 - "$large" >whole <<'END'
import sys
large = int(sys.argv[1])
out = sys.stdout.buffer
out.write(b"hello\n")
for n in range(2):
    out.write(b"\x01" * large + b"%d\n" % n)
    for k in range(20):
        out.write(b"between %d %d\n" % (n, k))
for n in range(5):
    out.write(b"\x02" * (large // 2) + b"\n")
out.write(b"world\n")
END
export INPUT=$PWD/whole OUTPUT=$PWD/reference
"$BULKHEAD" run --quiet --inline --state reference.state "$topology" >summary
[ "$(grep -c world reference)" = 6 ] || fail "what came after it is missing"
[ ! -s reference.state/dead-letters.jsonl ] || fail "dead letters: $(head -c 300 reference.state/dead-letters.jsonl)"

export OUTPUT=$PWD/answers
run >summary
same answers reference
rm -rf state answers
run --set e1.workers=4 --set e3.workers=4 >summary
same answers reference

rm -rf state answers
export INPUT=$PWD/input
: >input
source=src
start_endless
everything_acked() { acked out "$(records_given)" && acked src "$(records_given)"; }
names=(p e1.0 e1.1 e2 m left right again out dead-letters)
while [ "$given" -lt "$(wc -l <whole)" ]; do
    give 7
    for ((i = 0; i < 4; i++)); do killed "${names[RANDOM % ${#names[@]}]}" || true; done
    wait_for everything_acked
done
stop
same answers reference
