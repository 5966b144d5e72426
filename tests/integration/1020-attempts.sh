#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The other reading of the count rule, another lateness and other sums, against the oracle.
. "$ROOT/tests/integration/lib.sh"
export INPUT="$PWD/input" OUTPUT="$PWD/answers"
"$generate" --records "$(scaled 20000)" --customers 30 --seed 11 --disorder 10 --late 3 -o input

sed -e 's/lateness: 14d/lateness: 3d\n    attempts: all/' -e 's/5000.00/1200.50/' \
    -e 's/count: 3/count: 2/' -e 's/20000.00/4000.00/' "$topology" >other.yaml
topology=$PWD/other.yaml
run >summary
same_as_oracle answers --attempts all --lateness-days 3 --daily-amount 1200.50 --daily-count 2 \
    --weekly-amount 4000.00
