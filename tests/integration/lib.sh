# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the integration scripts share. tests/run calls them in an empty directory with BULKHEAD (the
# program), BUILD_NAME and ROOT (of the project). Waiting is for events: wait_for asks again until
# something is true, and gives up after a minute.
set -euo pipefail

topology="$ROOT/topology/library/velocity-limits.yaml"
oracle="$ROOT/tests/oracle/velocity_limits.py"
generate="$ROOT/scripts/generate-loads"
state=$PWD/state
stages=(loads parse once limits format answers dead-letters)
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1}

fail() {
    echo "FAILED: $*"
    exit 1
}

skip() {
    echo "$*"
    exit 77
}

# A program under sanitizers is slower by a factor: it gets less to do, never more time.
scaled() {
    case $BUILD_NAME in
    *asan*) echo $(($1 / 2)) ;;
    *small*) echo $(($1 / 10)) ;;
    *) echo "$1" ;;
    esac
}

same() { cmp "$1" "$2" || fail "'$1' and '$2' differ"; }

expect_exit() {
    local wanted=$1 code=0
    shift
    "$@" || code=$?
    [ "$code" -eq "$wanted" ] || fail "'$*' exited with $code, not $wanted"
}

wait_for() {
    local tries over
    for ((tries = 0; tries < 6000; tries++)); do
        over=0
        [ -z "${supervisor:-}" ] || ! gone "$supervisor" || over=1
        if "$@"; then return 0; fi
        [ $over -eq 0 ] || fail "the run was over before: $*; $(cat run.err)"
        sleep 0.01 # between two looks at the event; what is waited for is the event
    done
    fail "never happened: $*"
}

run() { "$BULKHEAD" run --quiet --state "$state" "$@" "$topology"; }

# Starts a run in the background; its pid is in $supervisor. It is there when its socket answers.
start() {
    "$BULKHEAD" run --quiet --state "$state" "$@" "$topology" >run.out 2>run.err &
    supervisor=$!
    wait_for running
}

# A run to be killed, stopped or asked in the middle: it follows its input, so it is never over before,
# however fast it is.
source=loads
start_endless() { start --set "$source.follow=true" "$@"; }

# What comes of `whole` while a run follows its input: give N appends the next N lines, give_rest all
# that is left. In flight at a kill is what was given right before it.
given=0
give() {
    sed -n "$((given + 1)),$((given + $1))p;$((given + $1))q" whole >>"$INPUT"
    given=$((given + $1))
}
give_rest() { tail -n +$((given + 1)) whole >>"$INPUT"; }
# How many records that makes: blank lines are none.
records_given() { LC_ALL=C grep -c '[^[:space:]]' "$INPUT"; }

running() { "$BULKHEAD" status --state "$state" >status.out 2>/dev/null; }

# Whether a process is dead: it is not there, or nobody has reaped it yet.
gone() { ! kill -0 "$1" 2>/dev/null || grep -qs '^State:.Z' "/proc/$1/status"; }

# A value from the JSON status: json STAGE KEY. Empty if nothing is running.
json() {
    "$BULKHEAD" status --json --state "$state" 2>/dev/null |
        sed -n "s/.*{\"stage\":\"$1\",[^}]*\"$2\":\"*\([^,\"}]*\).*/\1/p"
}

# Kills a stage by its name; whether it was there to be killed. Counted in $kills.
kills=0
killed() {
    "$BULKHEAD" kill "$1" --state "$state" >/dev/null 2>&1 || return 1
    kills=$((kills + 1))
}

# Kills stages, chosen at random, until the run is over by itself: it may have one before it answers.
# With tiny bounds it would get nowhere for a long time, so it is left alone after some hundred.
kill_until_over() {
    local names=("$@") enough=$((kills + 400))
    until gone "$supervisor" || [ "$kills" -ge "$enough" ]; do
        killed "${names[RANDOM % ${#names[@]}]}" || true
    done
    wait "$supervisor" || fail "exit $?: $(cat run.err)"
    supervisor=""
}

# Stops the run in order.
stop() {
    "$BULKHEAD" stop --state "$state" >/dev/null
    wait "$supervisor" || fail "stop: exit $?: $(cat run.err)"
    supervisor=""
}

# Whether a stage has acked at least so much.
acked() {
    local now
    now=$(json "$1" acked)
    [ -n "$now" ] && [ "$now" -ge "$2" ]
}

# Dead letters in the form of the oracle.
dead_letters() {
    python3 -c '
import json, sys
for line in open(sys.argv[1], "rb"):
    letter = json.loads(line)
    print(letter["seq"], letter["line"], letter["stage"], letter["reason"], sep="\t")' \
        "$state/dead-letters.jsonl"
}

# The summary's row of a stage, without the restarts: "in out dropped dead".
row() { awk -v stage="$1" '$1 == stage { print $3, $4, $5, $6 }' "$2"; }

# Adds to expected dead letters the version that the state directory had first.
with_version() { # with_version STATE FILE
    local version
    version=$(sed -n 's/^version 1 \(........\).*/\1/p' "$1/manifest")
    sed -i "s/\(,\"version\":\"[0-9a-f]*\"\)\?}\$/,\"version\":\"$version\"}/" "$2"
}

# Compares an output and the dead letters with the oracle's.
same_as_oracle() {
    "$oracle" "$INPUT" oracle.answers oracle.dead "${@:2}"
    same "$1" oracle.answers
    dead_letters >run.dead
    same run.dead oracle.dead
}

no_sockets_left() {
    [ -z "$(ls -A "$state/links")" ] || fail "sockets left: $(ls "$state/links")"
    [ ! -e "$state/control.sock" ] || fail "the control socket is still there"
}
