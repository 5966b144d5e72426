#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A second run changes nothing, a grown input goes on where it stopped, --fresh starts over, and
# both hosts take over from each other.
. "$ROOT/tests/integration/lib.sh"
"$generate" --records 6000 --customers 30 --seed 21 --malformed 3 --disorder 3 --no-final-newline -o whole
export INPUT="$PWD/input" OUTPUT="$PWD/answers"

# Cut in the middle of a line, at its end without the newline, and behind it.
size=$(stat -c %s whole)
at_line=$(head -n 3000 whole | wc -c)
head -c $((at_line - 1)) whole >input
run >summary
run >summary
grep -q 'nothing new' summary || fail "a second run: $(cat summary)"
cp answers answers.before
run --inline >summary
grep -q 'nothing new' summary || fail "a second run inline: $(cat summary)"
same answers answers.before

head -c "$at_line" whole >input # only the newline has come
run >summary
grep -q 'nothing new' summary || fail "a newline is no record: $(cat summary)"

sed -n '3001,4500p' whole >>input
run --inline >summary
grep -q ' 0 \+0 \+0 \+0 \+0$' summary && fail "the grown input gave nothing: $(cat summary)"
tail -c +$(($(stat -c %s input) + 1)) whole >>input
[ "$(stat -c %s input)" -eq "$size" ] || fail "the test cut the input wrongly"
run >summary
same_as_oracle answers

# Bytes that somebody has added since an orderly end are not cut off by us.
cp answers answers.good
echo 'half an ans' >>answers
expect_exit 5 run >summary 2>errors
grep -q "but what was written to it ends at" errors || fail "$(cat errors)"
cp answers.good answers
"$generate" --records 100 --customers 5 --seed 22 --start 2002-01-01 >more
{ echo; cat more; } >>input
run >summary
same_as_oracle answers

# From the beginning, over what is there.
run --fresh >summary
same_as_oracle answers

# A line that went on after it was read is no line that was read.
rm -rf state answers
head -c $((at_line - 20)) whole >input
run >summary
cat whole >input.new
cp --no-preserve=all whole input
expect_exit 5 run >summary 2>errors
grep -q "input:3000: this line had no newline when it was read" errors || fail "$(cat errors)"
