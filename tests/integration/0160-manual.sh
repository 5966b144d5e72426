#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The manual and the help speak of all that there is: every command with its options, as its usage
# says them, every kind with its options and their defaults, every exit code, every reason of a dead
# letter, every test of a condition.
. "$ROOT/tests/integration/lib.sh"
man1=$ROOT/man/bulkhead.1 man5=$ROOT/man/bulkhead-topology.5

# The lines of a file from one that matches up to the next of its sort.
part() { awk -v from="$2" -v to="$3" '$0 ~ from { on = 1; print; next } on && $0 ~ to { exit } on' "$1"; }
# Whether all of a list is in one file; the file, what it is, the list.
all_in() {
    local file=$1 what=$2 word
    shift 2
    [ $# -ne 0 ] || fail "no $what was found"
    for word; do grep -qE -- "(^|[^a-z_-])$word([^a-z_-]|$)" "$file" || fail "$what: '$word' is not in $(cat "$file")"; done
}
words() { mapfile -t found < <(sort -u); }

"$BULKHEAD" --help >help
part "$man1" '^\.Sh SYNOPSIS' '^\.Sh ' >synopsis
part "$man1" '^\.Sh COMMANDS' '^\.Sh ' >commands
words < <(sed -n 's/^  bulkhead \([a-z]*\) .*/\1/p' help | grep -vx help)
[ "${#found[@]}" -ge 9 ] || fail "the help has no commands: $(cat help)"
names=("${found[@]}")
for command in "${names[@]}"; do
    expect_exit 2 "$BULKHEAD" "$command" --zzzzzz 2>usage
    part synopsis "^\.Cm $command\$" '^\.Nm' >one.synopsis
    part commands "^\.It Cm $command( |\$)" '^\.It Cm (run|check|graph|chaos|kinds|journal|status|kill|stop)( |$)' >one.command
    [ -s one.synopsis ] && [ -s one.command ] || fail "$command is not in the manual"
    words < <(grep -oE -- '--[a-z-]+' usage | grep -v zzz)
    [ "$command" = kinds ] || all_in help "the help of $command" "${found[@]}"
    for option in "${found[@]}"; do
        all_in one.synopsis "the synopsis of $command" "Fl ${option#-}"
        all_in one.command "the manual of $command" "Fl ${option#-}"
    done
    for option in $(grep -oE 'Fl -[a-z-]+' one.synopsis | cut -d' ' -f2); do
        grep -qE -- "-$option[] ]" usage || fail "$command has no -$option, which the manual says"
    done
done

part "$man1" '^\.Sh EXIT STATUS' '^\.Sh ' >codes
words < <(sed -n 's/^  \([0-9]\)  .*/\1/p' help)
all_in codes "exit codes" "${found[@]/#/It }"
[ "$(grep -c '^\.It' codes)" -eq "${#found[@]}" ] || fail "other exit codes: $(cat codes)"

part "$man5" '^\.Sh KINDS' '^\.Sh ' >kinds
words < <("$BULKHEAD" kinds | cut -d' ' -f1)
names=("${found[@]}")
[ "$(grep -c '^\.Ss' kinds)" -eq "${#names[@]}" ] || fail "other kinds: $(grep '^\.Ss' kinds)"
for kind in "${names[@]}"; do
    part kinds "^\.Ss ${kind/./\\.}\$" '^\.Ss ' >one.kind
    [ -s one.kind ] || fail "$kind is not in the manual"
    "$BULKHEAD" kinds "$kind" >kind.help
    sed -n '/^  options:/,/^$/p' kind.help >options
    words < <(sed -n 's/^    \([a-z_]*\): .*/\1/p' options)
    [ "$(grep -c . options)" -eq 0 ] || all_in one.kind "the manual of $kind" "${found[@]/#/It Cm }"
    # Its reasons, each with what it means: "reason kind meaning".
    awk -v kind="$kind" '
        function put() { if (reason != "") print reason, kind, meaning }
        /^  reasons of dead letters:/ { on = 1; next }
        on && /^    [^ ]/ { put(); reason = $1; meaning = ""; next }
        on { gsub(/^ +/, ""); meaning = meaning (meaning == "" ? "" : " ") $0 }
        END { put() }' kind.help >>reasons.given
done

# Every type of an option, as `kinds` names it, is a value that the manual explains.
part "$man5" '^\.Sh VALUES' '^\.Ss ' >values
words < <(for kind in "${names[@]}"; do "$BULKHEAD" kinds "$kind"; done |
    sed -nE '/^  options:/,$ s/^ +[a-z_]+: ([a-z ]+), (required|optional|default).*/\1/p' | grep -v '^map')
[ "${#found[@]}" -ge 9 ] || fail "the kinds have no types: ${found[*]}"
for type in "${found[@]}"; do
    grep -qE -- "^\.It Em (.* , )?$type( ,|\$)" values || fail "the type '$type' is not in the manual"
done

part "$man5" '^\.Sh DEAD LETTERS' '^\.Sh ' >reasons
words < <(cut -d' ' -f1 reasons.given)
all_in reasons "reasons of dead letters" "${found[@]/#/It Li }"
[ "$(grep -c '^\.It' reasons)" -eq "${#found[@]}" ] || fail "other reasons: $(grep '^\.It' reasons)"
while read -r reason kind meaning; do
    part reasons "^\.It Li $reason\$" '^\.(It|El)' >one.reason
    grep -qxF -- "${meaning^}." one.reason || fail "$reason means in the manual: $(cat one.reason)"
    [ "$reason" = poison ] || grep -qE "^\.Cm ${kind/./\\.}( |\$)" one.reason ||
        fail "$kind gives the reason $reason, and the manual does not say so"
    echo "$reason $kind" >>pairs
done <reasons.given
# And the other way: no reason is said to be given by a kind that does not give it.
while read -r word name; do
    case $word in
    .It) reason=${name#Li } ;;
    .Cm) grep -qxF "$reason ${name%% *}" pairs || fail "$reason is not a reason of ${name%% *}" ;;
    esac
done <reasons
words < <(sed -n 's/^    X(TEST_[A-Z_]*, "\([a-z_]*\)".*/\1/p' "$ROOT/topology/conditions.h")
all_in "$man5" "tests of conditions" "${found[@]}"
