#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A stage that a debugger holds while it waits for work shows a page that says it waits. It is asked,
# does not answer, and is killed: it alone, by its name, and soon after what it held up flows. Each
# stage in turn while nothing is under way, then all at once, then two with records on their way.
. "$ROOT/tests/integration/lib.sh"
sed 's/^version:.*/&\nstall_timeout: 2s\ndurability: process/' "$topology" >topology.yaml
topology=$PWD/topology.yaml
"$generate" --seed 45 --records "$(scaled 20000)" --malformed 1 >whole
export INPUT=$PWD/whole OUTPUT=$PWD/reference
"$BULKHEAD" run --quiet --inline --state reference.state "$topology" >summary
export INPUT=$PWD/input OUTPUT=$PWD/answers
: >input
start_endless

# Holds the processes of some stages; returns when they stand still.
hold() {
    local pids=() stage
    for stage; do pids+=("$(json "$stage" pid)"); done
    mkfifo held
    "$ROOT/tests/integration/hold.py" "${pids[@]}" >held 2>hold.err &
    holder=$!
    read -r word <held || skip "no process can be traced here: $(cat hold.err)"
    [ "$word" = held ] || fail "$word"
    rm held
}
all_acked() { acked answers "$(records_given)" && acked loads "$(records_given)"; }

for stage in "${stages[@]}"; do
    give 50
    wait_for all_acked
    : >run.err
    hold "$stage"
    give 50
    wait_for all_acked
    wait "$holder" || fail "'$stage' was not killed"
    grep -q "$stage: did not answer for the stall_timeout of 2000 ms" run.err ||
        fail "'$stage' is not named: $(cat run.err)"
    [ "$(grep -c 'killing it\|restarting it\|both its ends' run.err)" = 1 ] ||
        fail "others were blamed: $(cat run.err)"
done

hold "${stages[@]}"
give 50
wait_for all_acked
wait "$holder" || fail "not all were killed"

for stage in loads once; do
    hold "$stage"
    give 500
    wait "$holder" || fail "'$stage' was not killed"
done
wait_for all_acked
give_rest
wait_for all_acked
# Without the directory of the links nothing can be linked: the run stops and says so.
rm -rf state/links
killed once || fail "once could not be killed"
expect_exit 5 wait "$supervisor"
supervisor=""
grep -q "the directory 'links' of the state directory was removed" run.err || fail "$(cat run.err)"
"$BULKHEAD" run --quiet --state "$state" "$topology" >summary
[ ! -e state/stages/once/quarantine ] || fail "a stage that was held led to quarantine"
same answers reference
same state/dead-letters.jsonl reference.state/dead-letters.jsonl
