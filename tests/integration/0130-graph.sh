#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# graph draws the library topology, in characters that the locale has; --dot and --mermaid write it
# for others; what makes no sense is refused.
. "$ROOT/tests/integration/lib.sh"
unset LC_ALL LC_CTYPE
export LANG=C.UTF-8

# What stands on stdin is the whole of what graph prints.
expect() {
    "$BULKHEAD" graph "$@" "$topology" >out || fail "graph $*: exit $?"
    diff -u - out || fail "graph $*"
}

expect <<'END_OF_PICTURE'
┌─────────────────────┐
│ loads  file.source  │
└──────────┬──────────┘
┌──────────▼──────────┐
│ parse  json.decode  │
└──────────┬──────────┘
   ┌───────▼───────┐
   │ once  dedupe  │
   └───────┬───────┘
  ┌────────▼────────┐
  │ limits  limits  │
  └────────┬────────┘
┌──────────▼──────────┐
│ format  json.encode │
└──────────┬──────────┘
┌──────────▼──────────┐
│ answers  file.sink  │
└─────────────────────┘
the dead letters of 6 stages are not drawn; --all shows them
END_OF_PICTURE

"$BULKHEAD" graph --ascii "$topology" >by-option
LANG=C "$BULKHEAD" graph "$topology" >by-locale
LC_ALL=C "$BULKHEAD" graph "$topology" >by-all
LANG=C LC_CTYPE=de_DE.utf8 "$BULKHEAD" graph "$topology" >by-type
same by-option by-locale
same by-option by-all
same by-type out
! LC_ALL=C grep -q '[^ -~]' by-option || fail "not ASCII: $(cat by-option)"

expect --dot <<'END_OF_PICTURE'
digraph "velocity-limits" {
    node [shape=box];
    "loads" [label="loads\nfile.source"];
    "parse" [label="parse\njson.decode"];
    "once" [label="once\ndedupe"];
    "limits" [label="limits\nlimits"];
    "format" [label="format\njson.encode"];
    "answers" [label="answers\nfile.sink"];
    "loads" -> "parse";
    "parse" -> "once";
    "once" -> "limits";
    "limits" -> "format";
    "format" -> "answers";
}
END_OF_PICTURE
"$BULKHEAD" graph --dot --all "$topology" >out
[ "$(grep -c -- ' -> ' out)" = 11 ] || fail "--dot --all: $(cat out)"
[ "$(grep -c -- '-> "dead-letters" \[label=".dead"\]' out)" = 6 ] || fail "$(cat out)"
"$BULKHEAD" graph --mermaid "$topology" >out
[ "$(head -n 2 out)" = "flowchart TD"$'\n''    s0["loads<br/>file.source"]' ] || fail "$(cat out)"
"$BULKHEAD" graph --all "$topology" >out
grep -q 'dead-letters  dead_letter.sink' out || fail "--all: $(cat out)"
! grep -q 'not drawn' out || fail "--all: $(cat out)"
"$BULKHEAD" graph --all --ascii "$topology" >out
[ "$(awk 'length > 80' out)" = "" ] || fail "--all: more than 80 columns: $(cat out)"

for arguments in "" "--dot --mermaid $topology" "--dot --live $topology" "--state x $topology" \
    "--frob $topology" "$topology $topology"; do
    # shellcheck disable=SC2086 # words on purpose
    expect_exit 2 "$BULKHEAD" graph $arguments >out 2>errors
    [ ! -s out ] || fail "graph $arguments: $(cat out)"
    grep -q '^usage: bulkhead graph ' errors || fail "graph $arguments: $(cat errors)"
done
expect_exit 3 "$BULKHEAD" graph missing.yaml 2>errors
sed 's/^version: .*/version: 0/' "$topology" >zero.yaml
expect_exit 3 "$BULKHEAD" graph zero.yaml 2>errors

# What is not drawn without a word: two stages on one file. A running one was checked where it runs.
cat >clash.yaml <<'END'
topology: clash
stages:
  in: { kind: file.source, path: in.txt }
  out: { kind: file.sink, from: in, path: out.txt }
  again: { kind: file.sink, from: in, path: ./out.txt }
END
expect_exit 3 "$BULKHEAD" graph clash.yaml >out 2>errors
[ ! -s out ] || fail "it draws $(cat out)"
expect_exit 3 "$BULKHEAD" check clash.yaml 2>wanted
same wanted errors
grep -qF "stage 'again': './out.txt' is also the output of stage 'out'" errors || fail "$(cat errors)"
expect_exit 6 "$BULKHEAD" graph --live --state nowhere clash.yaml 2>errors
grep -qF "nowhere" errors || fail "$(cat errors)"
