#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a sink writes nobody else in the topology may write or read, and it is neither the topology
# nor a file of the state directory, by whatever name. check says so with the place, run before the
# start, both by the same rule, and nothing is touched.
. "$ROOT/tests/integration/lib.sh"
export XDG_STATE_HOME=$PWD/states

seq 1 5 >in.txt
mkdir folder
ln -s folder link
cp in.txt folder/in.txt

# Writes t.yaml with a second sink at a path.
second() {
    cat >t.yaml <<EOT2
topology: t
stages:
  in: { kind: file.source, path: in.txt }
  out: { kind: file.sink, from: in, path: ${2:-out.txt} }
  again: { kind: file.sink, from: in, path: "$1" }
EOT2
}

# The third argument is the path of the first sink.
refused() {
    local path=$1 what=$2
    second "$path" "${3:-}"
    sha256sum in.txt t.yaml >before
    expect_exit 3 "$BULKHEAD" check t.yaml >out 2>err
    diff - <(head -n 1 err) <<<"t.yaml:5:46: error: stage 'again': '$path' is also $what" || fail "check: $path"
    [ "$(tail -n 1 err)" = "t.yaml: 1 error" ] || fail "check: $path: $(cat err)"
    for inline in "" --inline; do
        # shellcheck disable=SC2086 # none, or one
        expect_exit 5 "$BULKHEAD" run $inline --quiet t.yaml >out 2>err
        diff - <(head -n 1 err) <<<"bulkhead: error: stage 'again': '$path' is also $what" || fail "run: $path"
    done
    sha256sum --quiet -c before || fail "$path: something was written"
}
again() {
    local path=$1
    shift
    refused "$path" "the output of stage 'out'" "$@"
}

# Neither is there yet.
again out.txt
again ./out.txt
again "folder/../out.txt"
again "$PWD/out.txt"
again link/out.txt folder/out.txt
again not/there/./out.txt not/there/out.txt
ln -s out.txt to-be
again to-be
ln -s ../to-be folder/to-be
again link/to-be
# Both are.
touch out.txt
ln out.txt hard
again hard
again to-be
again folder/../hard
rm hard

# The input, the topology, the state directory.
refused in.txt "the input of stage 'in'"
refused ./link/../in.txt "the input of stage 'in'"
ln in.txt hard
refused hard "the input of stage 'in'"
refused t.yaml "the topology itself"
refused link/../t.yaml "the topology itself"
state=$XDG_STATE_HOME/bulkhead/t
refused "$state/dead-letters.jsonl" "a file of the state directory '$state'"
refused "$state/lock" "a file of the state directory '$state'"
refused states/bulkhead/../bulkhead/t/stages/out/cursor "a file of the state directory '$state'"

# Once it is there, also under other names; and with a directory of the user's.
second other.txt
"$BULKHEAD" run --quiet t.yaml 2>err || fail "$(cat err)"
rm out.txt other.txt
ln "$state/dead-letters.jsonl" letters
refused letters "a file of the state directory '$state'"
second mine/dead-letters.jsonl
"$BULKHEAD" check t.yaml >out || fail "a directory that is nobody's"
expect_exit 5 "$BULKHEAD" run --quiet --state mine t.yaml 2>err
diff - <(head -n 1 err) <<<"bulkhead: error: stage 'again': 'mine/dead-letters.jsonl' is also a file of the state directory '$PWD/mine'"
rm letters

# Settings are files too, and all that is wrong is said at once.
second other.txt
expect_exit 3 "$BULKHEAD" check --set again.path=./out.txt --set out.path=in.txt t.yaml 2>err
diff - err <<'EOT2' || fail "settings"
--set out.path=in.txt: error: stage 'out': 'in.txt' is also the input of stage 'in'
t.yaml: 1 error
EOT2
expect_exit 3 "$BULKHEAD" check --set again.path=./in.txt --set out.path=in.txt t.yaml 2>err
diff - err <<'EOT2' || fail "settings"
--set again.path=./in.txt: error: stage 'again': './in.txt' is also the input of stage 'in'
--set again.path=./in.txt: error: stage 'again': './in.txt' is also the output of stage 'out'
--set out.path=in.txt: error: stage 'out': 'in.txt' is also the input of stage 'in'
t.yaml: 3 errors
EOT2
expect_exit 5 "$BULKHEAD" chaos --kills 1 --set again.path=in.txt t.yaml 2>err
diff - err <<<"bulkhead: error: stage 'again': 'in.txt' is also the input of stage 'in'" || fail "chaos"

# Neighbours are no clash.
for path in out.txt.1 folder/out.txt in.txt.out "$state.x"; do
    second "$path"
    "$BULKHEAD" check t.yaml >out 2>err || fail "$path: $(cat err)"
done

# Where we are may be gone, and a path may be longer than any file's: no crash, and what can be said is.
mkdir gone
cp t.yaml whole.yaml
(
    cd gone
    rmdir ../gone
    expect_exit 5 "$BULKHEAD" run --state relative "$OLDPWD/whole.yaml" >../out 2>&1 || exit 1
) 2>/dev/null || fail "run in a directory that is gone: exit $?"
long=$(printf '/a%.0s' $(seq 40000))
sed "s|path: [^ }]*out[^ }]*|path: $long|" t.yaml >long.yaml
code=0
"$BULKHEAD" check long.yaml >out 2>&1 || code=$?
[ "$code" -le 3 ] || fail "a long path: exit $code: $(head -c 300 out)"
