#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A terminal that cannot move its cursor (TERM=dumb, or no TERM) gets lines and no control
# characters. Where nobody reads what a command prints, a signal that asks it to stop is heard.
. "$ROOT/tests/integration/lib.sh"
. "$ROOT/tests/integration/inherited.sh"

cat >on_terminal.py <<'END'
import os, pty, subprocess, sys
ours, theirs = pty.openpty()
run = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
os.close(theirs)
with open("shown", "wb", 0) as file:
    try:
        while shown := os.read(ours, 65536):
            file.write(shown)
    except OSError:
        pass
sys.exit(run.wait())
END
on_terminal() { python3 on_terminal.py "$@"; }
plain() { ! grep -qP '\x1b|\r(?!$)' shown || fail "$1: $(cat -v shown)"; }

for term in dumb '' none; do
    environment=(env TERM="$term")
    [ "$term" != none ] || environment=(env -u TERM)
    again
    on_terminal "${environment[@]}" "$BULKHEAD" run --state state t.yaml || fail "run: $(cat shown)"
    plain run
    grep -q '200 records' shown || fail "no summary: $(cat shown)"
    on_terminal "${environment[@]}" "$BULKHEAD" chaos --kills 3 t.yaml || fail "chaos: $(cat shown)"
    plain chaos
    start_by env
    on_terminal "${environment[@]}" "$BULKHEAD" graph --live --state state f.yaml || fail "graph: $(cat shown)"
    plain graph
    grep -q 'json.decode' shown || fail "no picture: $(cat shown)"
    stop
done
# One that can gets them.
start_by env
: >shown
on_terminal env TERM=xterm "$BULKHEAD" graph --live --state state f.yaml &
watcher=$!
draws() { grep -qP '\x1b' shown; }
wait_for draws
stop
wait "$watcher" || fail "graph: exit $?: $(cat -v shown)"

# Starts a command whose stdout (1) or stderr (2) is a full pipe that nobody reads, waits until it is
# stuck there, in write(2) or in ppoll(2), and sends SIGTERM; exits as it does.
cat >stuck.py <<'END'
import fcntl, os, signal, subprocess, sys, time
descriptor, call, command = sys.argv[1], sys.argv[2], sys.argv[3:]
number = {"write": "1", "ppoll": "271"}[call]
ours, theirs = os.pipe()
flags = fcntl.fcntl(theirs, fcntl.F_GETFL)
fcntl.fcntl(theirs, fcntl.F_SETFL, flags | os.O_NONBLOCK)
try:
    while os.write(theirs, b"x" * 4096):
        pass
except BlockingIOError:
    pass
fcntl.fcntl(theirs, fcntl.F_SETFL, flags)
streams = {"stdout": open("out", "wb"), "stderr": open("errors", "wb")}
streams["stdout" if descriptor == "1" else "stderr"] = theirs
run = subprocess.Popen(command, stdin=subprocess.DEVNULL, **streams)
def is_stuck():
    try:
        with open(f"/proc/{run.pid}/syscall") as file:
            words = file.read().split()
        return words[0] == number and (call != "write" or int(words[1], 16) == int(descriptor))
    except OSError:
        return False
while run.poll() is None and not is_stuck():
    time.sleep(0.01)  # between two looks
if run.poll() is not None:
    sys.exit(f"it ended before: {run.returncode}")
run.send_signal(signal.SIGTERM)
code = run.wait()
sys.exit(code if code >= 0 else 128 - code)
END
[ "$(uname -m)" = x86_64 ] || skip "the numbers of system calls are those of x86-64; the rest was seen"
[ -r /proc/self/syscall ] || skip "this kernel does not say in which system call a process is; the rest was seen"
start_by env
expect_exit 1 python3 stuck.py 1 ppoll "$BULKHEAD" graph --live --state state f.yaml
stop
expect_exit 0 python3 stuck.py 1 write env TMPDIR="$PWD" "$BULKHEAD" chaos --kills 3 --quiet t.yaml
[ -z "$(ls -d bulkhead-chaos-* 2>/dev/null)" ] || fail "the scratch directory is still there"
expect_exit 2 python3 stuck.py 2 write "$BULKHEAD" run --state state
printf 'nonsense: 1\n' >bad.yaml
expect_exit 3 python3 stuck.py 2 write "$BULKHEAD" run --state state bad.yaml
