#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One stage with a large state killed again and again, each time as soon as it has moved the acks:
# it must come back at once, not only when it has read its state again.
. "$ROOT/tests/integration/lib.sh"
lines=$(scaled 200000)
"$generate" --records "$lines" --customers 30000 --seed 71 -o whole
export INPUT="$PWD/whole" OUTPUT="$PWD/answers"
"$oracle" "$INPUT" oracle.answers oracle.dead
export INPUT="$PWD/input"

for victim in once limits; do
    rm -rf state answers input
    given=0
    give $((lines / 2))
    start_endless
    wait_for acked "$victim" $((lines / 2))
    for _ in $(seq 30); do
        acked_before=$(json "$victim" acked)
        give $((lines / 80))
        wait_for killed "$victim"
        wait_for acked "$victim" $((acked_before + 1))
    done
    give_rest
    wait_for acked loads "$lines"
    stop
    same answers oracle.answers
done
