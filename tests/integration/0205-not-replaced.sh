#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A build says which of nng's own functions it does not replace: the linker would not. A program that
# lacks a library, or one of its functions, is not linked.
. "$ROOT/tests/integration/lib.sh"
case $BUILD_NAME in
*asan* | *small*) skip "the same script builds them" ;;
esac
cat >calls.c <<'EOF'
int nni_plat_ncpu(void);
int calls(void);
int calls(void) { return nni_plat_ncpu(); }
EOF
cat >has.c <<'EOF'
int nni_posix_resolv_sysinit(void);
int calls_itself(void);
int nni_posix_resolv_sysinit(void) { return 0; }
int calls_itself(void) { return nni_posix_resolv_sysinit(); }
EOF
gcc -O0 -c calls.c has.c
ar rc libnng.a calls.o has.o
said() { "$ROOT/scripts/not-replaced" "$@" >said 2>&1 || fail "not-replaced $*: exit code $?"; }

said static libnng.a nni_plat_ncpu
[ ! -s said ] || fail "it complains of nothing: $(cat said)"
said static libnng.a nni_plat_ncpu nni_posix_resolv_sysinit nni_gone
grep -q 'has no nni_posix_resolv_sysinit to replace' said || fail "its own calls are not replaced: $(cat said)"
grep -q 'has no nni_gone to replace' said || fail "no word of what is gone: $(cat said)"
[ "$(wc -l <said)" -eq 2 ] || fail "two lines are wanted: $(cat said)"
said static nowhere.a nni_plat_ncpu
grep -q "nm cannot read 'nowhere.a'" said || fail "no word of a library that is not there: $(cat said)"
said dynamic libnng.a nni_plat_ncpu
grep -q 'linked dynamically' said || fail "no word of a dynamic program: $(cat said)"

# GNU ld that may not warn says nothing of errors either, and makes programs that crash.
flags=$(make -s -C "$ROOT" --no-print-directory -n -B V=1 BUILD=elsewhere elsewhere/bulkhead 2>/dev/null | grep -e '-o elsewhere/bulkhead ') ||
    fail "no line that links the program"
[[ $flags != *no-warnings* ]] || fail "the linker may not warn: $flags"
