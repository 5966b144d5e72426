#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bulkhead chaos: some hundred kills and stops over four topologies give the same bytes; and it
# says so when they are not the same, when the run fails, and when it is interrupted.
. "$ROOT/tests/integration/lib.sh"
seed=${SEED:-$RANDOM}
echo "SEED=$seed"
export TMPDIR=$PWD/tmp
mkdir tmp
"$generate" --records "$(scaled 60000)" --customers 400 --seed 31 --malformed 3 --disorder 3 --late 1 -o loads
"$generate" --records "$(scaled 30000)" --customers 300 --seed 32 --malformed 60 --disorder 20 --late 5 -o strange
export INPUT=$PWD/loads

chaos() { "$BULKHEAD" chaos --quiet --seed "$seed" "$@"; }

value() { sed -n "s/^$1: *//p" report; }

same_bytes() {
    local kills
    kills=$(scaled "$1")
    shift
    chaos --kills "$kills" "$@" >report 2>errors || fail "chaos $*: exit $?: $(cat report errors)"
    [ "$(value verdict)" = "same bytes" ] || fail "chaos $*: $(cat report)"
    [ "$(awk '$1 == "all" { print $2 }' report)" -eq "$kills" ] || fail "not $kills kills: $(cat report)"
    [ "$(value seed)" = "$seed" ] || fail "another seed: $(cat report)"
    [ -z "$(ls tmp)" ] || fail "left behind: $(ls tmp)"
    echo "$*: $(grep -c . errors) messages; $(value 'recovery of a stage'); $(value time)"
}

same_bytes 100 "$topology"
same_bytes 60 --targets copy,lines,dead-letters "$ROOT/tests/chaos/copy.yaml"
harmed() { awk -v "name=$1" '$1 ~ name && NF == 3 { sum += $2 + $3 } /^$/ { exit } END { print sum + 0 }' report; }
[ "$(harmed '^supervisor$')" -eq 0 ] || fail "the supervisor was no target: $(cat report)"
INPUT=$PWD/strange same_bytes 60 "$ROOT/tests/chaos/refusals.yaml"
same_bytes 10 --targets supervisor --set limits.lateness=20d "$topology"
[ "$(harmed '^(loads|parse|once|limits|format|answers|dead-letters)$')" -eq 0 ] ||
    fail "the stages were no targets: $(cat report)"

# What is not the same is found; the scratch directory is kept, and named. The reference is what is
# changed here: at the end of the round it does not matter which of the two is wrong.
begin() {
    rm -rf kept
    "$BULKHEAD" chaos --seed "$seed" --kills 1000000 --keep kept "${@}" >report 2>run.err &
    supervisor=$!
    wait_for test -S kept/state/control.sock
}
failed() {
    local code=0
    wait "$supervisor" || code=$?
    [ "$code" -eq 7 ] || fail "exit $code, not 7: $(cat report)"
    grep -q "^verdict: *failed: " report || fail "no verdict: $(cat report)"
    grep -qxF "bulkhead: the scratch directory is kept: $PWD/kept" run.err || fail "$(cat run.err)"
}

# Suspends chaos itself in the middle of a round: what the run makes is compared only when it goes on.
# Rounds follow each other until one is met. The supervisor is no target, and takes its socket away.
suspended() { grep -qs '^State:.T' "/proc/$1/status"; }
run_is_met() {
    [ -S kept/state/control.sock ] || return 1
    kill -STOP "$supervisor"
    wait_for suspended "$supervisor"
    [ ! -S kept/state/control.sock ] || return 0
    kill -CONT "$supervisor"
    return 1
}
run_is_over() { [ ! -e kept/state/control.sock ]; }

begin --targets dead-letters "$ROOT/tests/chaos/copy.yaml"
wait_for run_is_met
wait_for run_is_over
cp kept/expected/copy whole
offset=$(head -n 4999 whole | wc -c)
printf '#' | dd of=kept/expected/copy bs=1 seek="$offset" conv=notrunc status=none
echo rest >>kept/inline/dead-letters.jsonl
touch kept/state/stages/copy/quarantine kept/outputs/rest
kill -CONT "$supervisor"
failed
{
    echo "'$PWD/kept/outputs/copy' differs at byte $((offset + 1)), line 5000"
    echo "  should be: #$(sed -n '5000{s/^.//;p}' whole)"
    echo "  is:        $(sed -n 5000p whole)"
    echo "'$PWD/kept/state/stages/copy/quarantine' exists: a record was quarantined for kills that came from outside"
    echo "'$PWD/kept/state/dead-letters.jsonl' differs at byte $(($(stat -c %s kept/state/dead-letters.jsonl) + 1)), line $(($(wc -l <kept/state/dead-letters.jsonl) + 1))"
    echo "  should be: rest"
    echo "  is:        (the file ends here)"
    echo "'$PWD/kept/outputs/rest' was left behind"
} >wanted
sed -n '/^verdict:/,$p' report | sed 's/^verdict: *failed: //' | diff -u wanted - || fail "another reason"

# A run that cannot go on: its input is no file any more when the source comes back, or when the next
# round begins.
mkdir folder
ln -s loads changing
ln -s folder changed
INPUT=$PWD/changing
begin --targets loads "$topology"
mv -T changed changing
failed
grep -q "failed: the run exited with code 5; its last words:" report || fail "$(cat report)"
grep -q "^  [^ ]* bulkhead: error: .*changing' is not a regular file" report || fail "$(cat report)"
INPUT=$PWD/loads

# Interrupted, it stops the run in order and proves nothing.
rm -rf kept
begin "$topology"
kill -TERM "$supervisor"
code=0
wait "$supervisor" || code=$?
[ "$code" -eq 8 ] || fail "interrupted: exit $code, not 8"
grep -q "^verdict: *not proven: interrupted" report || fail "$(cat report)"
supervisor=""

# What run would refuse is refused with its code, and the command line as everywhere.
expect_exit 3 chaos --set parse.type=Laod "$topology" 2>errors
grep -q "^--set parse.type=Laod: error: there is no type 'Laod'; did you mean 'Load'?" errors || fail "$(cat errors)"
INPUT=$PWD/missing expect_exit 5 chaos "$topology" >report 2>errors
grep -q "missing': No such file" errors || fail "$(cat errors)"
[ ! -s report ] || fail "a report of nothing: $(cat report)"
expect_exit 5 chaos --keep kept "$topology" 2>errors
grep -q "kept': File exists; --keep needs a new or empty directory" errors || fail "$(cat errors)"
for arguments in "" "--kills 0 x" "--kills many x" "--seed -1 x" "--frob x" "a b"; do
    # shellcheck disable=SC2086 # words on purpose
    expect_exit 2 "$BULKHEAD" chaos $arguments 2>errors
done
expect_exit 2 chaos --targets limits,supervisr "$topology" 2>errors
grep -q "there is no stage 'supervisr'; did you mean 'supervisor'?" errors || fail "$(cat errors)"
[ -z "$(ls tmp)" ] || fail "left behind: $(ls tmp)"

# What has no end cannot be compared at its end, and nothing is no proof.
cat >followed.yaml <<'END'
topology: followed
stages:
  in: { kind: file.source, path: nothing, follow: true }
  out: { kind: file.sink, from: in, path: out }
END
: >nothing
expect_exit 5 "$BULKHEAD" chaos --quiet --kills 5 followed.yaml >followed.out 2>followed.err
grep -q -- '--set in.follow=false' followed.err || fail "$(cat followed.err)"
expect_exit 8 "$BULKHEAD" chaos --quiet --kills 5 --set in.follow=false followed.yaml >followed.out 2>&1
grep -q 'there was no output to compare' followed.out || fail "$(cat followed.out)"
