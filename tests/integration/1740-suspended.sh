#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A supervisor that is suspended for longer than stall_timeout, alone or with all its stages, blames
# no stage when it wakes up. A stage that is suspended is known at once and started again. A full
# disk under the output keeps the run from ending meanwhile.
. "$ROOT/tests/integration/lib.sh"
mkdir disk
mount -t tmpfs -o size=4M none disk 2>/dev/null || skip "no tmpfs can be mounted here"
trap 'umount -lq disk 2>/dev/null || true' EXIT
sed 's/^version:.*/&\nstall_timeout: 1s/' "$topology" >topology.yaml
topology=$PWD/topology.yaml
"$generate" --seed 8 --records "$(scaled 40000)" --malformed 1 >input
export INPUT=$PWD/input OUTPUT=$PWD/reference
"$BULKHEAD" run --quiet --inline --state reference.state "$topology" >summary
export OUTPUT=$PWD/disk/answers
dd if=/dev/zero of=disk/filler bs=64k 2>/dev/null || true
truncate -s 4M disk/filler
start
paused() { [ "$(json answers paused)" = true ]; }
wait_for paused

none_restarted() {
    running || fail "it does not answer after its sleep"
    for stage in "${stages[@]}"; do
        [ "$(json "$stage" restarts)" = 0 ] || fail "'$stage' was restarted: $(cat run.err)"
    done
}
# The passing of time is what is tested here, so there is time to pass.
kill -STOP "$supervisor"
sleep 1.5
kill -CONT "$supervisor"
none_restarted
pids=$(for stage in "${stages[@]}"; do json "$stage" pid; done)
# shellcheck disable=SC2086
kill -STOP "$supervisor" $pids
sleep 1.5
# shellcheck disable=SC2086
kill -CONT $pids "$supervisor"
none_restarted

pid=$(json once pid)
kill -STOP "$pid"
restarted() { local now; now=$(json once pid); [ -n "$now" ] && [ "$now" != null ] && [ "$now" != "$pid" ]; }
wait_for restarted
rm disk/filler
wait "$supervisor" || fail "$(cat run.err)"
! grep -q 'did not make progress' run.err || fail "a stage was blamed: $(cat run.err)"
[ ! -e state/stages/once/quarantine ] || fail "a suspended stage led to quarantine"
same disk/answers reference
same state/dead-letters.jsonl reference.state/dead-letters.jsonl
