#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Busy is not hung: a source that goes through what gives no record for much longer than
# stall_timeout is at work, what was complete before it is given out meanwhile, and it can be
# stopped. A start that reads gigabytes answers signals.
. "$ROOT/tests/integration/lib.sh"
topology=$PWD/copy.yaml
cat >"$topology" <<'YAML'
topology: copy
stall_timeout: 1s
stages:
  read: { kind: file.source, path: "${INPUT}" }
  out: { kind: file.sink, from: read, path: out }
YAML
export INPUT=$PWD/input
huge=$(($(scaled 4) << 30))

has() { [ "$(cat out 2>/dev/null)" = "$1" ]; }
nobody_died() { ! grep -q 'restarting\|did not make progress\|killed' run.err || fail "$(cat run.err)"; }

# It says on the standard error who died, if anybody does, and is gone if it was over too soon.
start_loud() {
    "$BULKHEAD" run --state "$state" "$@" "$topology" >run.out 2>run.err &
    supervisor=$!
    wait_for running
}
expect_end() {
    wait "$supervisor" || fail "$(cat run.err)"
    unset supervisor
    nobody_died
}

echo "- a hole, which is one long line"
echo first >input
truncate -s "$huge" input
printf '\nlast\n' >>input
start_loud
wait_for has first
expect_end
has "$(printf 'first\nlast')" || fail "$(cat out)"
[ "$(dead_letters | cut -f4)" = line-too-long ] || fail "$(cat "$state/dead-letters.jsonl")"

echo "- it is stopped in the middle, in order, and goes on later"
rm -rf "$state" out
start_loud
wait_for has first
stop
nobody_died
has first || fail "$(cat out)"
run >run.out 2>run.err || fail "$(cat run.err)"
has "$(printf 'first\nlast')" || fail "$(cat out)"

echo "- inline, too, it is stopped in the middle"
rm -rf "$state" out
"$BULKHEAD" run --quiet --inline --state "$state" "$topology" >run.out 2>run.err &
supervisor=$!
wait_for has first
kill -TERM "$supervisor"
wait "$supervisor" || fail "$(cat run.err)"
unset supervisor
has first || fail "$(cat out)"

echo "- a start that compares gigabytes with what was read is stopped at once"
rm -rf "$state" out
run >run.out 2>run.err || fail "$(cat run.err)"
cp --sparse=always input copy && mv copy input # the same bytes in another file
for host in "" --inline; do
    # shellcheck disable=SC2086
    "$BULKHEAD" run $host --state "$state" "$topology" >run.out 2>run.err &
    supervisor=$!
    has_read() { [ "$(awk '$1 == "rchar:" { print $2 }' "/proc/$supervisor/io")" -gt $((1 << 28)) ]; }
    wait_for has_read
    kill -TERM "$supervisor"
    wait "$supervisor" || fail "$(cat run.err)"
    unset supervisor
    grep -q 'SIGTERM: asked to stop before any stage was started' run.err || fail "$(cat run.err)"
done
run >run.out 2>run.err || fail "$(cat run.err)"
has "$(printf 'first\nlast')" || fail "$(cat out)"
rm input

echo "- blank lines"
rm -rf "$state" out
{
    echo first
    yes '' | head -c $(($(scaled 64) << 20)) || true
    echo last
} >input
start_loud
wait_for has first
expect_end
has "$(printf 'first\nlast')" || fail "$(cat out)"
rm input

echo "- standard input: a long line and blank ones"
rm -rf "$state" out
sed -i 's/kind: file.source, path: .* }/kind: stdin.source }/' "$topology"
mkfifo pipe
{
    echo first
    head -c $(($(scaled 64) << 20)) /dev/zero
    echo
    yes '' | head -c $(($(scaled 64) << 20)) || true
    echo last
} >pipe &
"$BULKHEAD" run --state "$state" "$topology" <pipe >run.out 2>run.err &
supervisor=$!
wait_for has first
expect_end
has "$(printf 'first\nlast')" || fail "$(cat out)"
[ "$(dead_letters | cut -f4)" = line-too-long ] || fail "$(cat "$state/dead-letters.jsonl")"
