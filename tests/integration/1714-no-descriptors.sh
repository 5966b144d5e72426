#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a host has none of is waited for, by its name, and nobody is killed for it: no process can be
# made, no program loaded, no descriptor opened. (A limit that is too low is refused: 1752.)
. "$ROOT/tests/integration/lib.sh"
"$generate" --seed 5 --records 200 --malformed 1 >input
export INPUT=$PWD/input OUTPUT=$PWD/reference
"$BULKHEAD" run --quiet --inline --state reference.state "$topology" >summary
export OUTPUT=$PWD/answers

case $BUILD_NAME in *asan*) skip "LeakSanitizer wants to be the tracer itself" ;; esac

# lacks WHAT CALL ERROR: some calls fail; the run waits, says for what, and comes to its end.
lacks() {
    echo "- no $1: $2 says $3"
    rm -rf "$state" answers
    strace -f -qq -o calls -e signal=none -e "trace=$2" -e "inject=$2:error=$3:when=$4" \
        "$BULKHEAD" run --quiet --state "$state" "$topology" >summary 2>run.err || fail "$(cat run.err)"
    grep -q INJECTED calls || fail "nothing was injected"
    grep -q "waiting for $1" run.err || fail "$(cat run.err)"
    grep -q "has $1 again" run.err || fail "$(cat run.err)"
    ! grep -q 'killing\|SIGKILL\|without progress' run.err || fail "$(cat run.err)"
    same answers reference
}
lacks processes fork,clone EAGAIN 3..5
lacks memory fork,clone ENOMEM 2..3
lacks 'open files' pipe2 ENFILE 4..5
