#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# web-log-report with random stages killed 150 times, as fast as they come back, over as many runs as
# that takes: both workers of the parser, both counters, the merge, both outputs.
. "$ROOT/tests/integration/web_log.sh"
wanted=$(scaled 150)
seed=${SEED:-$RANDOM}
echo "SEED=$seed"
RANDOM=$seed
processes=(log parse.0 parse.1 agents bots people counts lines report unreadable rejects dead-letters)
"$generate" --lines "$(scaled 200000)" --seed 62 --malformed 2 --disorder 20 --late 1 -o input
export INPUT="$PWD/input"
ask_oracle

kills=0
while [ "$kills" -lt "$wanted" ]; do
    outputs run
    start
    while [ "$kills" -lt "$wanted" ]; do
        code=0
        "$BULKHEAD" kill "${processes[RANDOM % ${#processes[@]}]}" --state "$state" >/dev/null 2>&1 || code=$?
        case $code in
        0) kills=$((kills + 1)) ;;
        1) ;; # it is being restarted
        *) break ;; # the run is over
        esac
    done
    wait "$supervisor" || fail "exit $?: $(cat run.err)"
    same_as_the_oracle
    no_sockets_left
done
echo "$kills kills"
