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
FUZZ_PLACE=$PWD "$ROOT/tests/fuzz/run" --seconds 54 build-fuzz -seed=1 -runs=20000 >log 2>&1 ||
    fail "$(cat log; for bytes in *-{crash,timeout,leak,oom}-*; do [ ! -e "$bytes" ] || { echo "$bytes:" && base64 "$bytes"; }; done)"
for source in "$ROOT"/tests/fuzz/*_fuzz.c; do
    name=$(basename "$source" _fuzz.c)
    grep -qE "^ok +$name +[1-9][0-9]* runs, +[1-9][0-9]* new$" log ||
        fail "$name is not built, or has found nothing new and so sees nothing: $(cat log)"
done
"$BULKHEAD" check "$ROOT/tests/fuzz/corpus/topology/quotes.yaml" >out 2>err || fail "a good topology: $(cat err)"
