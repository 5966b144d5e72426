#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The threads of a stage that carry its links are held, and its main one answers whatever it is asked.
# What is given to it stands, and that is seen although the source gets a record every few milliseconds
# and goes on: the link is named, and in the end all flows again, with nothing lost.
. "$ROOT/tests/integration/lib.sh"
sed 's/^version:.*/&\nstall_timeout: 2s\ndurability: process/' "$topology" >topology.yaml
topology=$PWD/topology.yaml
"$generate" --seed 46 --records 20000 --malformed 1 >whole
export INPUT=$PWD/input OUTPUT=$PWD/answers
: >input
start_endless

hold_links() {
    mkfifo held
    "$ROOT/tests/integration/hold.py" --links "$(json "$1" pid)" >held 2>hold.err &
    holder=$!
    read -r word <held || skip "no process can be traced here: $(cat hold.err)"
    [ "$word" = held ] || fail "$word"
    rm held
}
all_acked() { acked answers "$(records_given)" && acked loads "$(records_given)"; }
stands() {
    give 1
    grep -q 'link [0-9]*: .*seqs\? [0-9][0-9a-z ]* under way, but stalled' run.err
}
moves() { give 1 && gone "$holder"; }

for stage in once answers; do
    give 50
    wait_for all_acked
    : >run.err
    hold_links "$stage"
    wait_for stands
    wait_for moves
    wait "$holder" || fail "what held '$stage' ended with $?"
done
wait_for all_acked
stop
export OUTPUT=$PWD/reference
"$BULKHEAD" run --quiet --inline --state reference.state "$topology" >summary
[ ! -e state/stages/once/quarantine ] || fail "a stage that was held led to quarantine"
same answers reference
same state/dead-letters.jsonl reference.state/dead-letters.jsonl
