#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# memory_max is about what a stage keeps of keys, too: a state that does not fit ends the run in
# order, by its name and without a record to blame, while it grows and at the next start. With more
# memory, or more workers to share it, the run goes on where it was.
. "$ROOT/tests/integration/lib.sh"
case $BUILD_NAME in *asan*) skip "what a sanitizer reserves is beyond any limit" ;; esac

cat >topology.yaml <<END
topology: memory
types: { Item: { id: int } }
stages:
  items:  { kind: file.source, path: input }
  parse:  { kind: json.decode, from: items, type: Item }
  once:   { kind: dedupe, from: parse, key: [id], memory_max: 64MiB }
  format: { kind: json.encode, from: once, fields: [id] }
  out:    { kind: file.sink, from: format, path: answers }
END
seq 1 2000000 | sed 's/.*/{"id":&}/' >input

stops() {
    code=0
    "$BULKHEAD" run --quiet --state state topology.yaml >run.out 2>run.err || code=$?
    [ $code -eq 5 ] || fail "exit $code: $(cat run.err)"
    grep -q "stage 'once': what it keeps about keys takes [0-9]* bytes and needs [0-9]* more, which with [0-9]* for its work exceeds its memory_max of 67108864; nothing is lost" run.err ||
        fail "another reason: $(cat run.err)"
    [ ! -s state/dead-letters.jsonl ] || fail "a record was blamed: $(cat state/dead-letters.jsonl)"
    [ "$(grep -c 'error:' run.err)" -eq 1 ] || fail "more than one error: $(cat run.err)"
}
stops
stops
[ "$(wc -l <answers)" -gt 100000 ] || fail "it stopped with $(wc -l <answers) lines"

"$BULKHEAD" run --quiet --state state --set once.workers=4 --set once.by=id topology.yaml >run.out 2>run.err ||
    fail "exit $?: $(cat run.err)"
same answers input

# What is known already does not fit at a start.
stops
"$BULKHEAD" run --quiet --state state --set once.memory_max=512MiB topology.yaml >run.out 2>run.err ||
    fail "exit $?: $(cat run.err)"
same answers input
