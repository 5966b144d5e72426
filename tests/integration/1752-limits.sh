#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Limits of the process: the soft one for open files is raised, a hard one that is too low is said
# before anything is touched, and what a limit stops is said with the limit.
. "$ROOT/tests/integration/lib.sh"
. "$ROOT/tests/integration/inherited.sh"

# A soft limit says nothing.
again
(ulimit -Sn 24 && run) >out || fail "exit $?"
same answers input
again
(ulimit -Sn 24 && run --inline) >out || fail "inline: exit $?"
same answers input

# A hard one is asked before the start, with a number that is enough.
{
    sed '/write:/,$d' t.yaml
    for i in 1 2 3 4; do
        echo "  many$i: { kind: filter, from: once, where: { n: { at_least: 0 } }, workers: 8 }"
    done
    echo '  all: { kind: merge, from: [many1, many2, many3, many4] }'
    echo '  write: { kind: json.encode, from: all }'
    echo '  out: { kind: file.sink, from: write, path: answers }'
} >wide.yaml
for n in $(seq 200); do for i in 1 2 3 4; do echo "{\"k\":\"k$n\",\"n\":$n}"; done; done >wanted
topology=$PWD/wide.yaml
again
(ulimit -n 100 && expect_exit 5 run) 2>err
grep -qE "^bulkhead: error: stage 'dead-letters' needs up to [0-9]+ open files for its 38 inputs and 0 outputs, and the hard limit is 100; raise it" err ||
    fail "$(cat err)"
[ ! -e state ] || fail "something was begun"
need=$(grep -oE 'up to [0-9]+' err | grep -oE '[0-9]+')
(ulimit -n "$((need - 1))" && expect_exit 5 run) 2>err
grep -q "hard limit is $((need - 1))" err || fail "$(cat err)"
sed "s|path: input }|path: input, follow: true }|" wide.yaml >wide-follow.yaml
topology=$PWD/wide-follow.yaml
ulimit -n "$need"
start
wait_for acked out 200
# It is enough with kills too, and it is not much more than what is used.
for stage in once all many1.3 dead-letters; do
    pid=$(json "$stage" pid)
    killed "$stage" || fail "'$stage' could not be killed"
    other() { local now; now=$(json "$stage" pid); [ -n "$now" ] && [ "$now" != null ] && [ "$now" != "$pid" ]; }
    wait_for other
done
echo '{"k":"new","n":1}' >>input
wait_for acked out 201
most=0
for pid in "$supervisor" $("$BULKHEAD" status --json --state state | grep -o '"pid":[0-9]*' | cut -d: -f2); do
    used=$(find "/proc/$pid/fd" -mindepth 1 | wc -l)
    [ "$used" -le "$most" ] || most=$used
done
if [ "$most" -gt "$need" ] || [ $((most * 2)) -lt "$need" ]; then fail "$most are used, $need were asked for"; fi
! grep -q 'without progress' run.err || fail "$(cat run.err)"
kill -TERM "$supervisor"
wait "$supervisor" || fail "exit $?"
supervisor=""
sed -i '$d' input
head -n 800 answers >got
same got wanted

# A file that may not grow stops the run with the limit; with a higher one it goes on from there.
topology=$PWD/copy.yaml
cat >copy.yaml <<'END'
topology: copy
stages:
  read: { kind: file.source, path: many }
  out: { kind: file.sink, from: read, path: answers }
END
seq 1 200000 >many
for host in "" --inline; do
    again
    # shellcheck disable=SC2086
    (ulimit -Sf 512 && expect_exit 5 run $host) 2>err
    grep -q "'answers': the file would exceed the process's file size limit; raise the limit and run again: cannot write [0-9]* bytes at offset [0-9]*: File too large (ulimit -f allows 524288 bytes in one file)" err ||
        fail "$(cat err)"
    # shellcheck disable=SC2086
    run $host >out || fail "exit $? without the limit"
    same answers many
done

# Without memory for its threads a stage says so, with the limit, and waits.
[ "$BUILD_NAME" = build ] || exit 0 # others are linked otherwise, and nng learns of it
topology=$PWD/copy.yaml
again
(ulimit -d 8000 && exec "$BULKHEAD" run --quiet --state "$state" copy.yaml >out 2>err) &
supervisor=$!
lacks() { grep -q 'read: cannot create a thread: .*ulimit -d allows 8192000 bytes); waiting for memory' err; }
wait_for lacks
"$BULKHEAD" stop --state "$state" >/dev/null
"$BULKHEAD" stop --state "$state" >/dev/null 2>&1 || true
wait "$supervisor" || fail "exit $?: $(cat err)"
supervisor=""
run >out || fail "exit $? without the limit"
same answers many
