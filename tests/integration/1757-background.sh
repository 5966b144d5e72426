#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A run that reads from a terminal takes what is typed while it is in the foreground, and nothing of
# what is typed to others: begun in the background, put there, and stopped by Ctrl-Z.
. "$ROOT/tests/integration/lib.sh"

cat >t.yaml <<'END'
topology: t
stages:
  typed: { kind: stdin.source }
  out: { kind: file.sink, from: typed, path: answers }
END
cat >shell.py <<'END'
# Leads a session on a terminal, as an interactive shell does; what is typed comes from its parent.
import fcntl, os, pty, signal, subprocess, sys, termios, time

ours, theirs = pty.openpty()
command = sys.argv[1:]

def until(what, condition):
    end = time.monotonic() + 120
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"waited for {what} in vain; log: {open('run.err').read()}")
        time.sleep(0.02)

def text(path):
    return open(path).read() if os.path.exists(path) else ""

def typed(line):
    os.write(ours, line.encode())

def foreground(group):
    os.tcsetpgrp(theirs, group)

os.setsid()
fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
us = os.getpgrp()
run = subprocess.Popen(command, stdin=theirs, stdout=subprocess.DEVNULL, stderr=open("run.err", "w"),
                       preexec_fn=lambda: os.setpgid(0, 0))
inline = "--inline" in command

def to_us(which):
    for n in range(10):
        typed(f"{which}{n}\n")
        line = os.read(theirs, 100).decode()
        if line != f"{which}{n}\n":
            sys.exit(f"the shell was typed {which}{n}, and got {line!r}")

def stopped():
    return open(f"/proc/{run.pid}/stat").read().rsplit(")", 1)[1].split()[0] == "T"

if inline:  # the kernel stops it as soon as it tries to read
    until("the start", lambda: "reading lines" in text("run.err"))
else:
    until("a word", lambda: text("run.err").count("in its background") == 1)
to_us("a")
foreground(run.pid)
os.killpg(run.pid, signal.SIGCONT)
typed("one\n")
until("one", lambda: text("answers") == "one\n")
os.killpg(run.pid, signal.SIGTSTP)
until("Ctrl-Z", stopped)
foreground(us)
to_us("b")
if not inline:
    os.killpg(run.pid, signal.SIGCONT)  # bg
    until("a word", lambda: text("run.err").count("in its background") == 2)
    to_us("c")
foreground(run.pid)
os.killpg(run.pid, signal.SIGCONT)
typed("two\n")
until("two", lambda: text("answers") == "one\ntwo\n")
typed("\x04")
sys.exit(run.wait(timeout=120))
END

for host in "" --inline; do
    rm -rf state answers
    # shellcheck disable=SC2086
    python3 shell.py "$BULKHEAD" run --state state $host t.yaml || fail "'$host': exit $?: $(cat run.err)"
    printf 'one\ntwo\n' >expected
    same answers expected
done
