#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `renamed_from:` for every kind that keeps something, and with all that can be asked of a start at
# once: what a plan says is what a start does, in both hosts, and the outputs are those of a topology in
# which nobody has another name.
. "$ROOT/tests/integration/lib.sh"

cat >t.yaml <<'Y'
topology: t
durability: process
types: { R: { k: string, n: int } }
stages:
  src: { kind: file.source, path: in.jsonl }
  parse: { kind: json.decode, from: src, type: R }
  sort: { kind: route, from: parse, outputs: { big: { n: { above: 5 } } }, otherwise: small }
  once: { kind: dedupe, from: sort.big, key: k }
  rest: { kind: dedupe, from: sort.small, key: k, workers: 3 }
  enc: { kind: json.encode, from: once }
  enc2: { kind: json.encode, from: rest }
  out: { kind: file.sink, from: enc, path: out.jsonl }
  out2: { kind: file.sink, from: enc2, path: out2.jsonl }
  bad: { kind: json.encode, from: parse.dead, fields: [seq, reason] }
  bad-out: { kind: file.sink, from: bad, path: bad.jsonl }
Y
outputs=(out.jsonl out2.jsonl bad.jsonl)
records() { # records FIRST LAST
    seq "$1" "$2" | while read -r i; do
        [ $((i % 7)) -ne 0 ] || { echo "bad" && continue; }
        echo "{\"k\":\"k$((i * i % 97))\",\"n\":$((i % 11))}"
    done
}
# renamed FILE OLD:NEW...: the same topology with other names, each with its former one.
renamed() {
    local file=$1 pair
    shift
    for pair in "$@"; do
        sed -i "s/\bfrom: ${pair%:*}\b/from: ${pair#*:}/; s/^  ${pair%:*}: {/  ${pair#*:}: { renamed_from: ${pair%:*},/" "$file"
    done
}
digest() { find . -type f ! -name lock ! -name 'p.*' -exec sha256sum {} + 2>/dev/null | sort -k 2; }
keep() { rm -rf "$1" && mkdir "$1" && cp -a "$state" "$1/state" && cp "${outputs[@]}" "$1"; }
back() { # an output remains the same file
    local file
    rm -rf "$state" && cp -a "$1/state" "$state"
    for file in "${outputs[@]}"; do cat "$1/$file" >"$file"; done
}
# as_planned CODE FILE ARGUMENT...: a plan and a start in each host, from the same files.
as_planned() {
    local wanted=$1 file=$2 code=0 host
    shift 2
    digest >p.before
    "$BULKHEAD" plan --state "$state" "$@" "$file" >p.out 2>p.err || code=$?
    digest >p.after
    cmp p.before p.after || fail "a plan changed something"
    [ "$code" -eq "$wanted" ] || fail "$file $*: planned $code: $(cat p.out p.err)"
    keep start
    for host in "" --inline; do
        back start
        code=0
        "$BULKHEAD" run --quiet $host --state "$state" "$@" "$file" >summary 2>errors || code=$?
        [ "$code" -eq "$wanted" ] || fail "$file $* $host: planned $wanted, run $code: $(cat errors)"
        [ "$code" -eq 0 ] || diff p.err errors || fail "$file $*: other errors than planned"
    done
}
said() { grep -qF -- "$1" p.out p.err || fail "no '$1' in: $(cat p.out p.err)"; }
# The outputs are those of t.yaml, to which all of the input was given at once.
as_without_names() {
    rm -rf whole && mkdir whole
    sed 's/path: \(out\|out2\|bad\)\.jsonl/path: whole\/\1.jsonl/' t.yaml >whole/t.yaml
    cp whole/t.yaml whole.yaml
    "$BULKHEAD" run --quiet --inline --state whole/state whole.yaml >summary
    for file in "${outputs[@]}"; do same "$file" "whole/$file"; done
}
begin() {
    rm -rf "$state" "${outputs[@]}"
    records 1 40 >in.jsonl
    topology=t.yaml run --inline >summary
}

# All at once; the line stays in the file, and says nothing more; another name; the first one again.
begin
cp t.yaml b.yaml
renamed b.yaml src:source parse:decode sort:choose once:first rest:others out:sink out2:sink2 bad-out:bads
records 41 80 >>in.jsonl
as_planned 0 b.yaml
said "  first   goes on at 41, with its state, was called once"
! grep -q "from was\|dead was" p.out || fail "a former name is said to be another wiring: $(cat p.out)"
as_without_names
cp "$state/manifest" before
as_planned 0 b.yaml
same before "$state/manifest"
said ", unchanged"
said "no output is written otherwise"
sed 's/renamed_from: [a-z0-9-]*, //' b.yaml >c.yaml
renamed c.yaml source:origin first:single sink:drain others:more
as_planned 0 c.yaml
records 81 120 >>in.jsonl
cp t.yaml d.yaml
for pair in src:origin parse:decode sort:choose once:single rest:more out:drain out2:sink2 bad-out:bads; do
    sed -i "s/^  ${pair%:*}: {/  ${pair%:*}: { renamed_from: ${pair#*:},/" d.yaml
done
as_planned 0 d.yaml
as_without_names
[ "$(find "$state/stages" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | tr '\n' ' ')" = \
    "bad bad-out dead-letters enc enc2 once out out2 parse rest sort src " ] || fail "$(ls "$state/stages")"

# A name and other options and workers at once; what is lost is lost by either name, and the advice helps.
begin
cp t.yaml b.yaml
renamed b.yaml rest:others once:first
sed -i 's/workers: 3/workers: 2/' b.yaml
records 41 80 >>in.jsonl
as_planned 0 b.yaml
as_without_names
begin
sed -i '/ first: /s/key: k/key: n/' b.yaml
as_planned 5 b.yaml
said "key was k, is"
advice=$(grep -o -- '--discard [a-z]*' p.err | sort -u)
[ "$advice" = "--discard first" ] || fail "'$advice' is advised: $(cat p.err)"
# shellcheck disable=SC2086
as_planned 0 b.yaml $advice
said "  first    begins at 41, with nothing kept"
said "  once     removed"
! grep -q "nothing was discarded" errors || fail "$(cat errors)"
[ ! -e "$state/stages/once" ] || fail "it is kept: $(ls "$state/stages")"
begin
as_planned 0 b.yaml --discard once

# A directory of that name has something of its own already.
begin
cp t.yaml b.yaml
renamed b.yaml once:first
cp -a "$state/stages/once" "$state/stages/first"
as_planned 5 b.yaml
said "stage 'first': it was called 'once', but 'stages/first' holds a state as well"
as_planned 0 b.yaml --discard first
begin
cp -a "$state/stages/once" "$state/stages/first"
mv "$state/stages/first" moved
records 41 80 >>in.jsonl
as_planned 0 b.yaml
as_without_names

# Two stages that swap their names: not at once, but by a third name.
begin
sed 's/ once: {/ X: { renamed_from: rest,/; s/ rest: {/ rest: { renamed_from: once,/; s/ X:/ once:/' t.yaml >swap.yaml
expect_exit 3 "$BULKHEAD" check swap.yaml 2>errors
grep -q "there still is a stage 'once', so 'rest' cannot be that stage renamed" errors || fail "$(cat errors)"
cp t.yaml swap1.yaml && renamed swap1.yaml once:between
cp t.yaml swap2.yaml && renamed swap2.yaml once:between rest:once
sed 's/renamed_from: once, //' swap2.yaml >swap2.new && mv swap2.new swap2.yaml
cp swap2.yaml swap3.yaml && sed -i 's/renamed_from: [a-z]*, //' swap3.yaml && renamed swap3.yaml between:rest
for file in swap1.yaml swap2.yaml swap3.yaml; do as_planned 0 $file; done
records 41 80 >>in.jsonl
as_planned 0 swap3.yaml
as_without_names

# Starting over empties what a sink wrote by its former name.
begin
cp t.yaml b.yaml
renamed b.yaml out:sink bad-out:bads
run_fresh() { "$BULKHEAD" run --quiet --inline --state "$state" --fresh b.yaml >summary 2>errors; }
run_fresh || fail "$(cat errors)"
as_without_names

# A gap is not accepted over what a sink has shown and not committed, by whatever name.
begin
keep earlier
records 41 60 >>in.jsonl
topology=t.yaml run --inline >summary
rm -r "$state/stages/out" && cp -a earlier/state/stages/out "$state/stages/out"
"$BULKHEAD" run --inline --state "$state" --accept-gap t.yaml >summary 2>errors && fail "accepted: $(cat errors)"
cp errors first
"$BULKHEAD" run --inline --state "$state" --accept-gap b.yaml >summary 2>errors && fail "accepted: $(cat errors)"
sed "s/'sink'/'out'/g; s/--discard sink/--discard out/g; s/b.yaml:/t.yaml:/" errors | diff first - || fail "by another name it is said otherwise"
