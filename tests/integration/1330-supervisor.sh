#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SIGTERM and start again; kill -9 of the supervisor, with which the stages die, and start again;
# a second SIGTERM that does not wait: same bytes.
. "$ROOT/tests/integration/lib.sh"
records=$(scaled 300000)
"$generate" --records "$records" --customers 2000 --seed 81 --malformed 1 --disorder 3 -o input
export INPUT="$PWD/input" OUTPUT="$PWD/answers"

start
wait_for acked answers $((records / 20))
kill -TERM "$supervisor"
wait "$supervisor" || fail "SIGTERM: exit $?"
grep -q 'the next run goes on from here' run.out || fail "$(cat run.out)"
no_sockets_left

# Whoever starts it again does not wait for the orphaned stages; the start does.
start
pids=$("$BULKHEAD" status --json --state "$state" | grep -o '"pid":[0-9]*' | cut -d: -f2)
wait_for acked answers $((records / 8))
kill -9 "$supervisor"
wait "$supervisor" || true
killed_pids=$pids

start
for pid in $killed_pids; do gone "$pid" || fail "a stage outlived its supervisor: $pid"; done
wait_for acked answers $((records / 5))
kill -TERM "$supervisor"
kill -TERM "$supervisor" || true
wait "$supervisor" || fail "a second SIGTERM: exit $?"

# Everything at once: the supervisor and all its stages.
start
wait_for acked answers $((records / 4))
pids=$("$BULKHEAD" status --json --state "$state" | grep -o '"pid":[0-9]*' | cut -d: -f2)
# shellcheck disable=SC2086
kill -9 $pids
wait "$supervisor" || true
supervisor=""
for pid in $pids; do wait_for gone "$pid"; done

run >summary
same_as_oracle answers
no_sockets_left
