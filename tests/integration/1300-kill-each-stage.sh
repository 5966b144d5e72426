#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# kill -9 of each stage in turn, in the middle of a run: same bytes, same dead letters, same counts.
. "$ROOT/tests/integration/lib.sh"
lines=$(scaled 60000)
"$generate" --records "$lines" --customers 1000 --seed 51 --malformed 2 --disorder 3 --late 1 -o whole
cp whole input
export INPUT="$PWD/input" OUTPUT="$PWD/answers"
"$BULKHEAD" run --quiet --inline --state "$PWD/inline-state" "$topology" >inline-summary
mv answers inline-answers
records=$(records_given)

for victim in "${stages[@]}"; do
    rm -rf state answers input
    given=0
    give $((lines / 3))
    start_endless
    wait_for acked parse $((records / 10))
    pid=$(json "$victim" pid)
    give_rest
    kill -9 "$pid"
    wait_for acked loads "$records"
    stop
    same answers inline-answers
    same state/dead-letters.jsonl inline-state/dead-letters.jsonl
    awk -v s="$victim" '$1 == s && $7 >= 1 { found = 1 } END { exit !found }' run.out ||
        fail "no restart of $victim: $(cat run.out)"
    for stage in "${stages[@]}"; do
        [ "$(row "$stage" run.out)" = "$(row "$stage" inline-summary)" ] ||
            fail "$victim killed: counts of $stage: $(row "$stage" run.out)"
    done
    no_sockets_left
done
same_as_oracle answers
