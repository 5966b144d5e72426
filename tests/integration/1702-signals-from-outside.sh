#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Signals that say of a process that it crashed, sent to a stage by somebody else, again and again while
# it has one record in hand: they are kills from outside, so no record becomes poison for them, and the
# stage is started again at once each time.
. "$ROOT/tests/integration/lib.sh"
faults="$(dirname "$BULKHEAD")/tests/bulkhead-faults"
[ -x "$faults" ] || faults="$ROOT/build/tests/bulkhead-faults"
export BULKHEAD=$faults
cat >topology.yaml <<'END'
topology: sent
stall_timeout: 1h
types:
  Item: { id: string }
stages:
  items:  { kind: file.source, path: input }
  parse:  { kind: json.decode, from: items, type: Item }
  step:   { kind: fault.step, from: parse, field: id, on: "7", does: loop }
  format: { kind: json.encode, from: step, fields: [id] }
  out:    { kind: file.sink, from: format, path: answers }
END
topology=$PWD/topology.yaml
for i in $(seq 1 9); do echo "{\"id\":\"$i\"}"; done >input
start

# The handlers of a sanitizer stay: what they take for a crash ends in a way of theirs.
signals="ABRT SEGV BUS ILL FPE SYS TRAP"
case $BUILD_NAME in *asan*) signals="ABRT SYS TRAP" ;; esac
pid=""
has_it_in_hand() {
    now=$(json step pid)
    [ -n "$now" ] && [ "$now" != null ] && [ "$now" != "$pid" ] && [ "$(json step seq_in_hand)" = 7 ]
}
wait_for has_it_in_hand
deaths=0
for signal in $signals; do
    for _ in 1 2 3; do
        pid=$now
        kill "-$signal" "$pid"
        deaths=$((deaths + 1))
        wait_for has_it_in_hand
        [ "$(json step restarts)" = "$deaths" ] || fail "$signal: $(cat run.err)"
        [ "$(json step last_end)" = "was killed by signal 9 (SIGKILL)" ] ||
            fail "$signal: it $(json step last_end)"
        words=$(json step last_words)
        [[ $words == *"SIG$signal was sent by another process"* ]] ||
            fail "$signal: it said $words"
    done
done
[ ! -s state/dead-letters.jsonl ] || fail "a record became poison: $(cat state/dead-letters.jsonl)"
[ ! -e state/stages/step/quarantine ] || fail "a record is in quarantine"
kill -KILL "$supervisor"
wait "$supervisor" || true
supervisor=""
wait_for gone "$now"
