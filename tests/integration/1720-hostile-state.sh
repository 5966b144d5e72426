#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A state directory that others can write, that is another user's, or in which something was put in
# the place of what is ours: refused with the reason, and everything stays as it was.
. "$ROOT/tests/integration/lib.sh"
export INPUT=$PWD/input OUTPUT=$PWD/answers
"$generate" --seed 6 --records 300 --malformed 3 >input
run >summary
cp -a state good
cp answers good.answers
mkdir elsewhere
echo precious >elsewhere/file

# Name, mode, owner and content of everything that could be touched.
look() {
    find state elsewhere answers ! -name 'last-run*' -printf '%p %y %m %u %l\n' | sort
    find state elsewhere answers -type f ! -name lock ! -name 'last-run*' -exec md5sum {} + | sort
}

# refused REASON: the run ends with 5 and says so, and nothing has changed.
refused() {
    look >before
    local code=0
    run >summary 2>run.err || code=$?
    [ "$code" -eq 5 ] || fail "$1: exited with $code: $(cat run.err)"
    grep -q "$1" run.err || fail "'$1' is not in: $(cat run.err)"
    look >after
    same before after
    rm -rf state answers
    cp -a good state
    cp good.answers answers
}

chmod 0770 state
refused "can be written by others (mode 0770)"
chmod 0707 state
refused "can be written by others"
chmod 0720 state/stages
refused "stages' can be written by others"
chmod 0702 state/links
refused "links' can be written by others"

for name in stages links; do
    rm -rf "state/$name"
    ln -s "$PWD/elsewhere" "state/$name"
    refused "'.*$name' is not a directory"
done
for name in lock manifest; do
    rm "state/$name"
    ln -s "$PWD/elsewhere/file" "state/$name"
    refused "$name' is a symbolic link"
done
rm -rf state/stages/once
ln -s "$PWD/elsewhere" state/stages/once
refused "once' is a symbolic link"
for name in stages/loads/cursor stages/answers/cursor stages/once/store.1.log dead-letters.jsonl; do
    rm "state/$name"
    ln -s "$PWD/elsewhere/file" "state/$name"
    refused "$(basename "$name")' is a symbolic link"
done
ln -s "$PWD/elsewhere/file" state/stages/once/quarantine
refused "quarantine' is a symbolic link"

if [ "$(id -u)" -eq 0 ]; then
    chown nobody state
    refused "belongs to user"
    chown nobody state/stages
    refused "stages' belongs to user"
fi

# A second supervisor, by another name of the same directory, is told whose it is.
start_endless
ln -s state alias
code=0
"$BULKHEAD" run --quiet --state alias "$topology" >summary 2>second.err || code=$?
[ "$code" -eq 4 ] || fail "exited with $code: $(cat second.err)"
grep -q "pid $supervisor" second.err || fail "$(cat second.err)"
[ -S state/control.sock ] || fail "the second one has touched the first one's socket"
kill "$supervisor"
wait "$supervisor" || fail "$(cat run.err)"
