#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Who follows the outputs sees them only grow, and reads every byte once, whatever is killed: stages,
# the supervisor, everything. One follower is a pipeline of our own. What does not come again,
# because the topology is another one by now, is cut off when all input was read, and not before.
. "$ROOT/tests/integration/lib.sh"
lines=$(scaled 60000)
rounds=$(scaled 60)
seed=${SEED:-$RANDOM}
echo "SEED=$seed"
RANDOM=$seed
"$generate" --records "$lines" --customers 3000 --seed 83 --malformed 3 --disorder 3 --late 1 -o whole
export INPUT="$PWD/input" OUTPUT="$PWD/answers"
cat >second.yaml <<END
topology: second
stages:
  in: { kind: file.source, path: $OUTPUT, follow: true }
  out: { kind: file.sink, from: in, path: second }
END

followers=()
# shellcheck disable=SC2046
trap 'kill -9 $(jobs -p) 2>/dev/null || true' EXIT
"$ROOT/tests/integration/follower.py" answers answers.followed until &
followers+=($!)
"$ROOT/tests/integration/follower.py" "$state/dead-letters.jsonl" dead.followed until &
followers+=($!)
part=$((lines / rounds))
give "$part"
start_endless
"$BULKHEAD" run --quiet --state second.state second.yaml >second.out 2>second.err &
second=$!
for ((round = 1; round < rounds; round++)); do
    wait_for acked answers 1
    give "$part"
    case $((round % 6)) in
    0)
        orphans=$(pgrep -P "$supervisor")
        kill -9 "$supervisor"
        wait "$supervisor" || true
        supervisor=""
        # A start would wait for them, but not for as long as a busy disk may take.
        for orphan in $orphans; do wait_for gone "$orphan"; done
        start_endless
        ;;
    1) killed dead-letters || true ;;
    2) killed "${stages[RANDOM % ${#stages[@]}]}" || true ;;
    *) killed answers || true ;;
    esac
done
stop
give_rest
"$BULKHEAD" run --quiet --state "$state" "$topology" >run.out 2>run.err &
supervisor=$!
kill_until_over answers dead-letters
same_as_oracle answers
! grep -q 'cut off\|overwritten' run.err || fail "$(cat run.err)"
touch until
for follower in "${followers[@]}"; do wait "$follower" || fail "an output has shrunk"; done
same answers answers.followed
same "$state/dead-letters.jsonl" dead.followed
as_long() { [ "$(stat -c %s second)" -ge "$(stat -c %s answers)" ]; }
wait_for as_long
kill -TERM "$second"
wait "$second" || fail "the second pipeline: exit $?: $(cat second.err)"
same second answers
! grep -q truncated second.err || fail "$(cat second.err)"

# Of what a former life has shown, some lines come again, and then others in the place of the rest.
cat >copy.yaml <<'END'
topology: copy
stages:
  in: { kind: file.source, path: lines }
  out: { kind: file.sink, from: in, path: copied }
END
topology=copy.yaml
state=$PWD/copy.state
seq 1 1000 >lines
run >summary
shown() { # what a process has shown that was killed
    local next=$(($(tail -n 1 lines) + 1))
    "$ROOT/tests/integration/killed_sink.py" "$state/stages/out/cursor"
    seq "$next" $((next + 99)) >>copied
    seq -f 'of another topology %g' 1 100 >>copied
    printf 'and half a li' >>copied
    seq "$next" $((next + 49)) >>lines
}
exact() { cmp -s lines copied; }
is_said() { grep -q "'copied': cut off [0-9]* bytes at the end that an earlier run wrote" "$1"; }
said() { is_said "$1" || fail "$(cat "$1")"; }
shown
run >summary 2>run.err
exact || fail "what did not come again is still there"
said run.err
shown
run --inline >summary 2>run.err
exact || fail "inline: what did not come again is still there"
said run.err
# A source that follows has no end, but at times it has given all there is.
shown
source=in start_endless
wait_for exact
wait_for is_said run.err
seq 5000 5100 >>lines
wait_for acked out "$(wc -l <lines)"
exact || fail "what came behind that is not right"
printf 'and half a li' >>copied # as if by somebody else: for that there is another test
kill -9 "$supervisor"
wait "$supervisor" || true
supervisor=""
"$ROOT/tests/integration/killed_sink.py" "$state/stages/out/cursor"
# Nothing new comes, and it goes all the same.
run >summary 2>run.err
grep -q 'nothing new' summary || fail "$(cat summary)"
exact || fail "with nothing new: what did not come again is still there"
said run.err
