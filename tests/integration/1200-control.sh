#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# status, kill and stop on a run that does not end by itself before it is told to.
. "$ROOT/tests/integration/lib.sh"
lines=$(scaled 60000)
"$generate" --records "$lines" --customers 2000 --seed 41 --malformed 1 -o whole
export INPUT="$PWD/input" OUTPUT="$PWD/answers"

expect_exit 6 "$BULKHEAD" status --state "$state" 2>errors
give $((lines / 3))
start_endless
"$BULKHEAD" status --state "$state" >status.text || fail "no status"
for stage in "${stages[@]}"; do
    grep -q "^$stage " status.text || fail "no row for $stage: $(cat status.text)"
done
"$BULKHEAD" status --json --state "$state" | python3 -m json.tool >/dev/null || fail "no JSON"
[ "$(stat -c %a "$state/control.sock")" = 600 ] || fail "mode of the control socket"
[ "$(stat -c %a "$state")" = 700 ] || fail "mode of the state directory"

expect_exit 1 "$BULKHEAD" kill nosuch --state "$state" 2>errors
grep -q "has no stage 'nosuch'" errors || fail "$(cat errors)"
expect_exit 4 run >out 2>errors
grep -q "another supervisor (pid $supervisor)" errors || fail "$(cat errors)"

before=$(json limits generation)
give $((lines / 3))
"$BULKHEAD" kill limits --state "$state" | grep -q "^killed 'limits'" || fail "kill said nothing"
newer() { [ "$(json limits generation)" -gt "$before" ]; }
wait_for newer
[ "$(json limits last_end)" = "was killed on request" ] || fail "last_end: $(json limits last_end)"
[ "$(json limits restarts)" -ge 1 ] || fail "restarts"

# A stage that is stopped from outside is seen at once, killed and started again.
pid=$(json parse pid)
kill -STOP "$pid"
wait_for gone "$pid"
frozen() { [ "$(json parse last_end)" = "was stopped from outside and was killed" ]; }
wait_for frozen

give_rest
"$BULKHEAD" stop --state "$state" >out || fail "no stop"
wait "$supervisor" || fail "stop: exit $?"
grep -q 'stopped; the next run continues from here' run.out || fail "$(cat run.out)"
no_sockets_left
run >summary
same_as_oracle answers
expect_exit 6 "$BULKHEAD" stop --state "$state" 2>errors
