#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# All types by way of JSON: whole answers and dead letters, the same from both hosts.
. "$ROOT/tests/integration/lib.sh"
topology=$PWD/types.yaml
cat >"$topology" <<'END'
topology: types
types:
  Order:
    id: string(1..4, /^[A-Z][0-9]*$/)
    price: decimal(6,2)
    paid: optional(money(USD))
    day: date
    took: duration
    state: enum(open, closed)
    tags: list(string(1..3))
    counts: map(list(int))
    note: optional(string)
stages:
  lines: { kind: file.source, path: input }
  parse: { kind: json.decode, from: lines, type: Order, workers: 2, by: line }
  once: { kind: dedupe, from: parse, key: [id, price, day, took, state] }
  format: { kind: json.encode, from: once }
  out: { kind: file.sink, from: format, path: "${OUTPUT}" }
END
order() { # ID MEMBERS: those behind it take the place of what is there
    python3 - "$@" <<'END'
import json, sys
order = {"price": "1.50", "day": "2026-11-21", "took": "90m", "state": "open", "tags": [], "counts": {}}
for member in sys.argv[2:]:
    name, value = member.split("=", 1)
    if value:
        order[name] = json.loads(value)
    else:
        del order[name]
print(json.dumps({"id": sys.argv[1], **order}))
END
}
{
    order A
    order B 'price=-12.5' 'paid="$3.10"' 'day="0000-02-29"' 'took="-1ms"' 'state="closed"' \
        'tags=["a", "\u00e4\u00f6\u00fc", "\""]' 'counts={"z": [1, -2, 300], "": [], "a\nb": [9223372036854775807]}' 'note=""'
    order C 'paid=null' 'note=null' 'price=0'
    order A 'price="1.5"' 'took="1h30m"' 'note="the same key in another form"'
    order toolong
    order b
    order D 'price="1.505"'
    order D 'price=10000'
    printf '{"id":"D","price":1e2,"day":"2026-01-01","took":"0s","state":"open","tags":[],"counts":{}}\n'
    order D 'price=true'
    order D 'paid="12"'
    order D 'day="2026-02-29"'
    order D 'took="PT1H"'
    order D 'took="999999d"'
    order D 'state="opened"'
    order D 'tags=["ok", "long"]'
    order D 'tags=["ok", null]'
    order D 'tags={}'
    order D 'counts={"a": [1, "2"]}'
    order D 'counts={"a": 1}'
    printf '{"id":"D","price":1,"day":"2026-01-01","took":"0s","state":"open","tags":[],"counts":{"a":[],"\\u0061":[]}}\n'
    order D 'day=null'
    order D 'day='
} >input

export OUTPUT=$PWD/answers
run >summary
cat >wanted <<'END'
{"id":"A","price":"1.50","day":"2026-11-21","took":"1h30m","state":"open","tags":[],"counts":{}}
{"id":"B","price":"-12.50","paid":"$3.10","day":"0000-02-29","took":"-1ms","state":"closed","tags":["a","äöü","\""],"counts":{"":[],"a\nb":[9223372036854775807],"z":[1,-2,300]},"note":""}
{"id":"C","price":"0.00","day":"2026-11-21","took":"1h30m","state":"open","tags":[],"counts":{}}
END
same answers wanted
cat >wanted.dead <<'END'
5 bad-value the field 'id' has fewer or more characters than its type allows; its type is string(1..4, /^[A-Z][0-9]*$/)
6 bad-value the field 'id' does not match the pattern of its type; its type is string(1..4, /^[A-Z][0-9]*$/)
7 bad-value the field 'price' is not a number like 12.50, with no more decimals than its type has; its type is decimal(6,2)
8 overflow the field 'price' has more digits than its type allows
9 bad-value the field 'price' is not a number like 12.50, with no more decimals than its type has; its type is decimal(6,2)
10 wrong-type the field 'price' has the wrong JSON type: expected decimal(6,2), found true
11 bad-money the field 'paid' is not an amount with a currency, like $12.34
12 bad-value the field 'day' is not a date, like 2000-01-31; its type is date
13 bad-value the field 'took' is not a duration, like 14d, 1h30m or -5s; its type is duration
14 overflow the field 'took' does not fit 64 bits
15 bad-value the field 'state' is not a name of its enum; its type is enum(open, closed)
16 bad-value an item of the field 'tags' has fewer or more characters than its type allows; its type is string(1..3)
17 wrong-type an item of the field 'tags' has the wrong JSON type: expected string(1..3), found null
18 wrong-type the field 'tags' has the wrong JSON type: expected list(string(1..3)), found an object
19 wrong-type an item of the field 'counts' has the wrong JSON type: expected int, found a string
20 wrong-type the field 'counts' has the wrong JSON type: expected list(int), found a number
21 duplicate-field the field 'counts' has the same key more than once
22 wrong-type the field 'day' has the wrong JSON type: expected date, found null
23 missing-field the field 'day' is missing
END
python3 - <<'END' >dead
import json
for line in open("state/dead-letters.jsonl"):
    letter = json.loads(line)
    print(letter["line"], letter["reason"], letter["message"])
END
same dead wanted.dead

cp state/dead-letters.jsonl dead.jsonl
state=$PWD/inline OUTPUT=$PWD/inline-answers
run --inline >inline-summary
same answers inline-answers
same inline/dead-letters.jsonl dead.jsonl

# A dead letter that holds a record leaves nothing-valued fields out as json.encode does, and a group
# that takes no part in a match leaves an optional field empty.
cat >"$topology" <<'END'
topology: groups
types:
  In: { id: string, note: optional(string), tags: list(optional(int)) }
  Out: { letter: "enum(a, b)", number: "optional(decimal(3,1))" }
stages:
  lines: { kind: file.source, path: input }
  parse: { kind: json.decode, from: lines, type: In }
  split: { kind: regex.parse, from: parse, field: id, type: Out, pattern: '^(?<letter>.)(?<number>[\d.]+)?$' }
  format: { kind: json.encode, from: split }
  out: { kind: file.sink, from: format, path: "${OUTPUT}" }
END
cat >input <<'END'
{"id":"a1.5","tags":[]}
{"id":"b","tags":[]}
{"id":"c","tags":[1,null]}
{"id":"a1.55","note":"n","tags":[]}
END
state=$PWD/groups OUTPUT=$PWD/groups-answers
run >summary
printf '{"letter":"a","number":"1.5"}\n{"letter":"b"}\n' >wanted
same groups-answers wanted
cat >wanted.dead <<'END'
{"seq":3,"line":3,"stage":"split","reason":"bad-value","message":"the field 'letter' is not a name of its enum","record":{"id":"c","tags":[1,null]}}
{"seq":4,"line":4,"stage":"split","reason":"bad-value","message":"the field 'number' is not a number like 12.50, with no more decimals than its type has","record":{"id":"a1.55","note":"n","tags":[]}}
END
with_version groups wanted.dead
same groups/dead-letters.jsonl wanted.dead
