#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `bulkhead types` lists every type, and every example is one: each form is taken by the check of a
# topology, and each value comes out of json.decode and json.encode.
. "$ROOT/tests/integration/lib.sh"

topology() { # a type
    cat <<END
topology: types
types:
  One: { v: '$1' }
stages:
  lines: { kind: file.source, path: input }
  parse: { kind: json.decode, from: lines, type: One }
  write: { kind: json.encode, from: parse }
  out: { kind: file.sink, from: write, path: out }
END
}

types=0 forms=0 values=0
"$BULKHEAD" types >types
! grep -qP '^.{81}' types || fail "a line is too wide: $(cat types)"
while IFS= read -r line; do
    key=${line%%:*} rest=${line#*:}
    case $key in
    "  types")
        types=$((types + 1)) first=""
        while IFS= read -r form; do
            forms=$((forms + 1)) first=${first:-$form}
            topology "$form" >one.yaml
            # What JSON has not is a type all the same, for other kinds.
            [ "$form" != bytes ] || sed -i "s/json.decode, from: lines/regex.parse, from: lines, pattern: '(?<v>.*)'/" one.yaml
            "$BULKHEAD" check one.yaml >checked || fail "$form: $(cat checked)"
        done < <(sed 's/^ *//; s/ | /\n/g' <<<"$rest")
        ;;
    "  values")
        while IFS= read -r value; do
            values=$((values + 1))
            topology "$first" >one.yaml
            echo "{\"v\": $value}" >input
            rm -rf state out
            run=$("$BULKHEAD" run --quiet --inline --state state one.yaml)
            [ ! -s state/dead-letters.jsonl ] || fail "$first: $value: $(cat state/dead-letters.jsonl)"
            [ "$(wc -l <out)" -eq 1 ] || fail "$first: $value makes $(cat out); $run"
        done < <(sed 's/^ *//; s/ | /\n/g' <<<"$rest")
        ;;
    esac
done <types
declared=$(sed -n '/define VALUE_TAG_LIST/,/^$/p' "$ROOT/common/value.h" | grep -c 'X(VALUE_')
[ $types -eq "$declared" ] || fail "$types types are listed, and $declared declared"
[ $forms -ge "$types" ] && [ $values -ge $((types - 1)) ] || fail "$forms forms, $values values"

# One type by its name, also as a topology writes it; a name that is none gets the nearest.
"$BULKHEAD" types >all
for name in money 'money(USD)' optional; do
    "$BULKHEAD" types "$name" >one
    same <(head -n 3 one) <(grep -A2 "^${name%%(*} " all)
    [ "$(wc -l <one)" -eq 7 ] || fail "types $name: $(cat one)"
done
expect_exit 2 "$BULKHEAD" types mony >out 2>errors
[ "$(cat out errors)" = "bulkhead: error: there is no type 'mony'; did you mean 'money'?" ] || fail "$(cat out errors)"
