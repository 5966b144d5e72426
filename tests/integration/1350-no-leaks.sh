#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Descriptors, sockets and processes after many restarts are as many as after the first ones.
. "$ROOT/tests/integration/lib.sh"
"$generate" --records "$(scaled 100000)" --customers 3000 --seed 99 -o whole
export INPUT="$PWD/input" OUTPUT="$PWD/answers"

all_running() {
    local states
    states=$("$BULKHEAD" status --json --state "$state" 2>/dev/null | grep -o '"state":"[a-z ]*"' | sort -u)
    [ "$states" = '"state":"running"' ]
}
descriptors() { find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l; }
# Links that are up have two sockets each; a restarted stage is back when all of them are.
sockets() { find "$state/links" -type s | wc -l; }
settled() { all_running && [ "$(sockets)" -eq "$links" ]; }

give 2000
start_endless
links=$((2 * $("$BULKHEAD" check "$topology" | grep -o '[0-9]* links' | cut -d' ' -f1)))
wait_for settled
supervisor_before=$(descriptors "$supervisor")
neighbour=$(json limits pid)
neighbour_before=$(descriptors "$neighbour")
for _ in $(seq 1 "$(scaled 40)"); do
    give 2000
    killed once || fail "'once' could not be killed"
    wait_for settled
done
[ "$(json limits pid)" = "$neighbour" ] || fail "limits was restarted, though only once was killed"
# A link that was given up may be closed a moment later than the new one is up.
none_leaks() {
    [ "$(descriptors "$supervisor")" -le $((supervisor_before + 2)) ] &&
        [ "$(descriptors "$neighbour")" -le $((neighbour_before + 2)) ]
}
wait_for none_leaks
[ "$(pgrep -c -P "$supervisor")" -eq ${#stages[@]} ] || fail "processes: $(pgrep -a -P "$supervisor")"
stop
no_sockets_left
