#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A state directory that is somebody else's, or in which somebody keeps files: nothing of theirs is
# removed, by no run, and a refusal changes nothing.
. "$ROOT/tests/integration/lib.sh"

cat >t.yaml <<'END'
topology: t
stages:
  read: { kind: file.source, path: input }
  out: { kind: file.sink, from: read, path: answers }
END
seq 1 20 >input

# Tries a run that is to be refused with a reason, and looks whether all is as it was.
refuses() {
    local reason=$1
    shift
    (cd state && find . -type f ! -name lock -printf '%p %s\n' | sort) >before
    expect_exit 5 "$BULKHEAD" run --quiet --state state "$@" t.yaml >out 2>err
    grep -qF -- "$reason" err || fail "another reason than '$reason': $(cat err)"
    (cd state && find . -type f ! -name lock -printf '%p %s\n' | sort) >after
    [ -z "$(comm -23 before after)" ] || fail "gone or changed: $(comm -23 before after)"
}

for host in "" --inline; do
    for entry in links/notes links/4-1 links/folder/notes; do
        rm -rf state answers
        mkdir -p "state/$(dirname "$entry")"
        echo precious >"state/$entry"
        # shellcheck disable=SC2086
        refuses "/state/links/$(cut -d/ -f2 <<<"$entry")' is not the socket of a link" $host
    done
    for entry in stages/notes stages/read/notes stages/read/0/notes stages/read/notes/cursor stages/journal.1; do
        rm -rf state answers
        mkdir -p "state/$(dirname "$entry")"
        echo precious >"state/$entry"
        # shellcheck disable=SC2086
        refuses "but no manifest" $host
        # shellcheck disable=SC2086
        refuses "does not belong to bulkhead" $host --fresh
        grep -qF "/state/stages/" err || fail "not named: $(cat err)"
    done
    rm -rf state answers
    mkdir state
    echo precious >state/dead-letters.jsonl
    # shellcheck disable=SC2086
    refuses "dead-letters.jsonl' does not belong to bulkhead" $host --fresh
done

# Also where it was ours: a file that somebody put beside ours ends no run, and survives --discard.
rm -rf state answers
"$BULKHEAD" run --quiet --state state t.yaml >out 2>err || fail "exit $?: $(cat err)"
echo precious >state/stages/out/notes
refuses "stages/out/notes' does not belong to bulkhead, and --fresh would remove it" --fresh
rm answers
refuses "stages/out/notes' does not belong to bulkhead, and --discard would remove it" --discard out
rm state/stages/out/notes
"$BULKHEAD" run --quiet --state state --fresh t.yaml >out 2>err || fail "exit $?: $(cat err)"
same answers input
