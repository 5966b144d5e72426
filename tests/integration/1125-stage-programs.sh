#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A kind whose functions are in a program of its own: found beside bulkhead or in ../lib/bulkhead/,
# by `check` too, which says where it looked; not run inline; and its stages see of the environment
# and of other stages what they need, which is nothing.
. "$ROOT/tests/integration/lib.sh"
built="$(dirname "$BULKHEAD")/tests"
[ -x "$built/bulkhead-faults" ] || built="$ROOT/build/tests"
mkdir -p bin lib/bulkhead
cp "$built/bulkhead-faults" bin/
export BULKHEAD=$PWD/bin/bulkhead-faults
cat >t.yaml <<'END'
topology: t
types: { T: { id: string } }
stages:
  in: { kind: file.source, path: "${INPUT:-none}" }
  parse: { kind: json.decode, from: in, type: T }
  step: { kind: fault.step, from: parse, field: id, on: nobody, does: segv }
  text: { kind: json.encode, from: step, fields: [id] }
  out: { kind: file.sink, from: text, path: answers }
END
printf '{"id":"a"}\n{"id":"b"}\n' >input
"$BULKHEAD" kinds fault.step >kind
grep -qx '  program:      bulkhead-fault-stages' kind || fail "kinds does not say the program: $(cat kind)"
export INPUT=input

nowhere="kind 'fault.step' needs the program 'bulkhead-fault-stages', and neither '$PWD/bin/bulkhead-fault-stages' nor '$PWD/lib/bulkhead/bulkhead-fault-stages' can be executed; install it there"
cat >wanted <<END
t.yaml:6:3: error: stage 'step': $nowhere
    6 |   step: { kind: fault.step, from: parse, field: id, on: nobody, does: segv }
      |   ^~~~
t.yaml: 1 error
END
"$BULKHEAD" check t.yaml >out 2>err && fail "check accepts a kind whose program is not there"
same err wanted
code=0
"$BULKHEAD" run --state st t.yaml >out 2>err || code=$?
[ $code -eq 5 ] || fail "run without the program: exit $code, not 5"
echo "bulkhead: error: stage 'step': $nowhere" >wanted
same err wanted

# A directory of that name is not the program; nor is a file that cannot be executed.
mkdir bin/bulkhead-fault-stages
"$BULKHEAD" check t.yaml >out 2>err && fail "a directory passes for a program"
rmdir bin/bulkhead-fault-stages
cp "$built/bulkhead-fault-stages" bin/
chmod a-x bin/bulkhead-fault-stages
"$BULKHEAD" check t.yaml >out 2>err && fail "a file that cannot be executed passes for a program"
rm bin/bulkhead-fault-stages

for place in lib/bulkhead bin; do
    cp "$built/bulkhead-fault-stages" "$place/"
    "$BULKHEAD" check t.yaml >out 2>err || fail "not found in $place: $(cat err)"
    rm -f answers
    "$BULKHEAD" run --quiet --state "st-${place%/*}" t.yaml >out 2>err || fail "in $place: $(cat err)"
    same answers input
done

code=0
"$BULKHEAD" run --inline --state inline t.yaml >out 2>err || code=$?
[ $code -eq 5 ] || fail "run --inline: exit $code, not 5"
echo "bulkhead: error: stage 'step': kind 'fault.step' is in the program 'bulkhead-fault-stages', which --inline cannot run; run it without --inline" >wanted
same err wanted

code=0
"$BULKHEAD" chaos --kills 1 t.yaml >out 2>err || code=$?
[ $code -eq 5 ] || fail "chaos: exit $code, not 5"
echo "bulkhead: error: stage 'step': kind 'fault.step' is in the program 'bulkhead-fault-stages', so it cannot take part in the reference run of chaos, which is a single process" >wanted
same err wanted

# Called by a person, it says what it is.
code=0
bin/bulkhead-fault-stages >out 2>err || code=$?
[ $code -eq 2 ] || fail "a stage program without arguments: exit $code, not 2"
echo "bin/bulkhead-fault-stages: this is a stage program; only the supervisor can start it" >wanted
same err wanted

# Something else of that name ends at once, however often it is started: the run stops, and says so.
rm answers
cp /bin/true bin/bulkhead-fault-stages
code=0
timeout 120 "$BULKHEAD" run --quiet --state other t.yaml >out 2>err || code=$?
[ $code -eq 1 ] || fail "a program that is none: exit $code, not 1: $(cat err)"
grep -q "stopped: stage 'step':" err || fail "$(cat err)"
