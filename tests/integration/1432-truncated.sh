#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A followed file that is truncated while what was read of it is under way, and whose source is killed:
# nobody can tell any more which lines had which numbers, so the run stops instead of taking new lines
# for old ones. Also if the stage behind the source has forgotten what it passed on.
. "$ROOT/tests/integration/lib.sh"
cat >t.yaml <<'END'
topology: t
stages:
  in: { kind: file.source, path: input, follow: true }
  pass: { kind: map, from: in }
  out: { kind: stdout.sink, from: pass }
END
topology=t.yaml
mkfifo pipe

# FULL: nothing at all has come out before, so that only the sink knows what it was given.
refused_when_killed() { # full|free STAGE...
    local stage full=$1
    rm -rf "$state"
    seq 1 30000 >input
    exec 3<>pipe
    [ "$full" = free ] || dd if=/dev/zero of=pipe oflag=nonblock bs=4096 2>/dev/null || true
    "$BULKHEAD" run --quiet --state "$state" "$topology" >pipe 2>run.err &
    supervisor=$!
    wait_for running
    all_read() { [ "$(json in bytes_done)" = "$(stat -c %s input)" ]; }
    wait_for all_read # and most of it waits for a reader of the pipe
    printf 'new %s\n' 1 2 3 >input
    killed "$2" || fail "it could not be killed"
    # The run may stop for that before another one can be killed.
    for stage in "${@:3}"; do killed "$stage" || true; done
    expect_exit 5 wait "$supervisor"
    supervisor=""
    dd if=pipe iflag=nonblock bs=1M 2>/dev/null >output || true
    exec 3<&-
    grep -q "has been replaced or rewritten since it was read\|was truncated or rewritten after record" run.err ||
        fail "$(cat run.err)"
    ! grep -qa new output || fail "$(grep -a new output)"
}
for full in full free; do
    refused_when_killed $full in
    refused_when_killed $full in pass
    refused_when_killed $full pass in
done
