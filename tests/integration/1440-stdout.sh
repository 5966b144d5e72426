#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Standard output as a sink: whole and alone on a pipe, a reader that leaves, one that is slow or
# stuck, kills of the sink, a terminal, and what is refused.
. "$ROOT/tests/integration/lib.sh"
cat >t.yaml <<'END'
topology: t
stages:
  in: { kind: file.source, path: input }
  out: { kind: stdout.sink, from: in, numbered: "${NUMBERED:-false}" }
END
topology=t.yaml
records=$(scaled 100000)
python3 -c 'import sys
for n in range(1, int(sys.argv[1]) + 1): print(n, "x" * 9000 if n % 1000 == 0 else "y")' "$records" >input

run 2>errors | cat >out || fail "exit $?: $(cat errors)"
same out input
grep -q "^out  *stdout.sink  *$records" errors || fail "no summary: $(cat errors)"
rm -rf state
run --inline 2>errors | cat >out || fail "exit $?: $(cat errors)"
same out input

for host in "" --inline; do
    rm -rf state
    code=0
    # shellcheck disable=SC2086
    { run $host 2>errors || echo $? >code; } | head -n 1 >out
    [ "$(cat out)" = "1 y" ] || fail "$(cat out)"
    [ "$(cat code)" -eq 9 ] || fail "exit $(cat code)"
    grep -q 'nothing reads standard output any more' errors || fail "$(cat errors)"
    # The next run goes on no later than where the reader left.
    # shellcheck disable=SC2086
    run $host 2>errors | head -n 1 >out || true
    [ "$(cut -d' ' -f1 out)" -ge 1 ] || fail "$(cat out)"
done
expect_exit 5 run >regular 2>errors
grep -q 'standard output is a regular file' errors || fail "$(cat errors)"
expect_exit 5 run >&- 2>errors
grep -q 'standard output is closed' errors || fail "$(cat errors)"

# Nobody reads: the sink waits, hears its supervisor, is not blamed, and goes on when killed.
rm -rf state
mkfifo pipe
exec 7<>pipe
NUMBERED=true "$BULKHEAD" run --quiet --state "$state" t.yaml >pipe 2>run.err &
supervisor=$!
wait_for running
full() { [ "$(json in processed)" = "${before:-none}" ] && [ "$before" != 0 ] || { before=$(json in processed) && false; }; }
wait_for full
for _ in 1 2 3; do
    generation=$(json out generation)
    "$BULKHEAD" kill out --state "$state" >/dev/null
    restarted() { [ "$(json out generation)" -gt "$generation" ] && [ "$(json out state)" = running ]; }
    wait_for restarted
done
exec 8<pipe 7<&-
python3 - input "$supervisor" "$BULKHEAD" "$state" <<'END' || fail "the numbered output is wrong"
import os, subprocess, sys
lines = open(sys.argv[1], "rb").read().split(b"\n")[:-1]
out, kills = b"", 0
while piece := os.read(8, 1 << 16):
    out += piece
    if kills < 8 and len(out) > kills * 60_000:
        kills += 1
        subprocess.run([sys.argv[3], "kill", "out", "--state", sys.argv[4]],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
# No gap; what comes again has its number, and a line that was cut stands alone.
last = repeated = cut = 0
for line in out.split(b"\n")[:-1]:
    if not line:
        cut += 1  # a long line that may have been cut, and was not
        continue
    head, _, text = line.partition(b"\t")
    seq, _, index = head.partition(b".")
    seq = int(seq)
    assert index == b"0" and lines[seq - 1].startswith(text), line[:80]
    if lines[seq - 1] != text:
        assert len(line) >= 4096, line[:80]
        cut += 1
        continue
    assert seq <= last + 1, (seq, last)
    repeated += seq <= last
    last = max(last, seq)
assert last == len(lines), (last, len(lines))
print(f"{kills} kills, {repeated} lines again, {cut} cut")
END
wait "$supervisor" || fail "exit $?: $(cat run.err)"
exec 8<&-

# A reader that is stuck does not keep a second SIGTERM waiting.
supervisor=""
rm -rf state
exec 7<>pipe
"$BULKHEAD" run --quiet --state "$state" t.yaml >pipe 2>run.err &
supervisor=$!
wait_for running
before=""
wait_for full
kill -TERM "$supervisor"
draining() { "$BULKHEAD" status --json --state "$state" | grep -q '"state":"draining"'; }
wait_for draining
kill -TERM "$supervisor"
wait "$supervisor" || fail "exit $?: $(cat run.err)"

# What takes nothing now, as where there is no space: one process tries again and again, and says it once.
supervisor=""
rm -rf state
"$BULKHEAD" run --quiet --state "$state" t.yaml >/dev/full 2>run.err &
supervisor=$!
wait_for grep -q 'cannot write to standard output: .*; waiting for space' run.err
stage=$(json out pid)
calls() { sed -n 's/^syscw: //p' "/proc/$stage/io"; }
before=$(calls)
tried() { [ "$(json out restarts)" != 0 ] || [ "$(calls)" -ge $((before + 6)) ]; }
wait_for tried
[ "$(json out pid)" = "$stage" ] || fail "it is another process now: $(cat run.err)"
[ "$(wc -l <run.err)" -eq 1 ] || fail "it says more: $(cat run.err)"
kill -TERM "$supervisor"
wait_for draining
kill -TERM "$supervisor"
wait "$supervisor" || fail "exit $?: $(cat run.err)"
supervisor=""

python3 - "$BULKHEAD" "$records" <<'END' || fail "on a terminal"
import os, pty, shutil, subprocess, sys
shutil.rmtree("state")
master, slave = pty.openpty()
child = subprocess.Popen([sys.argv[1], "run", "--state", "state", "t.yaml"], stdout=slave,
                         stderr=subprocess.DEVNULL)
os.close(slave)
out = b""
try:
    while piece := os.read(master, 65536):
        out += piece
except OSError:
    pass
assert child.wait() == 0
assert out.replace(b"\r\n", b"\n") == open("input", "rb").read()
END
