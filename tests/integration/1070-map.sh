#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# map against a second one in Python (tests/oracle/map_kind.py): random types, options and records.
# SEED=N in the environment repeats a run. The first ones also run as processes, with two workers.
. "$ROOT/tests/integration/lib.sh"
seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
echo "SEED=$seed"

# seq, reason and message of the dead letters
letters() {
    python3 -c '
import json, sys
for line in open(sys.argv[1], "rb"):
    letter = json.loads(line)
    assert letter["stage"] == "change", letter
    print(letter["seq"], letter["reason"], letter["message"], sep="\t")' "$1"
}

rounds=$(scaled 20)
for ((round = 0; round < rounds; round++)); do
    rm -rf state inline input wanted* answers*
    "$ROOT/tests/oracle/map_kind.py" $((seed + round)) 300 . || fail "round $round: the oracle"
    topology=$PWD/topology.yaml
    state=$PWD/inline OUTPUT=answers run --inline >inline-summary 2>run.err ||
        fail "round $round: $(cat topology.yaml run.err)"
    letters inline/dead-letters.jsonl >dead
    diff wanted answers >difference || fail "round $round: $(cat topology.yaml difference)"
    diff wanted.dead dead >difference || fail "round $round: $(cat topology.yaml difference)"
    [ "$round" -lt 3 ] || continue
    state=$PWD/state OUTPUT=answers.processes run >summary
    same answers answers.processes
    same inline/dead-letters.jsonl state/dead-letters.jsonl
done
