#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Out of memory_max, of which the state has its part, by what one seq brings, and not by the record
# that is in hand: where a window of many keys is closed, by a time or by the end of the input, where
# its records are taken in, and where they are worked on. No record is put into the dead letters for
# it: the run stops, and says where, at what seq, and what to do. With more memory the next run goes
# on.
. "$ROOT/tests/integration/lib.sh"
case $BUILD_NAME in *asan*) skip "what a sanitizer reserves is beyond any limit" ;; esac
topology=$PWD/many.yaml
cat >"$topology" <<'END'
topology: many
stall_timeout: 60s
types: { X: { k: string, at: timestamp } }
stages:
  src: { kind: file.source, path: "${INPUT}" }
  p: { kind: json.decode, from: src, type: X }
  counts: { kind: window.count, from: p, key: k, at: at, per: month }
  lines: { kind: json.encode, from: counts }
  out: { kind: file.sink, from: lines, path: "${OUTPUT}" }
END
keys=300000
python3 - "$keys" >open.jsonl <<'END'
import sys
keys = int(sys.argv[1])
for i in range(keys):
    print('{"k":"%s-%d","at":"2024-01-01T00:00:00Z"}' % ("k" * 220, i * 7919 % keys))
END
cp open.jsonl closed.jsonl
for i in 1 2 3; do
    echo "{\"k\":\"last-$i\",\"at\":\"2024-02-01T00:00:00Z\"}" >>closed.jsonl
done

# Runs out of memory in a stage, and then goes on: STAGE MEMORY_MAX BYTES SEQ WORK.
run_out() {
    rm -rf "$state" "$OUTPUT"
    expect_exit 1 "$BULKHEAD" run --quiet --state "$state" --set "$1.memory_max=$2" "$topology" >summary 2>run.err
    grep -qE "stopped: stage '$1': it exceeded its memory_max of $3 bytes, 3 times in a row at seq $4, $5: no record is to blame, and none is lost; raise memory_max, .*; its last words: " run.err ||
        fail "$(tail -n 3 run.err)"
    [ ! -s "$state/dead-letters.jsonl" ] || fail "$1: a record was blamed: $(head -c 300 "$state/dead-letters.jsonl")"
    [ ! -e "$state/stages/$1/quarantine" ] || fail "$1: a record is in quarantine"
    "$BULKHEAD" run --quiet --state "$state" "$topology" >summary 2>run.err || fail "$1: $(tail -n 3 run.err)"
    same "$OUTPUT" reference
    [ ! -s "$state/dead-letters.jsonl" ] || fail "$1: $(head -c 300 "$state/dead-letters.jsonl")"
}

# What is to come of an input, in one process, which has no memory_max.
make_reference() {
    rm -rf reference reference.state
    OUTPUT=$PWD/reference "$BULKHEAD" run --quiet --inline --state reference.state "$topology" >summary
}

state=$PWD/state
export OUTPUT=$PWD/answers
export INPUT=$PWD/closed.jsonl
make_reference
[ "$(wc -l <reference)" -eq $((keys + 3)) ] || fail "$(wc -l <reference) lines, not $((keys + 3))"
run_out counts 280MiB 293601280 $((keys + 1)) "closing what was due"
run_out lines 64MiB 67108864 $((keys + 1)) "receiving records"
run_out lines 128MiB 134217728 $((keys + 1)) "holding many records, not because of the one in hand"

export INPUT=$PWD/open.jsonl
make_reference
run_out counts 280MiB 293601280 $((keys + 1)) "emitting what it held until the end of the input"
