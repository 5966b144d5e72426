#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The sample and generated inputs against the independent implementation of the rules: answers,
# dead letters and counts, in both hosts.
. "$ROOT/tests/integration/lib.sh"

compare() {
    rm -rf state answers
    export OUTPUT="$PWD/answers"
    state=$PWD/state
    run >summary
    same_as_oracle answers
    state=$PWD/inline-state OUTPUT="$PWD/inline-answers"
    rm -rf inline-state inline-answers
    run --inline >inline-summary
    same inline-answers answers
    same inline-state/dead-letters.jsonl state/dead-letters.jsonl
    for stage in "${stages[@]}"; do
        [ "$(row "$stage" summary)" = "$(row "$stage" inline-summary)" ] ||
            fail "counts of $stage differ in $INPUT"
    done
}

export INPUT="$ROOT/topology/library/velocity-limits.sample.jsonl"
compare
export INPUT="$PWD/input"
for seed in 1 2 3; do
    "$generate" --records "$(scaled 20000)" --customers 40 --seed $seed --malformed 6 --disorder 6 \
        --late 2 --repeats 3 -o input
    compare
done
"$generate" --records "$(scaled 20000)" --customers 3000 --seed 4 --days 400 --crlf \
    --no-final-newline --malformed 1 -o input
compare
"$generate" --records 300 --customers 5 --seed 5 --long-line --start 1969-12-20 -o input
compare
