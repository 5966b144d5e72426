#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The sample of web-log-report with its report, rejects and late hits as kept here, in both hosts; the
# oracle wrote them. Without INPUT, as a user has it.
. "$ROOT/tests/integration/web_log.sh"
unset INPUT

same_as_golden() {
    same "$OUTPUT" "$golden/report.jsonl"
    without_messages "$REJECTS" >rejects
    same rejects "$golden/rejects.jsonl"
    dead_letters >late
    same late "$golden/late.tsv"
}

golden="$ROOT/tests/integration/web-log-report"
outputs run
run >summary
same_as_golden
no_sockets_left
[ "$(row counts summary)" = "157 157 0 0" ] || fail "the summary: $(cat summary)"
grep -q '^6 dead letters: ' summary || fail "the summary: $(tail -n 1 summary)"

outputs inline
run --inline >inline-summary
same_as_golden
same inline.rejects run.rejects
same inline.state/dead-letters.jsonl run.state/dead-letters.jsonl
