# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the tests of the library topology web-log-report share, on top of lib.sh.
. "$ROOT/tests/integration/lib.sh"
topology="$ROOT/topology/library/web-log-report.yaml"
source=log
oracle="$ROOT/tests/oracle/web_log_report.py"
generate="$ROOT/scripts/generate-weblog"
sample="$ROOT/topology/library/web-log-report.sample.log"
logical=(log parse agents bots people counts lines report unreadable rejects dead-letters)

# Names the outputs of the next run: PREFIX.report and PREFIX.rejects, and its state directory.
outputs() {
    export OUTPUT="$PWD/$1.report" REJECTS="$PWD/$1.rejects"
    state=$PWD/$1.state
    rm -rf "$OUTPUT" "$REJECTS" "$state"
}

# What the rejects are compared by: their messages are for people.
without_messages() {
    python3 -c '
import json, sys
for line in open(sys.argv[1], "rb"):
    letter = json.loads(line)
    del letter["message"]
    print(json.dumps(letter, ensure_ascii=False, separators=(",", ":")))' "$1"
}

# Has the oracle work on INPUT.
ask_oracle() { "$oracle" "$INPUT" oracle.report oracle.rejects oracle.late; }

# Compares the last run with what the oracle said.
same_as_the_oracle() {
    same "$OUTPUT" oracle.report
    without_messages "$REJECTS" >bare.rejects
    same bare.rejects oracle.rejects
    dead_letters >bare.late
    same bare.late oracle.late
}
