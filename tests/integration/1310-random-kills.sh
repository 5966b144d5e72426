#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Random stages killed 200 times, as fast as they come back, over as many runs as that takes.
. "$ROOT/tests/integration/lib.sh"
records=$(scaled 400000)
wanted=$(scaled 200)
seed=${SEED:-$RANDOM}
echo "SEED=$seed"
RANDOM=$seed
"$generate" --records "$records" --customers 3000 --seed 61 --malformed 1 --disorder 3 --late 1 -o input
export INPUT="$PWD/input" OUTPUT="$PWD/answers"
"$oracle" "$INPUT" oracle.answers oracle.dead

kills=0
while [ "$kills" -lt "$wanted" ]; do
    rm -rf state answers
    start
    while [ "$kills" -lt "$wanted" ]; do
        code=0
        "$BULKHEAD" kill "${stages[RANDOM % ${#stages[@]}]}" --state "$state" >/dev/null 2>&1 || code=$?
        case $code in
        0) kills=$((kills + 1)) ;;
        1) ;; # it is being restarted
        *) break ;; # the run is over
        esac
    done
    wait "$supervisor" || fail "exit $?: $(cat run.err)"
    same answers oracle.answers
    dead_letters >run.dead
    same run.dead oracle.dead
    no_sockets_left
done
echo "$kills kills"
