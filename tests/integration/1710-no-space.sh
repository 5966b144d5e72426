#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A full disk under the output, under the state, and under both from the start: the run says so,
# takes nothing in, acks nothing that is not safe, and goes on by itself when there is space.
. "$ROOT/tests/integration/lib.sh"
mkdir disk
mount -t tmpfs -o size=8M none disk 2>/dev/null || skip "no tmpfs can be mounted here"
trap 'umount -lq disk 2>/dev/null || true' EXIT

records=$(scaled 40000)
"$generate" --seed 5 --records "$records" --malformed 1 >input
export INPUT=$PWD/input OUTPUT=$PWD/reference
"$BULKHEAD" run --quiet --inline --state reference.state "$topology" >summary
cp reference.state/dead-letters.jsonl reference.dead

paused() { [ "$(json "$1" paused)" = true ]; }
some_paused() { paused answers || paused limits || paused once || paused loads || paused dead-letters; }
fill() { dd if=/dev/zero of=disk/filler bs=64k 2>/dev/null || true; }

# Of what stays paused nothing more is acked: two looks at all acks, with a retry in between.
all_acks() { for stage in "${stages[@]}"; do echo "$stage $(json "$stage" acked)"; done; }

check_pause_and_resume() {
    wait_for some_paused
    grep -q 'waiting for space' run.err || fail "it does not say why"
    "$BULKHEAD" status --state "$state" | grep -q 'no space' || fail "status does not show it"
    rm disk/filler
    wait "$supervisor" || fail "$(cat run.err)"
    unset supervisor
    same answers reference
    same "$state/dead-letters.jsonl" reference.dead
    grep -q 'has space again' run.err || grep -q 'waiting for space' run.err ||
        fail "it does not say that it goes on"
}

# Where the output lies there is room for a little of it.
ln -s disk/answers answers
export OUTPUT=$PWD/disk/answers
fill
truncate -s "$((8 * 1024 * 1024 - 256 * 1024))" disk/filler
start
check_pause_and_resume
rm -rf "$state" disk/answers

# Where the state lies there is none for more than its first files.
export OUTPUT=$PWD/answers
rm answers
state=$PWD/disk/state
fill
truncate -s "$((8 * 1024 * 1024 - 300 * 1024))" disk/filler
start
check_pause_and_resume

# It fills up again and again, and then something comes; the supervisor and stages are killed meanwhile.
rm -rf "$state" answers
mv input whole
give $((records / 4))
start_endless
for round in 1 2 3; do
    fill
    give $((records / 4))
    wait_for some_paused
    for stage in once answers loads; do
        pid=$(json "$stage" pid)
        [ -z "$pid" ] || [ "$pid" = null ] || kill -9 "$pid" 2>/dev/null || true
    done
    kill -9 "$supervisor"
    wait "$supervisor" 2>/dev/null || true
    rm disk/filler
    start_endless
done
stop
run >summary || fail "$(cat summary)"
same answers reference
same "$state/dead-letters.jsonl" reference.dead

# With no space at all a start is refused before anything is touched.
rm -rf "$state" answers
fill
while echo x >>disk/rest 2>/dev/null; do :; done
code=0
"$BULKHEAD" run --quiet --state "$state" "$topology" >summary 2>run.err || code=$?
[ "$code" -eq 5 ] || fail "exited with $code: $(cat run.err)"
grep -q 'No space left' run.err || fail "$(cat run.err)"

# LeakSanitizer wants to be the tracer itself.
case $BUILD_NAME in *asan*) exit 0 ;; esac

# Some file systems find out only at the sync. What was written is not to be trusted then: the
# stage starts again from what verifies, as often as it takes.
umount disk
head -n 12000 input >few
export INPUT=$PWD/few OUTPUT=$PWD/answers
rm -rf answers reference reference.state
state=$PWD/state
OUTPUT=$PWD/reference "$BULKHEAD" run --quiet --inline --state reference.state "$topology" >summary
strace -f -qq -o strace.out -e trace=fdatasync -e inject=fdatasync:error=ENOSPC:when=5 \
    "$BULKHEAD" run --quiet --state "$state" "$topology" >summary 2>run.err || fail "$(cat run.err)"
grep -q 'INJECTED' strace.out || fail "nothing was injected"
grep -q 'waiting for space' run.err || fail "$(cat run.err)"
same answers reference
same "$state/dead-letters.jsonl" reference.state/dead-letters.jsonl
