#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Calls of the kernel that fail: EIO on what a stage writes, EINTR everywhere, no process, no
# program, no descriptor, no memory. strace makes them fail, in every life that a process has, so
# some runs cannot come to their end. Each run must end, with the same bytes or with an exit code
# and a message, or say that it waits for a resource and for which; the next one, which nobody disturbs, must give the same bytes and leave nothing.
. "$ROOT/tests/integration/lib.sh"
[ "$BUILD_NAME" = build ] || skip "strace is slow with this build, and LeakSanitizer wants to be the tracer"

# What every story begins with: half of the input is done, and the outputs have a piece of
# something behind what is committed, which will have to be cut off; so has a log.
"$generate" --records 24 --customers 3 --seed 7 --malformed 20 --disorder 3 -o whole
export INPUT="$PWD/input"
head -n 12 whole >input
mkdir begin
OUTPUT=$PWD/begin/answers "$BULKHEAD" run --quiet --state begin/state "$topology" >/dev/null
cp -r begin expected
cp whole input
OUTPUT=$PWD/expected/answers "$BULKHEAD" run --quiet --state expected/state "$topology" >/dev/null
[ -s expected/state/dead-letters.jsonl ] || fail "no dead letters: the input is too tame"
printf '%09999d' 0 | tee -a begin/answers begin/state/stages/once/store.1.log >>begin/state/dead-letters.jsonl
for stage in answers dead-letters; do
    "$ROOT/tests/integration/killed_sink.py" "begin/state/stages/$stage/cursor"
done

stray() {
    (cd "$1" && find . -mindepth 1) | sort | grep -vxE \
        '\./(lock|manifest|last-run(\.json)?|dead-letters\.jsonl|links|versions(/[0-9a-f]{64}(/(version|topology\.yaml))?)?|stages(/[a-z-]+(/(cursor|store\.1\.log|state\.[0-9a-f]{16}))?)?|stages/once/store\.1\.torn)'
}

# What no life of a stage has enough of is waited for without end, and said again at each try: such
# a run is stopped.
stop_if_it_waits() {
    while [ "$(grep -c 'trying again in' err)" -lt 10 ]; do sleep 0.05; done
    touch waited
    "$BULKHEAD" stop --state state && "$BULKHEAD" stop --state state
}

# One story in a directory of its own: tell NAME CODES COMMAND..., which is put before the program.
# Where it must not come to its end by itself, CODES are the exit codes that it may have.
tell() {
    local place=$PWD/story-$1 codes=$2 code=0
    shift 2
    cp -r begin "$place"
    cd "$place"
    export OUTPUT="$place/answers"
    : >err
    (stop_if_it_waits) >stopped 2>&1 &
    local watcher=$!
    timeout --kill-after=2 60 "$@" "$BULKHEAD" run --state state "$topology" >out 2>err || code=$?
    kill "$watcher" 2>/dev/null || true
    echo "$code" >code
    [ "$1" != strace ] || grep -q INJECTED calls || fail "no call failed: the story is none"
    [[ ! $* =~ inject=(pwrite64|fdatasync|ftruncate):error=EIO ]] || never_again
    [[ " $codes " = *" $code "* ]] || fail "exit $code: $(tail -n 3 err)"
    if [ -e waited ]; then
        OUTPUT=$place/answers "$BULKHEAD" run --state state "$topology" >again 2>&1 ||
            fail "exit $? of the next run: $(cat again)"
    elif [ "$code" -ne 0 ]; then
        grep -qE '^([^ ]+ )?bulkhead: error: ' err || fail "exit $code without a message"
        OUTPUT=$place/answers "$BULKHEAD" run --state state "$topology" >again 2>&1 ||
            fail "exit $? of the next run"
    fi
    same answers "$OLDPWD/expected/answers"
    same state/dead-letters.jsonl "$OLDPWD/expected/state/dead-letters.jsonl"
    [ -z "$(stray state)" ] || fail "left behind: $(stray state)"
    [ -z "$(ls -A state/links)" ] || fail "sockets left"
}

# After a failed write or sync nobody knows what the file holds: its process touches it no more.
never_again() {
    awk 'failed[$1] { print "done again: " $0; bad = 1 } /INJECTED/ { failed[$1] = 1 } END { exit bad }' calls ||
        fail "something was tried again on a descriptor that had failed"
}

count=0
story() {
    count=$((count + 1))
    local name=$count
    while [ "$(jobs -rp | wc -l)" -ge "$side_by_side" ]; do wait -n || true; done
    (
        (tell "$name" "$codes" "$@") >"story-$name.log" 2>&1 && exit 0
        echo "$*" >"story-$name.failed"
    ) &
}

# inject CALLS FAULT [PATH...]: a story in which calls fail, of all processes or those on a path.
inject() {
    local paths=() path
    for path in "${@:3}"; do
        [[ $path = /* ]] || path=$PWD/story-$((count + 1))/$path
        paths+=(-P "$path")
    done
    story strace -f --seccomp-bpf -qq -e signal=none -o calls -e "trace=$1" -e "inject=$1:$2" "${paths[@]}"
}

# Most of a story that ends in a storm is waiting for the next restart.
side_by_side=24
codes="0 1"

files=(
    "state/stages/loads state/stages/loads/cursor"
    "state/stages/once state/stages/once/store.1.log"
    "state/stages/limits state/stages/limits/store.1.log"
    "state/stages/answers state/stages/answers/cursor answers"
    "state/stages/dead-letters state/stages/dead-letters/cursor state/dead-letters.jsonl"
)
for paths in "${files[@]}"; do
    for n in 1 2; do
        # shellcheck disable=SC2086
        inject pwrite64 "error=EIO:when=$n" $paths
        # shellcheck disable=SC2086
        inject fdatasync "error=EIO:when=$n" $paths
    done
done
for path in answers state/dead-letters.jsonl state/stages/once/store.1.log; do
    inject ftruncate error=EIO:when=1 $path
done
# A list of files that breaks off is not the list of an empty directory.
inject getdents64 error=EIO:when=1 state/stages/once
inject getdents64 error=EIO:when=3 state/stages/limits
inject pread64 error=EIO:when=2 state/stages/limits/store.1.log
inject pread64 error=EIO:when=1 state/stages/loads/cursor

codes=0
for n in 1 2 3; do
    inject read,pread64,pwrite64,recvfrom,sendto,sendmsg,readv,fdatasync,poll,epoll_wait,accept \
        "error=EINTR:when=$n+3"
done

# A file system that syncs no directories is none that fails; one that fails to is.
inject fsync error=EINVAL
codes="0 1 5"
inject fsync error=EIO:when=2

codes="0 1"
inject clone error=EAGAIN:when=3
inject clone error=ENOMEM:when=1+
inject clone3 error=EAGAIN:when=1
inject clone3 error=EAGAIN:when=7
inject execve error=ENOENT:when=1 /proc/self/exe
inject execve error=ENOMEM:when=1 /proc/self/exe

codes="0 1 3 5"
for descriptors in 4 7 8 9 10 12 14 16 20 24 32 40 48 64 72 80 96; do
    story bash -c "ulimit -n $descriptors; exec \"\$@\"" ulimit
done
for call in openat socket socketpair pipe2 memfd_create clone accept; do
    inject $call error=EMFILE:when=1
    inject $call error=EMFILE:when=3
done
for call in epoll_create1 eventfd2 signalfd4; do inject $call error=EMFILE:when=1; done
for n in 1 2 3 4 6 8 12 14; do inject mmap "error=ENOMEM:when=$n"; done

wait
echo "$count stories; how they ended: $(cat story-*/code | sort -n | uniq -c | awk '{ printf "%s%s times %s", sep, $1, $2; sep = ", " }')"
for failed in story-*.failed; do
    [ -e "$failed" ] || continue
    name=${failed%.failed}
    echo "$name: $(cat "$failed")"
    tail -n 5 "$name.log" "$name/err" 2>/dev/null
    broken=1
done
[ -z "${broken:-}" ]
