#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Whole runs on a state directory in which one file was damaged, cut, swapped, or is an older one.
# Each either gives the same bytes in the end, or is refused, naming the stage and leaving the file
# as it is; with the good file back, the run goes on to the same bytes. Which of the two stands in
# the table below. tests/unit/damage.h is what unit tests do to every byte of every file.
. "$ROOT/tests/integration/lib.sh"
"$generate" --records 60 --customers 5 --seed 12 --malformed 20 --disorder 3 -o whole

# Three states: old (20 records), begin (40), and of another topology with the same stages (40).
sed 's/^topology: velocity-limits/topology: other/' "$topology" >other.yaml
export INPUT="$PWD/input"
run_in() { OUTPUT=$PWD/$1/answers "$BULKHEAD" run --quiet --state "$1/state" "${2:-$topology}" >"$1.out" 2>"$1.err"; }
mkdir begin other
head -n 20 whole >input
run_in begin
cp -r begin old
head -n 40 whole >input
run_in begin
run_in other "$PWD/other.yaml"
cp -r begin expected
cp whole input
run_in expected
[ "$(wc -l <begin/state/dead-letters.jsonl)" -gt 2 ] || fail "the input is too tame"

now=""
bad() { fail "$now: $*: $(cat place.err)"; }

# What is in an output may be less than all of it, but never anything else.
is_prefix() { cmp -n "$(stat -c %s "$1")" "$1" "$2" >/dev/null || bad "wrong bytes in $1"; }

# try CODE FILE TEXT COMMAND...: damages FILE of the state with the command, and runs; TEXT must be
# in the message of a refusal.
try() {
    local wanted=$1 file=$2 text=$3 code=0
    now="$file: ${*:4}"
    rm -rf place
    cp -r begin place
    (cd place/state && "${@:4}")
    cp -rP "place/state/$file" damaged 2>/dev/null || rm -rf damaged
    run_in place || code=$?
    [ "$code" -eq "$wanted" ] || bad "exit $code, not $wanted"
    is_prefix place/answers expected/answers
    is_prefix place/state/dead-letters.jsonl expected/state/dead-letters.jsonl
    if [ "$code" -ne 0 ]; then
        grep -q -- "$text" place.err || bad "the message does not say '$text'"
        torn=place/state/${file%.log}.torn
        [ ! -e "$torn" ] || cat "$torn" >>"place/state/$file" # a torn end is put aside, not thrown away
        [ ! -e damaged ] || diff -r damaged "place/state/$file" >/dev/null || bad "the refusal has changed it"
        rm -rf "place/state/${file:?}"
        cp -r "begin/state/$file" "place/state/$file"
        run_in place || bad "it does not go on with the good file"
    fi
    rm -rf damaged
    same place/answers expected/answers
    same place/state/dead-letters.jsonl expected/state/dead-letters.jsonl
    [ -z "$(ls -A place/state/links)" ] || bad "sockets left"
}

cut() { truncate -s "$2" "$1"; }
zeros() { head -c "$(stat -c %s "$1")" /dev/zero >zeros && mv zeros "$1"; }
garbage() { python3 -c 'import random,sys; r=random.Random(1); n=len(open(sys.argv[1],"rb").read()); open(sys.argv[1],"wb").write(r.randbytes(n))' "$1"; }
flip() { python3 -c 'import sys; f=open(sys.argv[1],"r+b"); f.seek(int(sys.argv[2])); b=f.read(1)[0]; f.seek(-1,1); f.write(bytes([b^int(sys.argv[3])]))' "$1" "$2" "$3"; }
older() { cp "../../old/state/$1" "$1"; }
foreign() { cp "../../other/state/$1" "$1"; }
copy_of() { cp "$2" "$1"; }

# --- the cursor of the source: what is read twice is known downstream and cut off there, but if
# nothing says what was read, it might be anything ---
file=stages/loads/cursor
for damage in "older $file" "flip $file 20 1"; do
    # shellcheck disable=SC2086
    try 0 "$file" "" $damage
done
for damage in "cut $file 0" "cut $file 100" "zeros $file" "rm $file"; do
    # shellcheck disable=SC2086
    try 5 "$file" "stage 'loads': its position is gone" $damage
done
try 5 "$file" 'cursor: neither slot' garbage "$file"
try 5 "$file" 'cursor was written by another kind' copy_of "$file" stages/answers/cursor

# --- the cursors of the outputs: a file that nobody knows of, or a state that the others left ---
for stage in answers dead-letters; do
    file=stages/$stage/cursor
    try 5 "$file" "stage '$stage': its state is gone" cut "$file" 0
    try 5 "$file" "stage '$stage': its state is gone" cut "$file" 100
    try 5 "$file" "stage '$stage': its state is gone" rm "$file"
    try 5 "$file" 'cursor: neither slot' garbage "$file"
    try 5 "$file" "but what was written to the file that was in its place ends at [0-9]*" older "$file"
    try 5 "$file" 'cursor was written by another kind' copy_of "$file" stages/loads/cursor
done
try 5 stages/answers/cursor "answers" copy_of stages/answers/cursor stages/dead-letters/cursor
try 5 stages/dead-letters/cursor "dead-letters.jsonl" copy_of stages/dead-letters/cursor stages/answers/cursor

# --- the stores: what was acked and is not there any more is missed by the others ---
for stage in once limits; do
    file=stages/$stage/store.1.log
    len=$(stat -c %s "begin/state/$file")
    try 5 "$file" 'store.1.log: cut off in its header (offset 300)' cut "$file" 300
    try 5 "$file" 'do not belong together' cut "$file" 328
    try 5 "$file" 'do not belong together' cut "$file" $((len - 1))
    try 5 "$file" 'do not belong together' flip "$file" $((len - 1)) 255
    try 5 "$file" 'store.1.log: a group does not verify (offset 328); restore the state directory as a whole, or use --discard '"$stage"': then all' flip "$file" 350 1
    try 5 "$file" 'store.1.log: the header does not verify (offset 0)' flip "$file" 30 1
    try 5 "$file" 'store.1.log: not a file of a store (offset 0)' zeros "$file"
    try 5 "$file" 'store.1.log: not a file of a store (offset 0)' garbage "$file"
    try 5 "$file" 'do not belong together' older "$file"
    try 5 "$file" "stage '$stage': its state is gone" rm "$file"
    try 5 "$file" "was written for" foreign "$file"
done
try 5 stages/once/store.1.log "was written for" copy_of stages/once/store.1.log stages/limits/store.1.log

# --- the state directory's own files ---
try 5 manifest 'manifest: it does not verify' cut manifest 0
try 5 manifest 'manifest: it does not verify' cut manifest 100
try 5 manifest 'manifest: it does not verify' flip manifest 3 1
try 5 manifest 'manifest: it does not verify' garbage manifest
try 5 manifest 'holds the state of the topology' foreign manifest
try 5 manifest 'but no manifest: an earlier' rm manifest
try 0 lock '' garbage lock
try 0 lock '' cut lock 0
try 0 lock '' copy_of lock manifest

# --- things that are no files ---
symlink() { mv "$1" "$1.elsewhere" && ln -s "$(basename "$1").elsewhere" "$1"; }
try 5 manifest 'manifest' symlink manifest
try 5 lock 'lock' symlink lock
as_directory() { rm -rf "$1" && mkdir "$1"; }
try 5 manifest 'manifest' as_directory manifest
try 5 lock 'lock' as_directory lock
for file in stages/loads/cursor stages/limits/store.1.log stages/answers/cursor; do
    try 5 "$file" "$(basename "$file")" symlink "$file"
    try 5 "$file" "$(basename "$file")" as_directory "$file"
done
