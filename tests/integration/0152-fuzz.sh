#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Some thousand texts made of the topologies of the project, the same ones every time, neither crash
# nor hang the reading of a topology; `make fuzz` looks for new ones for as long as you like.
. "$ROOT/tests/integration/lib.sh"

program=$ROOT/build-fuzz/tests/fuzz/topology_fuzz
[ "$BUILD_NAME" = build ] || skip "the fuzz target is a build of its own"
if [ ! -x "$program" ]; then
    echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }' >empty.c
    clang -fsanitize=fuzzer -o empty empty.c 2>err || skip "clang's fuzzer (libclang-rt-14-dev) is not there"
    skip "the fuzz target is not built; make fuzz-program"
fi

unset INPUT OUTPUT
FUZZ_PLACE=$PWD timeout 200 "$ROOT/tests/fuzz/run" build-fuzz -seed=1 -runs=3000 >log 2>&1 ||
    fail "$(tail -n 40 log; for text in crash-* timeout-* leak-* oom-*; do [ ! -e "$text" ] || base64 "$text"; done)"
grep -qE '^Done 3000 runs|DONE' log || fail "$(tail -n 5 log)"
"$BULKHEAD" check "$ROOT/tests/fuzz/quotes.yaml" >out 2>err || fail "a good topology: $(cat err)"
[ "$(find corpus -type f | wc -l)" -gt 20 ] || fail "nothing new was found in 3000 runs: the target sees nothing"
