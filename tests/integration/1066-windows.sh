#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# window.count: as many workers as one likes, killed as they work, and another number of them in the
# next run, give what the inline host gives;
# the end of the input comes once, behind what is new, from a file and from standard input.
. "$ROOT/tests/integration/lib.sh"
run() { "$BULKHEAD" run --state "$state" "$@" "$topology"; }
seed=${SEED:-$RANDOM}
echo "SEED=$seed"
RANDOM=$seed
records=$(scaled 30000)
"$generate" --records "$records" --customers 500 --seed 7 --days 40 --disorder 5 --malformed 1 -o all
half=$((records / 2 - 123)) # not where a day ends
head -n "$half" all >first

# A topology with so many workers, of the source that is named.
make_topology() {
    cat >"$1.yaml" <<END
topology: windows
types:
  Load: { id: string, customer_id: string, load_amount: money(USD), time: timestamp }
stages:
  loads: { kind: $2 }
  parse: { kind: json.decode, from: loads, type: Load }
  counts: { kind: window.count, from: parse, key: customer_id, at: time, per: day, lateness: 6h, workers: $3 }
  format: { kind: json.encode, from: counts }
  answers: { kind: file.sink, from: format, path: "\${OUTPUT}" }
END
    topology=$PWD/$1.yaml
}

# Kills random stages, some tens of times; a run that is over before was killed less often.
run_with_kills() {
    local names=("$@") code kills=0
    "$BULKHEAD" run --quiet --state "$state" "$topology" >run.out 2>run.err &
    supervisor=$!
    while [ "$kills" -lt 40 ] && ! gone "$supervisor"; do
        code=0
        "$BULKHEAD" kill "${names[RANDOM % ${#names[@]}]}" --state "$state" >/dev/null 2>&1 || code=$?
        kills=$((kills + (code == 0 ? 1 : 0)))
    done
    wait "$supervisor" || fail "exit $?: $(cat run.err)"
    supervisor=""
}

export INPUT="$PWD/input"
# shellcheck disable=SC2016
file_source='file.source, path: "${INPUT}"'
make_topology inline "$file_source" 1
cp first input
OUTPUT="$PWD/wanted" run --inline >summary 2>&1
cp wanted wanted.first
OUTPUT="$PWD/wanted" run --inline >summary 2>&1
grep -q 'nothing new' summary || fail "$(cat summary)"
same wanted wanted.first
cp all input
OUTPUT="$PWD/wanted" run --inline >summary 2>&1
cp "$state/dead-letters.jsonl" wanted.dead
[ "$(wc -l <wanted)" -gt "$(wc -l <wanted.first)" ] || fail "nothing came behind the first end"
grep -q '"reason":"late"' wanted.dead || fail "nothing was late"

# Some windows were open at the first end and closed by it: what came for them later is late.
rm -rf state
OUTPUT="$PWD/at-once" run --inline >summary 2>&1
cmp -s at-once wanted && fail "an end in between changed nothing"

for workers in 1 2 5; do
    rm -rf state
    make_topology processes "$file_source" "$workers"
    names=(loads parse format answers dead-letters counts)
    if [ "$workers" -gt 1 ]; then
        names=(loads parse format answers dead-letters)
        for ((i = 0; i < workers; i++)); do names+=("counts.$i"); done
    fi
    export OUTPUT="$PWD/answers.$workers"
    cp first input
    run_with_kills "${names[@]}"
    same "answers.$workers" wanted.first
    run_with_kills "${names[@]}"
    same "answers.$workers" wanted.first
    # What is new is worked on by another number of workers.
    make_topology processes "$file_source" $((workers == 1 ? 3 : 1))
    cp all input
    run_with_kills loads parse format answers dead-letters
    same "answers.$workers" wanted
    same "$state/dead-letters.jsonl" wanted.dead
done

# From standard input: the end is in the journal, and no record.
read=$(grep -c '[^[:space:]]' first)
rm -rf state
make_topology piped stdin.source 2
export OUTPUT="$PWD/answers.piped"
run <first >summary 2>&1
same answers.piped wanted.first
"$BULKHEAD" journal --state "$state" --print "$topology" >printed
[ "$(tail -n 1 printed)" = "$((read + 1))	-	end of the input" ] || fail "$(tail -n 1 printed)"
"$BULKHEAD" journal --state "$state" "$topology" >listed
grep -q " to $((read + 1)), 1 of them the end of an input, " listed || fail "$(cat listed)"
[ "$(row loads summary)" = "$read $read 0 0" ] || fail "$(cat summary)"
run </dev/null >summary 2>&1
same answers.piped wanted.first
tail -n +$((half + 1)) all | run >summary 2>&1
same answers.piped wanted
"$BULKHEAD" journal --state "$state" --verify "$topology" >verified
grep -qx 'every block verifies' verified || fail "$(cat verified)"
