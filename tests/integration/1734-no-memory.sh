#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A stage that gets no memory because a limit of the user is met (ulimit -v), and not its own
# memory_max: no record is to blame, however often it is tried. It is said by its name, and waited
# for; with a higher limit the same records are worked on.
. "$ROOT/tests/integration/lib.sh"
faults="$(dirname "$BULKHEAD")/tests/bulkhead-faults"
[ -x "$faults" ] || faults="$ROOT/build/tests/bulkhead-faults"
export BULKHEAD=$faults
case $BUILD_NAME in *asan*) skip "what a sanitizer reserves is beyond any limit" ;; esac

for memory_max in "" ", memory_max: 100GiB"; do
    cat >topology.yaml <<END
topology: memory
types: { Item: { id: string } }
stages:
  items:  { kind: file.source, path: input, follow: true }
  parse:  { kind: json.decode, from: items, type: Item }
  step:   { kind: fault.step, from: parse, field: id, on: "7,19", does: grow$memory_max }
  once:   { kind: dedupe, from: step, key: [id] }
  format: { kind: json.encode, from: once, fields: [id] }
  out:    { kind: file.sink, from: format, path: answers }
END
    rm -rf state answers
    seq 1 30 | sed 's/.*/{"id":"&"}/' >input
    (ulimit -v 1500000 && exec "$BULKHEAD" run --quiet --state state topology.yaml) >run.out 2>run.err &
    supervisor=$!
    wait_for running
    tried() { [ "$(json step restarts)" -ge 4 ] && [ "$(json step wants)" = memory ]; }
    wait_for tried
    "$BULKHEAD" status --state state | grep -qE '^step +no memory ' || fail "$("$BULKHEAD" status --state state)"
    grep -q 'out of memory allocating.*ulimit -v' run.err || fail "the limit is not named: $(cat run.err)"
    [ "$(json dead-letters in)" -eq 0 ] || fail "a record was blamed: $(cat state/dead-letters.jsonl)"
    [ "$(json step state)" != stopped ] || fail "it was stopped"
    kill -KILL "$supervisor"
    wait "$supervisor" || true
    supervisor=""
    "$BULKHEAD" run --quiet --state state --accept-gap --set step.on=none --set items.follow=false topology.yaml >run.out 2>run.err ||
        fail "exit $?: $(cat run.err)"
    same answers input
    [ ! -s state/dead-letters.jsonl ] || fail "a record was blamed: $(cat state/dead-letters.jsonl)"
done
