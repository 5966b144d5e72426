#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One seq may change more of a state than the undo log of a store has entries for: a window that
# closes with many keys, which a fan-in brings eight times to a stage with a state. Both hosts write
# the same, with any number of workers, and while the stages are killed in the middle of it.
. "$ROOT/tests/integration/lib.sh"
cat >graph.yaml <<'END'
topology: large-seqs
types: { X: { k: int, at: timestamp } }
stages:
  src: { kind: file.source, path: "${INPUT}" }
  p: { kind: json.decode, from: src, type: X }
  counts: { kind: window.count, from: p, key: k, at: at, per: hour }
  way1: { kind: merge, from: counts }
  two: { kind: merge, from: [counts, way1], origin: a }
  way2: { kind: merge, from: two }
  four: { kind: merge, from: [two, way2], origin: b }
  way3: { kind: merge, from: four }
  eight: { kind: merge, from: [four, way3], origin: c }
  once: { kind: dedupe, from: eight, key: [k, window, a, b, c], keep: 5h, at: window }
  lines: { kind: json.encode, from: once }
  out: { kind: file.sink, from: lines, path: "${OUTPUT}" }
END
topology=$PWD/graph.yaml
keys=$(scaled 18000)
python3 - "$keys" >whole <<'END'
import sys
keys = int(sys.argv[1])
for hour in range(3):
    for n in range(keys if hour != 1 else 100):
        print('{"k":%d,"at":"2024-01-01T%02d:%02d:00Z"}' % (n * 7919 % keys, 2 * hour, n % 60))
END
export INPUT=$PWD/whole OUTPUT=$PWD/reference
"$BULKHEAD" run --quiet --inline --state reference.state "$topology" >summary
[ "$(wc -l <reference)" -eq $((8 * (2 * keys + 100))) ] || fail "$(wc -l <reference) lines"
[ ! -s reference.state/dead-letters.jsonl ] || fail "dead letters: $(head -c 300 reference.state/dead-letters.jsonl)"

export OUTPUT=$PWD/answers
run >summary
same answers reference
rm -rf state answers
run --set once.workers=3 --set counts.workers=2 >summary
same answers reference

# What closes the first window comes alone, and the stages die while it is on its way.
rm -rf state answers
export INPUT=$PWD/input
: >input
source=src
start_endless
everything_acked() { acked out "$(records_given)" && acked src "$(records_given)"; }
names=(once once eight four counts lines out)
for part in "$keys" 1 99 "$keys"; do
    give "$part"
    for ((i = 0; i < 6; i++)); do killed "${names[RANDOM % ${#names[@]}]}" || true; done
    wait_for everything_acked
done
stop
"$BULKHEAD" run --quiet --state "$state" "$topology" >summary
same answers reference
[ ! -s "$state/dead-letters.jsonl" ] || fail "dead letters: $(head -c 300 "$state/dead-letters.jsonl")"
