#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Records that kill their stage each time: they end as dead letters with the signal and the last
# words, whatever way they kill, in a step or in the sink, and all others arrive.
. "$ROOT/tests/integration/lib.sh"
faults="$(dirname "$BULKHEAD")/tests/bulkhead-faults"
[ -x "$faults" ] || faults="$ROOT/build/tests/bulkhead-faults"
export BULKHEAD=$faults

# What a sanitizer reserves is beyond any limit.
memory_max=", memory_max: 200MiB"
case $BUILD_NAME in *asan*) memory_max="" ;; esac

# Only what hangs is to be found hanging: to take all memory may need a second, too.
stall_timeout=60s

# A topology whose step or sink fails: make_topology STEP-DOES SINK-DOES.
make_topology() {
    cat <<END
topology: poison
stall_timeout: $stall_timeout
types:
  Item: { id: string }
stages:
  items:  { kind: file.source, path: input }
  parse:  { kind: json.decode, from: items, type: Item }
  step:   { kind: fault.step, from: parse, field: id, on: "7,8,19", does: $1$memory_max }
  once:   { kind: dedupe, from: step, key: [id] }
  format: { kind: json.encode, from: once, fields: [id] }
  out:    { kind: fault.sink, from: format, field: line, on: '$3', does: $2, path: answers }
END
}

for i in $(seq 1 30); do echo "{\"id\":\"$i\"}"; done >input
grep -vE '"(7|8|19)"' input >wanted

# The seq, stage, reason and content of every dead letter, and whether it says why.
letters() {
    python3 -c '
import json, sys
for line in open("state/dead-letters.jsonl", "rb"):
    l = json.loads(line)
    print(l["seq"], l["stage"], l["reason"], json.dumps(l["record"]), sys.argv[1] in l["message"])' "$1"
}
wanted_letters() {
    for i in 7 8 19; do echo "$i step poison {\"id\": \"$i\"} True"; done
}

run_poison() {
    rm -rf state answers
    "$BULKHEAD" run --quiet --state state topology.yaml >summary 2>run.err || fail "$(cat run.err)"
    same answers "$1"
}

for does in segv abort loop; do
    case $does in loop) stall_timeout=1s ;; *) stall_timeout=60s ;; esac
    make_topology $does exit none >topology.yaml
    run_poison wanted
    case $does in
    segv) why="in a row, its stage was killed by signal 11 (SIGSEGV); its last words: about to fail at" ;;
    abort) why="about to fail at" ;;
    loop) why="its stage hung; its last words: about to fail at" ;;
    esac
    letters "$why" >got
    wanted_letters >expected
    same got expected
    # The decision stays: a run that starts over from what is committed makes the same of it.
    "$BULKHEAD" run --quiet --state state topology.yaml >summary 2>run.err || fail "$(cat run.err)"
    same answers wanted
done

# Out of its own memory, and only it.
case $BUILD_NAME in
*asan*) ;;
*)
    stall_timeout=60s
    make_topology grow exit none >topology.yaml
    run_poison wanted
    letters "out of memory" >got
    wanted_letters >expected
    same got expected
    ;;
esac

stall_timeout=1s

# A sink may be killed by a record as well.
make_topology killed segv '{"id":"11"}' | sed 's/on: "7,8,19"/on: none/' >topology.yaml
grep -v '"11"' input >wanted.sink
run_poison wanted.sink
letters "SIGSEGV" >got
echo '11 out poison {"line": "{\"id\":\"11\"}"} True' >expected
same got expected

# What a record's time lets go may kill, and not the record. Then the record is not taken out: the run
# stops, with nothing lost, and without the fault the next one goes on.
make_clock() {
    cat >topology.yaml <<END
topology: poison
types:
  Item: { id: string, at: timestamp }
stages:
  items:  { kind: file.source, path: clocked }
  parse:  { kind: json.decode, from: items, type: Item }
  clock:  { kind: fault.clock, from: parse, field: at, on: "$1", does: segv }
  format: { kind: json.encode, from: clock, fields: [id] }
  out:    { kind: file.sink, from: format, path: answers }
END
}
for i in $(seq 10 30); do echo "{\"id\":\"$i\",\"at\":\"1970-01-01T00:00:${i}Z\"}"; done >clocked
make_clock 20
rm -rf state answers
expect_exit 1 "$BULKHEAD" run --quiet --state state topology.yaml >summary 2>run.err
grep -q "stage 'clock': it was killed by signal 11 (SIGSEGV), 3 times in a row at seq 11, closing what was due: no record is to blame, and none is lost; .*; its last words: about to fail at '20'" run.err ||
    fail "$(cat run.err)"
[ ! -e state/stages/clock/quarantine ] || fail "the record that it was closed by is in quarantine"
make_clock none
"$BULKHEAD" run --quiet --state state topology.yaml >summary 2>run.err || fail "$(cat run.err)"
for i in $(seq 10 30); do echo "{\"id\":\"$i\"}"; done >wanted.clock
same answers wanted.clock
[ ! -s state/dead-letters.jsonl ] || fail "$(cat state/dead-letters.jsonl)"

# Deaths from outside are no record's fault; a SIGKILL that a stage sends itself looks just like one.
# Nothing is put into quarantine, and the stage is started again until somebody stops it.
make_topology killed exit none >topology.yaml
rm -rf state answers
"$BULKHEAD" run --quiet --state state topology.yaml >summary 2>run.err &
supervisor=$!
many_restarts() { local n; n=$(json step restarts); [ -n "$n" ] && [ "$n" -ge 10 ]; }
wait_for many_restarts
[ ! -e state/stages/step/quarantine ] || fail "a SIGKILL led to quarantine"
kill "$supervisor"
kill "$supervisor" || true
wait "$supervisor" || true
head -n 6 input >wanted.begin
cmp <(cat answers) <(head -c "$(stat -c %s answers)" wanted.begin) || fail "wrong answers"
