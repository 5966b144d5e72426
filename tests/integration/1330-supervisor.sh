#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SIGTERM and start again; kill -9 of the supervisor, with which the stages die, and start again;
# a second SIGTERM that does not wait: same bytes.
. "$ROOT/tests/integration/lib.sh"
lines=$(scaled 100000)
"$generate" --records "$lines" --customers 2000 --seed 81 --malformed 1 --disorder 3 -o whole
export INPUT="$PWD/input" OUTPUT="$PWD/answers"

# Starts, and gives something more when nearly all that was there is done.
start_and_give() {
    give $((lines / 10))
    start_endless
    wait_for acked answers $((given * 9 / 10))
    give $((lines / 10))
}

start_and_give
kill -TERM "$supervisor"
wait "$supervisor" || fail "SIGTERM: exit $?"
grep -q 'the next run continues from here' run.out || fail "$(cat run.out)"
no_sockets_left

# Whoever starts it again does not wait for the orphaned stages; the start does.
start_and_give
pids=$("$BULKHEAD" status --json --state "$state" | grep -o '"pid":[0-9]*' | cut -d: -f2)
# That takes the lock in the hands of every stage: it is free when the last of them is dead.
for pid in $(tail -n +2 <<<"$pids"); do
    [ "$(readlink "/proc/$pid/fd/9")" = "$state" ] || fail "stage $pid does not hold the lock"
done
kill -9 "$supervisor"
wait "$supervisor" || true
killed_pids=$pids

start_endless
for pid in $killed_pids; do gone "$pid" || fail "a stage outlived its supervisor: $pid"; done
wait_for acked answers $((given * 9 / 10))
give $((lines / 10))
kill -TERM "$supervisor"
kill -TERM "$supervisor" || true
wait "$supervisor" || fail "a second SIGTERM: exit $?"

# Everything at once: the supervisor and all its stages.
start_and_give
pids=$("$BULKHEAD" status --json --state "$state" | grep -o '"pid":[0-9]*' | cut -d: -f2)
# shellcheck disable=SC2086
kill -9 $pids
wait "$supervisor" || true
supervisor=""
for pid in $pids; do wait_for gone "$pid"; done

give_rest
run >summary
same_as_oracle answers
no_sockets_left

# A supervisor that is dead, but that its parent has not reaped, is none that works: the start waits
# for who holds the lock now, as it does for orphaned stages.
python3 -c 'import os, time; os.fork() or os._exit(0); time.sleep(60)' >&- 2>&- &
parent=$!
trap 'touch let-go; kill $parent' EXIT
unreaped() { zombie=$(pgrep -P "$parent") && gone "$zombie"; }
wait_for unreaped
echo "$zombie" >"$state/lock"
{
    flock 9
    touch held
    for ((i = 0; i < 1000; i++)); do
        [ ! -e let-go ] || break
        sleep 0.01
    done
} 9<"$state/lock" >&- 2>&- &
holder=$!
wait_for test -e held
"$BULKHEAD" run --quiet --state "$state" "$topology" >run.out 2>run.err &
supervisor=$!
tries_lock() { ls -l "/proc/$supervisor/fd" 2>/dev/null | grep -q "$state/lock\$"; }
wait_for tries_lock
touch let-go
wait "$supervisor" || fail "refused for a dead supervisor: exit $?; $(cat run.err)"
supervisor=""
wait "$holder"
