#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The disk is full in the middle of what one record brings, of which more is written already than a
# sink may have uncommitted where a record begins: nothing of it can be committed before its end, so
# that is not waited for. It goes on when there is space.
. "$ROOT/tests/integration/lib.sh"
mkdir disk
mount -t tmpfs -o size=64M none disk 2>/dev/null || skip "no tmpfs can be mounted here"
trap 'umount -lq disk 2>/dev/null || true' EXIT
cat >graph.yaml <<'END'
topology: fan-in
types: { X: { x: string } }
stages:
  src: { kind: file.source, path: "${INPUT}" }
  p: { kind: regex.parse, from: src, type: X, pattern: '^(?<x>.*)$' }
  e1: { kind: json.encode, from: p }
  e2: { kind: json.encode, from: p }
  e3: { kind: json.encode, from: p }
  m: { kind: merge, from: [e1, e2, e3] }
  left: { kind: merge, from: m }
  right: { kind: merge, from: m }
  out: { kind: file.sink, from: [left, right], path: "${OUTPUT}" }
END
topology=$PWD/graph.yaml
# Six million bytes of JSON each time, six times.
python3 -c 'print("hello"); print("\x01" * ((1 << 20) - 10)); print("world")' >input
export INPUT=$PWD/input OUTPUT=$PWD/reference
"$BULKHEAD" run --quiet --inline --state reference.state "$topology" >summary
[ "$(stat -c %s reference)" -gt $((35 << 20)) ] || fail "too little for one record"

paused() { [ "$(json out paused)" = true ]; }
over() { gone "$supervisor"; }
export OUTPUT=$PWD/disk/answers
fallocate -l $((42 << 20)) disk/filler
start
wait_for paused
[ "$(stat -c %s disk/answers)" -gt $((16 << 20)) ] || fail "it was full too early"
rm disk/filler
wait_for over
wait "$supervisor" || fail "$(cat run.err)"
unset supervisor
same disk/answers reference
