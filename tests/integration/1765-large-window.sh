#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A window of many keys, in a stage that may have little memory: killed while it is open, the stage
# comes back; the record that closes it is no poison, and nothing is taken for a hang.
. "$ROOT/tests/integration/lib.sh"
# What a sanitizer reserves is beyond any limit.
memory_max=", memory_max: 256MiB"
case $BUILD_NAME in *asan*) memory_max="" ;; esac
topology=$PWD/large.yaml
cat >"$topology" <<END
topology: large
types: { X: { k: string, at: timestamp } }
stages:
  src: { kind: file.source, path: "\${INPUT}" }
  p: { kind: json.decode, from: src, type: X }
  counts: { kind: window.count, from: p, key: k, at: at, per: month$memory_max }
  lines: { kind: json.encode, from: counts }
  out: { kind: file.sink, from: lines, path: "\${OUTPUT}" }
END
keys=$(scaled 150000)
python3 - "$keys" >whole <<'END'
import sys
keys = int(sys.argv[1])
for i in range(keys):
    print('{"k":"customer-%d","at":"2024-01-%02dT00:00:00Z"}' % (i * 7919 % keys, 1 + i % 28))
print('{"k":"last","at":"2024-02-01T00:00:00Z"}')
END
export INPUT=$PWD/whole OUTPUT=$PWD/reference
"$BULKHEAD" run --quiet --inline --state reference.state "$topology" >summary
[ "$(wc -l <reference)" -eq $((keys + 1)) ] || fail "$(wc -l <reference) lines, not $((keys + 1))"

export INPUT=$PWD/input OUTPUT=$PWD/answers
: >input
source=src
start_endless
everything_acked() { acked out "$(records_given)" && acked src "$(records_given)"; }
give "$keys"
wait_for everything_acked
killed counts || fail "it was not killed"
give 1
wait_for everything_acked
[ "$(json counts restarts)" -eq 1 ] || fail "restarted $(json counts restarts) times"
stop
[ ! -s "$state/dead-letters.jsonl" ] || fail "dead letters: $(head -c 300 "$state/dead-letters.jsonl")"
"$BULKHEAD" run --quiet --state "$state" "$topology" >summary
same answers reference
