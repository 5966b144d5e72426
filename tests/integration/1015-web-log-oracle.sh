#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# web-log-report on generated logs against the independent implementation of what it says: report,
# rejects and late hits, in both hosts and with any number of workers.
. "$ROOT/tests/integration/web_log.sh"
export INPUT="$PWD/input"

compare() {
    ask_oracle
    outputs run
    run "$@" >summary
    same_as_the_oracle
    no_sockets_left
    outputs inline
    run --inline >inline-summary
    same_as_the_oracle
    same inline.rejects run.rejects
    same inline.state/dead-letters.jsonl run.state/dead-letters.jsonl
}

"$generate" --lines "$(scaled 100000)" --seed 1 -o input
compare
"$generate" --lines "$(scaled 20000)" --seed 2 --malformed 20 --disorder 30 --late 5 --days 20 -o input
compare --set parse.workers=1
"$generate" --lines "$(scaled 20000)" --seed 3 --malformed 5 --future --crlf --no-final-newline \
    --start 2024-02-28 -o input
compare --set parse.workers=5 --set agents.workers=2 --set bots.workers=5 --set people.workers=2
"$generate" --lines 5000 --seed 4 --malformed 50 --days 40 --start 1969-12-20 -o input
compare --set lines.workers=2 --set unreadable.workers=5 --set counts.workers=2
: >input
compare
