#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `bulkhead journal` beside a running supervisor and after it: the list, the records, what does not
# verify; and a run that is refused for a journal that lost its end.
. "$ROOT/tests/integration/lib.sh"
cat >t.yaml <<'END'
topology: t
stages:
  in: { kind: stdin.source }
  out: { kind: file.sink, from: in, path: out }
END
topology=t.yaml
journal() { "$BULKHEAD" journal --state "$state" "$@" t.yaml; }
expect_exit 5 journal 2>errors
grep -q 'cannot open' errors || fail "$(cat errors)"
mkfifo pipe
exec 7<>pipe
"$BULKHEAD" run --quiet --state "$state" t.yaml <pipe >run.out 2>run.err &
supervisor=$!
wait_for running
printf 'one\r\n\ntwo\nthr' >&7
wait_for acked out 2
journal >listed
echo 'journal.00000001   records 1 to 2, lines 1 to 3, 13 bytes, 3 of them of an unfinished line, in use' >wanted
same listed wanted
printf 'ee\nfour\n' >&7
wait_for acked out 4
journal --print >printed
printf '1\t1\tone\n2\t3\ttwo\n3\t4\tthree\n4\t5\tfour\n' >wanted
same printed wanted
journal --print --from 2 --to 3 >printed
sed -n 2,3p wanted >wanted.part
same printed wanted.part
journal --verify >verified
grep -qx 'every block verifies' verified || fail "$(cat verified)"
"$BULKHEAD" stop --state "$state" >/dev/null
wait "$supervisor" || fail "exit $?"
supervisor=""
expect_exit 2 journal --from 0 --print 2>/dev/null
expect_exit 2 journal --from 1 2>/dev/null

# A byte of a block that is there: it, and the run, are refused by file and offset.
cp -a state good
file=state/stages/in/journal.00000001
printf X | dd of=$file bs=1 seek=$((128 + 64)) conv=notrunc status=none
expect_exit 5 journal --verify 2>errors
grep -q 'journal.00000001 does not verify at offset 128: the bytes of a block are damaged' errors ||
    fail "$(cat errors)"
expect_exit 5 run <&7 >summary 2>errors
grep -q 'journal.00000001 does not verify at offset 128' errors || fail "$(cat errors)"

# What it says of an end that does not verify is what the next run does: refuses it, completes it, or cuts it off.
verified() { # what the list says of the end; what --verify says
    journal >listed
    grep -qE "^journal.00000001 .* $1in use$" listed || fail "$(cat listed)"
    journal --verify >listed
    grep -qx 'every block verifies' listed || fail "$(cat listed)"
}
refused() {
    for word in journal run; do
        expect_exit 5 $word <&7 >summary 2>errors
        grep -q "journal.00000001 does not verify at offset $1" errors || fail "$word: $(cat errors)"
    done
}
end=$((($(stat -c %s good/stages/in/journal.00000001) + 63) / 64 * 64))
for bytes in 10 64; do # a header that was not written yet
    rm -rf state && cp -a good state
    truncate -s $((end + bytes)) $file
    verified 'a block is being written, '
    run </dev/null >summary 2>errors || fail "$(cat errors)"
done
rm -rf state && cp -a good state
truncate -s +10M $file
refused "$end: the header of a block is gone"
rm -rf state && cp -a good state
truncate -s "$end" $file
printf 'damaged' >>$file
refused "$end: the header of a block"
echo 01234567-89ab-cdef-0123-456789abcdef >boot_id
other_boot() { # after a loss of power
    unshare -m sh -c 'mount --bind boot_id /proc/sys/kernel/random/boot_id && exec "$@"' sh "$@"
}
if other_boot true 2>/dev/null; then
    other_boot "$BULKHEAD" journal --verify --state "$state" t.yaml >listed || fail "another boot: $(cat listed)"
    grep -q ' 7 bytes torn by a power failure, which the next start cuts off, in use$' listed || fail "$(cat listed)"
    grep -qx 'every block verifies' listed || fail "$(cat listed)"
    other_boot "$BULKHEAD" run --quiet --state "$state" t.yaml </dev/null >summary 2>errors || fail "$(cat errors)"
    [ "$(cat state/stages/in/journal.00000001.torn)" = damaged ] || fail "it was not cut off"
fi

# The end is lost, and with it what was acked; or what only the sink had acked; or all of it.
rm -rf state && cp -a good state
truncate -s 128 $file
expect_exit 5 run <&7 >summary 2>errors
grep -q 'ends there after record 0, but everything up to 4 was acked' errors || fail "$(cat errors)"
"$BULKHEAD" run --quiet --state "$PWD/empty" --set out.path=none t.yaml </dev/null >summary
for host in "" --inline; do
    rm -rf state && cp -a good state
    rm state/stages/in/[cj]* && cp -a empty/stages/in/[cj]* state/stages/in
    # shellcheck disable=SC2086
    expect_exit 5 run $host <&7 >summary 2>errors
    grep -q "stage '[a-z-]*' has record 4, but the journal of the input ends with record 0" errors ||
        fail "$(cat errors)"
    rm state/stages/in/*
    # shellcheck disable=SC2086
    expect_exit 5 run $host <&7 >summary 2>errors
    grep -q "stage 'in': its position is gone, but 'dead-letters' has its records up to 4" errors ||
        fail "$(cat errors)"
    grep -q -- "use --discard in to discard what is left of its journal and read standard input as new, from record 5 on" errors ||
        fail "$(cat errors)"
done
