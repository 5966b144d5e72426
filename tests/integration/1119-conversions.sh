#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# States that are converted, against an oracle whose rules change at the record at which a run ended:
# other limits, periods, lateness, attempts and times to keep keys, two changes in a row, in both
# hosts, with other workers before, after and at once. What is lost is refused, and begins with nothing
# if it is told to.
. "$ROOT/tests/integration/lib.sh"
rules="$ROOT/tests/oracle/changed_rules.py"
lines=$(scaled 360)
[ "$lines" -ge 120 ] || lines=120

# Sales of some weeks that jump back by up to some days, of few customers, with many repeats.
python3 - "$lines" >all.jsonl <<'P'
import datetime, json, random, sys
draw = random.Random(1119)
lines = int(sys.argv[1])
begin = datetime.datetime(2026, 1, 1)
for i in range(lines):
    at = begin + datetime.timedelta(days=40 * i / lines - draw.choice((0, 0, 0, 1, 2, 4, 9)) * draw.random())
    print(json.dumps({
        "id": str(draw.randint(max(0, i - 40), i)),
        "who": f"w{draw.randint(0, 6)}",
        "amount": f"${draw.randint(1, 40)}.{draw.randint(0, 99):02}",
        "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }, separators=(",", ":")))
P

# write OPTION=VALUE...: the topology with these options, in t.yaml; the options of the run in $flags.
write() {
    local option workers=1 lateness="" attempts=accepted keep="" limits=()
    flags=()
    for option in "$@"; do
        local value=${option#*=}
        case $option in
        workers=*) workers=$value ;;
        host=process) ;;
        host=inline) flags+=(--inline) ;;
        discard=*) flags+=(--discard "$value") ;;
        lateness=*) lateness=$value ;;
        attempts=*) attempts=$value ;;
        keep=*) keep=", keep: ${value}d, at: at" ;;
        day_* | week_*)
            local per=${option%%_*} what=${option%%=*}
            limits+=("${what/_/-}: { per: $per, ${what#*_}: $value }")
            ;;
        *) fail "'$option' is not an option" ;;
        esac
    done
    cat >t.yaml <<Y
topology: shop
durability: process
types: { Sale: { id: string, who: string, amount: money(USD), at: timestamp } }
stages:
  read: { kind: file.source, path: in.jsonl }
  parse: { kind: json.decode, from: read, type: Sale }
  once: { kind: dedupe, from: parse, key: id, workers: $workers$keep }
  caps:
    kind: limits
    from: once
    key: who
    amount: amount
    at: at
    lateness: ${lateness}d
    attempts: $attempts
    workers: $workers
    rules: { $(printf '%s, ' "${limits[@]}") }
  lines: { kind: json.encode, from: caps }
  out: { kind: file.sink, from: lines, path: out.jsonl }
Y
    topology=t.yaml
}

letters() {
    python3 -c '
import json, sys
for line in open(sys.argv[1]):
    letter = json.loads(line)
    print(letter["seq"], letter["stage"], letter["reason"], sep="\t")' "$state/dead-letters.jsonl"
}

# story "OPTIONS" "OPTIONS" ...: runs a part of the input with each, and compares all with the oracle.
stories=0
story() {
    local phases=() options upto=0 part=$((lines / $#))
    rm -rf "$state" out.jsonl
    for options in "$@"; do
        phases+=("$((upto + 1)) $options")
        upto=$((upto + part))
        head -n "$upto" all.jsonl >in.jsonl
        # shellcheck disable=SC2086
        write $options
        run "${flags[@]}" >summary 2>errors || fail "story of $(printf "'%s' " "$@"): $(cat errors)"
    done
    "$rules" in.jsonl wanted.jsonl wanted.dead "${phases[@]}"
    cmp out.jsonl wanted.jsonl || fail "answers of $(printf "'%s' " "$@"): $(diff out.jsonl wanted.jsonl | head)"
    letters >dead
    cmp dead wanted.dead || fail "dead letters of $(printf "'%s' " "$@"): $(diff dead wanted.dead | head)"
    stories=$((stories + 1))
}

# Each change of a first set of options to a second and a third, in some of the hosts, with some of
# the workers; the next change gets the next ones.
places=("host=process workers=1" "host=inline workers=3" "host=process workers=3" "host=inline workers=1")
turn=0
place() { # the next host and workers, in $place
    place=${places[turn % ${#places[@]}]}
    turn=$((turn + (turn / ${#places[@]}) % 2 + 1))
}
changes() { # changes "OPTIONS" "OPTIONS" "OPTIONS"
    local options placed=()
    for options in "$@"; do place && placed+=("$place $options"); done
    story "${placed[@]}"
}

same="lateness=5 attempts=accepted day_sum=60 day_count=3"
# The limits of what is kept.
changes "$same" "${same/60/30}" "${same/60/90}"
changes "$same" "${same/count=3/count=1}" "${same/sum=60/sum=200}"
# A period is new, one is not used any more, a sum in a period that was counted, and none any more.
changes "$same" "$same week_sum=100" "$same week_sum=100 week_count=5"
changes "$same week_sum=100" "$same" "$same"
changes "lateness=5 day_count=2" "lateness=5 day_count=2 day_sum=50" "lateness=5 day_count=3 week_count=4"
changes "lateness=5 week_sum=100" "lateness=5 day_sum=50" "lateness=5 day_sum=70"
# Windows stay open for longer, or close sooner; back again.
changes "${same/=5/=1}" "${same/=5/=9}" "${same/=5/=1}"
changes "${same/=5/=9}" "${same/=5/=1}" "${same/=5/=0}"
changes "${same/=5/=0} week_sum=100" "${same/=5/=3}" "${same/=5/=2} attempts=all"
# What is counted.
changes "$same" "${same/accepted/all}" "$same"
# Keys are remembered for longer, less long, for ever, and from now on.
changes "keep=2 $same" "keep=6 $same" "keep=1 $same"
changes "keep=6 $same" "keep=1 $same" "keep=3 $same"
changes "$same" "keep=2 $same" "keep=4 $same"
changes "keep=1 $same" "$same" "$same"
changes "keep=1 $same" "$same" "keep=2 $same"
# Everything at once.
all=("keep=2 $same" "keep=4 ${same/=5/=8} week_sum=90" "keep=1 ${same/=5/=2} week_sum=120")
changes "${all[@]}"
for i in 0 1 2 3; do
    for n in 1 2; do story "${places[i]} ${all[0]}" "${places[(i + n) % 4]} ${all[1]}"; done
done

# What is lost is refused by both hosts, with the same text, and changes nothing. With --discard the
# stage begins with nothing, and the others go on.
digest() { find "$state" out.jsonl -type f ! -name lock -exec sha256sum {} + | sort -k 2; }
lost() { # lost STAGE TEXT "OPTIONS" ...: the last of these is refused
    local stage=$1 text=$2 options host last=${*: -1}
    shift 2
    story "${@:1:$#-1}"
    digest >before
    for host in process inline; do
        # shellcheck disable=SC2086
        write $last host=$host
        expect_exit 5 run "${flags[@]}" >summary 2>errors
        grep -qF -- "$text" errors || fail "no '$text' in: $(cat errors)"
        grep -qF -- "--discard $stage" errors || fail "$(cat errors)"
        digest >after
        cmp before after || fail "a refused run changed something: $(diff before after)"
    done
    story "${@:1:$#-1}" "$last discard=$stage"
}
week="$same week_sum=100"
lost caps "it still has weeks of an earlier time, which lack what came in between" "$week" "$same" "$week workers=3"
lost caps "it still has sums of weeks of an earlier time" "$week week_count=9" "$same week_count=9 workers=3" "$week week_count=9"
lost caps "it still has days of an earlier time" "workers=3 $week" "workers=3 lateness=5 week_sum=100" "lateness=7 day_count=3 week_sum=80"
echo "$stories stories"
