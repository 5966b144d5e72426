#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A stage that dies whenever it starts, for a reason that may pass, is not restarted for ever: its
# directory cannot be read. The topology stops in order, with exit code 1 and its last words.
. "$ROOT/tests/integration/lib.sh"
"$generate" --records 1000 --customers 20 --seed 95 -o input
export INPUT="$PWD/input" OUTPUT="$PWD/answers"
run >/dev/null
cp answers answers.before
cat input input >grown && cp --no-preserve=all grown input
rm -r state/stages/limits && : >state/stages/limits # a file where a directory should be
code=0
run >out 2>errors || code=$?
[ "$code" -eq 1 ] || fail "exit $code: $(cat errors)"
grep -q "stopped: stage 'limits': it exited with code 1, 10 times in a row without progress" errors ||
    fail "$(cat errors)"
grep -q "progress; its last words: .*cannot open 'limits'" errors || fail "$(cat errors)"
same answers answers.before
