#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A sink that cannot write: the windows before it fill up to their bounds, the source stops reading,
# and no process grows beyond that. When it can write again all goes on by itself.
. "$ROOT/tests/integration/lib.sh"
case $BUILD_NAME in *asan*) skip "the memory of a sanitizer says nothing" ;; esac
mkdir disk
mount -t tmpfs -o size=96M none disk 2>/dev/null || skip "no tmpfs can be mounted here"
trap 'umount -lq disk 2>/dev/null || true' EXIT
awk 'BEGIN {
    for (i = 1; i <= 900000; i++)
        printf "{\"id\":\"%d\",\"customer_id\":\"%d\",\"load_amount\":\"$%d.00\",\"time\":\"2000-01-%02dT00:00:%02dZ\"}\n",
            i, i % 20000, i % 700, 1 + i / 100000, i % 60 }' >input
export INPUT=$PWD/input OUTPUT=$PWD/reference
"$BULKHEAD" run --quiet --inline --state reference.state "$topology" >summary
export OUTPUT=$PWD/disk/answers
dd if=/dev/zero of=disk/filler bs=1M 2>/dev/null || true
truncate -s 95M disk/filler
start
source_is_full() {
    [ "$(json answers paused)" = true ] && [ "$(json loads window_bytes)" -ge $((8 << 20)) ]
}
wait_for source_is_full
done_bytes=$(json loads bytes_done)
[ "$done_bytes" -lt "$(json loads bytes_total)" ] || fail "the source has read on"
for stage in "${stages[@]}"; do
    # A turn of the loop may add to a full window what one turn makes.
    [ "$(json "$stage" window_bytes)" -le $(((8 << 20) + (1 << 20))) ] ||
        fail "the window of '$stage' has $(json "$stage" window_bytes) bytes"
    pid=$(json "$stage" pid)
    private_kib=$(awk '/^Private_Dirty/ { sum += $2 } END { print sum }' "/proc/$pid/smaps_rollup")
    echo "$stage: $private_kib KiB"
    [ "$private_kib" -le 65536 ] || fail "'$stage' has $private_kib KiB of its own"
done
# What lies between may still move up a little, but never all of the input.
[ "$(json loads bytes_done)" -lt "$(json loads bytes_total)" ] || fail "the source has read on"
rm disk/filler
wait "$supervisor" || fail "$(cat run.err)"
same disk/answers reference
