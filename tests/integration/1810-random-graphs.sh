#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Random topologies of up to 12 stages, with branches, merges, drops and workers, as processes and
# with kills: the same bytes as the inline host. Many more in tests/sim, and with tests/graphs/run.
. "$ROOT/tests/integration/lib.sh"
first=${SEED:-$((RANDOM * 1000))}
echo "SEED=$first"
export TMPDIR=$PWD/tmp KEEP=$PWD/kept
mkdir tmp
"$ROOT/tests/graphs/run" "$(dirname "$BULKHEAD")" "$first" $((first + $(scaled 30) - 1)) || fail "see above"
