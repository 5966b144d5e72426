#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A bad value from the environment is named with its variable.
. "$ROOT/tests/integration/lib.sh"

cat >t.yaml <<'EOY'
topology: t
stall_timeout: ${STALL:-30s}
types: { R: { n: int } }
stages:
  in: { kind: file.source, path: "${INPUT}", follow: "${FOLLOW:-false}" }
  p: { kind: json.decode, from: in, type: "${TYPE:-R}" }
  f: { kind: filter, from: p, where: { n: { equals: "${A:-1}${B:-2}" } } }
  e: { kind: json.encode, from: f }
  out: { kind: file.sink, from: e, path: "${TOPOLOGY_DIR}/${OUTPUT:-out}" }
EOY
export INPUT=in.jsonl
expect_exit 0 "$BULKHEAD" check t.yaml >out

# The errors of a check with these variables are these lines.
errors() {
    expect_exit 3 env "$@" "$BULKHEAD" check t.yaml >out 2>err
    grep ': error: ' err | diff - wanted || fail "$*"
}
cat >wanted <<'EOY'
t.yaml:2:16: error: 'stall_timeout: soon' should be a duration like 14d, 12h or 1h30m (from the variable STALL)
t.yaml:5:55: error: 'follow: yes' should be true or false; write 'follow: true' (from the variable FOLLOW)
t.yaml:6:44: error: there is no type 'S'; did you mean 'R'? (from the variable TYPE)
EOY
errors STALL=soon FOLLOW=yes TYPE=S
echo "t.yaml:7:54: error: 'equals: x2' does not fit 'n': it is not a whole number (from the variable A, B)" >wanted
errors A=x

# Of two paths that are one file, each; the run says the same.
expect_exit 3 env OUTPUT=in.jsonl "$BULKHEAD" check t.yaml >out 2>err
clash="stage 'out': './in.jsonl' (from the variable OUTPUT) is also the input of stage 'in' (from the variable INPUT)"
[ "$(head -n 1 err)" = "t.yaml:9:43: error: $clash" ] || fail "$(cat err)"
expect_exit 5 env OUTPUT=in.jsonl "$BULKHEAD" run --state state t.yaml >out 2>err
[ "$(head -n 1 err)" = "bulkhead: error: $clash" ] || fail "$(cat err)"
expect_exit 3 env OUTPUT=in.jsonl "$BULKHEAD" check --set in.path=in.jsonl t.yaml >out 2>err
[ "$(head -n 1 err)" = "t.yaml:9:43: error: ${clash% (*}" ] || fail "$(cat err)"

echo "t.yaml:5:35: error: the value of the environment variable INPUT contains a newline" >wanted
errors INPUT=$'a\nb'
echo "t.yaml:5:35: error: the value of the environment variable INPUT contains a control character" >wanted
errors INPUT=$'a\033[2Jb'
echo "t.yaml:5:35: error: the value of the environment variable INPUT is not UTF-8" >wanted
errors INPUT=$'a\xff'
echo "t.yaml:5:35: error: 'path:' must not be empty (from the variable INPUT)" >wanted
errors INPUT=
echo "t.yaml:5:35: error: the environment variable INPUT is not set; set it, or write \${INPUT:-default}" >wanted
errors -u INPUT
