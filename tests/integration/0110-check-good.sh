#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The library topology is good, check --print shows the contract of every link, kinds explains the
# kinds, and what makes no sense on the command line is refused with the documented exit codes.
set -euo pipefail
here=$PWD
library=topology/library/velocity-limits.yaml
failed=0

complain() {
    echo "FAILED: $*"
    failed=$((failed + 1))
}

# Runs bulkhead from the project root; leaves stdout, stderr and the exit code here.
run() {
    code=0
    (cd "$ROOT" && "$BULKHEAD" "$@") >"$here/stdout" 2>"$here/stderr" || code=$?
    what="bulkhead $*"
}

expect_code() {
    [ "$code" -eq "$1" ] || complain "$what: exit $code, not $1"
}

# The whole of a stream, from stdin.
expect_whole() {
    diff -u --label "expected of $what" --label "actual $1" - "$here/$1" ||
        complain "$what: $1 is not as expected"
}

expect_empty() {
    [ ! -s "$here/$1" ] || complain "$what: $1 should be empty, but is: $(cat "$here/$1")"
}

# One whole line of stdout.
expect_line() {
    grep -qxF -- "$1" "$here/stdout" || complain "$what: no line '$1' in: $(cat "$here/stdout")"
}

# The lines of stdout that follow one line, up to its own length, from stdin.
expect_after() {
    local wanted count
    wanted=$(cat)
    count=$(wc -l <<<"$wanted")
    grep -xF -A "$count" -- "$1" "$here/stdout" | tail -n +2 | head -n "$count" |
        diff -u --label "expected after '$1'" --label "actual" <(echo "$wanted") - ||
        complain "$what: not as expected after '$1'"
}

# The library topology.
run check "$library"
expect_code 0
expect_empty stderr
expect_whole stdout <<'END'
topology/library/velocity-limits.yaml: 'velocity-limits' version 1 2b72c259 is valid: 7 stages, 11 links
END

run check --print "$library"
expect_code 0
expect_empty stderr
expect_whole stdout <<'END'
topology/library/velocity-limits.yaml: 'velocity-limits' version 1 2b72c259 is valid: 7 stages, 11 links
loads.dead -> dead-letters  { seq: int, line: int, stage: string, reason: string, message: string, content: bytes, content_is_json: bool }
loads -> parse  { line: bytes }
parse.dead -> dead-letters  { seq: int, line: int, stage: string, reason: string, message: string, content: bytes, content_is_json: bool }
parse -> once  { id: string, customer_id: string, load_amount: money(USD), time: timestamp }
once.dead -> dead-letters  { seq: int, line: int, stage: string, reason: string, message: string, content: bytes, content_is_json: bool }
once -> limits  { id: string, customer_id: string, load_amount: money(USD), time: timestamp }
limits.dead -> dead-letters  { seq: int, line: int, stage: string, reason: string, message: string, content: bytes, content_is_json: bool }
limits -> format  { id: string, customer_id: string, load_amount: money(USD), time: timestamp, accepted: bool }
format.dead -> dead-letters  { seq: int, line: int, stage: string, reason: string, message: string, content: bytes, content_is_json: bool }
format -> answers  { line: string }
answers.dead -> dead-letters  { seq: int, line: int, stage: string, reason: string, message: string, content: bytes, content_is_json: bool }
END

# A file that cannot be read, and one that has an error.
run check "$here/missing.yaml"
expect_code 3
expect_empty stdout
expect_whole stderr <<END
bulkhead: error: cannot open '$here/missing.yaml': No such file or directory
END
run check "$here"
expect_code 3
expect_empty stdout
sed 's/^version: .*/version: 0/' "$ROOT/$library" >zero.yaml
run check "$here/zero.yaml"
expect_code 3
expect_empty stdout

# The command line of check.
run check
expect_code 2
expect_empty stdout
expect_whole stderr <<'END'
bulkhead: error: check needs an argument: T.yaml
usage: bulkhead check [--print] [--set STAGE.OPTION=VALUE]... T.yaml
END
run check a.yaml b.yaml
expect_code 2
expect_empty stdout
expect_whole stderr <<'END'
bulkhead: error: check takes one argument, and 'b.yaml' is a second one
usage: bulkhead check [--print] [--set STAGE.OPTION=VALUE]... T.yaml
END
run check --prnt "$library"
expect_code 2
expect_empty stdout

# The kinds.
run kinds
expect_code 0
expect_empty stderr
sed -n '/^const struct kind /,/^};/ s/^    \.name = "\(.*\)",$/\1/p' "$ROOT"/stages/kinds/*.c | sort >"$here/declared"
[ "$(wc -l <"$here/declared")" -ge 15 ] || complain "few kinds are declared: $(cat "$here/declared")"
cut -d ' ' -f 1 "$here/stdout" | sort | cmp -s - "$here/declared" ||
    complain "kinds lists others than stages/kinds/ declares: $(cat "$here/stdout")"
! grep -qvE '^[a-z._]+ +[a-z]' "$here/stdout" || complain "a kind has no summary: $(cat "$here/stdout")"
! grep -q 'dead_letter' "$here/stdout" || complain "kinds lists an internal kind"

cp "$here/stdout" "$here/kinds"
while read -r kind summary; do
    run kinds "$kind"
    expect_code 0
    expect_empty stderr
    expect_line "$kind - $summary"
    [ "$kind" = discard ] || expect_line "  options:"
done <"$here/kinds"

run kinds limits
expect_line "limits - accepts or declines records by sums and counts per day and week"
expect_line "  role:         step with state"
expect_line "  makes:        what it reads, and accepted: bool"
expect_after "    amount: field, required" <<'END'
        the field with the amount (money)
END
expect_after "    lateness: duration, default 14d" <<'END'
        how long a window stays open after its end, measured by the latest
        timestamp seen; a record after that is a dead letter
END
expect_after "    attempts: choice, default accepted" <<'END'
        which records a rule with 'count' counts: accepted ones, or all
        one of: accepted | all
END
expect_after "        week_starts: choice, default monday" <<'END'
            the first day of a week
            one of: monday | tuesday | wednesday | thursday | friday |
            saturday | sunday
END
expect_after "        sum: text, optional" <<'END'
            the maximum sum that may be accepted in a window, in the amount's
            currency
END

run kinds file.source
expect_after "    max_line_bytes: size, default 1MiB" <<'END'
        a longer line or packed record is a dead letter
        64 to 2MiB
END

run kinds nosuch
expect_code 2
expect_empty stdout
expect_whole stderr <<'END'
bulkhead: error: there is no kind 'nosuch'; `bulkhead kinds` lists them
END
run kinds limit
expect_code 2
expect_empty stdout
expect_whole stderr <<'END'
bulkhead: error: there is no kind 'limit'; did you mean 'limits'?
END
run kinds limits dedupe
expect_code 2
expect_whole stderr <<'END'
bulkhead: error: kinds takes one argument, and 'dedupe' is a second one
usage: bulkhead kinds [KIND]
END

# The command itself.
run chekc
expect_code 2
expect_empty stdout
expect_whole stderr <<'END'
bulkhead: error: there is no command 'chekc'; did you mean 'check'?
END
run frobnicate
expect_code 2
expect_empty stdout
expect_whole stderr <<'END'
bulkhead: error: there is no command 'frobnicate'; see bulkhead --help
END

run --help
expect_code 0
expect_empty stderr
expect_line "  2  the command line is wrong"
expect_line "  3  the topology has errors, or cannot be read"
cp "$here/stdout" "$here/help"
run
expect_code 2
expect_empty stdout
cmp -s "$here/help" "$here/stderr" || complain "no arguments: stderr is not the help"

run --version
expect_code 0
expect_empty stderr
grep -qxE 'bulkhead [0-9]+\.[0-9]+\.[0-9]+' "$here/stdout" ||
    complain "--version prints: $(cat "$here/stdout")"

[ "$failed" -eq 0 ]
