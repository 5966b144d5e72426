#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every topology of bad/ is refused with exactly the messages of its .expected: the whole of
# stderr, and "exit N" as the last line.
set -euo pipefail
here=$PWD
bad=$ROOT/tests/integration/bad
unset BULKHEAD_TEST_UNSET

cd "$bad"
count=0 failed=0
for file in *.yaml; do
    name=${file%.yaml}
    count=$((count + 1))
    code=0
    "$BULKHEAD" check "$file" >"$here/stdout" 2>"$here/actual" || code=$?
    echo "exit $code" >>"$here/actual"
    if [ ! -f "$name.expected" ]; then
        echo "$name.expected is missing"
        failed=$((failed + 1))
        continue
    fi
    if ! diff -u --label "$name.expected" --label "$name: actual" "$name.expected" "$here/actual"; then
        failed=$((failed + 1))
    elif [ -s "$here/stdout" ]; then
        echo "$name: stdout should be empty, but is:"
        cat "$here/stdout"
        failed=$((failed + 1))
    fi
done
for file in *.expected; do
    [ -f "${file%.expected}.yaml" ] || { echo "$file has no topology" && failed=$((failed + 1)); }
done

echo "$count bad topologies, $failed not as expected"
[ "$count" -ge 45 ] || { echo "only $count topologies found in $bad" && exit 1; }
[ "$failed" -eq 0 ]
