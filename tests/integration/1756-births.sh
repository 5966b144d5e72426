#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A process that does not come from its fork to its exec holds up nobody: one that is stopped there,
# and one that hangs there. A child whose end others have seen is dead all the same.
. "$ROOT/tests/integration/lib.sh"
. "$ROOT/tests/integration/inherited.sh"
[ "$BUILD_NAME" = build ] || skip "LeakSanitizer wants to be the tracer"
topology=$PWD/f.yaml

# Each process has one exec; a tracer does something to the next one that is begun, and goes away.
trace() { # trace WHAT: what strace injects into the next exec of a child
    strace -f -qq -p "$supervisor" -e signal=none -e trace=execve,waitid -e "inject=$1" -o calls 2>tracer.err &
    tracer=$!
    attached() { grep -q "^TracerPid:.$tracer\$" "/proc/$supervisor/status"; }
    wait_for attached
}
# What it held goes on, also what was begun since.
leave() {
    kill -9 "$tracer"
    wait "$tracer" 2>/dev/null || true
}
other() { local now; now=$(json parse pid); [ -n "$now" ] && [ "$now" != null ] && [ "$now" != "$pid" ]; }
is_restarted() { [ "$(json parse state)" = running ] && other; }

start_by env
said() { grep -q "$1" run.err; }
hangs() { # hangs WHAT LINE: the next process of parse hangs, until the line is said of it
    pid=$(json parse pid)
    trace "$1"
    killed parse || fail "parse could not be killed"
    wait_for said ' parse: was killed on request'
    for _ in 1 2 3; do running || fail "no answer during a birth"; done
    wait_for said "$2"
    leave
    wait_for is_restarted
    echo "{\"k\":\"$1\",\"n\":1}" >>input
    wait_for acked out "$(wc -l <input)"
}
hangs execve:signal=SIGSTOP:when=1 'parse: was stopped from outside'
hangs execve:delay_enter=33000000:when=1 'parse: its process did not start its program within 30000 ms; killing it'

# waitid says that there is no such child, whichever is asked for: they are killed, and all come back.
pid=$(json parse pid)
trace waitid:error=ECHILD:when=1..6
killed parse || fail "parse could not be killed"
wait_for is_restarted
leave
grep -q ': is gone, and it is not known how it ended' run.err || fail "$(cat run.err)"
echo '{"k":"last","n":1}' >>input
wait_for acked out "$(wc -l <input)"
kill -TERM "$supervisor"
ended_well
