#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Directories above the state directory that a start makes are safe before it goes on; also if the
# start that made them was killed before they were.
. "$ROOT/tests/integration/lib.sh"
[ "$BUILD_NAME" = build ] || skip "strace is slow with this build, and LeakSanitizer wants to be the tracer"
"$generate" --records 3 --customers 3 --seed 7 -o input
export INPUT="$PWD/input" OUTPUT="$PWD/answers"

# Which directories the supervisor syncs before it locks the state.
synced() {
    strace -y -qq -e signal=none -e trace=fsync,flock -o calls "$BULKHEAD" run --quiet --state a/b/c "$topology" >out 2>&1 ||
        fail "exit $?: $(cat out)"
    sed -n '/flock/q; s/^fsync([0-9]*<\(.*\)>) .*= 0$/\1/p' calls
}
expected="$PWD
$PWD/a
$PWD/a/b"

[ "$(synced)" = "$expected" ] || fail "new: $(cat calls)"

# One that is there may be one that was made and not synced.
for made in a "a a/b" "a a/b a/b/c"; do
    rm -rf a answers
    # shellcheck disable=SC2086
    mkdir -m 700 $made
    [ "$(synced)" = "$expected" ] || fail "$made: $(cat calls)"
done

# What nobody here can have made is somebody else's, and was there before.
chmod 755 a
[ "$(synced)" = "$PWD/a
$PWD/a/b" ] || fail "of others: $(cat calls)"
