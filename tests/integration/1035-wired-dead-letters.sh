#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Dead letters that a topology reads itself: from two stages into a file of its own, with their seq
# and line, in the order of the seqs; and none of them in the usual place.
. "$ROOT/tests/integration/lib.sh"
cat >wired.yaml <<'END'
topology: wired
types:
  Load: { id: string, customer_id: string, load_amount: money(USD), time: timestamp }
stages:
  loads: { kind: file.source, path: "${INPUT}", max_line_bytes: 4KiB }
  parse: { kind: json.decode, from: loads, type: Load, workers: 2 }
  format: { kind: json.encode, from: parse }
  answers: { kind: file.sink, from: format, path: "${OUTPUT}" }
  refused: { kind: json.encode, from: [loads.dead, parse.dead] }
  letters: { kind: file.sink, from: refused, path: "${LETTERS}" }
END
topology=wired.yaml
"$generate" --records "$(scaled 20000)" --seed 71 --malformed 8 -o input
export INPUT="$PWD/input" OUTPUT="$PWD/answers" LETTERS="$PWD/letters"
run >summary
[ ! -s state/dead-letters.jsonl ] ||
    fail "dead letters in the usual place: $(head -n 3 state/dead-letters.jsonl)"
! grep -q dead-letters.jsonl summary || fail "the summary knows of some: $(tail -n 2 summary)"
no_sockets_left

export OUTPUT="$PWD/inline-answers" LETTERS="$PWD/inline-letters" state="$PWD/inline-state"
run --inline >inline-summary
same answers inline-answers
same letters inline-letters

# Without the wires the same letters come in the usual place, in the form of docs/protocol.md.
grep -vE '^  (refused|letters):' wired.yaml >usual.yaml
topology=usual.yaml state=$PWD/usual-state OUTPUT="$PWD/usual-answers"
run >usual-summary
dead_letters >usual
grep -q " dead letters: $state/dead-letters.jsonl" usual-summary ||
    fail "the summary: $(tail -n 2 usual-summary)"
python3 -c '
import json, sys
for line in open(sys.argv[1], "rb"):
    letter = json.loads(line)
    print(letter["seq"], letter["line"], letter["stage"], letter["reason"], sep="\t")' letters >wired
same wired usual
grep -q line-too-long wired || fail "no line was too long"
same answers usual-answers
