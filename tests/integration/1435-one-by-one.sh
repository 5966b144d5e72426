#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A source whose input comes line by line, the next one when the last has come out, and now and then a
# while after everything was acked: it must see every one, in whatever moment of its rest it comes.
. "$ROOT/tests/integration/lib.sh"
cat >t.yaml <<'END'
topology: t
durability: process
stages:
  in: { kind: file.source, path: input, follow: true }
  out: { kind: file.sink, from: in, path: output }
END
topology=t.yaml
source=in
one_by_one() { python3 "$ROOT/tests/integration/one_by_one.py" "$@"; }

: >input
start
one_by_one input output "$(scaled 2000)" || fail "$(cat status.out run.err)"
"$BULKHEAD" stop --state "$state" >/dev/null
wait "$supervisor"
same output input

# The same by standard input.
sed -i 's/file.source, path: input, follow: true/stdin.source/' t.yaml
rm -rf "$state" output
mkfifo pipe
"$BULKHEAD" run --quiet --state "$state" "$topology" <pipe >run.out 2>run.err &
supervisor=$!
one_by_one pipe output "$(scaled 2000)" || fail "$(cat run.err)"
wait "$supervisor" || fail "exit $?: $(cat run.err)"
same output input
