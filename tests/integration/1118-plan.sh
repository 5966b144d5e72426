#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What `bulkhead plan` says of a changed topology is what a start then does, with the same refusals,
# and asking changes nothing. Which version holds from which seq on is kept, and stands in the
# status, the log and the dead letters.
. "$ROOT/tests/integration/lib.sh"

cat >t.yaml <<'Y'
topology: shop
version: 1
types: { Sale: { id: string, who: string, amount: money(USD), at: timestamp } }
stages:
  read: { kind: file.source, path: in.jsonl }
  parse: { kind: json.decode, from: read, type: Sale }
  once: { kind: dedupe, from: parse, key: id }
  caps:
    kind: limits
    from: once
    key: who
    amount: amount
    at: at
    rules: { daily: { per: day, sum: "100.00" } }
  lines: { kind: json.encode, from: caps }
  out: { kind: file.sink, from: lines, path: out.jsonl }
Y
topology=t.yaml
sales() { # sales FIRST LAST; every tenth is not one
    seq "$1" "$2" | while read -r i; do
        [ $((i % 10)) -ne 0 ] || { echo "no sale $i" && continue; }
        echo "{\"id\":\"$i\",\"who\":\"w$((i % 3))\",\"amount\":\"\$10.00\",\"at\":\"2026-01-0$((i / 50 + 1))T00:00:00Z\"}"
    done
}
digest() { find . -type f ! -name lock ! -name 'p.*' -exec sha256sum {} + 2>/dev/null | sort -k 2; }
# plan FILE ARGUMENT...: its exit code in $code; what it prints in p.out and p.err. It changes nothing.
plan() {
    local file=$1
    shift
    digest >p.before
    code=0
    "$BULKHEAD" plan --state "$state" "$@" "$file" >p.out 2>p.err || code=$?
    digest >p.after
    cmp -s p.before p.after || fail "a plan changed something: $(diff p.before p.after)"
    "$BULKHEAD" plan --json --state "$state" "$@" "$file" >p.json 2>/dev/null || [ $? -eq "$code" ] || fail "another exit code with --json"
    [ ! -s p.json ] || python3 -c 'import json, sys; json.load(open("p.json"))' || fail "$(cat p.json)"
    [ -s p.out ] || [ ! -s p.json ] || fail "only JSON is printed"
}
said() { # said TEXT...: these lines are in the plan
    local text
    for text in "$@"; do
        grep -qxF -- "$text" p.out || fail "no line '$text' in: $(cat p.out p.err)"
    done
}
# What a start in either host says and does is what the plan says; the errors are the same.
as_planned() { # as_planned FILE ARGUMENT...
    local file=$1 host rc
    shift
    plan "$file" "$@"
    rm -rf kept.state && cp -a "$state" kept.state
    cp out.jsonl kept.out
    for host in "" --inline; do
        rm -rf "$state" && cp -a kept.state "$state"
        cp kept.out out.jsonl.new && cat out.jsonl.new >out.jsonl && rm out.jsonl.new
        rc=0
        "$BULKHEAD" run --quiet $host --state "$state" "$@" "$file" >summary 2>errors || rc=$?
        [ "$rc" -eq "$code" ] || fail "$file $*: planned $code, run $rc: $(cat p.out p.err errors)"
        [ "$code" -eq 0 ] || diff p.err errors || fail "$file $*: other errors than planned"
        [ "$code" -ne 0 ] || python3 - p.json "$state/manifest" <<'P'
import json, re, sys
plan, manifest = json.load(open(sys.argv[1])), open(sys.argv[2]).read()
number = plan["is"]["number"]
wanted = f'version {plan["is"]["from"]} {plan["is"]["id"]} '
assert any(line.startswith(wanted) and line.endswith(f" {number}") for line in manifest.splitlines()), (plan["is"], manifest)
begins = dict(re.findall(r"^stage (\S+) \S+ keeps (\d+)$", manifest, re.M))
for stage in plan["stages"]:
    name, at = stage["stage"], stage["at"]
    assert (stage["becomes"] in ("removed", "lost")) == (f"\nstage {name} " not in manifest), stage
    if stage["becomes"] in ("begins", "begins again") and at:
        assert int(begins[name]) == at - 1, (stage, begins)
P
    done
}
# change NAME SED...: a topology of that name, without a number
change() { sed "/^version:/d; $2" "${3:-t.yaml}" >"$1.yaml"; }

# Nothing is there, and nothing is made.
sales 1 40 >in.jsonl
plan t.yaml
[ "$code" -eq 0 ] || fail "$(cat p.err)"
first=$(sed -n 's/^  version 1 \([0-9a-f]\{8\}\) from seq 1 on$/\1/p' p.out)
[ -n "$first" ] || fail "$(cat p.out)"
[ ! -e "$state" ] || fail "the state directory was made"
"$BULKHEAD" check t.yaml | grep -qF "'shop' version 1 $first is valid" || fail "check: another version"

# The same again.
"$BULKHEAD" run --state "$state" t.yaml >summary 2>errors
grep -q "version 1 $first from seq 1 on" errors || fail "the log does not say it: $(cat errors)"
[ "$(grep -c "\"version\":\"$first\"}" "$state/dead-letters.jsonl")" -eq 4 ] || fail "$(cat "$state/dead-letters.jsonl")"
plan t.yaml
said "shop: version 1 $first from seq 1 on, unchanged" "  caps   goes on at 41, with its state" "no output is written otherwise"
id=$(sed -n 's/^version 1 \([0-9a-f]*\) .*/\1/p' "$state/manifest")
[ "$(sha256sum <"$state/versions/$id/version")" = "$id  -" ] || fail "the digest is not that of the text"

# What is kept of it is a topology of its own, the same version from anywhere and without variables.
(cd / && "$BULKHEAD" check "$state/versions/$id/topology.yaml") | grep -qF "version 1 $first is valid" ||
    fail "the copy is another version: $(cat "$state/versions/$id/topology.yaml")"

# What is not in the version.
case $BUILD_NAME in # what a sanitizer reserves is beyond any limit
*asan*) memory="" neutral=once.workers=2 ;;
*) memory=", memory_max: 1GiB" neutral=parse.memory_max=1GiB ;;
esac
change elsewhere "s/in.jsonl/.\/in.jsonl/; s/key: id }/key: id, workers: 3$memory }/; 1a durability: process"
as_planned elsewhere.yaml
said "shop: version 1 $first from seq 1 on, unchanged"
[ "$(sed -n 's/.*"is":{"id":"\([0-9a-f]*\)".*/\1/p' p.json)" = "$id" ] || fail "another version: $(cat p.json)"
grep -q '^    workers: 3$' "$state/versions/$id/topology.yaml" || fail "the copy is not that of the last start"

# A number stands for one text.
sed 's/100.00/50.00/' t.yaml >lower.yaml
as_planned lower.yaml
grep -qF "'version: 1' is taken: from record 1 on it was a topology with other types, stages or options ($first, in '$state/versions/$id')" p.err ||
    fail "$(cat p.err)"
[ "$code" -eq 5 ] || fail "exit $code"
as_planned t.yaml --set "$neutral"
as_planned t.yaml --set caps.lateness=15d
[ "$code" -eq 5 ] || fail "--set is not in the text: exit $code"
"$BULKHEAD" run --quiet --state "$state" t.yaml >summary

# A limit is changed: the sums go on. The new version begins with the next record.
sed -i 's/^version: 1/version: 2/' lower.yaml
sales 41 45 >>in.jsonl
plan lower.yaml
second=$(sed -n 's/^  then version 2 \([0-9a-f]\{8\}\) from seq 41 on$/\1/p' p.out)
[ -n "$second" ] || fail "$(cat p.out)"
said "shop: version 1 $first from seq 1 on" "  caps   goes on at 41, with its state" \
    "           rules.daily.sum was 100.00, is now 50.00" "outputs that the new version may write otherwise:" \
    "  out    $PWD/out.jsonl"
as_planned lower.yaml
grep -q '"id":"41".*"accepted":false' out.jsonl || fail "the sums did not go on: $(tail -n 5 out.jsonl)"
cmp -n "$(stat -c %s kept.out)" kept.out out.jsonl || fail "an answer from before has changed"

# Dead letters have the version of their seq.
sales 46 60 >>in.jsonl
"$BULKHEAD" run --quiet --state "$state" lower.yaml >summary
[ "$(sed 's/.*"seq":\([0-9]*\).*"version":"\(.*\)"}/\1 \2/' "$state/dead-letters.jsonl" | tr '\n' ' ')" = \
    "10 $first 20 $first 30 $first 40 $first 50 $second 60 $second " ] || fail "$(cat "$state/dead-letters.jsonl")"
[ "$(ls "$state/versions" | wc -l)" -eq 2 ] || fail "$(ls "$state/versions")"

# A version that has decided nothing leaves nothing, and its number is free.
change third 's/100.00/70.00/; 1a version: 3'
change other 's/100.00/80.00/; 1a version: 3'
as_planned third.yaml
[ "$(grep -c '^version 61 ' "$state/manifest")" -eq 1 ] || fail "$(cat "$state/manifest")"
as_planned other.yaml
[ "$(grep -c '^version ' "$state/manifest")" -eq 3 ] || fail "$(cat "$state/manifest")"
[ "$(ls "$state/versions" | wc -l)" -eq 3 ] || fail "$(ls "$state/versions")"
as_planned lower.yaml
[ "$(grep -c '^version ' "$state/manifest")" -eq 2 ] || fail "$(cat "$state/manifest")"
[ "$(ls "$state/versions" | wc -l)" -eq 2 ] || fail "$(ls "$state/versions")"

# Stages come and go.
change more '$a\  copy: { kind: file.sink, from: lines, path: copy.jsonl }'
as_planned more.yaml
said "  copy   begins at 61, with nothing kept" "  copy   $PWD/copy.jsonl"
as_planned lower.yaml
said "  copy   lost"
grep -qF "or use --discard copy to discard that state" p.err || fail "$(cat p.err)"
as_planned lower.yaml --discard copy
said "  copy   removed"

# While it runs it can be asked, too: the swap is at the seq at which it will have been stopped.
source=read topology=lower.yaml
start_endless
plan more.yaml
said "  then version $(sed -n 's/.*"is":{"id":"\(........\).*/\1/p' p.json) from the next start on" \
    "  caps   goes on, with its state" "  copy   begins, with nothing kept"
"$BULKHEAD" status --state "$state" | grep -q "^shop (version 2 $second from seq 41), running" || fail "$("$BULKHEAD" status --state "$state")"
[ "$("$BULKHEAD" status --json --state "$state" | python3 -c 'import json, sys; s = json.load(sys.stdin); print(s["version"][:8], s["version_number"], s["version_from"])')" = "$second 2 41" ] ||
    fail "$("$BULKHEAD" status --json --state "$state")"
stop

# What the topology itself has wrong is said with its place, and another topology is refused.
sed 's/key: who/key: whom/' t.yaml >bad.yaml
plan bad.yaml
[ "$code" -eq 3 ] && grep -q "^bad.yaml:11:10: error: " p.err || fail "exit $code: $(cat p.err)"
sed 's/topology: shop/topology: shed/' t.yaml >shed.yaml
as_planned shed.yaml
grep -qF "holds the state of the topology 'shop', not of 'shed'" p.err || fail "$(cat p.err)"
