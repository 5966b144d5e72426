#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Nobody reads standard error: a full pipe, a socket, a terminal that was stopped. Nothing waits for
# it: stages are restarted, the run answers and stops; what was lost is counted and said. The
# descriptor, which others share, blocks as it did.
. "$ROOT/tests/integration/lib.sh"
. "$ROOT/tests/integration/inherited.sh"

# Gives the program a stderr that is full and that nobody reads, until a line comes on stdin; then
# writes all that comes to a file, until the end.
cat >unread.py <<'END'
import fcntl, os, pty, socket, subprocess, sys, threading, time
kind, command = sys.argv[1], sys.argv[2:]
if kind == "pipe":
    ours, theirs = os.pipe()
elif kind == "socket":
    a, b = socket.socketpair()
    ours, theirs = a.detach(), b.detach()
else:
    ours, theirs = pty.openpty()
flags = fcntl.fcntl(theirs, fcntl.F_GETFL)
fcntl.fcntl(theirs, fcntl.F_SETFL, flags | os.O_NONBLOCK)
full = 0
while full < 5:  # a terminal takes more when the kernel has moved on what it has
    try:
        os.write(theirs, b"x" * 4096)
        full = 0
    except BlockingIOError:
        full += 1
        time.sleep(0.02)
fcntl.fcntl(theirs, fcntl.F_SETFL, flags)
run = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=open("run.out", "wb"), stderr=theirs)
print(run.pid, flush=True)
def read_all():
    sys.stdin.readline()
    with open("read", "ab", 0) as file:
        try:
            while bytes_ := os.read(ours, 65536):
                file.write(bytes_)
        except OSError:
            pass
reader = threading.Thread(target=read_all)
reader.start()
code = run.wait()
if fcntl.fcntl(theirs, fcntl.F_GETFL) != flags:
    sys.exit("the flags of the descriptor were changed")
os.close(theirs)
reader.join()
sys.exit(code)
END
mkfifo go
for kind in pipe socket terminal; do
    again
    rm -f read pid run.err
    : >run.err
    python3 unread.py $kind "$BULKHEAD" run --verbose --state state f.yaml <go >pid 2>run.err &
    python=$!
    exec 8>go
    wait_for test -s pid
    supervisor=$(cat pid)
    wait_for acked out 200
    for _ in $(seq 8); do
        pid=$(json parse pid)
        killed parse || continue
        other() { local now; now=$(json parse pid); [ -n "$now" ] && [ "$now" != null ] && [ "$now" != "$pid" ]; }
        wait_for other
    done
    echo "{\"k\":\"more\",\"n\":1}" >>input
    wait_for acked out 201
    [ "$("$BULKHEAD" status --json --state state | grep -o '"log_lost":[0-9]*' | cut -d: -f2)" -ge 8 ] || fail "not counted"
    "$BULKHEAD" status --state state >status.out
    grep -qE '^[0-9]+ log lines? (was|were) lost: standard error is not being read$' status.out || fail "$kind: $(cat status.out)"
    # Somebody reads again: what is said next says first what is missing.
    echo >&8
    said() { grep -qaE 'bulkhead: warning: [0-9]+ log lines were lost: standard error was not being read' read 2>/dev/null; }
    wait_for said
    kill -TERM "$supervisor"
    exec 8>&-
    wait "$python" || fail "$kind: exit $?: $(cat run.err)"
    supervisor=""
    grep -qa 'SIGTERM: draining' read || fail "$kind: the end was not said"
    same answers input
    sed -i '$d' input
done

# Nor does a stop wait for it, nor for the table at the end, which goes to a full pipe for ever.
again
mkfifo full
exec 8<>full
python3 -c 'import fcntl, os, sys
fcntl.fcntl(8, fcntl.F_SETFL, os.O_NONBLOCK)
try:
    while os.write(8, b"x" * 4096): pass
except BlockingIOError: pass
fcntl.fcntl(8, fcntl.F_SETFL, 0)'
"$BULKHEAD" run --verbose --state state f.yaml >&8 2>&8 &
supervisor=$!
wait_for acked out 200
kill -TERM "$supervisor"
prints() { [ ! -e state/control.sock ]; }
wait_for prints
kill -TERM "$supervisor"
ended_well
exec 8>&-
