#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What standard input may be: a file, nothing, a terminal, a socket, closed, a directory; SIGTERM
# leaves in the pipe what was not read; every stage holds the lock of the state directory.
. "$ROOT/tests/integration/lib.sh"
cat >t.yaml <<'END'
topology: t
stages:
  in: { kind: stdin.source }
  out: { kind: file.sink, from: in, path: out }
END
run_it() { "$BULKHEAD" run --quiet --state "$state" "$@" t.yaml; }
seq 1 5000 >numbers

run_it <numbers >summary
same out numbers
run_it <numbers >summary # a new run's input is new input
cat numbers numbers >twice
same out twice
run_it </dev/null >summary
grep -q 'nothing new' summary || fail "$(cat summary)"
expect_exit 5 run_it <&- 2>errors
grep -q 'standard input is closed' errors || fail "$(cat errors)"
expect_exit 5 run_it </ 2>errors
grep -q 'standard input cannot be read' errors || fail "$(cat errors)"

rm -rf state out
python3 - "$BULKHEAD" <<'END'
import pty, os, socket, subprocess, sys
def run(stdin):
    return subprocess.Popen([sys.argv[1], "run", "--quiet", "--state", "state", "t.yaml"],
                            stdin=stdin, stdout=subprocess.DEVNULL)
ours, theirs = socket.socketpair()
child = run(theirs)
theirs.close()
ours.sendall(b"socket 1\nsocket 2")
ours.close()
assert child.wait() == 0
master, slave = pty.openpty()
child = run(slave)
os.close(slave)
os.write(master, b"typed\n\x04")
assert child.wait() == 0
END
printf 'socket 1\nsocket 2\ntyped\n' >wanted
same out wanted

# A stage that is killed while it waits goes on; SIGTERM drains, and the pipe keeps the rest.
rm -rf state out
mkfifo pipe
exec 7<>pipe
"$BULKHEAD" run --quiet --state "$state" t.yaml <pipe >run.out 2>run.err &
supervisor=$!
wait_for running
echo one >&7
printf tw >&7
wait_for acked out 1
for pid in $("$BULKHEAD" status --json --state "$state" | grep -o '"pid":[0-9]*' | cut -d: -f2); do
    [ "$pid" = "$supervisor" ] || [ "$(readlink "/proc/$pid/fd/9")" = "$PWD/state" ] ||
        fail "stage $pid does not hold the lock"
done
"$BULKHEAD" kill in --state "$state" >/dev/null
echo o >&7
wait_for acked out 2
kill -TERM "$supervisor"
wait "$supervisor" || fail "SIGTERM: exit $?"
supervisor=""
echo three >&7
exec 8<pipe 7<&-
run_it <&8 >summary
printf 'one\ntwo\nthree\n' >wanted
same out wanted
exec 8<&-

# A run that was stopped within a line: the piece is a line of its own before what the next run gets.
for how in "" --inline; do
    rm -rf state out pipe
    mkfifo pipe
    exec 7<>pipe
    "$BULKHEAD" run --quiet --state "$state" t.yaml <pipe >run.out 2>run.err &
    supervisor=$!
    wait_for running
    printf 'one\ntw' >&7
    wait_for acked out 1
    kill -TERM "$supervisor"
    wait "$supervisor" || fail "SIGTERM: exit $?"
    supervisor=""
    exec 7<&-
    echo THREE | run_it $how >summary 2>errors || fail "after a piece of a line $how: $(cat errors)"
    [ ! -s errors ] || fail "$(cat errors)"
    printf 'one\ntw\nTHREE\n' >wanted
    same out wanted
done
