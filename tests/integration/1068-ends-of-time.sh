#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The first and the last moment that a timestamp can be are moments like any other: both hosts, and
# any number of workers, put them into their windows, hold them to limits and remember their keys.
. "$ROOT/tests/integration/lib.sh"
first=1677-09-21T00:12:43.145224192Z
last=2262-04-11T23:47:16.854775807Z
export INPUT=$PWD/input OUTPUT=$PWD/answers

# A topology with a step that makes records of type T into what is written, of so many workers.
make_topology() {
    cat >step.yaml <<END
topology: ends
types:
  T: { k: string, at: timestamp, amount: "money(USD)" }
stages:
  read: { kind: file.source, path: "\${INPUT}" }
  parse: { kind: json.decode, from: read, type: T }
  step: { $1, from: parse, workers: $2 }
  format: { kind: json.encode, from: step }
  out: { kind: file.sink, from: format, path: "\${OUTPUT}" }
END
    topology=$PWD/step.yaml
}

# Runs it in both hosts, with one worker and with three; the answers are those that are wanted, and
# so many records were refused.
expect() {
    local host workers
    for host in "" --inline; do
        for workers in 1 3; do
            make_topology "$1" "$workers"
            rm -rf state answers
            run $host >summary
            same answers wanted
            [ "$(wc -l <state/dead-letters.jsonl)" -eq "$2" ] || fail "$(cat state/dead-letters.jsonl)"
        done
    done
}

records() {
    local k at
    while read -r k at; do
        printf '{"k":"%s","at":"%s","amount":"$1.00"}\n' "$k" "$at"
    done
}

records <<END >input
a $first
b $first
a 1677-09-21T00:12:50Z
a 2000-01-01T00:00:00Z
a $last
b $last
a 2262-04-11T23:47:16.854775806Z
a 2262-04-11T23:00:00Z
END
window() { printf '{"window":"%s","k":"%s","count":%s}\n' "$@"; }
for per in minute hour day week month; do
    start=2262-04-11T23:47:00Z middle=2000-01-01T00:00:00Z count=3 late=0
    case $per in
    minute) count=2 late=1 ;;
    hour) start=2262-04-11T23:00:00Z ;;
    day) start=2262-04-11T00:00:00Z ;;
    week) start=2262-04-07T00:00:00Z middle=1999-12-27T00:00:00Z ;;
    month) start=2262-04-01T00:00:00Z ;;
    esac
    {
        window "$first" a 2
        window "$first" b 1
        window "$middle" a 1
        window "$start" a $count
        window "$start" b 1
    } >wanted
    expect "kind: window.count, key: k, at: at, per: $per" $late
done
# With a lateness of centuries nothing of this century is late, nor of the last one.
records <<END >input
a $last
a 2262-04-11T23:00:00Z
a 2000-01-01T00:00:00Z
b $last
a 2262-04-11T23:00:59.999999999Z
a 1677-09-21T00:12:50Z
END
{
    window 2000-01-01T00:00:00Z a 1
    window 2262-04-11T23:00:00Z a 2
    window 2262-04-11T23:47:00Z a 1
    window 2262-04-11T23:47:00Z b 1
} >wanted
expect 'kind: window.count, key: k, at: at, per: minute, lateness: 106000d' 1

# The end of the input closes what is open and nothing else, also where time has not moved yet, and
# where it can move no more. What comes for a window behind those is counted by the next run.
for host in "" --inline; do
    for workers in 1 3; do
        make_topology 'kind: window.count, key: k, at: at, per: minute, lateness: 106000d' $workers
        rm -rf state answers
        : >input
        run $host >summary
        echo "a $first" | records >>input
        run $host >summary
        window "$first" a 1 >wanted
        same answers wanted
        echo "a 2262-04-11T23:00:00Z" | records >>input
        run $host >summary
        window 2262-04-11T23:00:00Z a 1 >>wanted
        same answers wanted
        printf 'a %s\n' 2262-04-11T23:00:01Z "$last" | records >>input
        run $host >summary
        window 2262-04-11T23:47:00Z a 1 >>wanted
        same answers wanted
        run $host >summary
        same answers wanted
        [ "$(wc -l <state/dead-letters.jsonl)" -eq 1 ] || fail "$(cat state/dead-letters.jsonl)"
        grep -q '"seq":5,.*"reason":"late"' state/dead-letters.jsonl || fail "$(cat state/dead-letters.jsonl)"
    done
done

# Limits: both ends are days and weeks like any other.
records <<END >input
a $first
a 1677-09-21T00:12:50Z
a $last
a $last
a 2262-04-11T00:00:00Z
a 2262-04-10T00:00:00Z
END
limits='kind: limits, key: k, amount: amount, at: at, rules: { daily: { per: day, count: 1 }, weekly: { per: week, sum: 2.00 } }'
accepted() { printf '{"k":"a","at":"%s","amount":"$1.00","accepted":%s}\n' "$@"; }
{
    accepted "$first" true
    accepted 1677-09-21T00:12:50Z false
    accepted "$last" true
    accepted "$last" false
    accepted 2262-04-11T00:00:00Z false
    accepted 2262-04-10T00:00:00Z true
} >wanted
expect "$limits" 0

# Keys are remembered for as long as it says, at both ends.
records <<END >input
a $first
a $first
a 1677-09-21T00:12:44.145224191Z
a 1677-09-21T00:12:44.145224192Z
b 2262-04-11T23:47:15.854775806Z
b $last
b $last
c $last
c $last
END
sed -n '1p;4p;5p;6p;8p' input >wanted
expect 'kind: dedupe, key: k, keep: 1s, at: at' 0
sed -n '1p;5p;8p' input >wanted
expect 'kind: dedupe, key: k' 0
