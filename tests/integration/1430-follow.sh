#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# file.source that follows a log through rotations: by rename while it runs and while it does not,
# by copy and truncate, several at once, with the source killed all along.
. "$ROOT/tests/integration/lib.sh"
cat >t.yaml <<'END'
topology: t
stages:
  in: { kind: file.source, path: log/app.log, follow: true }
  out: { kind: file.sink, from: in, path: out }
END
topology=t.yaml
mkdir log
: >wanted
number=0
write() { # COUNT FILE
    seq "$((number + 1))" "$((number + $1))" | tee -a wanted >>"$2"
    number=$((number + $1))
}
settle() {
    wait_for acked out "$number"
    same out wanted
}
stop() {
    kill -TERM "$supervisor"
    wait "$supervisor" || fail "SIGTERM: exit $?: $(cat run.err)"
    supervisor=""
}

start # the file is not there yet
write 100 log/app.log
settle
printf '10' >>log/app.log # half a line is none
"$BULKHEAD" kill in --state "$state" >/dev/null
printf '1\n' >>log/app.log
echo 101 >>wanted
number=101
settle

# Renamed: its writer goes on in the old file, then in a new one.
mv log/app.log log/app.log.1
write 100 log/app.log.1
settle
write 100 log/app.log
settle
# Copied and truncated.
cp log/app.log log/copy
: >log/app.log
truncated() { [ "$(json in bytes_done)" = 0 ]; }
wait_for truncated
write 20 log/app.log
settle
grep -q "was truncated or rewritten" run.err || fail "$(cat run.err)"
stop

# While it does not run: twice renamed, and the one in the middle is there.
write 30 log/app.log
mv log/app.log.1 log/app.log.2 && mv log/app.log log/app.log.1
write 30 log/app.log
mv log/app.log.2 log/app.log.3 && mv log/app.log.1 log/app.log.2 && mv log/app.log log/app.log.1
write 30 log/app.log
start
settle
stop
# Or truncated, and longer by now than what was read.
: >log/app.log
write 500 log/app.log
start
settle

# Rotated again and again while the source is killed.
for round in $(seq 1 "$(scaled 20)"); do
    write 2000 log/app.log
    "$BULKHEAD" kill in --state "$state" >/dev/null || true
    if [ $((round % 3)) -eq 0 ]; then
        mv log/app.log.2 log/app.log.3 && mv log/app.log.1 log/app.log.2
        mv log/app.log log/app.log.1
    fi
    write 500 log/app.log
    settle
done
stop

# The rest of what was read is gone, compressed, or something is missing: never a silent gap.
refused() {
    expect_exit 5 run >summary 2>errors
    grep -q "$1" errors || fail "$(cat errors)"
    same out wanted
}
echo lost >>log/app.log
mv log/app.log elsewhere
echo new >log/app.log
refused "is gone: it was rotated and then removed, compressed, or moved"
mv elsewhere log/app.log.3
rm log/app.log.[12]
mv log/app.log log/app.log.2
gzip log/app.log.2
echo newer >log/app.log.1
echo newest >log/app.log
echo lost >>wanted
refused "'log/app.log.2.gz' was compressed before it was read"
gzip -d log/app.log.2.gz
echo new >>wanted
echo newer >>wanted
echo newest >>wanted
number=$((number + 4))
start
settle
stop
