#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Customers whose keys all lie in one key group: each is counted, remembered and held to its limits
# like any other, in both hosts, while the stages are killed, and with other numbers of workers.
. "$ROOT/tests/integration/lib.sh"
topology=$PWD/chosen.yaml
cat >"$topology" <<'END'
topology: chosen
types: { X: { k: string, at: timestamp, m: money(USD) } }
stages:
  src: { kind: file.source, path: "${INPUT}" }
  p: { kind: json.decode, from: src, type: X }
  once: { kind: dedupe, from: p, key: k, keep: 1h, at: at }
  held: { kind: limits, from: once, key: k, amount: m, at: at, rules: { daily: { per: day, count: 1 } } }
  counts: { kind: window.count, from: held, key: k, at: at, per: hour }
  lines: { kind: json.encode, from: counts }
  out: { kind: file.sink, from: lines, path: "${OUTPUT}" }
END
keys=$(scaled 4000)
"$ROOT/scripts/generate-chosen-keys" --keys "$keys" >chosen
{
    cat chosen
    "$ROOT/scripts/generate-chosen-keys" --keys "$keys" --minute 120
} >whole
export INPUT=$PWD/whole OUTPUT=$PWD/reference
"$BULKHEAD" run --quiet --inline --state reference.state "$topology" >summary
cut -d'"' -f8 reference | sort | uniq -c >counts
[ "$(wc -l <counts)" -eq "$keys" ] || fail "$(wc -l <counts) keys, not $keys"
[ "$(wc -l <reference)" -eq $((2 * keys)) ] || fail "$(wc -l <reference) windows"
[ ! -s reference.state/dead-letters.jsonl ] || fail "dead letters: $(head -c 300 reference.state/dead-letters.jsonl)"

export OUTPUT=$PWD/answers
run >summary
same answers reference
rm -rf state answers
run --set counts.workers=3 --set once.workers=2 >summary
same answers reference

rm -rf state answers
export INPUT=$PWD/input
: >input
source=src
start_endless
everything_acked() { acked out "$(records_given)" && acked src "$(records_given)"; }
names=(once held counts counts lines out)
for part in "$keys" 1 "$((keys - 1))"; do
    give "$part"
    for ((i = 0; i < 5; i++)); do killed "${names[RANDOM % ${#names[@]}]}" || true; done
    wait_for everything_acked
done
stop
"$BULKHEAD" run --quiet --state "$state" "$topology" --set once.workers=2 >summary
same answers reference
