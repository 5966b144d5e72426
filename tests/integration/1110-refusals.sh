#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What does not belong together is refused with its reason, and left as it is.
. "$ROOT/tests/integration/lib.sh"
"$generate" --records 2000 --customers 20 --seed 31 -o input
export INPUT="$PWD/input" OUTPUT="$PWD/answers"

refused() { # refused CODE TEXT: run must end with the code and say the text
    expect_exit "$1" run >out 2>errors
    grep -qF "$2" errors || fail "no '$2' in: $(cat errors)"
}

run >/dev/null
cp answers answers.kept

# The input: another file of the same name, a truncated one, one with other bytes before the end.
cp input input.kept
"$generate" --records 3000 --customers 20 --seed 32 -o other && mv other input
refused 5 "input' is not the file that was read up to line 2000"
cp input.kept input && truncate -s 1000 input
refused 5 "it was truncated or replaced"
cp input.kept other && mv other input # another inode, the same bytes: it is the same input
run >summary
grep -q 'nothing new' summary || fail "a copy of the input: $(cat summary)"
sed 's/customer/kustomer/' input.kept >input
refused 5 "is not the file that was read up to line 2000"
cp input.kept input
rm input && refused 5 "cannot open '$PWD/input'"
mkdir input && refused 5 "is not a regular file"
rmdir input && cp input.kept input

# The output: truncated, replaced, gone, somebody else's.
truncate -s 100 answers
refused 5 "was truncated: its length"
[ "$(stat -c %s answers)" -eq 100 ] || fail "the output was touched"
mv answers answers.moved # keeps its inode, which a new file could get otherwise
refused 5 "is missing"
sed 's/true/TRUE/' answers.kept >answers # as long as before
refused 5 "is not what was written"
cp answers.kept answers # as from a backup
run >summary
same answers answers.kept
exec 9>>answers && flock 9 # as another run has it
refused 5 "is being written by another run"

# A process that was killed releases the output last, after the state directory: it is waited for.
opened() { [ -n "$(find "/proc/$supervisor/fd" -lname "$PWD/answers" 2>/dev/null)" ]; }
"$BULKHEAD" run --quiet --state "$state" "$topology" >summary 2>run.err 9>&- &
supervisor=$!
wait_for opened
exec 9>&-
wait "$supervisor" || fail "an output of a process that was ending: $(cat run.err)"
supervisor=
same answers answers.kept
rm -rf state
refused 5 "bytes that this stage is not known to have written"
same answers answers.kept
OUTPUT=$INPUT refused 5 "is also the input of stage 'loads'"
same input input.kept
sed '$a\  again: { kind: file.sink, from: format, path: "./answers" }' "$topology" >twice.yaml
topology=$PWD/twice.yaml refused 5 "is also the output of stage 'answers'"
topology=$PWD/twice.yaml OUTPUT=$PWD/./new.answers refused 5 "holds 98298 bytes that this stage is not known"
OUTPUT=$PWD/nowhere/answers refused 5 "cannot create '$PWD/nowhere/answers'"
mv answers answers.lost
run >/dev/null
same answers answers.kept

# The state: another topology's, other rules of the same shape, rules of another shape.
sed 's/^topology: .*/topology: other/' "$topology" >other.yaml
sed 's/5000.00/6000.00/; /^version:/d' "$topology" >changed.yaml
sed 's/week_starts: monday/week_starts: sunday/; /^version:/d' "$topology" >reshaped.yaml
first=$topology
topology=$PWD/other.yaml refused 5 "holds the state of the topology 'velocity-limits', not of 'other'"
topology=$PWD/changed.yaml run >summary
topology=$PWD/reshaped.yaml refused 5 "week was monday, is sunday: weeks begin on another day, and sums and counts cannot be divided"
topology=$first

# A store that has lost its beginning does not guess.
rm -r state/stages/once
refused 5 "stage 'once': its state is gone"

# An output that is moved away while it is written.
"$generate" --records 2000 --customers 1000 --seed 33 -o input
state=$PWD/state2 OUTPUT=$PWD/answers2
start_endless
wait_for acked answers 2000
mv answers2 answers3
"$generate" --records 2000 --customers 1000 --seed 34 >>input
code=0
wait "$supervisor" || code=$?
[ "$code" -eq 5 ] || fail "an output that was moved away: exit $code: $(cat run.err)"
grep -q "was moved away or replaced while it was being written" run.err || fail "$(cat run.err)"
state=$PWD/state OUTPUT=$PWD/answers
cp input.kept input

# A directory that is not ours alone.
chmod 0777 state
refused 5 "can be written by others"
chmod 0700 state
