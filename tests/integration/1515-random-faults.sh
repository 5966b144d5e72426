#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Calls of the C library that fail at random, in the supervisor and in all stages: files, syncs,
# directories, short reads and short writes. libfiu makes them fail, so the program is
# linked dynamically. Each run must end, with the same bytes or with an exit code and a message;
# after some of them, one that nobody disturbs must give the same bytes and leave nothing.
. "$ROOT/tests/integration/lib.sh"
[ "$BUILD_NAME" = build-dynamic ] || skip "libfiu needs the program that is linked dynamically"

"$generate" --records 400 --customers 30 --seed 8 --malformed 10 --disorder 3 -o input
export INPUT="$PWD/input"
OUTPUT=$PWD/expected "$BULKHEAD" run --quiet --state expected-state "$topology" >/dev/null
[ -s expected-state/dead-letters.jsonl ] || fail "no dead letters: the input is too tame"

# tell NAME FAULTS: three runs under faults, going on with what the one before left.
tell() {
    local place=$PWD/story-$1 code fault commands=()
    for fault in $2; do
        commands+=(-c "enable_random name=${fault%=*},probability=${fault#*=}")
    done
    mkdir "$place"
    cd "$place"
    export OUTPUT="$place/answers"
    for run in 1 2 3; do
        code=0
        timeout --kill-after=2 60 fiu-run -x -f "" "${commands[@]}" \
            "$BULKHEAD" run --state state "$topology" >"out$run" 2>"err$run" || code=$?
        echo "$code" >>codes
        [[ " 0 1 3 5 " = *" $code "* ]] || fail "exit $code: $(tail -n 3 "err$run")"
        [ "$code" -eq 0 ] || grep -qE '^([^ ]+ )?bulkhead: ' "err$run" || fail "exit $code without a message"
    done
    "$BULKHEAD" run --state state "$topology" >again 2>&1 || fail "the next run: $(tail -n 3 again)"
    same answers ../expected
    same state/dead-letters.jsonl ../expected-state/dead-letters.jsonl
    [ -z "$(ls -A state/links)" ] || fail "sockets left"
}

count=0
story() {
    count=$((count + 1))
    while [ "$(jobs -rp | wc -l)" -ge 8 ]; do wait -n || true; done
    (
        (tell "$count" "$1") >"story-$count.log" 2>&1 && exit 0
        echo "$1" >"story-$count.failed"
    ) &
}

short="posix/io/rw/pread/reduce=0.5 posix/io/rw/pwrite/reduce=0.5"
for _ in 1 2 3; do
    story "$short"
    story "$short posix/io/rw/pread=0.02 posix/io/rw/pwrite=0.2 posix/io/rw/ftruncate=0.1"
    story "posix/io/sync/*=0.2 posix/io/rw/pwrite=0.1"
    story "posix/io/oc/open=0.05 posix/io/dir/*=0.05"
    story "$short posix/io/rw/pwrite=0.05 posix/io/sync/*=0.05 posix/io/dir/*=0.02"
done
wait
echo "$count stories; how their runs ended: $(sort -n story-*/codes | uniq -c | awk '{ printf "%s%s times %s", sep, $1, $2; sep = ", " }')"
for failed in story-*.failed; do
    [ -e "$failed" ] || continue
    name=${failed%.failed}
    echo "$name: $(cat "$failed")"
    tail -n 5 "$name.log"
    broken=1
done
[ -z "${broken:-}" ]
