#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# durability: process keeps the same promise for kills, and calls no fsync.
. "$ROOT/tests/integration/lib.sh"
lines=$(scaled 50000)
"$generate" --records "$lines" --customers 500 --seed 91 --malformed 1 -o whole
export INPUT="$PWD/input" OUTPUT="$PWD/answers"
sed 's/^version: 1/version: 1\ndurability: process/' "$topology" >process.yaml
topology=$PWD/process.yaml

start_endless
for _ in 1 2 3; do
    for stage in "${stages[@]}"; do
        give $((lines / 30))
        wait_for killed "$stage"
    done
done
stop
give_rest
"$BULKHEAD" run --quiet --state "$state" "$topology" >run.out 2>run.err &
supervisor=$!
kill_until_over "${stages[@]}"
same_as_oracle answers

[[ $BUILD_NAME != *asan* ]] || exit 0 # LeakSanitizer and strace both want to be the tracer
rm -rf state answers
strace -f -qq -e trace=fdatasync -o calls "$BULKHEAD" run --quiet --state "$state" "$topology" >/dev/null
same_as_oracle answers
# Four times, for the two files of the version and twice for the manifest, before the parts of the
# state are claimed and after that: a matter of the start, not of records.
[ "$(grep -c fdatasync calls)" -le 4 ] || fail "synced: $(head -n 5 calls)"
