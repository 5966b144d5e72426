#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# graph --live of a run that has done all there is and waits for more: so all that is shown is
# known. Without a terminal it is one picture; on one, it leaves the terminal as it was when the
# run ends and when it is interrupted.
. "$ROOT/tests/integration/lib.sh"
unset LC_ALL LC_CTYPE
export LANG=C.UTF-8
records=$(scaled 2000)
"$generate" --records "$records" --customers 20 --seed 43 -o input
export INPUT="$PWD/input" OUTPUT="$PWD/answers"

live() { "$BULKHEAD" graph --live --state "$state" "$@"; }

expect_exit 6 live "$topology" >out 2>errors
[ ! -s out ] || fail "$(cat out)"
grep -q "no supervisor is running in '$state'" errors || fail "$(cat errors)"

start --set loads.follow=true
wait_for acked loads "$records"
live "$topology" >out || fail "graph --live: exit $?"
head -n 1 out | grep -q "^velocity-limits (version 1 [0-9a-f]\{8\}), pid $supervisor, up [0-9]* s, 0 restarts$" ||
    fail "$(cat out)"
tail -n +2 out >picture
diff -u - picture <<'END_OF_PICTURE' || fail "the picture"
┌─────────────────────────────┐
│ loads  file.source          │
│ 0/s                         │
└──────────────┬──────────────┘
┌──────────────▼──────────────┐
│ parse  json.decode          │
│ 0/s  lag 0                  │
└──────────────┬──────────────┘
┌──────────────▼──────────────┐
│ once  dedupe                │
│ 0/s  lag 0                  │
└──────────────┬──────────────┘
┌──────────────▼──────────────┐
│ limits  limits              │
│ 0/s  lag 0                  │
└──────────────┬──────────────┘
┌──────────────▼──────────────┐
│ format  json.encode         │
│ 0/s  lag 0                  │
└──────────────┬──────────────┘
┌──────────────▼──────────────┐
│ answers  file.sink          │
│ 0/s  lag 0                  │
└─────────────────────────────┘
the dead letters of 6 stages are not drawn; --all shows them
END_OF_PICTURE

sed 's/^topology: .*/topology: other/' "$topology" >other.yaml
expect_exit 5 live other.yaml >out 2>errors
grep -q "is running topology 'velocity-limits', not 'other'" errors || fail "$(cat errors)"
sed 's/^  format:/  shape:/; s/from: format/from: shape/' "$topology" >newer.yaml
expect_exit 5 live newer.yaml >out 2>errors
grep -q "is running another version of topology 'velocity-limits'" errors || fail "$(cat errors)"

# On a terminal of its own: $1 is done to it when it shows something.
on_terminal() {
    python3 - "$@" "$BULKHEAD" "$state" "$topology" <<'END_OF_PYTHON'
import fcntl, os, pty, signal, struct, subprocess, sys, termios
how, bulkhead, state, topology = sys.argv[1:]
pid, fd = pty.fork()
if pid == 0:
    # What draws must not begin before its terminal has a size.
    os.read(0, 1)
    os.execv(bulkhead, [bulkhead, "graph", "--live", "--state", state, topology])
rows = 8 if how == "small" else 40
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 60, 0, 0))
os.write(fd, b"\n")
seen = b""
acted = False
while True:
    try:
        piece = os.read(fd, 65536)
    except OSError:
        break
    if not piece:
        break
    seen += piece
    if not acted and b"\x1b[J" in seen:
        acted = True
        if how == "stop":
            stop = [bulkhead, "stop", "--state", state]
            subprocess.run(stop, check=True, stdout=subprocess.DEVNULL)
        elif how == "small":
            os.kill(pid, signal.SIGTERM)
        else:
            os.write(fd, b"\x03")
_, status = os.waitpid(pid, 0)
if os.waitstatus_to_exitcode(status) != 0:
    sys.exit("exit %d" % os.waitstatus_to_exitcode(status))
enter, leave = b"\x1b[?1049h\x1b[?25l\x1b[?7l", b"\x1b[?7h\x1b[?25h\x1b[?1049l"
if seen.count(enter) != 1 or seen.count(leave) != 1:
    sys.exit("the screen was not entered and left once: %r" % seen)
screen, after = seen[seen.index(enter):].split(leave)
if b"answers  file.sink" not in after or b"\x1b" in after:
    sys.exit("the last picture does not stay: %r" % after)
if (b"the run is over" in after) != (how == "stop"):
    sys.exit("the end: %r" % after)
if screen.count(b"\x1b[J") < 1 or (b"too few lines" in screen) != (how == "small"):
    sys.exit("the screen: %r" % screen)
for frame in screen.split(b"\x1b[H")[1:]:
    if frame.count(b"\r\n") >= rows:
        sys.exit("more than %d rows: %r" % (rows, frame))
END_OF_PYTHON
}
on_terminal interrupt || fail "interrupted"
on_terminal small || fail "on a small terminal"
on_terminal stop || fail "at the end of the run"
wait "$supervisor" || fail "stop: exit $?"
