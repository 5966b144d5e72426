#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# kill -9 of a start that converts, deals out, renames and discards at once: the next start finishes
# it, with the same bytes, and no topology loses what is between two directories.
. "$ROOT/tests/integration/lib.sh"

cat >old.yaml <<'Y'
topology: shop
durability: process
types: { Sale: { id: string, who: string, amount: money(USD), at: timestamp } }
stages:
  read: { kind: file.source, path: in.jsonl }
  parse: { kind: json.decode, from: read, type: Sale }
  once: { kind: dedupe, from: parse, key: id, keep: 2d, at: at, workers: 2 }
  extra: { kind: dedupe, from: once, key: [id, who] }
  caps:
    kind: limits
    from: extra
    key: who
    amount: amount
    at: at
    lateness: 5d
    workers: 2
    rules: { a: { per: day, sum: 60 }, b: { per: week, count: 9 } }
  lines: { kind: json.encode, from: caps }
  out: { kind: file.sink, from: lines, path: out.jsonl }
Y
cat >new.yaml <<'Y'
topology: shop
durability: process
types: { Sale: { id: string, who: string, amount: money(USD), at: timestamp } }
stages:
  read: { kind: file.source, path: in.jsonl }
  parse: { kind: json.decode, from: read, type: Sale }
  first: { kind: dedupe, from: parse, key: id, keep: 4d, at: at, workers: 3, renamed_from: once }
  caps:
    kind: limits
    from: first
    key: who
    amount: amount
    at: at
    lateness: 7d
    rules: { a: { per: day, sum: 40 } }
  lines: { kind: json.encode, from: caps }
  result: { kind: file.sink, from: lines, path: out.jsonl, renamed_from: out }
Y
cat >less.yaml <<'Y'
topology: shop
durability: process
types: { Sale: { id: string, who: string, amount: money(USD), at: timestamp } }
stages:
  read: { kind: file.source, path: in.jsonl }
  parse: { kind: json.decode, from: read, type: Sale }
  first: { kind: dedupe, from: parse, key: id, keep: 4d, at: at, workers: 3, renamed_from: once }
  lines: { kind: json.encode, from: first }
  result: { kind: file.sink, from: lines, path: out.jsonl, renamed_from: out }
Y
for i in $(seq 1 30); do
    echo "{\"id\":\"$((i % 20))\",\"who\":\"w$((i % 4))\",\"amount\":\"\$1$((i % 10)).00\",\"at\":\"2026-01-0$((i / 8 + 1))T00:00:00Z\"}"
done >all.jsonl

# Between the two renames: the old directory has its other name already, the new one not yet.
"$BULKHEAD" run --quiet --inline --state whole.state <(sed 's/out.jsonl/whole.jsonl/; s/in.jsonl/all.jsonl/' old.yaml) >summary
head -n 20 all.jsonl >in.jsonl
topology=old.yaml run --inline >summary
cp -a "$state/stages/caps" caps.old
sed 's/workers: 2$/workers: 3/' old.yaml >three.yaml
topology=three.yaml run --inline >summary
mv "$state/stages/caps" "$state/stages/caps.new"
mv caps.old "$state/stages/caps.old"
rm -rf between && cp -a "$state" between && cp out.jsonl between.jsonl
again() { rm -rf "$state" && cp -a between "$state" && cat between.jsonl >out.jsonl && head -n 20 all.jsonl >in.jsonl; }

# It is finished by the same topology, and by one in which the stage has another name; a plan says so.
sed '/^  caps:/{s/caps/quotas/;n;s/limits/limits, renamed_from: caps/;}; s/from: caps/from: quotas/' three.yaml |
    sed '/kind: limits, renamed/{s/.*/    kind: limits\n    renamed_from: caps/;}' >renamed.yaml
for file in three.yaml old.yaml renamed.yaml; do
    again
    expect_exit 5 "$BULKHEAD" plan --state "$state" $file >p.out 2>p.err
    grep -q "an earlier start was killed before it had done all" p.err || fail "$file: $(cat p.out p.err)"
    ! grep -q "is gone" p.err || fail "$file: $(cat p.err)"
    [ -d "$state/stages/caps.old" ] || fail "a plan changed something"
    cp all.jsonl in.jsonl
    topology=$file run --inline >summary
    same out.jsonl whole.jsonl
    [ -z "$(find "$state/stages" -name '*.old' -o -name '*.new')" ] || fail "$(find "$state/stages")"
done

# A topology without the stage does not discard it in silence.
sed '/^  caps:/,/rules:/d; s/from: caps/from: extra/' three.yaml >without.yaml
again
for host in "" --inline; do
    expect_exit 5 "$BULKHEAD" run --quiet $host --state "$state" without.yaml >summary 2>errors
    grep -q "stage 'caps' (limits) is no longer in the topology, but the state directory holds its state" errors ||
        fail "$(cat errors)"
done
cp all.jsonl in.jsonl
topology=three.yaml run --inline >summary
same out.jsonl whole.jsonl
again
topology=without.yaml run --inline --discard caps >summary
[ -z "$(find "$state/stages" -name 'caps*')" ] || fail "$(find "$state/stages")"
[ "$(tail -n +11 out.jsonl)" = "$(tail -n +11 between.jsonl)" ] || fail "$(cat out.jsonl)"

# At the calls of a start that does everything.
kill_at="$ROOT/build/tests/sweep/kill_at"
if [ "$BUILD_NAME" = build ] && [ -x "$kill_at" ]; then
    rm -rf "$state" out.jsonl in.jsonl
    # Killed when a stage has its new name, and its store not yet: the next topology may not give the
    # former one any more, or another name again.
    sed 's/ first: {/ third: { renamed_from: first,/; s/from: first }/from: third }/; s/, renamed_from: once//' less.yaml >third.yaml
    sed 's/, renamed_from: once//' less.yaml >forgotten.yaml
    sed 's/ first: {/ once: { renamed_from: first,/; s/from: first }/from: once }/; s/, renamed_from: once//' less.yaml >back.yaml
    sed 's/ first: {/ once: {/; s/from: first }/from: once }/; s/, renamed_from: [a-z]*//; s/result: {/out: {/; s/keep: 4d/keep: 2d/' less.yaml >begin.yaml
    sed -i '/result:/s/, renamed_from: out//' third.yaml forgotten.yaml back.yaml
    head -n 20 all.jsonl >in.jsonl
    rm -rf "$state" out.jsonl
    topology=begin.yaml run --inline >summary
    rm -rf begun && cp -a "$state" begun && cp out.jsonl begun.jsonl
    cp all.jsonl in.jsonl && topology=less.yaml run --inline >summary
    cp out.jsonl whole.jsonl
    head -n 20 all.jsonl >in.jsonl
    between=0
    for ((stop = 101; between < 4 && stop < 2000; stop += 30)); do
        rm -rf "$state" && cp -a begun "$state" && cat begun.jsonl >out.jsonl
        "$kill_at" supervisor@$stop -- "$BULKHEAD" run --quiet --inline --state "$state" less.yaml >kill.log 2>&1
        grep -q "end=137" kill.log || break
        [ -d "$state/stages/first" ] && ! grep -q "^rename " "$state/manifest" &&
            grep -aqrs "shop/once" "$state/stages/first" || continue
        between=$((between + 1))
        rm -rf killed.state && cp -a "$state" killed.state
        for file in forgotten third back less; do
            rm -rf "$state" && cp -a killed.state "$state" && cat begun.jsonl >out.jsonl
            cp all.jsonl in.jsonl
            topology=$file.yaml
            run --inline >summary 2>errors || fail "killed at $stop, then $file: $(cat errors)"
            same out.jsonl whole.jsonl
            [ "$(find "$state/stages" -name 'store.was.*' | wc -l)" -eq 0 ] || [ $file = back ] ||
                fail "$file: $(find "$state/stages" -name 'store.was.*')"
            head -n 20 all.jsonl >in.jsonl
        done
    done
    [ "$between" -ge 2 ] || fail "no kill was between the two: $between"
    rm -rf "$state" out.jsonl in.jsonl
    python3 "$ROOT/tests/integration/killed_conversions.py" "$BULKHEAD" "$kill_at" inline $((RANDOM % 60 + 1)) 60
    rm -rf "$state" out.jsonl in.jsonl
    python3 "$ROOT/tests/integration/killed_conversions.py" "$BULKHEAD" "$kill_at" process $((RANDOM % 100 + 20)) 100 1600
fi
