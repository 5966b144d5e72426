#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# kill -9 of each stage in turn, in the middle of a run: same bytes, same dead letters, same counts.
. "$ROOT/tests/integration/lib.sh"
records=$(scaled 400000)
"$generate" --records "$records" --customers 1000 --seed 51 --malformed 2 --disorder 3 --late 1 -o input
export INPUT="$PWD/input" OUTPUT="$PWD/answers"
"$BULKHEAD" run --quiet --inline --state "$PWD/inline-state" "$topology" >inline-summary
mv answers inline-answers

for victim in "${stages[@]}"; do
    rm -rf state answers
    start
    wait_for acked parse $((records / 20))
    pid=$(json "$victim" pid)
    kill -9 "$pid" || fail "$victim was gone before it could be killed"
    wait "$supervisor" || fail "$victim: exit $?: $(cat run.err)"
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
