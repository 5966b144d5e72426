#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A file system without inodes: no socket can be made, no segment of a journal, no file of a state.
# The run waits and says for what, nobody is killed, and it goes on by itself when there are some.
. "$ROOT/tests/integration/lib.sh"
mkdir disk
mount -t tmpfs -o size=64M,nr_inodes=20000 none disk 2>/dev/null || skip "no tmpfs can be mounted here"
trap 'umount -lq disk 2>/dev/null || true' EXIT
chmod 700 disk

"$generate" --seed 5 --records "$(scaled 4000)" --malformed 1 >input
export INPUT=$PWD/input OUTPUT=$PWD/reference
"$BULKHEAD" run --quiet --inline --state reference.state "$topology" >summary
cp reference.state/dead-letters.jsonl reference.dead
export OUTPUT=$PWD/answers
state=$PWD/disk/state

leave() { mount -o "remount,nr_inodes=$1" disk; }
used() { df --output=iused disk | tail -n 1 | tr -d ' '; }
wants_inodes() { "$BULKHEAD" status --state "$state" | grep -q 'no inodes'; }
nobody_was_killed() { ! grep -q 'SIG\|killing\|restarting both' run.err || fail "$(cat run.err)"; }
expect_end() {
    wait "$supervisor" || fail "$(cat run.err)"
    unset supervisor
    same answers reference
    same "$state/dead-letters.jsonl" reference.dead
}

echo "- any number of inodes: a start is refused, or what was started waits until there are some"
"$BULKHEAD" run --quiet --state "$state" "$topology" >summary 2>run.err || fail "$(cat run.err)"
whole=$(used)
waited=0
# From none at all: the state directory itself cannot be made then.
for ((left = 0; left <= whole; left += 3)); do
    rm -rf "$state" answers
    leave $(($(used) + left))
    : >run.err # or what the last one said would be taken for its own
    "$BULKHEAD" run --state "$state" "$topology" >run.out 2>>run.err &
    supervisor=$!
    is_over() { gone "$supervisor" || grep -q 'waiting for inodes' run.err; }
    until is_over; do sleep 0.01; done
    if grep -q 'waiting for inodes' run.err; then
        waited=$((waited + 1))
        leave 20000
        expect_end
        nobody_was_killed
        continue
    fi
    code=0
    wait "$supervisor" || code=$?
    unset supervisor
    leave 20000
    if [ $code -ne 0 ]; then
        [ $code -eq 1 ] || [ $code -eq 5 ] || fail "exit $code: $(cat run.err)"
        grep -q 'No space left.*no inodes left' run.err || fail "$(cat run.err)"
        "$BULKHEAD" run --quiet --state "$state" "$topology" >run.out 2>run.err || fail "$(cat run.err)"
    fi
    same answers reference
    same "$state/dead-letters.jsonl" reference.dead
done
[ $waited -gt 2 ] || fail "only $waited of them had to wait"

echo "- others take those that a killed stage had, and there is none for its new sockets"
rm -rf "$state" answers
mv input whole
head -n 20 whole >input
start_endless --verbose
wait_for acked answers 20
leave "$(used)"
taken=0
until wants_inodes; do
    killed limits || true
    for _ in 1 2 3 4 5 6 7 8; do touch "disk/taken.$((taken += 1))" 2>/dev/null || break; done
done
"$BULKHEAD" status --json --state "$state" | grep -q '"wants":"inodes"' || fail "not in status --json"
leave 20000
tail -n +21 whole >>input
records=$(records_given)
wait_for acked answers "$records"
! grep -q 'killing\|restarting both' run.err || fail "$(cat run.err)"
grep -q 'inodes again' run.err || fail "$(cat run.err)"
stop
run >summary 2>run.err || fail "$(cat run.err)"
same answers reference
same "$state/dead-letters.jsonl" reference.dead
