#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --set overrides options of stages before the check, in run as in check, and all stage processes
# see the same; its errors name the setting as their place.
set -euo pipefail
here=$PWD
cd "$ROOT/topology/library"
library=velocity-limits.yaml
failed=0

complain() {
    echo "FAILED: $*"
    failed=$((failed + 1))
}

# The whole of stderr, from stdin, and the exit code.
refused() {
    local wanted=$1 code=0
    shift
    "$BULKHEAD" "$@" >"$here/stdout" 2>"$here/stderr" || code=$?
    [ "$code" -eq "$wanted" ] || complain "$*: exit $code, not $wanted"
    [ ! -s "$here/stdout" ] || complain "$*: says $(cat "$here/stdout")"
    diff -u --label "expected of $*" --label actual - "$here/stderr" || complain "$*"
}

refused 3 check --set limts.lateness=3d $library <<'END'
--set limts.lateness=3d: error: there is no stage 'limts'; did you mean 'limits'?
velocity-limits.yaml: 1 error
END
refused 3 check --set dead-letters.path=x $library <<'END'
--set dead-letters.path=x: error: there is no stage 'dead-letters'
velocity-limits.yaml: 1 error
END
refused 3 check --set limits.latenes=3d $library <<'END'
--set limits.latenes=3d: error: kind 'limits' has no option 'latenes'; did you mean 'lateness'?
velocity-limits.yaml: 1 error
END
# What a stage cannot have, or only the file can say, is not spoken of.
refused 3 check --set loads.worker=2 --set answers.x=1 --set limits.form=parse $library <<'END'
--set loads.worker=2: error: kind 'file.source' has no option 'worker'; it has: path, records, max_line_bytes, follow, memory_max, renamed_from
--set answers.x=1: error: kind 'file.sink' has no option 'x'; it has: path, records, memory_max, renamed_from
--set limits.form=parse: error: kind 'limits' has no option 'form'; it has: key, amount, at, calendar, lateness, attempts, rules, memory_max, workers, by, renamed_from
velocity-limits.yaml: 3 errors
END
refused 3 check --set limits.from=parse $library <<'END'
--set limits.from=parse: error: 'from:' defines the graph and cannot be set here; change it in the file
velocity-limits.yaml: 1 error
END
# Each wrong in its way, shown in the order of the command line.
refused 3 check --set answers.path= --set limits.key=customer --set limits.rules=5 $library <<'END'
--set answers.path=: error: 'path:' must not be empty
--set limits.key=customer: error: 'key:' names the field 'customer', which 'once' does not make; it makes: id, customer_id, load_amount, time
--set limits.rules=5: error: 'rules:' should be a map of names, each with a map of options
velocity-limits.yaml: 3 errors
END
# What follows from a setting stands where it shows.
refused 3 check --set parse.type=Load --set limits.amount=id $library <<'END'
--set limits.amount=id: error: 'amount:' needs a field of type money, but 'id' is string
velocity-limits.yaml: 1 error
END
for command in check run; do
    for setting in path=x loads.path .path=x loads.=x =; do
        refused 2 $command --set $setting $library <<END
bulkhead: error: --set takes STAGE.OPTION=VALUE, not '$setting'
END
    done
    refused 2 $command --set loads.path=a --set loads.path=a $library <<'END'
bulkhead: error: --set sets 'loads.path' twice
END
    refused 2 $command --set loads.path=$'a\nb' $library <<'END'
bulkhead: error: --set loads.path: it contains a newline; a setting must be plain text
END
    refused 2 $command --set loads.path=$'a\033[2J' $library <<'END'
bulkhead: error: --set loads.path: it contains a control character; a setting must be plain text
END
    refused 2 $command --set loads.path=$'a\xc2\x9b2J' $library <<'END'
bulkhead: error: --set loads.path: it contains a control character; a setting must be plain text
END
    refused 2 $command --set loads.path=$'a\xe9' $library <<'END'
bulkhead: error: --set loads.path: it is not UTF-8; a setting must be plain text
END
    refused 2 $command --set $'loads.p\xe9th=a' $library <<'END'
bulkhead: error: --set loads.p\xe9th: it is not UTF-8; a setting must be plain text
END
done

# A value is no text with variables, and the stages see it; the file's own is not looked at.
cat >"$here/unset.yaml" <<'END'
# SPDX-License-Identifier: MIT
topology: settings
stages:
  lines: { kind: file.source, path: "${BULKHEAD_TEST_UNSET}" }
  copy: { kind: file.sink, from: lines, path: "${BULKHEAD_TEST_UNSET}" }
END
printf 'one\ntwo, rather long\nthree\n' >"$here/a \${b}"
unset BULKHEAD_TEST_UNSET
cd "$here"
for host in "" --inline; do
    rm -rf state copy
    # shellcheck disable=SC2086 # no word, or one
    "$BULKHEAD" run --quiet $host --state state --set 'lines.path=a ${b}' --set 'copy.path=$copy' \
        --set lines.max_line_bytes=64 unset.yaml >summary
    cmp 'a ${b}' '$copy' || complain "the copy $host"
    rm '$copy'
done

# The next run on the same state goes on with other settings.
head -c 4096 /dev/zero | tr '\0' x >>'a ${b}'
echo >>'a ${b}'
touch '$copy' && rm -rf state
head -n 3 'a ${b}' >first
"$BULKHEAD" run --quiet --state state --set lines.path=first --set copy.path=copy unset.yaml >summary
cp 'a ${b}' first.new && cat first.new >first
"$BULKHEAD" run --quiet --state state --set lines.path=first --set copy.path=copy \
    --set lines.max_line_bytes=64 unset.yaml >summary
head -n 3 first | cmp - copy || complain "the second run: $(cat summary)"
[ "$(wc -l <state/dead-letters.jsonl)" -eq 1 ] || complain "the long line is no dead letter"

[ "$failed" -eq 0 ]
