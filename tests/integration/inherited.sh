# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the tests of inherited things share: t.yaml reads `input` to its end, f.yaml follows it, both
# write `answers` by way of a stage with state.
cat >t.yaml <<'END'
topology: t
types: { R: { k: string, n: int } }
stages:
  read: { kind: file.source, path: input }
  parse: { kind: json.decode, from: read, type: R }
  once: { kind: dedupe, from: parse, key: k }
  write: { kind: json.encode, from: once }
  out: { kind: file.sink, from: write, path: answers }
END
sed 's/input }/input, follow: true }/' t.yaml >f.yaml
seq 1 200 | sed 's/.*/{"k":"k&","n":&}/' >input
export topology=$PWD/t.yaml

again() { rm -rf state answers; }
# Starts a run that follows its input, with something put before the program.
start_by() {
    again
    "$@" "$BULKHEAD" run --state "$state" f.yaml >run.out 2>run.err &
    supervisor=$!
    wait_for acked out 200
}
ended_well() {
    wait "$supervisor" || fail "exit $?: $(cat run.err)"
    supervisor=""
    same answers input
}
