#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A path that is another file in every process, by whatever name it is called, is refused before
# anything starts, by both hosts alike, with what to write instead. A topology and a state directory
# may have such a name: only the supervisor opens them.
. "$ROOT/tests/integration/lib.sh"
printf 'a\nb\n' >input
cp input other
ln -s /dev/stdin link
ln -s "$PWD/link" again
ln -s /dev devices
ln -s /dev/fd/9 output
ln -s input good
cat >t.yaml <<'END'
topology: t
stages:
  read: { kind: file.source, path: input }
  out: { kind: file.sink, from: read, path: answers }
END
topology=$PWD/t.yaml

# Both hosts refuse a stage's path, with the place that it leads to and the kind to use instead.
refused() { # refused STAGE PATH WAY KIND
    local host
    for host in "" --inline; do
        expect_exit 5 run $host --set "$1.path=$2" >out 2>errors <input 5<input 9>>other
        grep -qF "stage '$1': 'path: $2' leads to $3, " errors || fail "no $3 in: $(cat errors)"
        grep -qF "use $4" errors || fail "no hint to $4: $(cat errors)"
        [ ! -e state ] || fail "something was begun"
        same other input
    done
}
refused read /dev/stdin /proc/self/fd/0 stdin.source
refused read /dev/fd/5 /proc/self/fd/5 stdin.source
refused read /proc/self/fd/5 /proc/self/fd/5 stdin.source
refused read /proc/thread-self/fd/5 /proc/thread-self/fd/5 stdin.source
refused read /proc/self/cwd/input /proc/self/cwd/input stdin.source
refused read //dev/.//fd/5 /proc/self/fd/5 stdin.source
refused read link /proc/self/fd/0 stdin.source
refused read ./again /proc/self/fd/0 stdin.source
refused read devices/fd/5 /proc/self/fd/5 stdin.source
refused read "$(realpath --relative-to=. /usr)/../dev/stdin" /proc/self/fd/0 stdin.source
refused read /dev/fd/77 /proc/self/fd/77 stdin.source # which is not there
refused read /dev/tty /dev/tty stdin.source
refused out /dev/stdout /proc/self/fd/1 stdout.sink
refused out /dev/stderr /proc/self/fd/2 stdout.sink
refused out output /proc/self/fd/9 stdout.sink

# So is one that is to be followed, which need not be there.
topology=$PWD/f.yaml
sed 's/input }/input, follow: true }/' t.yaml >f.yaml
refused read /dev/fd/77 /proc/self/fd/77 stdin.source

# Links to files are none of that, and neither are a topology and a state directory by such a name.
for host in "" --inline; do
    mkdir "kept$host"
    "$BULKHEAD" run --quiet $host --state /dev/fd/7 --set read.path=good --set "out.path=answers$host" \
        /dev/stdin <t.yaml 7<"kept$host" >summary
    same "answers$host" input
    [ -e "kept$host/dead-letters.jsonl" ] || fail "the state is somewhere else"
done
