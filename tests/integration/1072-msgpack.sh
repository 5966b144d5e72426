#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Records in msgpack: whole outputs against those of another library, with kills in the middle and
# with workers; what no sink writes; standard output, its terminals, and a map that a kill has cut.
. "$ROOT/tests/integration/lib.sh"
seed=${SEED:-$RANDOM}
echo "SEED=$seed"
export INPUT=$PWD/input OUTPUT=$PWD/answers

cat >encode.yaml <<'END'
topology: encode
types:
  T:
    n: int
    id: string
    ok: bool
    amount: money(USD)
    rate: decimal(10,2)
    at: timestamp
    day: date
    span: duration
    state: enum(open, closed)
    moments: list(timestamp)
    numbers: map(list(int))
    note: optional(int)
stages:
  loads: { kind: file.source, path: "${INPUT}" }
  parse: { kind: json.decode, from: loads, type: T, workers: 2 }
  pack: { kind: msgpack.encode, from: parse, workers: 2 }
  out: { kind: file.sink, from: pack, path: "${OUTPUT}", records: msgpack }
END
sed -e 's/path: "${INPUT}"/&, records: msgpack/' -e 's/json.decode/msgpack.decode/' encode.yaml >decode.yaml

# What a sink of packed records refuses: it would put a reader out of step.
cat >refuse.yaml <<'END'
topology: refuse
stages:
  lines: { kind: file.source, path: input }
  packed: { kind: map, from: lines, rename: { line: packed } }
  out: { kind: file.sink, from: packed, path: "${OUTPUT}", records: msgpack }
  shown: { kind: stdout.sink, from: packed, records: msgpack }
END
printf '%b\n' '\x81\xa1n\x01' 'abc' '\x81\xa1n' '\xde\x00\x01\xa1n\x02' '\x01' '\x80' '\x81\xa1n\x03\x80' >input
dead() { printf '{"seq":%s,"line":%s,"stage":"%s","reason":"%s","message":"%s; use msgpack.encode to make a packed record from any record","input_base64":"%s"}\n' "$@"; }
{
    for row in '2|not-msgpack|2 bytes follow the value|YWJj' \
        '3|not-msgpack|it is cut off inside the value that begins at offset 3|gaFu' \
        '5|not-a-map|it is a msgpack value, but not a map|AQ==' \
        '7|not-msgpack|1 byte follows the value|gaFuA4A='; do
        IFS='|' read -r seq reason message bytes <<<"$row"
        for stage in out shown; do dead "$seq" "$seq" "$stage" "$reason" "$message" "$bytes"; done
    done
} >wanted.dead
printf '\x81\xa1n\x01\xde\x00\x01\xa1n\x02\x80' >wanted
for host in "" --inline; do
    rm -rf state answers
    topology=refuse.yaml
    # shellcheck disable=SC2086
    run $host 2>errors | cat >shown || fail "exit $?: $(cat errors)"
    same answers wanted
    same shown wanted
    with_version state wanted.dead
    same state/dead-letters.jsonl wanted.dead
done

# A file that holds lines gets no maps behind them, nor the other way; what to do then loses nothing.
cat >mixed.lines.yaml <<'END'
topology: mixed
types: { T: { n: int } }
stages:
  a: { kind: file.source, path: input }
  b: { kind: json.decode, from: a, type: T }
  c: { kind: json.encode, from: b }
  d: { kind: file.sink, from: c, path: "${OUTPUT}" }
END
sed -e 's/json.encode/msgpack.encode/' -e 's/path: "${OUTPUT}"/&, records: msgpack/' mixed.lines.yaml >mixed.msgpack.yaml
printf '{"n":1}\n' >mixed.wanted.lines
printf '\x81\xa1n\x01' >mixed.wanted.msgpack
for host in "" --inline; do
    for was in lines msgpack; do
        is=$([ "$was" = lines ] && echo msgpack || echo lines)
        rm -rf state answers answers.new
        echo '{"n":1}' >input
        # shellcheck disable=SC2086
        topology=mixed.$was.yaml run $host >summary
        same answers "mixed.wanted.$was"
        echo '{"n":2}' >>input
        topology=mixed.$is.yaml
        # shellcheck disable=SC2086
        expect_exit 5 "$BULKHEAD" run $host --quiet --state "$state" "$topology" 2>errors
        grep -q "stage 'd': .*'$OUTPUT' holds .* bytes written with records: $was, but the topology now has records: $is; \
change that back; or choose another 'path' or move the file away, and use --discard d, which writes what comes from \
now on to a new file; or start over with --fresh, which empties this one" errors || fail "$(cat errors)"
        same answers "mixed.wanted.$was"
        cp -r state state.before
        # shellcheck disable=SC2086
        OUTPUT=$PWD/answers.new run $host --discard d >summary
        same answers "mixed.wanted.$was"
        tr 1 2 <"mixed.wanted.$is" | tr '\001' '\002' >wanted.new
        same answers.new wanted.new
        rm -rf state
        mv state.before state
        # shellcheck disable=SC2086
        run $host --fresh >summary 2>errors
        cat "mixed.wanted.$is" wanted.new | cmp - answers || fail "--fresh"
    done
done
# Where a source is read anew because its records are others now, the output is looked at likewise.
rm -rf state answers answers.new
printf '{"n":1}\n' >input
printf '%s\n' 'topology: copied' 'stages:' '  a: { kind: file.source, path: input }' \
    '  d: { kind: file.sink, from: a, path: "${OUTPUT}" }' >copied.lines.yaml
sed 's/ }$/, records: msgpack }/' copied.lines.yaml >copied.msgpack.yaml
topology=copied.lines.yaml run >summary
cp mixed.wanted.msgpack input
topology=copied.msgpack.yaml
expect_exit 5 run --discard a 2>errors
grep -q "stage 'd': .*and use --discard d" errors || fail "$(cat errors)"
same answers mixed.wanted.lines
OUTPUT=$PWD/answers.new run --discard a --discard d >summary
same answers mixed.wanted.lines
same answers.new mixed.wanted.msgpack

# What a source or a decoder refuses is in base64 too, where its bytes are text by chance; with a source of lines it is text.
cat >text.yaml <<'END'
topology: text
types: { T: { n: int } }
stages:
  a: { kind: file.source, path: input, records: msgpack }
  b: { kind: msgpack.decode, from: a, type: T, workers: 2 }
  c: { kind: json.encode, from: b }
  d: { kind: file.sink, from: c, path: "${OUTPUT}" }
END
sed -e 's/, records: msgpack//' -e 's/msgpack.decode/json.decode/' text.yaml >text.lines.yaml
for host in "" --inline; do
    rm -rf state answers
    printf '\x05\x81\xa1n\xa1x' >input
    # shellcheck disable=SC2086
    topology=text.yaml run $host >summary
    sed 's/,"version":"[0-9a-f]*"}$/}/; s/.*"stage":"\([^"]*\)".*",\("[^"]*":.*\)}$/\1 \2/' state/dead-letters.jsonl >found
    printf '%s\n' 'a "input_base64":"BQ=="' 'b "input_base64":"gaFuoXg="' | same found -
    rm -rf state answers
    printf '\x05\n' >input
    # shellcheck disable=SC2086
    topology=text.lines.yaml run $host >summary
    grep -q ',"input":"\\u0005","version":"[0-9a-f]*"}$' state/dead-letters.jsonl || fail "$(cat state/dead-letters.jsonl)"
done

# Neither a regular file nor a terminal is a place for it.
rm -rf state answers
topology=refuse.yaml
expect_exit 5 run >shown 2>errors
grep -q "a regular file; use file.sink, which neither repeats nor loses a record" errors || fail "$(cat errors)"
rm -rf state answers
python3 - "$BULKHEAD" <<'END' || fail "on a terminal"
import os, pty, subprocess, sys
master, slave = pty.openpty()
done = subprocess.run([sys.argv[1], "run", "--state", "state", "refuse.yaml"], stdout=slave,
                      stderr=subprocess.PIPE, text=True, check=False)
assert done.returncode == 5, done
assert ("standard output is a terminal, and msgpack is not text; pipe the output into a program that reads "
        "msgpack, or use file.sink") in done.stderr, done.stderr
END
[ ! -e answers ] || fail "it began to write before it looked at the terminal"

# Kills while it runs, and a chaos of them, with the same bytes.
python3 - "$seed" "$(scaled 6000)" >whole <<'END'
import json, random, sys
rng = random.Random(int(sys.argv[1]))
for n in range(1, int(sys.argv[2]) + 1):
    size = rng.choice([0, 1, 40, 200, 5000 if n % 50 == 0 else 10])
    print(json.dumps({"n": n, "id": "x\n" * size, "ok": True, "amount": "$1.00", "rate": 1, "at": "2000-01-01T00:00:00Z",
                      "day": "2000-01-01", "span": "1s", "state": "open", "moments": ["1999-12-31T23:59:59.5Z"] * (n % 3),
                      "numbers": {"b": [n], "a": []}} if n % 100 else {"n": n}))
END
lines=$(wc -l <whole)
cp whole input
topology=encode.yaml
rm -rf state
run --inline >inline-summary
mv answers inline-answers
cp state/dead-letters.jsonl inline-dead
for victim in pack.0 out; do
    rm -rf state answers
    : >input
    given=0
    give $((lines / 3))
    start_endless
    wait_for acked loads $((lines / 10))
    pid=$(json "$victim" pid)
    give_rest
    kill -9 "$pid"
    wait_for acked loads "$lines"
    stop
    same answers inline-answers
    same state/dead-letters.jsonl inline-dead
done
# The supervisor and all stages at once: the sink finds what it has shown and writes it over.
rm -rf state answers
: >input
given=0
give $((lines / 2))
start_endless
wait_for acked loads $((lines / 10))
give_rest
kill -9 "$supervisor"
wait "$supervisor" || true
supervisor=""
run >summary
same answers inline-answers
cp whole input
"$BULKHEAD" chaos --quiet --seed "$seed" --kills "$(scaled 20)" encode.yaml >report 2>errors ||
    fail "chaos: exit $?: $(cat report errors)"
grep -q 'verdict: *same bytes' report || fail "$(cat report)"

# Standard output. Nobody reads, so maps of more than a pipe takes at once are cut where it is full:
# a kill then stops the run, and the next one begins with the whole map.
sed 's/file.sink, from: pack, path: "${OUTPUT}"/stdout.sink, from: pack/' encode.yaml >shown.yaml
topology=shown.yaml
python3 - >input <<'END'
import json
for n in range(1, 201):
    print(json.dumps({"n": n, "id": "x" * (9001 if n % 2 else 30), "ok": True, "amount": "$1.00", "rate": 1,
                      "at": "2000-01-01T00:00:00Z", "day": "2000-01-01", "span": "1s", "state": "open",
                      "moments": [], "numbers": {}}))
END
rm -rf state
run 2>errors | cat >shown.whole || fail "exit $?: $(cat errors)"
rm -rf state
mkfifo pipe
exec 7<>pipe
"$BULKHEAD" run --quiet --state "$state" shown.yaml >pipe 2>run.err &
supervisor=$!
wait_for running
full() { python3 -c 'import select, sys; sys.exit(bool(select.select([], [7], [], 0)[1]))'; }
wait_for full
"$BULKHEAD" kill out --state "$state" >/dev/null
wait_for gone "$supervisor"
code=0
wait "$supervisor" || code=$?
supervisor=""
[ "$code" -eq 5 ] || fail "exit $code: $(cat run.err)"
grep -q 'a kill may have cut a record on standard output' run.err || fail "$(cat run.err)"
exec 8<pipe 7<&-
cat <&8 >shown.cut
exec 8<&-
run 2>errors | cat >shown.rest || fail "exit $?: $(cat errors)"
python3 - <<'END' || fail "the parts of standard output are wrong"
whole, cut, rest = (open(f"shown.{part}", "rb").read() for part in ("whole", "cut", "rest"))
assert whole.startswith(cut) and 0 < len(cut) < len(whole), len(cut)
assert whole.endswith(rest), len(rest)
begin = len(whole) - len(rest)
assert begin <= len(cut), (begin, len(cut))
assert whole[begin:].startswith(b"\x8b\xa1n") and (begin == 0 or b"\xa7numbers\x80" == whole[begin - 9:begin]), begin
END
# One that is whole when the pipe is full was not cut: a kill then is like any other.
python3 - >input <<'END'
import json
for n in range(1, 201):
    print(json.dumps({"n": n, "id": "x" * (9001 if n == 1 else 1000), "ok": True, "amount": "$1.00", "rate": 1,
                      "at": "2000-01-01T00:00:00Z", "day": "2000-01-01", "span": "1s", "state": "open",
                      "moments": [], "numbers": {}}))
END
rm -rf state
exec 7<>pipe
"$BULKHEAD" run --quiet --state "$state" shown.yaml >pipe 2>run.err &
supervisor=$!
wait_for running
wait_for full
"$BULKHEAD" kill out --state "$state" >/dev/null
again() { [ "$(json out generation)" = 2 ] && [ "$(json out state)" = running ]; }
wait_for again
cat <pipe 7<&- >shown.whole &
reader=$!
exec 7<&-
wait "$supervisor" || fail "exit $?: $(cat run.err)"
supervisor=""
wait "$reader"
[ "$(LC_ALL=C grep -ao $'\xa7numbers\x80' shown.whole | wc -l)" -ge 200 ] || fail "some never came"
# Smaller ones are never cut, however often the sink is killed; some may come again.
python3 - "$(scaled 4000)" >input <<'END'
import json, sys
for n in range(1, int(sys.argv[1]) + 1):
    print(json.dumps({"n": n, "id": "x" * (n % 97 * 40), "ok": True, "amount": "$1.00", "rate": 1,
                      "at": "2000-01-01T00:00:00Z", "day": "2000-01-01", "span": "1s", "state": "open",
                      "moments": [], "numbers": {}}))
END
rm -rf state
run 2>errors | cat >shown.whole || fail "exit $?: $(cat errors)"
rm -rf state
python3 - "$BULKHEAD" "$state" <<'END' || fail "killed while it writes to a pipe"
import os, re, subprocess, sys
whole = open("shown.whole", "rb").read()
reader, writer = os.pipe()
run = subprocess.Popen([sys.argv[1], "run", "--quiet", "--state", sys.argv[2], "shown.yaml"], stdout=writer,
                       stderr=subprocess.PIPE)
os.close(writer)
out, kills = b"", 0
while piece := os.read(reader, 1 << 16):
    out += piece
    if kills < 10 and len(out) > (kills + 1) * len(whole) // 12:
        kills += 1
        subprocess.run([sys.argv[1], "kill", "out", "--state", sys.argv[2]], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
error = run.stderr.read()
assert run.wait() == 0, error
# Each map stands alone in what came, and they go on, or back to one that came already.
maps = {}
place = 0
for end in re.finditer(rb"\xa7numbers\x80", whole):
    maps[whole[place:end.end()]] = len(maps)
    place = end.end()
last, again, place = -1, 0, 0
for end in re.finditer(rb"\xa7numbers\x80", out):
    number = maps[out[place:end.end()]]
    assert number <= last + 1, (number, last)
    again += number <= last
    last, place = max(last, number), end.end()
assert place == len(out) and last == len(maps) - 1, (place, len(out), last)
print(f"{kills} kills, {again} maps again")
END

# The bytes are those of another library.
python=python3
$python -c 'import msgpack' 2>/dev/null || python=/usr/bin/python3
$python -c 'import msgpack' 2>/dev/null || skip "python3-msgpack is not here to compare with"
$python "$ROOT/tests/integration/msgpack_values.py" make "$seed" "$(scaled 1000)" made
for host in "" --inline; do
    rm -rf state answers
    cp made.jsonl input
    topology=encode.yaml
    # shellcheck disable=SC2086
    run $host >summary
    same answers made.wanted
    [ ! -s state/dead-letters.jsonl ] || fail "$(head -3 state/dead-letters.jsonl)"
    # What it reads in any form is what it writes in the one form.
    rm -rf state answers
    cp made.other input
    topology=decode.yaml
    # shellcheck disable=SC2086
    run $host >summary
    same answers made.wanted
    [ ! -s state/dead-letters.jsonl ] || fail "$(head -3 state/dead-letters.jsonl)"
done
# What it wrote, read again: the same bytes. From standard input, with kills until it is over.
sed 's/file.source, path: "${INPUT}"/stdin.source/' decode.yaml >piped.yaml
topology=piped.yaml
rm -rf state answers
python3 -c 'import shutil, sys
with open("made.wanted", "rb") as source:
    while piece := source.read(2001):
        sys.stdout.buffer.write(piece)
        sys.stdout.flush()' | "$BULKHEAD" run --quiet --state "$state" piped.yaml >run.out 2>run.err &
supervisor=$!
kill_until_over loads parse.0 parse.1 pack.0 pack.1 out
same answers made.wanted
[ ! -s state/dead-letters.jsonl ] || fail "$(head -3 state/dead-letters.jsonl)"
# A file that grows while stages are killed, with damage in it: the dead letters are the same too.
python3 - "$seed" <<'END'
import random, sys
rng = random.Random(int(sys.argv[1]))
with open("made.other", "rb") as source, open("damaged", "wb") as out:
    records = source.read().split(b"\xdf\x00\x00\x00")  # mostly where a record or a map begins
    for number, record in enumerate(records[1:]):
        out.write(b"\xdf\x00\x00\x00" + record)
        if number == 0 or rng.random() < 0.02:
            out.write(rng.choice([b"\x80", b"\x81\x01\x02", b"\x91" * 40 + b"\x01", b"\x81\xa1n\xca\x00\x00\x00\x00", b"\xa1n"]))
END
topology=decode.yaml
rm -rf state answers
cp damaged input
run --inline >inline-summary
mv answers inline-answers
cp state/dead-letters.jsonl inline-dead
[ -s inline-dead ] || fail "nothing was refused"
size=$(stat -c %s damaged)
total=$(awk '$1 == "loads" { print $4 + $6 }' inline-summary)
for victim in loads parse.1; do
    rm -rf state answers
    head -c $((size / 2)) damaged >input
    start_endless
    wait_for acked loads $((total / 20 + 1))
    pid=$(json "$victim" pid)
    tail -c +$((size / 2 + 1)) damaged >>input
    kill -9 "$pid"
    wait_for acked loads "$total"
    stop
    same answers inline-answers
    same state/dead-letters.jsonl inline-dead
done
