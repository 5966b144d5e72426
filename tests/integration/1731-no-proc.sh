#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A root directory without /proc or /dev/null, as that of an empty chroot or of a container that masks
# it: a run is refused by the name of what is missing, before anything is touched, and whatever only
# reads works.
. "$ROOT/tests/integration/lib.sh"
mkdir -p root/proc root/dev
chroot root true 2>/dev/null || [ $? -ne 125 ] || skip "no chroot can be made here"
cp "$BULKHEAD" root/bulkhead
chroot root /bulkhead --version >/dev/null 2>&1 || skip "this program does not run in an empty root directory"
echo '{"n":1}' >root/input
cat >root/t.yaml <<'YAML'
topology: t
version: 1
types:
  Record: { n: int }
stages:
  lines: { kind: file.source, path: input }
  parse: { kind: json.decode, from: lines, type: Record }
  format: { kind: json.encode, from: parse }
  out: { kind: file.sink, from: format, path: answers }
YAML
sed 's|answers|state/answers|' root/t.yaml >root/inside.yaml
there() { find root -path root/proc -prune -o -printf '%p %s %T@\n' | sort; }
inside() { timeout 60 chroot root /bulkhead "$@" </dev/null; }
refused() {
    local what=$1 begin=$SECONDS
    shift
    expect_exit 5 inside "$@" >out 2>err
    grep -q "$what" err || fail "'$*' does not say '$what': $(cat err)"
    [ "$(wc -l <err)" -eq 1 ] || fail "'$*' says more: $(cat err)"
    [ $((SECONDS - begin)) -lt 10 ] || fail "'$*' took $((SECONDS - begin)) s"
    there | cmp - before || fail "'$*' touched something"
}

echo "- no /proc"
there >before
refused 'mount -t proc proc /proc' run --state state t.yaml
refused 'mount -t proc proc /proc' run --inline --state state t.yaml
refused 'mount -t proc proc /proc' run --inline --state state inside.yaml # what only /proc tells
refused 'mount -t proc proc /proc' chaos t.yaml
for command in "check t.yaml" "graph t.yaml" "kinds"; do
    # shellcheck disable=SC2086
    inside $command >out 2>err || fail "$command: $(cat err)"
done

echo "- a run of others is found, asked and stopped without"
given=$PWD
(cd root && exec "$BULKHEAD" run --quiet --set lines.follow=true --state state t.yaml) >run.out 2>run.err &
supervisor=$!
state=$given/root/state
wait_for running
wait_for acked out 1
inside status --state state >out 2>err || fail "status: $(cat err)"
grep -q '^out  *running' out || fail "status: $(cat out)"
inside kill --state state parse >out 2>err || fail "kill: $(cat err)"
restarted() { [ "$(json parse restarts)" -ge 1 ]; }
wait_for restarted
inside stop --state state >out 2>err || fail "stop: $(cat err)"
wait "$supervisor" || fail "$(cat run.err)"
unset supervisor
rm -rf root/state root/answers

mount --bind /proc root/proc 2>/dev/null || skip "no /proc can be mounted here; what needs one was left out"
trap 'umount -lq root/proc 2>/dev/null || true' EXIT
echo "- /proc, and no /dev/null"
there >before
refused '/dev/null' run --state state t.yaml
refused '/dev/null' chaos t.yaml
inside run --inline --quiet --state state t.yaml >out 2>err || fail "--inline: $(cat err)"
same root/answers root/input
rm -rf root/state root/answers
echo "- both"
mknod -m 666 root/dev/null c 1 3 2>/dev/null || skip "no device can be made here"
inside run --quiet --state state t.yaml >out 2>err || fail "$(cat err)"
same root/answers root/input
