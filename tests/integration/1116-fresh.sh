#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --fresh and --discard are begun and ended durably: killed at every syscall of their start, the next
# start, whatever it is told, finishes what they began. And --fresh empties nothing but what is ours.
. "$ROOT/tests/integration/lib.sh"
kill_at="$ROOT/$(dirname "${BULKHEAD#"$ROOT"/}")/tests/sweep/kill_at"
[ -x "$kill_at" ] || skip "there is no kill_at in this build"

cat >t.yaml <<'Y'
topology: t
stages:
  src: { kind: file.source, path: "${INPUT}" }
  out: { kind: file.sink, from: src, path: out }
  copy: { kind: file.sink, from: src, path: copy }
Y
topology=t.yaml
seq -f 'old %g' 1 50 >old
seq -f 'new %g' 1 70 >new
{ cat old; seq -f 'more %g' 1 5; } >more

INPUT=old run >summary
mkdir kept
cp -a "$state" out copy kept
begin() { # as a run of `old` has left everything
    rm -rf "$state" out copy
    cp -a kept/* .
}

# Kills the inline host of a run before each of its calls; what follows is said by a function. (It
# has two stops at each, before and behind; what is seen behind one is seen before the next.) That
# nothing is lost is shown by the plain build, at every call. Sanitizers look at the code that goes on
# from there, which is the same for most calls: they get every third, and every one in three runs.
step=2
[ "$BUILD_NAME" = build ] || step=6
sweep() { # sweep FUNCTION INPUT ARGUMENT...
    local function=$1 input=$2 said
    local stop=$((RANDOM % (step / 2) * 2 + 1 - step))
    shift 2
    echo "$function: every $step of its stops from $((stop + step)) on"
    while :; do
        stop=$((stop + step))
        begin
        ${before_run:-true}
        said=$(INPUT=$input "$kill_at" "supervisor@$stop" -- "$BULKHEAD" run --inline --quiet \
            --state "$state" "$@" t.yaml) || fail "kill_at: $said"
        "$function"
        case $said in *killed=-1*) break ;; esac
    done
    [ "$stop" -gt 40 ] || fail "$function: only $stop stops"
}

# Either nothing of it has happened, or the next start, with no option, does all of it.
after_fresh() {
    if grep -q '^remove-all' "$state/manifest" || ! INPUT=old run >summary 2>errors; then
        INPUT=new run >summary 2>errors || fail "killed at $stop: $(cat errors)"
        same out new && same copy new
    else
        same out old && same copy old
    fi
}
sweep after_fresh new --fresh

# A stage that is discarded begins behind what is done, whenever that was killed.
after_discard() {
    INPUT=more run --discard copy >summary 2>errors || fail "killed at $stop: $(cat errors)"
    same out more
    cat old copy >both
    same both more
}
before_run="rm copy" sweep after_discard old --discard copy

# Killed at any moment of a run with processes, and begun anew again and again.
begin
for ((i = step * 4; i <= 225; i += step * 4)); do
    "$kill_at" "supervisor@$i" -- env INPUT=new "$BULKHEAD" run --quiet --fresh \
        --state "$state" t.yaml >said || fail "kill_at: $(cat said)"
done
INPUT=new run --fresh >summary
same out new && same copy new

# Not ours: a file that was there before, one that was put in the place of ours, one that
# somebody else has written into, and those of stages that are not in the topology any more.
rm -rf "$state" out copy
echo precious >out
INPUT=old expect_exit 5 run --fresh 2>errors
grep -q "holds 9 bytes that this stage is not known to have written; move it away" errors || fail "$(cat errors)"
grep -q -e --fresh errors && fail "advice that does not help: $(cat errors)"
begin
rm out && echo precious >out
INPUT=old expect_exit 5 run --fresh 2>errors
grep -q "is emptied" errors && fail "it is not: $(cat errors)"
same copy old
[ "$(cat out)" = precious ] || fail "a file in the place of ours was emptied"
begin
echo precious >out
INPUT=old expect_exit 5 run --fresh 2>errors
[ "$(cat out)" = precious ] || fail "a file that somebody has written into was emptied"
begin
sed '/copy:/d' t.yaml >less.yaml
INPUT=new topology=less.yaml run --fresh >summary
same out new && same copy old
begin
sed 's/path: out/path: elsewhere/' t.yaml >moved.yaml
INPUT=new topology=moved.yaml run --fresh >summary
same elsewhere new && same out old && same copy new

# Whoever starts over is told what that empties.
INPUT=new "$BULKHEAD" run --fresh --state "$state" moved.yaml >summary 2>errors
grep -q "the output '$PWD/elsewhere' is emptied" errors || fail "$(cat errors)"
