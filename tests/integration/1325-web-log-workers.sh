#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# web-log-report with another number of workers at every start, stopped or killed in between: windows
# that are open then are dealt out to the new counters, and none is put out before its time.
. "$ROOT/tests/integration/web_log.sh"
lines=$(scaled 60000)
"$generate" --lines "$lines" --seed 63 --malformed 1 --disorder 20 --late 1 -o whole
export INPUT="$PWD/whole"
ask_oracle
export INPUT="$PWD/input"

# workers PARSE AGENTS BOTS PEOPLE
workers() {
    settings=(--set "parse.workers=$1" --set "agents.workers=$2" --set "bots.workers=$3"
        --set "people.workers=$4")
}

outputs run
turn=0
for numbers in "1 1 1 1" "5 2 2 5" "2 5 5 1" "1 3 1 2" "3 1 4 4"; do
    turn=$((turn + 1))
    # shellcheck disable=SC2086
    workers $numbers
    give $((lines / 12))
    start_endless "${settings[@]}"
    wait_for acked report $((given * 9 / 10))
    give $((lines / 12))
    if [ $((turn % 2)) -eq 0 ]; then
        stop
    else
        kill -9 "$supervisor"
        wait "$supervisor" || true
        supervisor=""
    fi
done
give_rest
workers 2 2 5 2
run "${settings[@]}" >summary
same_as_the_oracle
no_sockets_left
