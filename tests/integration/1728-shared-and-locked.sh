#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a stage, or a person, can take away from others: memory that stages share with their
# supervisor cannot be cut nor, where they only read, be written; and a lock file that somebody
# removes lets no second supervisor in, also not two that start in the same moment.
. "$ROOT/tests/integration/lib.sh"
"$generate" --records 600 --customers 50 --seed 9 -o whole
export INPUT="$PWD/input" OUTPUT="$PWD/answers"
: >input

start_endless
give 200
wait_for acked answers "$(records_given)"
for name in "${stages[@]}"; do
    "$ROOT/tests/integration/cut_shared_memory.py" "$(json "$name" pid)" || fail "'$name' could cut shared memory"
done
give 200
wait_for acked answers "$(records_given)"

# A person removes the lock.
other=$("$BULKHEAD" status --json --state "$state" | grep -o '"pid":[0-9]*' | head -n 1 | cut -d: -f2)
run_second() { expect_exit 4 "$BULKHEAD" run --quiet --state "$state" "$@" "$topology" >second.out 2>second.err; }
for host in "" --inline; do
    # shellcheck disable=SC2086
    run_second $host
    grep -q "another supervisor (pid $supervisor) is running in" second.err || fail "the pid ($supervisor, $other) is not named: $(cat second.err)"
    rm -f "$state/lock"
    # shellcheck disable=SC2086
    run_second $host
    grep -q "another supervisor is running in" second.err || fail "$(cat second.err)"
    [ ! -e "$state/lock" ] || fail "the one that was refused has made a lock"
    printf '%s\n' "$supervisor" >"$state/lock"
done
give_rest
wait_for acked answers "$(records_given)"
stop
same_as_oracle answers

# The stages of a supervisor that is killed keep the directory until they are dead as well.
rm -rf "$state" answers
: >input && given=0
start_endless
give 100
wait_for acked answers "$(records_given)"
kill -9 "$supervisor"
wait "$supervisor" || true
supervisor=""
rm -f "$state/lock"
give_rest
run >summary 2>run.err || fail "exit $?: $(cat run.err)"
same_as_oracle answers

# Many at once: one works, and nobody names a process that is none.
for _ in 1 2 3 4 5; do
    rm -rf "$state" answers
    : >input && given=0
    pids=()
    for i in 1 2 3 4; do
        "$BULKHEAD" run --quiet --state "$state" --set loads.follow=true "$topology" >"out.$i" 2>"err.$i" &
        pids+=($!)
    done
    wait_for running
    give_rest
    wait_for acked answers "$(records_given)"
    "$BULKHEAD" stop --state "$state" >/dev/null
    worked=0 refused=0
    for i in 1 2 3 4; do
        code=0
        wait "${pids[i - 1]}" || code=$?
        [ "$code" -ne 0 ] || worked=$((worked + 1))
        [ "$code" -ne 4 ] || refused=$((refused + 1))
        ! grep 'pid 0' "err.$i" || fail "pid 0 is named"
    done
    [ $worked -eq 1 ] && [ $refused -eq 3 ] || fail "$worked worked, $refused were refused: $(cat err.*)"
    same_as_oracle answers
done
