#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# web-log-report with random stages killed 150 times, as fast as they come back, each time with a new
# part of the input on its way; then as often as it goes until the run is over by itself: both workers
# of the parser, both counters, the merge, both outputs.
. "$ROOT/tests/integration/web_log.sh"
lines=$(scaled 80000)
wanted=$(scaled 150)
seed=${SEED:-$RANDOM}
echo "SEED=$seed"
RANDOM=$seed
processes=(log parse.0 parse.1 agents bots people counts lines report unreadable rejects dead-letters)
"$generate" --lines "$lines" --seed 62 --malformed 2 --disorder 20 --late 1 -o whole
export INPUT="$PWD/whole"
ask_oracle
export INPUT="$PWD/input"

outputs run
part=$((lines / 2 / wanted))
give "$part"
start_endless
while [ "$kills" -lt "$wanted" ]; do
    ! killed "${processes[RANDOM % ${#processes[@]}]}" || give "$part"
done
stop
no_sockets_left
give_rest
"$BULKHEAD" run --quiet --state "$state" "$topology" >run.out 2>run.err &
supervisor=$!
kill_until_over "${processes[@]}"
same_as_the_oracle
no_sockets_left
echo "$kills kills, $((kills - wanted)) of them in the second run"
