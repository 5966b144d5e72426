#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Files that somebody else truncates, overwrites, adds to, removes, moves away or replaces while a run
# writes them: outputs, dead letters, and what is kept in the state directory. The run stops and says
# so, no NULs are written, and what is there then is not taken for good by the next run either; with
# the file put back it goes on to the same bytes.
. "$ROOT/tests/integration/lib.sh"
cat >t.yaml <<'END'
topology: t
types: { R: { k: string, n: int } }
stages:
  in: { kind: file.source, path: input }
  parse: { kind: json.decode, from: in, type: R }
  once: { kind: dedupe, from: parse, key: k }
  format: { kind: json.encode, from: once }
  out: { kind: file.sink, from: format, path: output }
END
lines() { seq "$1" "$2" | sed 's/.*/{"k":"k&","n":&}/' && echo "no record $1"; }
mkdir begin
cp t.yaml begin
lines 1 100 >begin/input
(cd begin && "$BULKHEAD" run --quiet --state state t.yaml >/dev/null)
cp -r begin expected
lines 101 200 >more
cat more >>expected/input
(cd expected && "$BULKHEAD" run --quiet --state state t.yaml >/dev/null)
topology=t.yaml source=in

damage() { # HOW FILE
    case $1 in
    emptied) : >"$2" ;;
    cut) truncate -s $(($(stat -c %s "$2") / 2)) "$2" ;;
    removed) rm "$2" ;;
    moved) mv "$2" "$2.moved" ;;
    replaced) : >other && mv other "$2" ;;
    overwritten) printf 'something else' | dd of="$2" conv=notrunc status=none ;;
    extended) echo 'something more' >>"$2" ;;
    filled) truncate -s "$(stat -c %s "$2")" other && cat other >"$2" && rm other ;;
    esac
}

no_nuls() { [ "$(tr -d '\0' <"$1" | wc -c)" -eq "$(stat -c %s "$1")" ] || fail "NULs in '$1'"; }

stories=0
# story FILE HOW TEXT: TEXT is what the run says; the next one is refused until the file is put back.
story() {
    local file=$1 how=$2 text=$3 place code=0
    stories=$((stories + 1))
    place=$PWD/$stories
    echo "story $stories: $file is $how"
    cp -r begin "$place"
    cd "$place"
    state=$place/state
    start_endless
    for stage in in once out dead-letters; do wait_for acked "$stage" 101; done # all are open
    cp "$file" kept
    damage "$how" "$file"
    cat ../more >>input
    wait "$supervisor" || code=$?
    supervisor=""
    [ "$code" -eq 5 ] || fail "exit $code, not 5: $(cat run.err)"
    grep -q "$text" run.err || fail "no '$text' in: $(cat run.err)"
    [ "$how" = filled ] || [ ! -e output ] || no_nuls output
    [ "$how" = filled ] || [ ! -e state/dead-letters.jsonl ] || no_nuls state/dead-letters.jsonl
    expect_exit 5 run >summary 2>errors
    rm -f "$file"
    cp kept "$file"
    run >summary 2>errors || fail "exit $? of the last run: $(cat errors)"
    same output ../expected/output
    same state/dead-letters.jsonl ../expected/state/dead-letters.jsonl
    cd ..
}

for file in output state/dead-letters.jsonl; do
    name=${file##*/}
    story $file emptied "'$name' was truncated while it was being written: its length is 0, but was [0-9]*"
    story $file cut "'$name' was truncated while it was being written: its length is [0-9]*, but was [0-9]*"
    story $file filled "'$name' is not what was written: it was truncated or overwritten while it was being written"
    story $file overwritten "'$name' is not what was written: it was truncated or overwritten while"
    story $file removed "'$name' was moved away or replaced while it was being written"
    story $file moved "'$name' was moved away or replaced while it was being written"
    story $file replaced "'$name' was moved away or replaced while it was being written"
    story $file extended "'$name' is longer than what was written to it: its length is [0-9]*, not [0-9]*; another program writes"
done
for file in state/stages/out/cursor state/stages/dead-letters/cursor; do
    story $file removed "'cursor' was removed, moved away or replaced while it was being written"
    story $file moved "'cursor' was removed, moved away or replaced while it was being written"
done
log=state/stages/once/store.1.log
story $log emptied "'store.1.log' has 0 bytes, but [0-9]* were there: it was truncated"
story $log cut "'store.1.log' has [0-9]* bytes, but [0-9]* were there: it was truncated"
story $log removed "'store.1.log' was removed, moved away or replaced while it was being written"
story $log replaced "'store.1.log' was removed, moved away or replaced while it was being written"

# What is kept of standard input. What was not taken in is still in the pipe, and not lost.
cat >stdin.yaml <<'END'
topology: s
stages:
  in: { kind: stdin.source }
  out: { kind: file.sink, from: in, path: lines }
END
seq 1 200 >whole
journal_story() { # HOW TEXT
    echo "story: the journal is $1"
    local file=state/stages/in/journal.00000001 code=0
    mkdir "journal-$1"
    cd "journal-$1"
    state=$PWD/state
    mkfifo pipe
    exec 5<>pipe
    "$BULKHEAD" run --quiet --state "$state" ../stdin.yaml <pipe >run.out 2>run.err 5>&- &
    supervisor=$!
    seq 1 100 >&5
    wait_for acked in 100
    cp $file kept
    damage "$1" $file
    seq 101 200 >&5
    wait "$supervisor" || code=$?
    supervisor=""
    [ "$code" -eq 5 ] || fail "exit $code, not 5: $(cat run.err)"
    grep -q "'journal.00000001' $2" run.err || fail "$(cat run.err)"
    expect_exit 5 "$BULKHEAD" run --quiet --state "$state" ../stdin.yaml <pipe >run.out 2>errors 5>&-
    rm -f $file
    cp kept $file
    exec 6<pipe 5>&-
    "$BULKHEAD" run --quiet --state "$state" ../stdin.yaml <&6 >run.out 2>errors || fail "$(cat errors)"
    exec 6<&-
    same lines ../whole
    cd ..
}
journal_story emptied "has 0 bytes, but [0-9]* were there: it was truncated"
journal_story cut "has [0-9]* bytes, but [0-9]* were there: it was truncated"
journal_story removed "was removed, moved away or replaced"
