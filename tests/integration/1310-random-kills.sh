#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Random stages killed 200 times, as fast as they come back, each time with a new part of the input
# on its way; then as often as it goes, or some hundred times, until the run is over by itself.
. "$ROOT/tests/integration/lib.sh"
lines=$(scaled 120000)
wanted=$(scaled 200)
seed=${SEED:-$RANDOM}
echo "SEED=$seed"
RANDOM=$seed
"$generate" --records "$lines" --customers 3000 --seed 61 --malformed 1 --disorder 3 --late 1 -o whole
export INPUT="$PWD/whole" OUTPUT="$PWD/answers"
"$oracle" "$INPUT" oracle.answers oracle.dead
export INPUT="$PWD/input"

part=$((lines / 2 / wanted))
give "$part"
start_endless
while [ "$kills" -lt "$wanted" ]; do
    ! killed "${stages[RANDOM % ${#stages[@]}]}" || give "$part"
done
stop
no_sockets_left
give_rest
"$BULKHEAD" run --quiet --state "$state" "$topology" >run.out 2>run.err &
supervisor=$!
kill_until_over "${stages[@]}"
same answers oracle.answers
dead_letters >run.dead
same run.dead oracle.dead
no_sockets_left
echo "$kills kills, $((kills - wanted)) of them in the second run"
