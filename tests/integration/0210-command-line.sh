#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Options are spelled out: no beginning of one is taken for the whole, and no state or output is
# touched by a command line that makes no sense. Whatever is printed, a stdout that takes nothing is
# an error. Lines fit into a terminal of 80 columns.
. "$ROOT/tests/integration/lib.sh"
. "$ROOT/tests/integration/inherited.sh"

refused() { # the first line of what it says; the arguments
    local said=$1
    shift
    expect_exit 2 "$BULKHEAD" "$@" >out 2>errors
    [ ! -s out ] || fail "$*: prints $(cat out)"
    [ "$(head -n 1 errors)" = "bulkhead: error: $said" ] || fail "$*: says $(cat errors)"
    [ "$(sed -n 2p errors | cut -c1-17)" = "usage: bulkhead $(cut -c1 <<<"$1")" ] || fail "$*: no usage: $(cat errors)"
}
echo mine >answers
cp answers before
refused "there is no option '--f'; did you mean '--fresh'?" run --f t.yaml
refused "there is no option '--fres'; did you mean '--fresh'?" run t.yaml --fres
refused "there is no option '--frehs'; did you mean '--fresh'?" run --frehs t.yaml
refused "there is no option '--acc'; did you mean '--accept-gap'?" run --acc t.yaml
refused "there is no option '--sta'; did you mean '--state'?" run --sta=x t.yaml
refused "there is no option '--zzzzzz'" run --zzzzzz t.yaml
refused "there is no option '-f'; options have no short forms" run -f t.yaml
refused "there is no option '-fresh'; did you mean '--fresh'?" run -fresh t.yaml
refused "there is no option '--stae'; did you mean '--state'?" run --stae=x t.yaml
refused "--fresh takes no value, but 'yes' was given" run --fresh=yes t.yaml
refused "--state needs a value" run t.yaml --state
# A value that is empty, as of a variable that is not set, is none; and of two the last would count in silence.
empty() { # the name of the option; the command, and what stands behind the option
    local option=$1 command=$2
    shift 2
    refused "--$option needs a value, but this one is empty" "$command" "--$option=" "$@"
    refused "--$option needs a value, but this one is empty" "$command" "--$option" '' "$@"
    [ "$option" = set ] || [ "$option" = discard ] ||
        refused "--$option is given twice; give it once" "$command" "--$option=1" "--$option" 1 "$@"
}
for option in state set discard; do empty $option run t.yaml; done
for option in state from to; do empty $option journal --print t.yaml; done
for option in seed kills set; do empty $option chaos t.yaml; done
for option in state set discard; do empty $option plan t.yaml; done
empty set check t.yaml
empty set graph t.yaml
empty state graph --live t.yaml
empty state status
empty state kill once
empty state stop
refused "--from 5 is after --to 2" journal --print --from 5 --to 2 t.yaml
refused "--dot, --mermaid and --live exclude each other; use one of them" graph --dot --mermaid t.yaml
refused "--state has no use without --live; add --live or remove --state" graph --state x t.yaml
refused "kill needs the name of a stage: 1 to 67 bytes, not 0" kill ''
for command in run check plan graph chaos journal; do
    expect_exit 3 "$BULKHEAD" $command '' 2>errors
    [ "$(cat errors)" = "bulkhead: error: the name of the topology file is empty" ] || fail "$command: $(cat errors)"
done
refused "there is no option '--pri'; did you mean '--print'?" check --pri t.yaml
refused "there is no option '--acc'; did you mean '--accept-gap'?" plan --acc t.yaml
refused "there is no option '--fresh'" plan --fresh t.yaml
refused "there is no option '--mer'; did you mean '--mermaid'?" graph --mer t.yaml
refused "there is no option '--kill'; did you mean '--kills'?" chaos --kill 3 t.yaml
refused "there is no option '--js'; did you mean '--json'?" status --js
refused "there is no option '--st'; did you mean '--state'?" kill --st x once
refused "there is no option '--st'; did you mean '--state'?" stop --st x
refused "there is no option '--ver'; did you mean '--verify'?" journal --ver t.yaml
refused "there is no option '--all'" kinds --all
refused "kinds takes one argument, and 'b' is a second one" kinds limits b
refused "types takes one argument, and 'date' is a second one" types int date
for command in check run plan graph chaos journal; do refused "$command needs an argument: T.yaml" $command; done
refused "kill needs an argument: STAGE" kill
refused "run takes one argument, and 'u.yaml' is a second one" run t.yaml --fresh u.yaml
refused "--from and --to select what --print prints; add --print" journal --from 3 t.yaml
for value in 0 x; do
    expect_exit 2 "$BULKHEAD" journal --print --from "$value" t.yaml 2>errors
    [ "$(cat errors)" = "bulkhead: error: --from takes the seq of a record, 1 or more, not '$value'" ] || fail "$(cat errors)"
done
same answers before
[ ! -e state ] || fail "a state directory was made"
rm answers
# Of a mistyped command or option the nearest is named.
meant() { # what it says; the arguments
    local said=$1
    shift
    expect_exit 2 "$BULKHEAD" "$@" >out 2>errors
    [ ! -s out ] || fail "$*: prints $(cat out)"
    [ "$(cat errors)" = "bulkhead: error: $said" ] || fail "$*: says $(cat errors)"
}
meant "there is no command 'stat'; did you mean 'status'?" stat
meant "there is no command 'st'; did you mean 'status'?" st
meant "there is no command 'hlep'; did you mean 'help'?" hlep
meant "there is no command 'version'; did you mean '--version'?" version
meant "there is no command 'frob'; see bulkhead --help" help frob
meant "there is no option '--hlep' before the command; did you mean '--help'?" --hlep
meant "there is no option '-V' before the command; did you mean '--version'?" -V
meant "there is no option '--state' before the command; options of a command come after its name" --state x run
# The word after an option is its value, whatever it looks like; and after -- there is no option.
expect_exit 3 "$BULKHEAD" check -- --print 2>errors
grep -q "cannot open '--print'" errors || fail "$(cat errors)"
"$BULKHEAD" run --quiet --state --fresh t.yaml >out 2>errors || fail "$(cat errors)"
[ -d ./--fresh ] || fail "--state did not take the value behind it"
rm -rf ./--fresh answers

# Help and version, by all their names; --help also behind what was typed already.
[ "$("$BULKHEAD" --version | cut -d' ' -f1)" = bulkhead ] || fail "--version"
"$BULKHEAD" --help >help
same help <("$BULKHEAD" --help --verbose)
same help <("$BULKHEAD" -h frob x)
same <("$BULKHEAD" help run) <("$BULKHEAD" --help run t.yaml)
for word in '' --help -h help; do
    # shellcheck disable=SC2086 # without a word there is none
    same help <("$BULKHEAD" help $word)
done
expect_exit 2 "$BULKHEAD" help run check >out 2>errors
[ ! -s out ] || fail "help run check prints $(cat out)"
[ "$(cat errors)" = "bulkhead: error: help takes one command, and 'check' is a second one" ] || fail "$(cat errors)"
for command in run check plan graph chaos kinds types journal status kill stop completion; do
    "$BULKHEAD" $command --help >one
    grep -q "^usage: bulkhead $command" one || fail "$command --help: $(cat one)"
    same one <("$BULKHEAD" help $command)
    same one <("$BULKHEAD" --help $command)
    same one <("$BULKHEAD" $command x --state y -h)
done
for args in --version --help help 'help run' 'run --help' kinds 'kinds limits' 'check t.yaml' 'plan t.yaml' 'graph t.yaml'; do
    # shellcheck disable=SC2086
    expect_exit 1 "$BULKHEAD" $args >/dev/full 2>errors
    grep -q 'cannot write to standard output: .*No space left on device' errors || fail "$args: $(cat errors)"
done

# No line is longer than 80 columns: help, kinds, manuals, and the tables of a large topology.
narrow() {
    local line wide
    wide=$(grep -P '^.{81}' "$1" | while IFS= read -r line; do echo "${#line} columns, at most 80: $line"; done) || true
    [ -z "$wide" ] || fail "$1: too wide:"$'\n'"$wide"
}
narrow help
for kind in $("$BULKHEAD" kinds | cut -d' ' -f1); do "$BULKHEAD" kinds "$kind"; done >kinds
narrow kinds
if command -v man >/dev/null; then
    for page in "$ROOT"/man/*.[15]; do
        LC_ALL=C MANWIDTH=80 man -l "$page" | col -bx >manual
        narrow manual
    done
fi
long=a-stage-with-a-name-that-is-as-long-as-a-name-may-be-0123456789
sed "s/^  once:/  $long:/; s/from: once/from: $long/; s/key: k }/key: k, workers: 3, by: [k] }/" f.yaml >wide.yaml
"$BULKHEAD" run --quiet --state state wide.yaml >run.out 2>run.err &
supervisor=$!
wait_for acked out 200
"$BULKHEAD" status --state state >status.out
head -n -0 status.out | tail -n +2 >table
narrow table
grep -qx "$long.2" table || fail "no row of its own: $(cat table)"
grep -qE '^out +running +[0-9]+ +1 +- +200 +0 +0 +[0-9.]+$' table || fail "$(cat table)"
stop
head -n 9 run.out >table
narrow table
grep -qE '^parse +json.decode +200 +200 +0 +0 +0$' table || fail "$(cat table)"
