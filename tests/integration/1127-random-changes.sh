#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Random topologies on the states of others: what a plan says is what a start does, and both hosts make
# the same of the rest of the input.
. "$ROOT/tests/integration/lib.sh"
first=${SEED:-$((RANDOM * 1000))}
echo "SEED=$first"
python3 "$ROOT/tests/integration/random_changes.py" "$BULKHEAD" "$first" $((first + $(scaled 30) - 1))
