#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A sink of lines writes one line for a record or makes it a dead letter: what it wrote is read back
# as the same texts, whatever is killed, and all else is in the dead letters with its reason.
. "$ROOT/tests/integration/lib.sh"
seed=${SEED:-$RANDOM}
echo "SEED=$seed"
RANDOM=$seed
export INPUT=$PWD/input OUTPUT=$PWD/answers
cat >written.yaml <<'END'
topology: written
types: { T: { line: string } }
stages:
  read: { kind: file.source, path: "${INPUT}" }
  parse: { kind: json.decode, from: read, type: T, workers: 2 }
  out: { kind: file.sink, from: parse, path: "${OUTPUT}" }
END
cat >read.yaml <<'END'
topology: read
stages:
  read: { kind: file.source, path: "${INPUT}" }
  format: { kind: json.encode, from: read }
  out: { kind: file.sink, from: format, path: "${OUTPUT}" }
END
sed 's/file.sink, from: parse,.*/stdout.sink, from: parse }/' written.yaml >shown.yaml
topology=$PWD/written.yaml

# Each text with what becomes of it: its line, or where in the message it says why not.
printf '%s\n' '{"line":"c"}' '{"line":"a\nb"}' '{"line":"\n"}' '{"line":"end\n"}' '{"line":""}' \
    '{"line":" \t"}' '{"line":"\r"}' '{"line":"cr\r"}' '{"line":"mid\rdle"}' '{"line":" x "}' \
    '{"line":"\u2028\u0085\u000b\u000c"}' '{"line":"nul\u0000"}' '{"line":"\\n"}' '{"line":"last"}' >input
printf 'c\nmid\rdle\n x \n\xe2\x80\xa8\xc2\x85\v\f\nnul\0\n\\n\nlast\n' >wanted
dead() { printf '{"seq":%s,"line":%s,"stage":"out","reason":"not-a-line","message":"%s","record":{"line":"%s"}}\n' "$1" "$1" "$2" "$3"; }
{
    two='it has a newline at byte %s, so it would become two lines; json.encode makes one line of any text'
    none='it is %s, and a blank line would not be read back as a record'
    dead 2 "${two/\%s/2}" 'a\nb'
    dead 3 "${two/\%s/1}" '\n'
    dead 4 "${two/\%s/4}" 'end\n'
    dead 5 "${none/\%s/empty}" ''
    dead 6 "${none/\%s/blank}" ' \t'
    dead 7 "${none/\%s/blank}" '\r'
    dead 8 'it ends with a carriage return, which would be read back as part of the line ending' 'cr\r'
} >wanted.dead
for host in "" --inline; do
    rm -rf state answers
    topology=$PWD/written.yaml
    "$BULKHEAD" run --state state $host "$topology" >summary
    same answers wanted
    with_version state wanted.dead
    same state/dead-letters.jsonl wanted.dead
    [ "$(row out summary)" = "14 7 0 7" ] || fail "$(cat summary)"
    rm -rf state
    topology=$PWD/shown.yaml
    run $host 2>summary | cat >shown
    same shown wanted
    with_version state wanted.dead
    same state/dead-letters.jsonl wanted.dead
done
rm -rf state
run --set out.numbered=true 2>summary | cut -f 1 >numbers
printf '%s.0\n' 1 9 10 11 12 13 14 >wanted.numbers
same numbers wanted.numbers

# Lines as a source has read them: their ends may still be no part of a line, and the beginning too.
cat >copied.yaml <<'END'
topology: copied
stages:
  read: { kind: file.source, path: "${INPUT}" }
  out: { kind: file.sink, from: read, path: "${OUTPUT}" }
END
sed 's/file.source, path: "${INPUT}"/stdin.source/' copied.yaml >piped.yaml
mark=$'\xef\xbb\xbf'
cp input input.kept
printf '%s%sa\r\nfirst\n\nb\r\r\n%s%sc\n%s\n \r\r\nd' "$mark" "$mark" "$mark" "$mark" "$mark" >input
printf 'first\n%s%sc\n%s\nd\n' "$mark" "$mark" "$mark" >wanted.copy
for host in "" --inline; do
    for file in copied piped; do
        rm -rf state answers
        topology=$PWD/$file.yaml
        run $host <input >summary
        same answers wanted.copy
        dead_letters | cut -f 1,2,3,4 >copied.dead
        printf '%s\t%s\tout\tnot-a-line\n' 1 1 3 4 >wanted.copied.dead
        same copied.dead wanted.copied.dead
    done
done
mv input.kept input

# Whoever wants these texts can read them as the dead letters of the sink.
sed 's/^  out:/  refused: { kind: json.encode, from: out.dead }\n  rest: { kind: file.sink, from: refused, path: rest }\n  out:/' \
    written.yaml >rest.yaml
topology=$PWD/rest.yaml
rm -rf state answers
run >summary
same answers wanted
[ "$(grep -c '"reason":"not-a-line"' rest)" -eq 7 ] || fail "$(cat rest)"
[ ! -s state/dead-letters.jsonl ] || fail "$(cat state/dead-letters.jsonl)"

# Any texts: with kills the same as without, and all that was written is read back as it was.
topology=$PWD/written.yaml
records=$(scaled 20000)
python3 - "$seed" "$records" >input <<'END'
import json, random, sys
random.seed(int(sys.argv[1]))
parts = ["\n", "\r", " ", "\t", "a", "text", "\r\n", "\\n", "\u2028", "\x0b", "\ufeff", "ä"]
for i in range(int(sys.argv[2])):
    text = "x" if random.random() < 0.3 else "".join(random.choices(parts, k=random.randrange(8)))
    if i < 9 or i % 1000 == 0:
        text = "\ufeff" + text
    print(json.dumps({"line": text}))
END
rm -rf state inline answers
OUTPUT=$PWD/oracle state=$PWD/inline run --inline >summary
mv input whole
: >input
source=read
start_endless
names=(out dead-letters out read parse.0 parse.1)
for ((i = 0; i < 30; i++)); do
    give $((RANDOM % (records / 30)))
    killed "${names[RANDOM % ${#names[@]}]}" || true
done
give_rest
wait_for acked read "$records"
stop
[ "$kills" -gt 0 ] || fail "nothing was killed"
same answers oracle
same state/dead-letters.jsonl inline/dead-letters.jsonl
INPUT=$PWD/answers OUTPUT=$PWD/back topology=$PWD/read.yaml
rm -rf state
run >summary
[ ! -s state/dead-letters.jsonl ] || fail "$(head -n 3 state/dead-letters.jsonl)"
python3 - <<'END'
import json
texts = [json.loads(line)["line"] for line in open("input", encoding="utf-8")]
blank = lambda text: text.strip(" \t\r") == ""
written, refused = [], []
for text in texts:
    # A mark at the very beginning of a file is no part of its first line.
    bad = "\n" in text or blank(text) or text.endswith("\r") or (not written and text.startswith("\ufeff"))
    (refused if bad else written).append(text)
back = [json.loads(line)["line"] for line in open("back", encoding="utf-8")]
dead = [json.loads(line)["record"]["line"] for line in open("inline/dead-letters.jsonl", encoding="utf-8")]
assert back == written, "what was read back is not what was written"
assert dead == refused, "another was refused"
END
