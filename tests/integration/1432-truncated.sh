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

refused_when_killed() { # STAGE...
    local stage
    rm -rf "$state"
    seq 1 30000 >input
    "$BULKHEAD" run --quiet --state "$state" "$topology" >pipe 2>run.err &
    supervisor=$!
    exec 3<pipe
    wait_for running
    all_read() { [ "$(json in bytes_done)" = "$(stat -c %s input)" ]; }
    wait_for all_read # and most of it waits for a reader of the pipe
    printf 'new %s\n' 1 2 3 >input
    for stage in "$@"; do "$BULKHEAD" kill "$stage" --state "$state" >/dev/null; done
    cat <&3 >output &
    expect_exit 5 wait "$supervisor"
    supervisor=""
    wait
    exec 3<&-
    grep -q "was truncated or written anew when the last that is known of it was record" run.err ||
        fail "$(cat run.err)"
    ! grep -q new output || fail "$(grep new output)"
}
refused_when_killed in
refused_when_killed in pass
refused_when_killed pass in
