#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A user with too many pipes can make none of them larger. Half a line that was read before a kill
# of all is still not cut in two if the pipe was kept open, and is ended if it was not; and where the
# next run could not tell, this one warns before it reads.
. "$ROOT/tests/integration/lib.sh"
# The limit is for those who may not pass it.
if [ "$(id -u)" -eq 0 ] && [ -z "${WITHOUT_CAPS:-}" ]; then
    command -v setpriv >/dev/null || skip "no setpriv(1) here"
    export WITHOUT_CAPS=1
    exec setpriv --bounding-set=-sys_resource,-sys_admin "$0"
fi
cat >t.yaml <<'END'
topology: t
stages:
  in: { kind: stdin.source }
  out: { kind: file.sink, from: in, path: answers }
END
topology=$PWD/t.yaml

# Has as many pipes as the user may, until this test is over, and takes what others give back.
mkfifo ready
exec 7<>ready
python3 - $$ 7>&- >ready <<'END' &
import fcntl, os, sys, time
held = []
limited = False
def fill():
    global limited
    for size in [1 << n for n in range(20, 16, -1)]:
        try:
            while len(held) < 300:
                held.append(os.pipe())
                fcntl.fcntl(held[-1][0], 1031, size)  # F_SETPIPE_SZ
        except OSError:
            limited = True
            for fd in held.pop():
                os.close(fd)
fill()
print("full" if limited else "unlimited", flush=True)
while os.getppid() == int(sys.argv[1]):
    fill()
    time.sleep(0.01)
END
holder=$!
trap 'kill "$holder" 2>/dev/null || true' EXIT
read -r limit <&7
[ "$limit" = full ] || skip "this user may have any number of pipes"

page=$(getconf PAGE_SIZE)
pipe_bytes() { python3 -c 'import fcntl; print(fcntl.fcntl(8, 1032))'; }
# Others of this user may have given back so much that the pipe could be made larger.
still_full() {
    local now
    now=$(pipe_bytes)
    [ "$now" -lt 1048576 ] || skip "others gave their pipes back just now"
    [ "$now" -ne "$new" ] || fail "the pipe has $now bytes, as it had when it was new"
}
begin() { # in the background, from the named pipe
    "$BULKHEAD" run --quiet --state "$state" $host "$topology" <pipe >run.out 2>run.err 8>&- &
    runner=$!
}
journal_says() { "$BULKHEAD" journal --state "$state" "$topology" 2>/dev/null | grep -q "$1"; }
has_lines() { [ -e answers ] && [ "$(wc -l <answers)" -ge "$1" ]; }
# Opens the pipe anew; whether nobody had it open any more, so that it has the size of a new one.
is_new() {
    exec 8>&-
    exec 8<>pipe
    new=$(pipe_bytes)
    [ "$new" -eq $((16 * page)) ] || [ "$new" -eq $((2 * page)) ]
}
kill_run() {
    kill -9 "$runner"
    wait "$runner" || true
}

for host in "" --inline; do
    rm -rf state answers pipe
    mkfifo pipe
    exec 8<>pipe
    wait_for is_new
    begin
    printf 'first\nabc' >&8
    wait_for journal_says ' 3 of them of an unfinished line'
    still_full
    kill_run
    begin
    printf 'def\nsecond' >&8
    wait_for journal_says ' 6 of them of an unfinished line'
    wait_for has_lines 2
    kill_run
    wait_for is_new # when all have closed it
    begin
    printf 'third\n' >&8
    wait_for has_lines 4
    printf 'fourth\n' >&8
    wait_for has_lines 5
    kill -TERM "$runner"
    wait "$runner" || fail "exit $?: $(cat run.err)"
    printf '%s\n' first abcdef second third fourth >wanted
    same answers wanted
    [ ! -s run.err ] || fail "$(cat run.err)"

    # So full that it cannot be smaller either.
    wait_for is_new
    python3 -c '
import fcntl, os
flags = fcntl.fcntl(8, fcntl.F_GETFL)
fcntl.fcntl(8, fcntl.F_SETFL, flags | os.O_NONBLOCK)
try:
    while True:
        os.write(8, b"x" * os.sysconf("SC_PAGE_SIZE"))
except BlockingIOError:
    fcntl.fcntl(8, fcntl.F_SETFL, flags)'
    begin
    echo >&8
    wait_for has_lines 6
    [ "$(pipe_bytes)" -lt 1048576 ] || skip "others gave their pipes back just now"
    grep -q 'warning: standard input is a named pipe' run.err || fail "no warning: $(cat run.err)"
    kill -TERM "$runner"
    wait "$runner" || fail "exit $?: $(cat run.err)"
    exec 8>&-
done
