#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Another number of workers at every start, with everything killed in between: same bytes. The state
# goes from one to two, five, one (inline), three and one again, with workers killed at different
# seqs. What cannot be dealt out, or does not verify, is refused, and nothing is changed.
. "$ROOT/tests/integration/lib.sh"
lines=$(scaled 160000)
"$generate" --records "$lines" --customers 700 --seed 180 --malformed 1 --disorder 3 -o whole
export INPUT="$PWD/input" OUTPUT="$PWD/answers"

workers() {
    settings=()
    for stage in parse once limits format; do settings+=(--set "$stage.workers=$1"); done
}

answered() { "$BULKHEAD" status --json --state "$state" >status.json 2>/dev/null; }

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

# With all but a little of what was there worked on, more comes, and everything is killed.
start_and_kill() {
    give $((lines / 8))
    start_endless "${settings[@]}"
    wait_for acked answers $((given * 9 / 10))
    give $((lines / 16))
    kill_everything
}

for n in 1 2 5; do
    workers $n
    start_and_kill
done
[ -d "$state/stages/limits/4" ] || fail "no directory for the fifth worker"

# One changed byte in a file of one worker: refused, naming it, with everything as it was.
find "$state/stages" -type f -exec cksum {} + | sort >before
cp "$state/stages/limits/3/store.2.checkpoint" kept
python3 - "$state/stages/limits/3/store.2.checkpoint" <<'EOF'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(2000)
    byte = f.read(1)
    f.seek(2000)
    f.write(bytes([byte[0] ^ 1]))
EOF
expect_exit 5 run --inline 2>errors
grep -q "'stages/limits/3'.*store.2.checkpoint: a block does not verify (offset" errors || fail "$(cat errors)"
cat kept >"$state/stages/limits/3/store.2.checkpoint"
find "$state/stages" -type f -exec cksum {} + | sort >after
same before after

# To one worker, in one process, and killed there as well.
before=$(stat -c %s answers)
give $((lines / 8))
"$BULKHEAD" run --quiet --inline --state "$state" --set loads.follow=true "$topology" >run.out 2>run.err &
supervisor=$!
grown() { [ "$(stat -c %s answers)" -gt $((before + 20000)) ]; }
wait_for grown
give $((lines / 16))
kill -9 "$supervisor"
wait "$supervisor" || true
supervisor=""
[ ! -e "$state/stages/limits/workers" ] || fail "one worker has none beside it"

workers 3
start_and_kill
give_rest
run >summary
same_as_oracle answers
no_sockets_left
ls "$state/stages" | grep -q '\.' && fail "leftovers: $(ls "$state/stages")"

# A stage whose kind has no state gets no state dealt out to it; it begins anew if somebody says so.
workers 2
run "${settings[@]}" >/dev/null
sed 's/kind: dedupe, from: parse, key: .customer_id, id./kind: merge, from: [parse]/' "$topology" | sed '/^version:/d' >other.yaml
topology=$PWD/other.yaml
expect_exit 5 run 2>errors
grep -q "stage 'once' was of kind dedupe and is now of kind merge" errors || fail "$(cat errors)"
run --discard once >/dev/null 2>errors || fail "$(cat errors)"
