#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Corners that were wrong once: an empty output that is deleted, an output inside the state
# directory, a key that changes its type, a record that grows too large, whole numbers at the edge.
. "$ROOT/tests/integration/lib.sh"
export INPUT="$PWD/input" OUTPUT="$PWD/answers"
"$generate" --records 100 --customers 5 --seed 3 -o input

# dead-letters.jsonl is empty, and somebody tidies it away; the next runs go on all the same.
run >/dev/null
rm state/dead-letters.jsonl
run >/dev/null
"$generate" --records 10 --customers 5 --seed 4 --start 2001-01-01 >>input
run >summary
[ "$(row loads summary)" = "10 10 0 0" ] || fail "$(cat summary)"

# Two writers for one file.
OUTPUT=$PWD/state/dead-letters.jsonl expect_exit 5 run >out 2>errors
grep -q "is also a file of the state directory" errors || fail "$(cat errors)"
rm -rf state

number() { # number TYPE: a topology with a dedupe by the field n of this type
    cat >number.yaml <<END
topology: number
types: { T: { n: $1 } }
stages:
  read: { kind: file.source, path: "$PWD/numbers" }
  parse: { kind: json.decode, from: read, type: T }
  once: { kind: dedupe, from: parse, key: n }
  format: { kind: json.encode, from: once }
  write: { kind: file.sink, from: format, path: "$PWD/written" }
END
}
topology=$PWD/number.yaml
printf '{"n":%s}\n' -9223372036854775808 9223372036854775807 9223372036854775808 1.0 \
    0.10000000000000000000000001 1e2 -0 0 >numbers
number int
run >/dev/null
printf '{"n":%s}\n' -9223372036854775808 9223372036854775807 0 >wanted
same written wanted
cut -d, -f2,4 state/dead-letters.jsonl >reasons
cat >wanted <<END
"line":3,"reason":"overflow"
"line":4,"reason":"wrong-type"
"line":5,"reason":"wrong-type"
"line":6,"reason":"wrong-type"
END
same reasons wanted
number string
expect_exit 5 run >out 2>errors
grep -q "stage 'once': .*key was n:int, is n:string: it remembers other keys" errors || fail "$(cat errors)"

# JSON in JSON in JSON: every \u0001 becomes longer each time, in the end too long for a record.
rm -rf state
cat >grow.yaml <<END
topology: grow
types: { T: { text: string } }
stages:
  read: { kind: file.source, path: "$PWD/long", max_line_bytes: 2MiB }
  one: { kind: json.encode, from: read }
  two: { kind: json.encode, from: one }
  write: { kind: file.sink, from: two, path: "$PWD/grown" }
END
topology=$PWD/grow.yaml
{
    echo first
    head -c 2097000 /dev/zero | tr '\0' '\1'
    printf '\nlast\n'
} >long
run >summary
printf '%s\n' '{"line":"{\"line\":\"first\"}"}' '{"line":"{\"line\":\"last\"}"}' >wanted
same grown wanted
grep -q '"seq":2,"line":2,"stage":"two","reason":"record-too-large"' state/dead-letters.jsonl ||
    fail "$(cat state/dead-letters.jsonl)"
run --inline --fresh >summary
same grown wanted
