#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Two clones in directories of other names give the same bytes: whoever builds it can compare what
# they got. Some objects stand for all, with what a compiler knows of paths: checks and lines.
. "$ROOT/tests/integration/lib.sh"
case $BUILD_NAME in
*asan* | *small*) skip "the flags are those of the plain build" ;;
esac
objects=(build/common/{check,log,file}.o build/common/table.o)
for clone in one a/longer/name; do
    mkdir -p "$clone"
    cp -r "$ROOT/Makefile" "$ROOT/config.mk" "$ROOT"/{common,topology,ipc,stages,supervisor} "$clone/"
    make -s -C "$clone" "${objects[@]}" >make.out 2>&1 || fail "$(cat make.out)"
done
for object in "${objects[@]}"; do
    same "one/$object" "a/longer/name/$object"
    ! grep -q "$PWD" "one/$object" || fail "$object holds the path of its clone"
done
