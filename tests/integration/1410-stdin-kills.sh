#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Standard input through kills: of the source 100 times while a slow and a fast writer write, of the
# supervisor while the pipe is kept open, in both hosts: what file.source makes of the same bytes.
. "$ROOT/tests/integration/lib.sh"
feed="$ROOT/tests/integration/feed.py"
records=$(scaled 100000)
kills=$(scaled 50)
"$generate" --records "$records" --customers 2000 --seed 141 --malformed 1 --crlf --no-final-newline -o input
cat >file.yaml <<'END'
topology: t
stages:
  in: { kind: file.source, path: input, max_line_bytes: 2000 }
  out: { kind: file.sink, from: in, path: wanted }
END
sed 's/file.source, path: input/stdin.source/; s/path: wanted/path: out/' file.yaml >stdin.yaml
"$BULKHEAD" run --quiet --state reference file.yaml >summary
cp reference/dead-letters.jsonl wanted.dead

compare() {
    same out wanted
    with_version state wanted.dead
    same state/dead-letters.jsonl wanted.dead
    rm -rf state out
}
run_it() { "$BULKHEAD" run --quiet --state "$state" "$@" stdin.yaml; }

for pieces in small large; do
    "$feed" --kills "$kills" --pieces $pieces input \
        "$BULKHEAD" run --quiet --state "$state" stdin.yaml >summary 2>feed.err ||
        fail "$pieces: exit $?: $(tail -n 5 feed.err)"
    "$BULKHEAD" journal --state "$state" --verify stdin.yaml >verified || fail "$(cat verified)"
    compare
done

"$feed" --kills $((kills / 5)) --fifo input "$BULKHEAD" run --quiet --state "$state" stdin.yaml \
    >summary 2>feed.err || fail "supervisor: exit $?: $(tail -n 5 feed.err)"
compare

run_it --inline <input >summary
compare
# The hosts take over from each other; what has no newline at the end of a run is a line.
head -c 1000003 input >first
tail -c +1000004 input >second
run_it <first >summary
head -c 500001 second | run_it --inline >summary
tail -c +500002 second | run_it >summary
{ cat first && echo && head -c 500001 second && echo && tail -c +500002 second; } >input
rm -rf wanted reference
"$BULKHEAD" run --quiet --state reference file.yaml >summary
cp reference/dead-letters.jsonl wanted.dead
compare
