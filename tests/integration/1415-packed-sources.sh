#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Streams of msgpack through kills: a file, standard input, a log that is rotated, and bytes behind which
# nothing can be cut, each against a cutter of its own.
. "$ROOT/tests/integration/lib.sh"
stream="$ROOT/tests/integration/packed_stream.py"
feed="$ROOT/tests/integration/feed.py"
cat >file.yaml <<'Y'
topology: t
stages:
  in: { kind: file.source, path: input, records: msgpack, max_line_bytes: 2000 }
  enc: { kind: json.encode, from: in }
  out: { kind: file.sink, from: enc, path: out }
Y
sed 's/file.source, path: input/stdin.source/' file.yaml >stdin.yaml
sed 's/path: input/path: log\/app.log, follow: true/' file.yaml >follow.yaml
wanted() { "$stream" cut 2000 "$@" >records; }
compare() {
    same out wanted
    dead_letters >dead
    same dead wanted.dead
}
says() { grep -qF "\"$1\"" "$state/dead-letters.jsonl" || fail "no dead letter says: $1"; }
again() { rm -rf state out; }
run_it() { "$BULKHEAD" run --quiet --state "$state" "$@" 2>errors || fail "exit $?: $(cat errors)"; }

"$stream" make 1 "$(scaled 8000)" >input
printf '\x82\xa1k' >>input # and the end within a record
wanted input
for host in "" --inline; do
    run_it $host file.yaml >summary
    compare
    says 'the file ends in the middle of a record, after 3 bytes of it'
    run_it $host file.yaml >summary # nothing new
    compare
    again
done
topology=file.yaml
source=in
mv input whole
: >input
start_endless
bytes=$(stat -c %s whole)
for part in $(seq 20); do
    head -c $((bytes * part / 20)) whole | tail -c +$((bytes * (part - 1) / 20 + 1)) >>input
    killed in || true
    killed enc || true
done
wait_for acked out $(($(cat records) - 1))
stop
run_it file.yaml >summary # the half record at the end is a dead letter now that the file is not followed
compare
# It went on: whoever has read it as it was is told.
printf '\x01' >>input
for host in "" --inline; do
    expect_exit 5 run $host >summary 2>errors
    grep -q "'input' ended within packed record $(cat records) when it was read" errors || fail "$(cat errors)"
done
truncate -s -1 input
sed 's/records: msgpack, //' file.yaml >lines.yaml
sed -i '/json.encode/d; s/from: enc/from: in/' lines.yaml
for host in "" --inline; do
    topology=lines.yaml expect_exit 5 run $host >summary 2>errors
    grep -q "'input' was read up to offset [0-9]*, which is between two packed records, and lines cannot continue there" errors ||
        fail "$(cat errors)"
done
compare
again
mv whole input

# Of a file that cannot be read to its end nobody says that it holds nothing more.
mv input whole
printf '\x81\xa1k\x01\xc1\x80\x80' >input
for host in "" --inline; do
    run_it $host file.yaml >summary
    says "0xc1 at offset 4 is not valid msgpack (the record begins at offset 4); where the next record begins is unknown, so the rest of the file is not read"
    grep -q "'input': nothing from offset 5 to 7 was read, because of the dead letter" errors || fail "$(cat errors)"
    run_it $host file.yaml >summary
    grep -qx 't: nothing new; no records were read' summary || fail "$(cat summary)"
    grep -q "'input': nothing more of it is read, because of the dead letter" errors || fail "$(cat errors)"
    again
done
mv whole input

# Standard input, the source killed while it comes; then the run itself, while the pipe is kept open.
wanted input
for pieces in small large; do
    "$feed" --kills "$(scaled 20)" --pieces $pieces input \
        "$BULKHEAD" run --quiet --state "$state" stdin.yaml >summary 2>feed.err ||
        fail "$pieces: exit $?: $(tail -n 5 feed.err)"
    "$BULKHEAD" journal --state "$state" --verify stdin.yaml >verified || fail "$(cat verified)"
    compare
    again
done
"$feed" --kills "$(scaled 6)" --fifo input "$BULKHEAD" run --quiet --state "$state" stdin.yaml \
    >summary 2>feed.err || fail "supervisor: exit $?: $(tail -n 5 feed.err)"
compare
again
# Streams one after the other, by both hosts: what one leaves unfinished is no part of the next.
bytes=$(stat -c %s input)
head -c $((bytes / 3)) input >first
{ printf '\x81\xa1k\x01\xc1' && cat first; } >second
tail -c "$((bytes / 3))" input >third
wanted --stream first second third
run_it stdin.yaml <first >summary
run_it --inline stdin.yaml <second >summary
grep -q "standard input: what came from offset .* was discarded, because of the dead letter" errors || fail "$(cat errors)"
run_it stdin.yaml <third >summary
compare
again

# What the journal shows of them.
printf '\x81\xa1k\x01\x07\x81\xa1k\xc1\x80\x80' >tiny
run_it --inline stdin.yaml <tiny >summary
says 'expected a map, found an integer'
says "0xc1 at offset 8 of everything read from standard input is not valid msgpack (the record begins at offset 5); where the next record begins is unknown, so the rest of the stream is discarded"
"$BULKHEAD" journal --state "$state" stdin.yaml >listed
echo 'journal.00000001   records 1 to 3, packed records 1 to 3, 11 bytes, in use' >wanted
same listed wanted
"$BULKHEAD" journal --state "$state" --print stdin.yaml >listed
printf '1\t1\tgaFrAQ==\n2\t2\tBw==\n3\t3\tgaFrwQ==\n' >wanted
same listed wanted
sed 's/records: msgpack, //' stdin.yaml >lines.yaml
sed -i '/json.encode/d; s/from: enc/from: in/' lines.yaml
for host in "" --inline; do
    topology=lines.yaml expect_exit 5 run $host <tiny >summary 2>errors
    grep -q "journal.00000001 holds packed records, but the topology now has records: lines" errors ||
        fail "$(cat errors)"
done
again

# Of none of them, and from a terminal, which is no file of lines then.
run_it stdin.yaml </dev/null >summary
"$BULKHEAD" journal --state "$state" stdin.yaml >listed
echo 'journal.00000001   no records, no packed records, 0 bytes, in use' >wanted
same listed wanted
again
typed() { # WHAT TOPOLOGY
    python3 - "$BULKHEAD" run --state "$state" "$2" <<'END' >said || fail "on a terminal: $(cat said)"
import os, pty, subprocess, sys
ours, theirs = pty.openpty()
os.write(ours, b"\x04")
done = subprocess.run(sys.argv[1:], stdin=theirs, capture_output=True, text=True, timeout=120)
print(done.stderr, done.stdout)
sys.exit(done.returncode)
END
    grep -q "reading $1 from the terminal; Ctrl-D ends the input" said || fail "$(cat said)"
    again
}
typed 'packed records' stdin.yaml
typed lines lines.yaml

# A log of which files end within a record, or cannot be cut from somewhere on; the source is killed
# around every rotation.
topology=follow.yaml
mkdir log
files=()
part=0
add() { # BYTES-OF-IT BEHIND-IT [BEFORE-IT]: a file of the log, which is written in two parts
    part=$((part + 1))
    "$stream" make $((100 + part)) 300 >made
    { printf "${3-}" && head -c "$1" made && printf "$2"; } >"written.$part"
    files+=("written.$part")
    if [ -e log/app.log ]; then
        for old in 4 3 2 1; do [ ! -e log/app.log.$old ] || mv log/app.log.$old log/app.log.$((old + 1)); done
        mv log/app.log log/app.log.1
    fi
    killed in || true
    head -c 5000 "written.$part" >log/app.log
    killed in || true
    tail -c +5001 "written.$part" >>log/app.log
}
settle() { wait_for acked out "$(cat records)" && compare; }
start
add 9000 ''
add 6001 '\x80\x80' '\x81\xa1k\x01\xc1'
wanted "${files[@]}"
wait_for acked in "$(cat records)"
killed in || fail "the source was not there" # a new one begins within the rest
printf '\x80\x81' | tee -a log/app.log >>"written.$part"
add 100 '\xc1'
for round in $(seq "$(scaled 8)"); do
    add $((7000 + round)) "$([ $((round % 3)) -ne 0 ] || echo '\xc1')"
    printf '\x80' >>log/app.log # behind half a record or a byte that begins none
    printf '\x80' >>"written.$part"
    "$stream" make 100 300 >>log/app.log
    "$stream" make 100 300 >>"written.$part"
    wanted "${files[@]}"
done
part=$((part + 1))
"$stream" make 99 300 >"written.$part" && files+=("written.$part")
mv log/app.log log/app.log.0 && cat "written.$part" >log/app.log
wanted "${files[@]}"
settle
stop
