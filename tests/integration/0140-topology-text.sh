#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A topology may come from wherever a shell can get it: a pipe, <(...), standard input, a named
# pipe. It is read once, and its text is what all processes of the run use. What cannot be one is
# named. (Texts that are wrong: bad/text.txt.)
. "$ROOT/tests/integration/lib.sh"

cat >t.yaml <<'EOT'
topology: t
types: { R: { k: string, n: int } }
stages:
  src: { kind: file.source, path: "${TOPOLOGY_DIR}/in.jsonl" }
  parse: { kind: json.decode, from: src, type: R }
  once: { kind: dedupe, from: parse, key: k }
  enc: { kind: json.encode, from: once }
  out: { kind: file.sink, from: enc, path: out.jsonl }
EOT
seq 1 500 | sed 's/.*/{"k":"k&","n":&}/' >in.jsonl
"$BULKHEAD" run --quiet --inline --state s.inline --set out.path=expected t.yaml 2>err || fail "$(cat err)"

# The same from everywhere, in every command that takes one.
mkfifo fifo
check_command() {
    local name
    "$BULKHEAD" "$@" t.yaml >of-file
    "$BULKHEAD" "$@" <(cat t.yaml) >of-pipe
    "$BULKHEAD" "$@" - <t.yaml >of-stdin
    # shellcheck disable=SC2002 # it is to be a pipe
    cat t.yaml | "$BULKHEAD" "$@" - >of-piped-stdin
    # shellcheck disable=SC2002
    cat t.yaml | "$BULKHEAD" "$@" /dev/stdin >of-dev-stdin
    cat t.yaml >fifo &
    "$BULKHEAD" "$@" fifo >of-fifo
    wait $!
    for name in file pipe stdin piped-stdin dev-stdin fifo; do
        sed -E "s/^(t\.yaml|<stdin>|fifo|[a-z/0-9]*): 't' version/NAME: 't' version/" "of-$name" >"plain-$name"
        same plain-file "plain-$name"
    done
}
check_command check
check_command check --print
check_command graph
check_command graph --dot

# A run and its stages have the text, wherever it came from.
"$BULKHEAD" run --quiet --state s.1 --set out.path=out.1 <(cat t.yaml) 2>err || fail "$(cat err)"
same expected out.1
"$BULKHEAD" run --quiet --inline --state s.2 --set out.path=out.2 - <t.yaml 2>err || fail "$(cat err)"
same expected out.2
mkdir elsewhere
mkfifo elsewhere/fifo # what is no file lies nowhere: TOPOLOGY_DIR is where we are
cat t.yaml >elsewhere/fifo &
"$BULKHEAD" run --quiet --state s.3 --set out.path=out.3 elsewhere/fifo 2>err || fail "$(cat err)"
wait $!
same expected out.3
"$BULKHEAD" chaos --kills 3 --seed 1 <(cat t.yaml) >chaos 2>&1 || fail "$(cat chaos)"
grep -q '^verdict: *same bytes$' chaos || fail "$(cat chaos)"

# Standard input is the topology or the records.
sed 's/file.source.*/stdin.source }/' t.yaml >stdin.yaml
for from in - /dev/stdin; do
    expect_exit 5 "$BULKHEAD" run --quiet --state s.4 $from <stdin.yaml 2>err
    name=${from/#-/<stdin>}
    diff - err <<EOT || fail "what is said of a second use of standard input"
bulkhead: error: stage 'src': it reads standard input, but the topology '$name' was already read from there; give the topology as a file
EOT
    [ ! -e s.4 ] || fail "a run that was refused left a state directory"
done
expect_exit 0 "$BULKHEAD" check - <stdin.yaml >out # which reads no records
"$BULKHEAD" run --quiet --state s.5 --set out.path=out.5 <(cat stdin.yaml) <in.jsonl 2>err || fail "$(cat err)"
same expected out.5

# What is none.
mkdir folder
(yes '# more and more' || true) | head -c 1048577 >long.yaml
refused() {
    local code=0 wanted=$1
    shift
    timeout 20 "$BULKHEAD" check "$@" >out 2>err || code=$?
    [ $code -eq 3 ] && [ ! -s out ] || fail "check $*: exit $code"
    diff <(echo "bulkhead: error: $wanted") err || fail "check $*"
}
refused "'folder': it is a directory; name the topology file in it" folder
refused "cannot open 'missing.yaml': No such file or directory" missing.yaml
refused "'/dev/zero' has more than 1048576 bytes, the most that a topology can have" /dev/zero
refused "'long.yaml' has more than 1048576 bytes, the most that a topology can have" long.yaml
refused "cannot open '/dev/fd/77': No such file or directory" /dev/fd/77
refused "'<stdin>' has more than 1048576 bytes, the most that a topology can have" - < <(yes '# without end' || true)
head -c 1048576 long.yaml >just.yaml
expect_exit 3 "$BULKHEAD" check just.yaml 2>err
grep -q 'the file contains no topology' err || fail "a file of the greatest size is not read: $(head -c 300 err)"
