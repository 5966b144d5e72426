#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What those who run it do to it: they remove the control socket, stop every process of a service at
# once, kill a stage of several workers by its name, and call a stage `all`. And the log has times.
. "$ROOT/tests/integration/lib.sh"
. "$ROOT/tests/integration/inherited.sh"

# --- the control socket: made anew; until then whoever asks is told who is there ---
start_by env
suspended() { grep -q '^State:.[Tt]' "/proc/$supervisor/status"; }
kill -STOP "$supervisor"
wait_for suspended
rm state/control.sock
expect_exit 6 "$BULKHEAD" status --state state >out 2>errors
grep -q "a supervisor (pid $supervisor) is running in 'state', but does not listen on its control socket" errors ||
    fail "$(cat errors)"
[ ! -s out ] || fail "an older status was shown: $(cat out)"
expect_exit 6 "$BULKHEAD" graph --live --state state f.yaml >out 2>errors
grep -q "a supervisor (pid $supervisor) is running in 'state'" errors || fail "$(cat errors)"
kill -CONT "$supervisor"
wait_for running
grep -q "control socket 'control.sock' was removed from the state directory; created it again" run.err || fail "$(cat run.err)"
# What somebody else put there stays, and is said once.
rm state/control.sock
echo theirs >state/control.sock
said() { grep -q 'cannot be created again yet: another file has its name' run.err; }
wait_for said
rm state/control.sock
wait_for running
[ "$(cat state/lock)" = "$supervisor" ] || fail "the lock names $(cat state/lock)"
stop
no_sockets_left
same answers input
# Nobody is there: the same words as ever, also when the pid in the lock is somebody else's by now.
echo $$ >state/lock
expect_exit 6 "$BULKHEAD" status --state state >out 2>errors
grep -q "no supervisor is running in 'state'" errors || fail "$(cat errors)"
grep -q '^t (version [0-9a-f]\{8\} from seq 1), .*pid ' out || fail "the last run was not shown: $(cat out)"

# --- numbers of processes come again, in a container soon: that of the lock may be anybody's ---
mkfifo let_go
python3 -c 'import fcntl, os
fcntl.flock(os.open("state", os.O_RDONLY), fcntl.LOCK_EX)
open("held", "w").close()
open("let_go").readline()' & # an orphan that lives on for a moment, as stages do
wait_for test -e held
"$BULKHEAD" run --quiet --state state t.yaml >run.out 2>run.err &
supervisor=$!
echo $$ >state/lock
opened() { ls -l "/proc/$supervisor/fd" 2>/dev/null | grep -q "$PWD/state\$"; }
wait_for opened
echo go >let_go
wait "$supervisor" || fail "it did not wait: $(cat run.err)"
supervisor=""
same answers input

# --- everybody gets SIGTERM at once: a drain, and nobody has to be started again ---
processes() { # the supervisor and all its children
    echo "$supervisor"
    grep -lsP "^PPid:\t$supervisor\$" /proc/[0-9]*/status | cut -d/ -f3
}
for number in TERM HUP; do # sh has its background ignore SIGINT, and so that stays
    start_by setsid
    supervisor=$(cat state/lock)
    mapfile -t everybody < <(processes)
    [ ${#everybody[@]} -eq 7 ] || fail "not all are there: ${everybody[*]}"
    kill -$number "${everybody[@]:1}" # the stages first: they leave it to the supervisor
    kill -$number "${everybody[0]}"
    over() { gone "$supervisor"; }
    until over; do sleep 0.01; done
    [ "$(awk '/^(read|parse|once|write|out|dead-letters) / && $7 == 0 { n++ } END { print n }' run.out)" = 6 ] ||
        fail "SIG$number: $(cat run.out run.err)"
    grep -q 'stopped; the next run continues from here' run.out || fail "SIG$number: $(cat run.out)"
    same answers input
done
supervisor=""

# --- a stage by its name stands for all its workers ---
sed 's/key: k }/key: k, workers: 3, by: [k] }/; s/^topology: t/topology: w/' f.yaml >w.yaml
again
"$BULKHEAD" run --state state w.yaml >run.out 2>run.err &
supervisor=$!
wait_for acked out 200
"$BULKHEAD" kill --state state once >out || fail "kill: exit $?"
[ "$(grep -cE "^killed 'once\.[012]' \(pid [0-9]+, generation 1\)$" out)" -eq 3 ] || fail "$(cat out)"
newer() { [ "$(json "$1" generation)" -eq "$2" ] && [ "$(json "$1" state)" = running ]; }
for worker in 0 1 2; do wait_for newer once.$worker 2; done
"$BULKHEAD" kill --state state once.1 >out || fail "kill: exit $?"
[ "$(wc -l <out)" -eq 1 ] || fail "$(cat out)"
wait_for newer once.1 3
[ "$(json once.0 generation)" -eq 2 ] || fail "once.0 was killed with once.1"
stop
same answers input

# --- chaos: the workers by the stage's name, and all though one stage is called that ---
seq 1 "$(scaled 20000)" | sed 's/.*/{"k":"k&","n":&}/' >input
sed 's/key: k }/key: k, workers: 3, by: [k] }/' t.yaml >w.yaml
killed_of() { awk -v name="$1" '$1 == name { print $2; exit }' chaos.out; }
"$BULKHEAD" chaos --kills 12 --seed 3 --targets once,out --quiet w.yaml >chaos.out 2>errors || fail "chaos: $(cat chaos.out errors)"
[ $(($(killed_of once.0) + $(killed_of once.1) + $(killed_of once.2) + $(killed_of out))) -ge 12 ] || fail "$(cat chaos.out)"
for other in read parse write supervisor; do
    [ "$(killed_of $other)" -eq 0 ] || fail "$other was killed: $(cat chaos.out)"
done
expect_exit 2 "$BULKHEAD" chaos --targets onse --quiet w.yaml >chaos.out 2>errors
grep -q "there is no stage 'onse'; did you mean 'once'?" errors || fail "$(cat errors)"
sed 's/^  write:/  all:/; s/from: write/from: all/' t.yaml >all.yaml
"$BULKHEAD" chaos --kills 30 --seed 9 --quiet all.yaml >chaos.out 2>errors || fail "chaos: $(cat chaos.out errors)"
[ "$(awk '/^(read|parse|once|all|out|supervisor|dead-letters) +[0-9]/ && $2 > 0 { n++ } END { print n }' chaos.out)" -ge 3 ] ||
    fail "not all were killed: $(cat chaos.out)"
"$BULKHEAD" chaos --kills 5 --seed 9 --quiet --targets all all.yaml >chaos.out 2>errors || fail "chaos: $(cat chaos.out errors)"
[ "$(killed_of all)" -ge 5 ] || fail "the stage 'all' was not meant: $(cat chaos.out)"

# --- the log: what a run says has a time, in UTC; what is refused has none; nor has systemd's journal ---
again
seq 1 200 | sed 's/.*/{"k":"k&","n":&}/' >input
TZ=Asia/Tokyo "$BULKHEAD" run --verbose --state state t.yaml >run.out 2>log || fail "$(cat log)"
[ -s log ] || fail "no log"
time='^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\.[0-9]{3}Z bulkhead: '
! grep -vE "$time" log || fail "lines without a time"
hour=$(date -u +%Y-%m-%dT%H)
grep -qE "^($hour|$(date -u -d '-1 minute' +%Y-%m-%dT%H))" log || fail "not in UTC: $(head -n 1 log)"
again
"$BULKHEAD" run --inline --verbose --state state f.yaml >run.out 2>log &
supervisor=$!
wait_for test -s answers
kill -TERM "$supervisor"
wait "$supervisor" || fail "inline: $(cat log)"
supervisor=""
! grep -vE "$time" log || fail "inline: lines without a time"
again
echo mine >answers
expect_exit 5 "$BULKHEAD" run --state state t.yaml >run.out 2>log
grep -qE '^bulkhead: error: ' log || fail "$(cat log)"
again
: >log
JOURNAL_STREAM=$(stat -c %d:%i log) "$BULKHEAD" run --verbose --state state t.yaml >run.out 2>log || fail "$(cat log)"
grep -qE '^bulkhead: debug: ' log || fail "no log: $(cat log)"
! grep -qE '^20' log || fail "times in the journal: $(cat log)"
