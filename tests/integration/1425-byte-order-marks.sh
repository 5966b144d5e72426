#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A byte order mark at the beginning of a file or a stream is no part of its first line, in whatever
# parts it comes and whatever is killed; in the middle it is left as it is. Text in UTF-16 or UTF-32
# is a dead letter, line by line.
. "$ROOT/tests/integration/lib.sh"
mark=$'\xef\xbb\xbf'
cat >t.yaml <<'END'
topology: t
types: { T: { id: string, n: int } }
stages:
  read: { kind: file.source, path: input }
  parse: { kind: regex.parse, from: read, type: T, pattern: '^(?<id>[^,]+),(?<n>\d+)$' }
  once: { kind: dedupe, from: parse, key: id }
  format: { kind: json.encode, from: once }
  out: { kind: file.sink, from: format, path: answers }
END
sed 's/file.source, path: input/stdin.source/' t.yaml >piped.yaml
printf '%stopology: t\nstages:\n  read: { kind: file.source, path: input }\n  out: { kind: file.sink, from: read, path: answers }\n' \
    "$mark" >lines.yaml # a topology may begin with one, too

# The same input from a file and from a pipe, in both hosts; the answers are in `wanted`, and so many
# records are dead letters.
expect() { # expect FORMAT DEAD
    local host file
    # shellcheck disable=SC2059
    printf "$1" >input
    for host in "" --inline; do
        for file in t piped; do
            topology=$PWD/$file.yaml
            rm -rf state answers
            run $host >summary 2>log <input || fail "exit $?: $(cat log)"
            same answers wanted
            [ "$(wc -l <state/dead-letters.jsonl)" -eq "$2" ] || fail "$(cat state/dead-letters.jsonl)"
        done
    done
}
echo '{"id":"17","n":1}' >wanted
expect '\xef\xbb\xbf17,1\r\n17,2\r\n' 0
expect '\xef\xbb\xbf17,1' 0
expect '\xef\xbb\xbf\n \n17,1\n' 0
expect '\xef\xbb\xbf \t\r\n17,1\n17,1\n' 0
printf '{"id":"17","n":1}\n{"id":"%s17","n":2}\n' "$mark" >wanted
expect '\xef\xbb\xbf17,1\n\xef\xbb\xbf17,2\n' 0 # as of two files in one
expect '17,1\n\xef\xbb\xbf17,2\n' 0
: >wanted
expect '\xef\xbb\xbf' 0
expect '\xef\xbb\xbf\n' 0
expect '\xef\xbb\xbf\r\n\r\n  ' 0
expect '\xef\xbb' 1

# UTF-16 and UTF-32: every line is refused, though some would match when they are cut at a newline.
expect '\xff\xfea\0,\0001\0\n\00017,2\n' 2
expect '\xfe\xff\0a\0,\0001\0\n17,2\n' 2
expect '\0\0\xfe\xff\0\0\0a\n17,2\n' 2
grep -c '"stage":"read","reason":"not-utf8","message":"the input begins with the byte order mark' state/dead-letters.jsonl >count
[ "$(cat count)" -eq 2 ] || fail "$(cat state/dead-letters.jsonl)"

# What the journal shows of a stream is what was read of it.
printf '%s\n17,1\n%s17,2\n' "$mark" "$mark" >input
rm -rf state answers
topology=$PWD/piped.yaml
run <input >summary
"$BULKHEAD" journal --state "$state" --print "$topology" >printed
printf '1\t2\t17,1\n2\t3\t%s17,2\n' "$mark" >wanted
same printed wanted
printf '%s17,3\n' "$mark" | run >summary
"$BULKHEAD" journal --state "$state" --print "$topology" | tail -n 1 >printed
printf '3\t4\t17,3\n' >wanted
same printed wanted

# A file that is followed, and its successors, byte by byte, with the source killed between bytes.
rm -rf state answers input
topology=$PWD/lines.yaml source=read
: >whole
: >wanted
: >input
start_endless
append() {
    local text=$1 i
    for ((i = 0; i < ${#text}; i += 4)); do
        # shellcheck disable=SC2059
        printf "${text:i:4}" >>input
        case $((RANDOM % 3)) in
        0) killed read || true ;;
        1) killed out || true ;;
        esac
    done
}
bytes() { printf '%s' "$1" | od -An -v -tx1 | tr -d '\n' | sed 's/ /\\x/g'; }
seq=0
record() { # record TEXT WANTED
    append "$(bytes "$1")"
    append '\x0a'
    echo "$2" >>wanted
    seq=$((seq + 1))
    wait_for acked read $seq
}
for file in 1 2 3; do
    record "${mark}first of $file" "first of $file"
    record "${mark}second of $file" "${mark}second of $file"
    mv input "input-2026010$file"
    : >input
done
append "$(bytes "$mark")"
append '\x0a'
record "last" "last"
stop
same answers wanted
[ "$kills" -gt 0 ] || fail "nothing was killed"

# The input is moved by more than the mark, and what is there is compared with it: a file that has
# lost its mark is another file.
rm -rf state answers
printf '%sone\ntwo\n' "$mark" >input
run >summary
printf 'one\ntwo\nthree\n' >input
expect_exit 5 run >out 2>errors
grep -q 'is not the file that was read up to line 2' errors || fail "$(cat errors)"
printf '%sone\ntwo\nthree\n' "$mark" >input
run >summary
printf 'one\ntwo\nthree\n' >wanted
same answers wanted
