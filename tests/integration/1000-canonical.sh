#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Real input with its published answer, in both hosts.
. "$ROOT/tests/integration/lib.sh"
data="$ROOT/../shared/data/velocity"
[ -r "$data/input.txt" ] || skip "shared/data/velocity is not here"

export INPUT="$data/input.txt" OUTPUT="$PWD/answers"
run >summary
same answers "$data/output.txt"
[ "$(row once summary)" = "1000 999 1 0" ] || fail "the summary: $(cat summary)"
no_sockets_left

state=$PWD/inline-state OUTPUT="$PWD/inline-answers"
run --inline >inline-summary
same inline-answers "$data/output.txt"
for stage in "${stages[@]}"; do
    [ "$(row "$stage" summary)" = "$(row "$stage" inline-summary)" ] || fail "counts of $stage differ"
done
