#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Files of the kernel, whose size says 0 or 4096 whatever is in them, are read to their end, and a
# later run goes on behind that.
. "$ROOT/tests/integration/lib.sh"
cat >t.yaml <<'END'
topology: sizes
stages:
  read: { kind: file.source, path: "${INPUT}" }
  out: { kind: file.sink, from: read, path: answers }
END
topology=$PWD/t.yaml
tried=0
for file in /proc/version /proc/filesystems /proc/devices /proc/sys/kernel/ostype \
    /sys/kernel/mm/transparent_hugepage/enabled; do
    [ -r "$file" ] || continue
    [ "$(stat -c %s "$file")" -ne "$(wc -c <"$file")" ] || continue
    grep -v '^[[:space:]]*$' "$file" >wanted
    for host in "" --inline; do
        rm -rf state answers
        INPUT=$file run $host >summary
        same answers wanted
        INPUT=$file "$BULKHEAD" run --state state $host "$topology" >summary 2>log
        same answers wanted
        grep -q 'nothing new' summary || fail "$file: $(cat summary log)"
    done
    tried=$((tried + 1))
done
[ "$tried" -gt 0 ] || skip "no file here says a wrong size"
