#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What once broke a parser, and some thousand inputs made of what the project has, the same ones every
# time, break none; `make fuzz` looks for new ones for as long as you like. Each target must find its
# way into what it tests.
. "$ROOT/tests/integration/lib.sh"

[ "$BUILD_NAME" = build ] || skip "the fuzz targets are a build of their own"
if [ ! -x "$ROOT/build-fuzz/tests/fuzz/topology_fuzz" ]; then
    echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }' >empty.c
    clang -fsanitize=fuzzer -o empty empty.c 2>err || skip "clang's fuzzer (libclang-rt-14-dev) is not there"
    skip "the fuzz targets are not built; make fuzz-programs"
fi

unset INPUT OUTPUT
FUZZ_PLACE=$PWD "$ROOT/tests/fuzz/run" --seconds 48 build-fuzz -seed=1 -runs=20000 >log 2>&1 ||
    fail "$(cat log; for bytes in *-{crash,timeout,leak,oom}-*; do [ ! -e "$bytes" ] || { echo "$bytes:" && base64 "$bytes"; }; done)"
for source in "$ROOT"/tests/fuzz/*_fuzz.c; do
    name=$(basename "$source" _fuzz.c)
    line=$(grep -E "^ok +$name " log) || fail "$name was not run: $(cat log)"
    read -r _ _ runs _ new _ <<<"$line"
    # On a host with much to do, a slow one may come to little more than its seeds.
    [ "$new" -gt 20 ] || [ "$runs" -lt 2000 ] || fail "$name has found next to nothing, and so sees nothing: $line"
done
"$BULKHEAD" check "$ROOT/tests/fuzz/corpus/topology/quotes.yaml" >out 2>err || fail "a good topology: $(cat err)"
