#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A process that was killed and is not gone, because a debugger does not let it go, is shown as killed
# and not as running, with what it was killed for; once it is gone the stage runs again.
. "$ROOT/tests/integration/lib.sh"
sed 's/^version:.*/&\nstall_timeout: 1h\ndurability: process/' "$topology" >topology.yaml
topology=$PWD/topology.yaml
"$generate" --seed 47 --records 100 --malformed 1 >whole
export INPUT=$PWD/input OUTPUT=$PWD/answers
: >input
start_endless
give 50
all_acked() { acked answers "$(records_given)" && acked loads "$(records_given)"; }
wait_for all_acked

pid=$(json once pid)
mkfifo held
"$ROOT/tests/integration/hold.py" --keep "$pid" >held 2>hold.err &
holder=$!
trap 'kill "$holder" 2>/dev/null || true' EXIT
read -r word <held || skip "no process can be traced here: $(cat hold.err)"
[ "$word" = held ] || fail "$word"
killed once || fail "once could not be killed"
[ "$(json once state)" = killed ] || fail "it is shown as $(json once state)"
[ "$(json once killed_for)" = "was killed on request" ] || fail "it $(json once killed_for)"
[ "$(json once pid)" = "$pid" ] || fail "it has another process"
running || fail "no answer"
grep -q "^once  *killed  *$pid " status.out || fail "$(cat status.out)"
grep -qx "once: its process was killed on request, and is not gone yet" status.out ||
    fail "$(cat status.out)"
give_rest
kill "$holder"
wait "$holder" || true
runs_again() { [ "$(json once state)" = running ] && [ "$(json once pid)" != "$pid" ]; }
wait_for runs_again
[ -z "$(json once killed_for)" ] || fail "it $(json once killed_for)"
! { running && grep -q 'not gone' status.out; } || fail "$(cat status.out)"
wait_for all_acked
stop
