#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A user whose processes may have no large files or no more addresses than so many (ulimit -f, -v):
# what a state has is what it needs, so limits that are large enough change nothing. One that is
# not is named; nothing is lost, and the run goes on where it was, at once when there is room.
. "$ROOT/tests/integration/lib.sh"
records=$(scaled 200000)
"$generate" --records 2000 --customers 100 --seed 8 -o input
export INPUT="$PWD/input"
OUTPUT=$PWD/wanted "$BULKHEAD" run --quiet --inline --state reference "$topology" >/dev/null

limited() { # LIMIT... -- COMMAND...
    local limits=()
    while [ "$1" != -- ]; do limits+=("$1") && shift; done
    shift
    (ulimit "${limits[@]}" && exec "$@")
}
limits=("-f 100000")
# A sanitizer has more addresses than any limit allows.
case $BUILD_NAME in *asan*) ;; *) limits+=("-v 4000000" "-v 1000000") ;; esac
for limit in "${limits[@]}"; do
    for host in --inline ""; do
        # shellcheck disable=SC2086 # words on purpose
        OUTPUT=$PWD/answers limited $limit -- "$BULKHEAD" run --quiet $host --state "$state" "$topology" \
            >run.out 2>run.err || fail "ulimit $limit, $host: exit $?: $(cat run.err)"
        same answers wanted
        rm -rf "$state" answers
    done
done

# The state needs more than the limit, in the middle of the run.
case $BUILD_NAME in *small*) skip "the states of this build are too small for the rest" ;; esac
cat >once.yaml <<'END'
topology: once
types: { N: { n: string } }
stages:
  in: { kind: file.source, path: numbers }
  parse: { kind: regex.parse, from: in, type: N, pattern: '^(?<n>.*)$' }
  once: { kind: dedupe, from: parse, key: n }
  few: { kind: filter, from: once, where: { n: { matches: '000$' } } }
  text: { kind: json.encode, from: few }
  out: { kind: file.sink, from: text, path: lines }
END
seq $((2 * records)) >numbers
"$BULKHEAD" run --quiet --inline --state reference.once once.yaml >/dev/null
mv lines wanted.lines
at_start=$(find reference.once/stages/once -name 'store.1.log' -size +1k | wc -l)
[ "$at_start" -eq 1 ] || fail "there is no log of the state"
low=-f\ $(($(scaled 12000)))

# shellcheck disable=SC2086
expect_exit 1 limited $low -- "$BULKHEAD" run --quiet --inline --state "$state" once.yaml >run.out 2>run.err
grep -q 'the limit for files (ulimit -f)' run.err || fail "the limit is not named: $(cat run.err)"
"$BULKHEAD" run --quiet --inline --state "$state" once.yaml >run.out 2>run.err || fail "exit $?: $(cat run.err)"
same lines wanted.lines
rm -rf "$state" lines

# A stage that has no room waits for it, however often it is tried; nobody is blamed for that.
command -v prlimit >/dev/null || skip "no prlimit(1) here"
(ulimit -S $low && exec "$BULKHEAD" run --quiet --state "$state" once.yaml) >run.out 2>run.err &
supervisor=$!
is_tried_again() {
    grep -q 'the limit for files (ulimit -f)' run.err && [ "$(json once restarts || true)" -ge 2 ] 2>/dev/null
}
wait_for is_tried_again
"$BULKHEAD" status --state "$state" | grep -q 'no memory' || fail "the status says nothing of it"
prlimit --pid "$supervisor" --fsize=unlimited
wait "$supervisor" || fail "exit $?: $(cat run.err)"
supervisor=""
same lines wanted.lines
[ ! -s "$state/dead-letters.jsonl" ] || fail "a record was blamed"
