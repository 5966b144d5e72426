#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The fields of `status --json`: what `status --help` lists, made from ipc/status_fields.h, is what a
# run has, in that order, and what the manual and docs/protocol.md say, no more and no less.
. "$ROOT/tests/integration/lib.sh"

"$BULKHEAD" status --help >text
! grep -qP '^.{81}' text || fail "too wide: $(grep -P '^.{81}' text)"
# Every list becomes lines of "run|name|type, kind, unit|meaning", or "stage|…".
awk '
    function flush() { if (name != "") print part "|" name "|" attributes "|" meaning; name = "" }
    /^--json prints/ { flush(); part = "run"; next }
    /^each object in stages/ { flush(); part = "stage"; next }
    /^$/ { flush(); part = ""; next }
    part == "" { next }
    /^  [a-z_]+: / { flush(); name = substr($1, 1, length($1) - 1); sub(/^  [a-z_]+: /, ""); attributes = $0; meaning = ""; next }
    { sub(/^ +/, ""); meaning = meaning (meaning == "" ? "" : " ") $0 }
    END { flush() }' text >help
[ "$(grep -c '^run|' help)" -ge 8 ] && [ "$(grep -c '^stage|' help)" -ge 25 ] || fail "the help has no fields: $(cat text)"

awk -F ' *[|] *' '
    /^##/ { on = index($0, "The JSON of") > 0; part = "run"; next }
    /^Then comes `stages`/ { part = "stage" }
    on && /^\| `/ { print part "|" $2 "|" $3 ", " $4 ($5 == "-" ? "" : ", " $5) "|" $6 }' \
    "$ROOT/docs/protocol.md" | tr -d '`' >protocol
diff help protocol >differences || fail "docs/protocol.md says something else (>) than the help (<): $(cat differences)"

awk '
    function flush() {
        if (name != "") print part "|" name "|" attributes "|" tolower(substr(meaning, 1, 1)) substr(meaning, 2, length(meaning) - 2)
        name = ""
    }
    /^\.Sh / { flush(); on = $0 == ".Sh STATUS FIELDS"; part = "run"; next }
    /^\.Cm stages/ { part = "stage" }
    !on { next }
    /^\.It / { flush(); name = / No \(/ ? $3 : ""; attributes = $0; sub(/^.* No \(/, "", attributes); sub(/\)$/, "", attributes); meaning = ""; next }
    /^\./ { flush(); next }
    { meaning = meaning (meaning == "" ? "" : " ") $0 }' "$ROOT/man/bulkhead.1" >manual
diff help manual >differences || fail "the manual says something else (>) than the help (<): $(cat differences)"

# What a run has: the names in their order, and the type of every value.
"$generate" --records 100 --customers 10 --seed 7 -o input
INPUT=input OUTPUT=answers "$BULKHEAD" run --quiet --state "$state" "$topology" >out || fail "$(cat out)"
expect_exit 6 "$BULKHEAD" status --json --state "$state" >json 2>errors
python3 - json help <<'END' || fail "the JSON has other fields than the help: $(cat json)"
import json, sys
run = json.load(open(sys.argv[1]))
rows = [line.split("|") for line in open(sys.argv[2])]
types = {"string": (str,), "true or false": (bool,), "number": (int,), "number or null": (int, type(None))}
def check(part, members):
    wanted = [(name, attributes.split(", ")[0]) for which, name, attributes, _ in rows if which == part]
    assert list(members) == [name for name, _ in wanted], (list(members), wanted)
    for name, type_name in wanted:
        assert type(members[name]) in types[type_name], (name, members[name], type_name)
stages = run.pop("stages")
check("run", run)
assert len(stages) == 7, stages
for stage in stages:
    check("stage", stage)
END
