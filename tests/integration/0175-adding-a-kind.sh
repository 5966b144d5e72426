#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# docs/adding-a-kind.md alone is enough to add a kind: every block of it is done in a copy of the tree, in
# its order. A comment in front of a block says what it is: a file, a piece of one, commands, or what the
# last commands print.
. "$ROOT/tests/integration/lib.sh"
page=$ROOT/docs/adding-a-kind.md
[ "$BUILD_NAME" = build ] || skip "the page is tried with the usual build alone"
[ ! -e "$ROOT/stages/kinds/csv_decode.c" ] || skip "this tree has a csv.decode already, and the page adds it"

mkdir tree tree/build
(cd "$ROOT" && tar c --exclude='./build*' --exclude=./.git .) | tar x -C tree
# With what is compiled already; the times of files are kept.
(cd "$ROOT/build" && tar c --exclude=./bulkhead --exclude=./tests .) | tar x -C tree/build
export MAKEFLAGS="-j2 OPTIMIZE=-O1 WERROR=-Werror"

# The page as blocks: N.is says what a block is, N.text is the block.
awk '
    /^<!-- shown: in a copy: / { is = $0; sub(/^<!-- shown: in a copy: /, "", is); sub(/ -->$/, "", is); next }
    /^```/ && !on { on = 1; n++; print is >(n ".is"); printf "" >(n ".text"); is = "nothing"; next }
    /^```/ { on = 0; next }
    on { print >(n ".text") }' "$page"
count=$(find . -maxdepth 1 -name '*.is' | wc -l)
[ "$count" -ge 8 ] || fail "the page has $count blocks"

# Where a line with a text is, the block comes after it, or before.
put() {
    local where=$1 what=$2 file=tree/$3 text=$4 line
    line=$(grep -nF -- "$what" "$file" | head -n 1 | cut -d: -f1)
    [ -n "$line" ] || fail "there is no line with '$what' in $3"
    [ "$where" = after ] || line=$((line - 1))
    sed -i "${line}r $text" "$file"
}

for ((n = 1; n <= count; n++)); do
    is=$(cat $n.is)
    echo "block $n: $is"
    case $is in
    "file "*)
        [ ! -e "tree/${is#file }" ] || fail "${is#file } is there already"
        mkdir -p "$(dirname "tree/${is#file }")"
        cp $n.text "tree/${is#file }"
        ;;
    "after "* | "before "*)
        what=${is#*\"}
        put "${is%% *}" "${what%%\"*}" "${is##* in }" $n.text
        ;;
    run) (cd tree && env -u BULKHEAD -u ROOT bash -euo pipefail "$OLDPWD/$n.text") >printed 2>&1 || fail "$(cat printed)" ;;
    prints)
        printed=$(cat printed)
        [[ $printed == *"$(cat $n.text)"* ]] || fail "printed was: $printed"
        ;;
    *) fail "nothing says what block $n is" ;;
    esac
done
[ -x tree/build/bulkhead ] && [ -x tree/build/tests/unit/stages/kinds/csv_decode_test ] || fail "nothing was built"
