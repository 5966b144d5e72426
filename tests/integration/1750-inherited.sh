#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Whatever a process inherits, it runs as from a plain shell: signals that are ignored or blocked,
# closed and foreign descriptors, umask, variables, a current directory that is gone.
. "$ROOT/tests/integration/lib.sh"
. "$ROOT/tests/integration/inherited.sh"

# Calls a program with a disposition or mask that a shell could not give it (a trap of bash is kept
# from it, but not from what it starts).
cat >with.py <<'END'
import os, signal, sys
what, names, command = sys.argv[1], sys.argv[2], sys.argv[3:]
signals = [getattr(signal, "SIG" + n) for n in names.split(",")]
for s in signals:
    signal.signal(s, signal.SIG_DFL)
if what == "ignored":
    for s in signals:
        signal.signal(s, signal.SIG_IGN)
else:
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
os.execv(command[0], command)
END
with() { exec python3 with.py "$@"; }

for host in "" --inline; do
    for what in "ignored CHLD" "blocked CHLD,TERM,INT,HUP,USR1" "ignored CHLD,PIPE,XFSZ,TERM"; do
        again
        # shellcheck disable=SC2086
        timeout 60 python3 with.py $what "$BULKHEAD" run --quiet $host --state state t.yaml >out 2>err ||
            fail "$what $host: exit $?: $(cat err)"
        same answers input
    done
done
again
python3 with.py ignored CHLD "$BULKHEAD" chaos --quiet --kills 5 t.yaml >out 2>err || fail "chaos: $(cat out err)"

# Children are reaped and deaths are seen.
start_by with ignored CHLD
for stage in read parse once write out; do
    pid=$(json "$stage" pid)
    killed "$stage" || fail "$stage could not be killed"
    other() { local now; now=$(json "$stage" pid); [ -n "$now" ] && [ "$now" != null ] && [ "$now" != "$pid" ]; }
    wait_for other
    wait_for gone "$pid"
done

# What asks to stop is heard, though it was blocked or ignored, but what nohup and & ignore stays ignored.
kill -TERM "$supervisor"
ended_well
for what in "ignored TERM" "blocked TERM,INT,HUP"; do
    # shellcheck disable=SC2086
    start_by with $what
    kill -TERM "$supervisor"
    ended_well
done
for signal in HUP INT; do
    start_by with ignored "$signal"
    kill "-$signal" "$supervisor"
    echo '{"k":"new","n":1}' >>input
    wait_for acked out 201
    ! grep -q "SIG$signal" run.err || fail "a SIG$signal that was to be ignored was heard"
    kill -TERM "$supervisor"
    ended_well
    sed -i '$d' input
    start_by with blocked "$signal"
    kill "-$signal" "$supervisor"
    ended_well
done

# A signal as soon as the program is there ends the run in order, in both hosts.
cat >early.py <<'END'
import signal, subprocess, sys, time
for n in range(40):
    run = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    # Until the first instruction of main() nobody can do anything about a signal; then it is blocked
    # or caught.
    while True:
        fields = dict(l.split(":\t", 1) for l in open(f"/proc/{run.pid}/status").read().splitlines() if ":\t" in l)
        if (int(fields["SigCgt"], 16) | int(fields["SigBlk"], 16)) >> (signal.SIGTERM - 1) & 1:
            break
    time.sleep(n * 0.0005)  # any moment of the start will do
    run.send_signal(signal.SIGTERM)
    errors = run.communicate(timeout=60)[1].decode()
    if run.returncode != 0:
        sys.exit(f"{n}: exit {run.returncode}: {errors}")
    if "asked to stop" not in errors and "draining" not in errors and "--inline" not in sys.argv:
        sys.exit(f"{n}: nothing said: {errors}")
END
again
python3 early.py "$BULKHEAD" run --inline --state state f.yaml || fail "inline"
python3 early.py "$BULKHEAD" run --state state f.yaml || fail "processes"
mkfifo topology.fifo
"$BULKHEAD" run topology.fifo 2>run.err &
supervisor=$!
opens() { grep -q wait_for_partner "/proc/$supervisor/wchan" || [ "$(cut -d' ' -f1 "/proc/$supervisor/syscall")" = 257 ]; }
wait_for opens
kill -TERM "$supervisor"
wait "$supervisor" || fail "exit $? of a run that waits for its topology"
grep -q 'asked to stop before any stage was started' run.err || fail "$(cat run.err)"
supervisor=""

# Closed descriptors: no file of ours lands there.
for host in "" --inline; do
    for closed in "0<&-" "1>&-" "2>&-" "0<&- 1>&-" "0<&- 2>&-" "1>&- 2>&-" "0<&- 1>&- 2>&-"; do
        again
        bash -c "exec \"\$0\" run $host --state state t.yaml $closed" "$BULKHEAD" </dev/null >out 2>err ||
            fail "$host $closed: exit $?: $(cat err)"
        same answers input
        grep -qxE '[0-9]+' state/lock || fail "$closed: the lock holds $(cat state/lock)"
        ! grep -q . state/dead-letters.jsonl || fail "$closed: dead letters"
    done
done
code=0
"$BULKHEAD" kinds >&- 2>err || code=$?
[ $code -eq 1 ] && grep -q 'cannot write to standard output' err || fail "exit $code: $(cat err)"
expect_exit 0 "$BULKHEAD" check t.yaml 0<&- 2>&- >out

# What others have open reaches no stage, and the places of ours that are not used are closed.
exec 3<input 4<input 5<input 7<t.yaml 10<input 11<input 33<input 77<input
start_by env
exec 3<&- 4<&- 5<&- 10<&- 11<&- 33<&- 77<&-
for stage in read parse once write out; do
    pid=$(json "$stage" pid)
    ! find "/proc/$pid/fd" -printf '%f %l\n' | grep -v "^[0-9]* $PWD/input\$" | grep -q "t.yaml" || fail "$stage has t.yaml"
    [ "$stage" = read ] || ! find "/proc/$pid/fd" -printf '%l\n' | grep -qx "$PWD/input" || fail "$stage has the input"
    [ "$(find "/proc/$pid/fd" -printf '%l\n' | grep -cx "$PWD/input")" -le 1 ] || fail "$stage has more than its input"
done
kill -TERM "$supervisor"
ended_well
"$BULKHEAD" chaos --quiet --kills 3 --set read.path="$PWD/input" --set out.path=x /dev/fd/7 >out 2>err ||
    fail "chaos of a topology in a descriptor: $(cat out err)"
exec 7<&-

# A umask that takes everything from us, and one that takes nothing from anybody.
for mask in 0777 0; do
    again
    (umask $mask && run) >out || fail "umask $mask: exit $?"
    run >out || fail "umask $mask: exit $? of the next run"
    same answers input
    [ -z "$(find state -perm /077)" ] || fail "umask $mask: $(find state -perm /077) are open to others"
    [ -z "$(find state answers ! -perm -u+rw)" ] || fail "umask $mask: we could not read $(find state ! -perm -u+rw)"
done

# Variables that change how a library does its work change nothing here.
again
POSIXLY_CORRECT=1 LIBEV_FLAGS=4096 TZ=Asia/Kathmandu LC_ALL=tr_TR.UTF-8 MALLOC_PERTURB_=165 \
    GLIBC_TUNABLES=glibc.malloc.check=3 "$BULKHEAD" run t.yaml --quiet --state state >out || fail "exit $?"
same answers input

# Real time: stages wait for each other, so none may keep the others from the processor.
if chrt -f 1 true 2>/dev/null; then
    for policy in -f -r; do
        start_by chrt $policy 1
        for pid in $supervisor $(json read pid) $(json write pid); do
            chrt -p "$pid" | grep -q 'policy: SCHED_OTHER$' || fail "$(chrt -p "$pid")"
        done
        grep -q 'warning: the real-time scheduling policy is replaced' run.err || fail "nothing said: $(cat run.err)"
        kill -TERM "$supervisor"
        ended_well
    done
else
    echo "real time is not tried: nobody here may ask for it"
fi

# A directory that is gone under us.
again
mkdir gone
sed "s|path: \([a-z]*\)|path: $PWD/\1|" t.yaml >absolute.yaml
(cd gone && rmdir ../gone && "$BULKHEAD" run --quiet --state "$state" "$OLDPWD/absolute.yaml" >"$OLDPWD/out" 2>"$OLDPWD/err") ||
    fail "exit $?: $(cat err)"
same answers input
