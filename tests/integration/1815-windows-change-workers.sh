#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# window.count by two workers, then five, one and three, each over one more part of the input, with
# everything killed in between: the same bytes as the inline
# host makes of the same parts undisturbed. The end of a part is an end of the input.
. "$ROOT/tests/integration/lib.sh"
seed=${SEED:-$RANDOM}
echo "SEED=$seed"
RANDOM=$seed
records=$(scaled 100000)
"$generate" --records "$records" --customers 900 --seed 181 --days 60 --disorder 8 --malformed 1 -o all
cat >windows.yaml <<'END'
topology: windows
types:
  Load: { id: string, customer_id: string, load_amount: money(USD), time: timestamp }
stages:
  loads: { kind: file.source, path: "${INPUT}" }
  parse: { kind: json.decode, from: loads, type: Load }
  counts: { kind: window.count, from: parse, key: customer_id, at: time, per: day, lateness: 6h }
  format: { kind: json.encode, from: counts }
  answers: { kind: file.sink, from: format, path: "${OUTPUT}" }
END
topology=$PWD/windows.yaml
export INPUT="$PWD/input"
parts=(0 $((records / 4 - 77)) $((records / 2 + 31)) $((records * 3 / 4 - 5)) "$records")
give_part() { head -n "${parts[$1]}" all >input; }

for part in 1 2 3 4; do
    give_part $part
    OUTPUT="$PWD/wanted" run --inline >summary 2>&1
    cp wanted "wanted.$part"
    cp "$state/dead-letters.jsonl" "wanted.dead.$part"
done
grep -q '"reason":"late"' wanted.dead.4 || fail "nothing was late"
cmp -s wanted.1 wanted.2 && fail "a part brought nothing"
rm -rf state
OUTPUT="$PWD/at-once" run --inline >summary 2>&1
cmp -s at-once wanted && fail "the ends of the parts changed nothing"
rm -rf state

answered() { "$BULKHEAD" status --json --state "$state" >status.json 2>/dev/null; }

# Kills all processes at once.
kill_everything() {
    local pids
    wait_for answered
    pids=$(grep -o '"pid":[0-9]*' status.json | cut -d: -f2)
    # shellcheck disable=SC2086
    kill -9 $pids
    wait "$supervisor" || true
    supervisor=""
    for pid in $pids; do wait_for gone "$pid"; done
}

export OUTPUT="$PWD/answers"
part=0
for workers in 2 5 1 3; do
    part=$((part + 1))
    give_part $part
    before=${parts[part - 1]}
    span=$((parts[part] - before))
    # Twice somewhere in the part; the second time by a worker more or less.
    for at in $((before + span / 8 + RANDOM % (span / 8))) $((before + span / 2 + RANDOM % (span / 4))); do
        start_endless --set "counts.workers=$workers"
        wait_for acked answers "$at"
        kill_everything
        [ "$workers" -eq 1 ] || workers=$((workers + RANDOM % 3 - 1))
        [ "$workers" -gt 0 ] || workers=1
    done
    # The next number of workers finishes the part: its end is an end for them.
    run --set "counts.workers=$((workers + 2))" >summary 2>run.err || fail "$(cat run.err)"
    same answers "wanted.$part"
    same "$state/dead-letters.jsonl" "wanted.dead.$part"
done
no_sockets_left
