#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One stage with a large state killed again and again, each time as soon as it has moved the acks:
# it must come back at once, not only when it has read its state again.
. "$ROOT/tests/integration/lib.sh"
records=$(scaled 600000)
"$generate" --records "$records" --customers 30000 --seed 71 -o input
export INPUT="$PWD/input" OUTPUT="$PWD/answers"
"$oracle" "$INPUT" oracle.answers oracle.dead

for victim in once limits; do
    rm -rf state answers
    start
    kills=0
    while acked_before=$(json "$victim" acked) && [ -n "$acked_before" ]; do
        ! "$BULKHEAD" kill "$victim" --state "$state" >/dev/null 2>&1 || kills=$((kills + 1))
        moved_or_over() { acked "$victim" $((acked_before + 1)) || gone "$supervisor"; }
        wait_for moved_or_over
    done
    wait "$supervisor" || fail "exit $?: $(cat run.err)"
    same answers oracle.answers
    [ "$kills" -ge 3 ] || fail "only $kills kills of $victim"
    echo "$victim: $kills kills"
done
