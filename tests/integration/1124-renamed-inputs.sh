#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A source of another name has the journal of the former one, with records in it that nobody else had
# yet, and a stage of another name has the quarantine: renamed, renamed again at once, and back.
. "$ROOT/tests/integration/lib.sh"

cat >t.yaml <<'Y'
topology: t
durability: process
types: { R: { k: string, n: int } }
stages:
  src: { kind: stdin.source }
  parse: { kind: json.decode, from: src, type: R }
  once: { kind: dedupe, from: parse, key: k }
  enc: { kind: json.encode, from: once }
  out: { kind: file.sink, from: enc, path: out.jsonl }
Y
records() { seq "$1" "$2" | sed 's/.*/{"k":"k&","n":&}/'; }
holds() { records "$1" "$2" >wanted && same out.jsonl wanted; }
named() { sed "s/ src: {/ $1: { renamed_from: $2,/; s/\bfrom: src/from: $1/" t.yaml >"$1.yaml"; }
named second src
named third second
sed 's/ src: {/ src: { renamed_from: third,/' t.yaml >back.yaml

# Records 11 to 20 are in the journal, and in no other stage.
topology=t.yaml
records 1 10 | run >summary
mkfifo pipe
"$BULKHEAD" run --quiet --state "$state" t.yaml <pipe >summary 2>run.err &
supervisor=$!
exec 9>pipe
wait_for running
ready() { [ "$(json parse state)" = running ] && acked src 10; }
wait_for ready
pids=$(for stage in src parse once enc out dead-letters; do json $stage pid; done)
# The supervisor, too: it would end a stage that somebody else has stopped.
parse=$(json parse pid)
kill -STOP "$supervisor"
kill -STOP "$parse"
records 11 20 >&9
in_journal() { grep -aqs '"n":20' "$state"/stages/src/journal.*; }
wait_for in_journal
# shellcheck disable=SC2086
kill -9 "$supervisor" $pids
wait "$supervisor" 2>/dev/null || true
supervisor=""
for pid in $pids; do wait_for gone "$pid"; done
exec 9>&-
holds 1 10
rm -rf kept && cp -a "$state" kept

for host in "" --inline; do
    rm -rf "$state" && cp -a kept "$state" && records 1 10 | tee wanted >/dev/null && cat wanted >out.jsonl
    "$BULKHEAD" plan --state "$state" second.yaml >p.out || fail "$(cat p.out)"
    grep -q "^  second  goes on at 11, was called src" p.out || fail "$(cat p.out)"
    topology=second.yaml
    records 21 25 | run $host >summary
    holds 1 25
    "$BULKHEAD" journal --state "$state" --verify second.yaml >verified || fail "$(cat verified)"
    topology=third.yaml
    records 26 30 | run $host >summary
    topology=back.yaml
    records 31 35 | run $host >summary
    holds 1 35
    "$BULKHEAD" journal --state "$state" --verify back.yaml >verified || fail "$(cat verified)"
    topology=t.yaml
    records 36 40 | run $host >summary
    holds 1 40
done

# Three names, without a record in between, while the records are still in the journal.
rm -rf "$state" && cp -a kept "$state" && records 1 10 >wanted && cat wanted >out.jsonl
for file in second third back; do
    "$BULKHEAD" run --quiet --inline --state "$state" $file.yaml </dev/null >summary 2>errors || fail "$file: $(cat errors)"
done
holds 1 20

# A quarantined record stays where it was put when its stage has another name, and when the records come
# again: the stages behind it are set back.
faults="$(dirname "$BULKHEAD")/tests/bulkhead-faults"
[ -x "$faults" ] || faults="$ROOT/build/tests/bulkhead-faults"
cat >poison.yaml <<'Y'
topology: poison
types: { Item: { id: string } }
stages:
  items: { kind: file.source, path: input }
  parse: { kind: json.decode, from: items, type: Item }
  step: { kind: fault.step, from: parse, field: id, on: "7,18", does: segv }
  format: { kind: json.encode, from: step, fields: [id] }
  out: { kind: file.sink, from: format, path: answers }
Y
sed 's/ step: {/ pace: { renamed_from: step,/; s/\bfrom: step/from: pace/' poison.yaml >pace.yaml
for i in $(seq 1 20); do echo "{\"id\":\"$i\"}"; done >input
rm -rf "$state"
"$faults" run --quiet --state "$state" poison.yaml >summary 2>errors || fail "$(cat errors)"
grep -vE '"(7|18)"' input >wanted
same answers wanted
[ "$(grep -c '"stage":"step","reason":"poison"' "$state/dead-letters.jsonl")" -eq 2 ] || fail "$(cat "$state/dead-letters.jsonl")"
files() { find "$state/stages/$1" -name 'quarantine*' | wc -l; }
[ "$(files step)" -ge 1 ] || fail "there is no quarantine: $(find "$state/stages")"
before=$(files step)
"$faults" run --quiet --state "$state" pace.yaml >summary 2>errors || fail "$(cat errors)"
[ "$(files pace)" -eq "$before" ] && [ ! -e "$state/stages/step" ] || fail "$(find "$state/stages")"
# The records come again, as after a kill, with all but the quarantine as at the beginning. Nobody is
# killed by them.
for stage in items out dead-letters; do find "$state/stages/$stage" -type f ! -name 'state.*' -delete; done
rm answers "$state/dead-letters.jsonl"
"$faults" run --quiet --state "$state" pace.yaml >summary 2>errors || fail "$(cat errors)"
same answers wanted
[ "$(grep -c '"stage":"pace","reason":"poison"' "$state/dead-letters.jsonl")" -eq 2 ] || fail "$(cat "$state/dead-letters.jsonl")"
[ "$(awk '$1 ~ /^pace/ { n += $7 } END { print n }' summary)" -eq 0 ] || fail "$(cat summary)"
