#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# States that builds of before have left, of each format of the manifest: the same topology and a
# changed one go on, as a plan says, and have their versions from the next record on. What an earlier
# build has decided belongs to none.
. "$ROOT/tests/integration/lib.sh"

cat >t.yaml <<'Y'
topology: shop
durability: process
types: { Sale: { id: string, who: string, amount: money(USD), at: timestamp } }
stages:
  read: { kind: file.source, path: in.jsonl }
  parse: { kind: json.decode, from: read, type: Sale }
  some: { kind: filter, from: parse, where: { who: { one_of: ["a, b", 'c\d', w0, w1, w2] } } }
  once: { kind: dedupe, from: some, key: id }
  caps:
    kind: limits
    from: once
    key: who
    amount: amount
    at: at
    rules: { daily: { per: day, sum: "60.00" } }
  lines: { kind: json.encode, from: caps }
  out: { kind: file.sink, from: lines, path: out.jsonl }
Y
sed '1a version: 7' t.yaml >numbered.yaml
sed 's/60.00/30.00/; s/key: id }/key: id, workers: 3 }/' t.yaml >lower.yaml
sed 's/ once: {/ first: { renamed_from: once,/; s/\bfrom: once/from: first/' t.yaml >named.yaml
sed 's/rules: {/lateness: 30d\n    rules: { weekly: { per: week, count: 9 },/' t.yaml >longer.yaml
sales() { # sales FIRST LAST; every tenth is not one
    seq "$1" "$2" | while read -r i; do
        [ $((i % 10)) -ne 0 ] || { echo "no sale $i" && continue; }
        echo "{\"id\":\"$i\",\"who\":\"w$((i % 3))\",\"amount\":\"\$10.00\",\"at\":\"2026-01-0$((i / 20 + 1))T00:00:00Z\"}"
    done
}
versions() { sed -n 's/^version \([0-9]*\) \(........\).* \([0-9]*\)$/\1 \2 \3/p' "$state/manifest"; }
of() { "$BULKHEAD" check "$1" | sed -n 's/.*version \([0-9]* \)\?\([0-9a-f]\{8\}\) is valid.*/\2/p'; }
letters() { # the seqs of the dead letters, and their versions
    python3 -c '
import json, sys
for line in open(sys.argv[1]):
    letter = json.loads(line)
    print(letter["seq"], letter.get("version", "none"))' "$state/dead-letters.jsonl" | tr '\n' ' '
}

sales 1 40 >in.jsonl
topology=t.yaml run --inline >summary
cp out.jsonl begun.jsonl
rm -rf begun && cp -a "$state" begun
for format in 1 2 3; do
    for file in t numbered lower named longer; do
        host=--inline
        [ "$format $file" != "1 t" ] && [ "$format $file" != "2 lower" ] || host=""
        rm -rf "$state" && cp -a begun "$state" && cat begun.jsonl >out.jsonl
        python3 "$ROOT/tests/integration/age.py" "$state" $format
        is=$(of $file.yaml)
        [ -n "$is" ] || fail "no version of $file"
        number=0
        [ $file != numbered ] || number=7
        sales 1 40 >in.jsonl
        "$BULKHEAD" plan --json --state "$state" $file.yaml >p.json 2>p.err || fail "format $format, $file: $(cat p.err)"
        python3 - "$is" $number <<'P' || fail "format $format, $file: $(cat p.json)"
import json, sys
plan = json.load(open("p.json"))
assert plan["was"] is None and plan["is"]["from"] == 41, plan
assert plan["is"]["id"].startswith(sys.argv[1]) and plan["is"]["number"] == int(sys.argv[2]), plan
assert all(stage["at"] in (41, None) for stage in plan["stages"]), plan
P
        sales 41 60 >>in.jsonl
        "$BULKHEAD" run --quiet $host --state "$state" $file.yaml >summary 2>errors || fail "format $format, $file: $(cat errors)"
        [ "$(versions)" = "41 $is $number" ] || fail "format $format, $file: $(versions), not 41 $is"
        cmp -n "$(stat -c %s begun.jsonl)" begun.jsonl out.jsonl || fail "an answer of before has changed"
        [ "$(letters | cut -d' ' -f 9-)" = "50 $is 60 $is " ] || fail "format $format, $file: $(letters)"
        # And to another one after that.
        case $file in
        t) topology=longer.yaml ;;
        numbered | lower) topology=t.yaml ;;
        *) continue ;;
        esac
        sales 61 80 >>in.jsonl
        run $host >summary 2>errors || fail "format $format, $file, then $topology: $(cat errors)"
        wanted="41 $is $number 61 $(of $topology) 0 "
        [ $file != numbered ] || wanted="41 $is 7 "
        [ "$(versions | tr '\n' ' ')" = "$wanted" ] || fail "format $format, $file: $(versions), not $wanted"
    done
done
