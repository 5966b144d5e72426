#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# As the first process of a container: orphans are reaped, a signal to stop is heard, also from
# within; and whoever becomes the program by exec leaves it children that it reaps as well.
. "$ROOT/tests/integration/lib.sh"
. "$ROOT/tests/integration/inherited.sh"
unshare --pid --fork --mount-proc true 2>/dev/null || skip "no pid namespace can be made here"

dead_children() { ps -o stat= --ppid "$1" | grep -c '^Z' || true; }
for host in "" --inline; do
    again
    # shellcheck disable=SC2086
    unshare --pid --fork --kill-child --mount-proc "$BULKHEAD" run $host --state state f.yaml >run.out 2>run.err &
    outer=$!
    supervisor=$outer
    has_all() { [ -s answers ] && [ "$(wc -l <answers)" -ge 200 ]; }
    wait_for has_all
    first=$(pgrep -P "$outer")
    for _ in 1 2 3 4 5; do
        nsenter -t "$first" -p -m bash -c '(exec sleep 0.05) & exec true'
    done
    none_left() { ! pgrep -P "$first" -x sleep >/dev/null; }
    wait_for none_left
    nsenter -t "$first" -p -m kill -TERM 1 || true # it dies with its namespace
    ended_well
done

again
bash -c 'sleep 0.2 & exec "$0" run --state state f.yaml' "$BULKHEAD" >run.out 2>run.err &
supervisor=$!
wait_for acked out 200
none_left() { ! pgrep -P "$supervisor" -x sleep >/dev/null; }
wait_for none_left
[ "$(dead_children "$supervisor")" -eq 0 ] || fail "a child that was there before is not reaped"
kill -TERM "$supervisor"
ended_well
