#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Tab completes commands, options, and what an option takes, in bash, zsh and fish. The candidates are
# compared with the help; the scripts are typed at, in real shells on a terminal.
. "$ROOT/tests/integration/lib.sh"

cat >t.yaml <<END
topology: completed
types: { A: { a: string } }
stages:
  log: { kind: file.source, path: "\${INPUT:-input}", follow: true }
  lines: { kind: regex.parse, from: log, pattern: '^(?<a>.)', type: A, workers: 2 }
  encode: { kind: json.encode, from: lines }
  out: { kind: file.sink, from: encode, path: out }
END
cp "$topology" velocity.yaml
touch velocity.txt input out
mkdir somewhere

complete() { "$BULKHEAD" --complete "$@" | cut -f1; }
offers() { # the candidates in one line; the number of the word, the words
    local wanted=$1
    shift
    [ "$(complete "$@" | tr '\n' ' ')" = "${wanted:+$wanted }" ] || fail "$*: offers $(complete "$@" | tr '\n' ' '), not $wanted"
}

# Every command and every option of the help, with no other word than that of the help.
mapfile -t commands < <("$BULKHEAD" help | sed -n '/^options/q; s/^  \([a-z]\+\) .*/\1/p')
[ ${#commands[@]} -ge 12 ] || fail "help lists ${#commands[@]} commands"
offers "${commands[*]}" 1 ''
offers "${commands[*]}" 2 help ''
options=0
for command in "${commands[@]}"; do
    [ "$command" != help ] || continue
    mapfile -t of_help < <("$BULKHEAD" help "$command" | sed -n 's/^  \(--[a-z-]\+\).*/\1/p')
    offers "${of_help[*]}${of_help:+ }--help" 2 "$command" --
    options=$((options + ${#of_help[@]}))
done
[ $options -ge 20 ] || fail "the commands have $options options"
offers "--help --version" 1 -
offers "$("$BULKHEAD" kinds | cut -d' ' -f1 | tr '\n' ' ' | sed 's/ $//')" 2 kinds ''
offers "$("$BULKHEAD" types | sed -n '/^$/q; s/^\([a-z]\+\) .*/\1/p' | tr '\n' ' ' | sed 's/ $//')" 2 types ''
offers "bash zsh fish" 2 completion ''

# An option that was given is not offered again, unless it repeats. A value is no option.
offers "--state --set" 4 run --fresh t.yaml --s
offers "--set" 4 run --state=x t.yaml --s
offers "--set" 5 run --set a.b=c --state=x --s t.yaml
offers ":directories" 3 run --state --s
offers ":directories" 3 run --state x
offers ":directories" 2 run --state=x
offers ":topologies" 2 run ''
offers ":topologies" 2 plan ''
offers "--discard --set --json --help" 6 plan --accept-gap --state x t.yaml --
offers ":topologies" 4 run --set a.b=c ''
offers "" 3 run t.yaml ''
offers "" 3 chaos --kills ''
offers "" 2 nonsense ''
offers ":topologies" 3 run -- --

# What stands in the topology, wherever the line names it.
offers "log lines encode out" 3 run --discard '' t.yaml
offers "log lines encode out" 4 run t.yaml --discard ''
offers "log lines encode out" 3 plan --discard '' t.yaml
offers "out.renamed_from=" 3 plan --set out.ren t.yaml
offers "" 3 plan --set out.renamed_from= t.yaml
offers "all supervisor log lines lines.0 lines.1 encode out" 3 chaos --targets '' t.yaml
offers "log,supervisor log,log log,lines log,lines.0 log,lines.1 log,encode log,out" 3 chaos --targets log, t.yaml
offers "" 3 chaos --targets $'log\tlog,' t.yaml # it would not be one candidate a line
offers "" 3 chaos --targets $'log\nlog,' t.yaml
offers "log. lines. encode. out." 3 check --set '' t.yaml
offers "out.path= out.records= out.memory_max= out.renamed_from=" 3 check --set out. t.yaml
offers "out.records=lines out.records=msgpack" 3 check --set out.records= t.yaml
offers "log.follow=true" 3 check --set log.follow=t t.yaml
offers "--set=log.follow=true --set=log.follow=false" 2 check --set=log.follow= t.yaml
offers ":files" 3 check --set log.path= t.yaml
offers "" 3 check --set no. t.yaml

# Nothing waits, and nothing is said: no topology, one with errors, one that cannot be read twice.
mkfifo pipe
echo 'topology: [' >broken.yaml
for file in missing.yaml broken.yaml pipe . - /dev/stdin; do
    "$BULKHEAD" --complete 3 run --discard '' "$file" >offered 2>&1 </dev/null || fail "$file: exit $?"
    [ ! -s offered ] || fail "$file: $(cat offered)"
done
expect_exit 2 "$BULKHEAD" --complete 2 run 2>errors
expect_exit 2 "$BULKHEAD" --complete x run 2>errors
expect_exit 2 "$BULKHEAD" --complete 0 run 2>errors
expect_exit 2 "$BULKHEAD" completion tcsh 2>errors
grep -q "there is no completion script for 'tcsh'" errors || fail "$(cat errors)"

# A run to complete the names of. That Tab is pressed disturbs nothing; without a run there is nothing.
running=$PWD/running
offers "" 4 kill --state "$running" ''
"$BULKHEAD" run --quiet --state "$running" t.yaml >run.out 2>run.err &
supervisor=$!
answers() { [ -n "$(complete 4 kill --state "$running" '')" ]; }
wait_for answers
offers "log lines.0 lines.1 encode out dead-letters" 4 kill --state "$running" ''

# The program as the shells find it: it completes, and instead of running notes what it is called with.
mkdir bin
cat >bin/bulkhead <<END
#!/bin/sh
[ "\$1" != --complete ] || exec "$BULKHEAD" "\$@"
echo "\$*" >"$PWD/called.new"
mv "$PWD/called.new" "$PWD/called"
END
chmod +x bin/bulkhead
export PATH=$PWD/bin:$PATH

cat >typed <<'END'
bulkhead chec\t
bulkhead run --fre\tt.yaml
bulkhead check velo\t
bulkhead check velo\t--pri\t
bulkhead plan t.yaml --acc\t
bulkhead run t.yaml --set log\tfol\ttr\t
bulkhead run t.yaml --set=log\tfol\ttr\t
bulkhead run t.yaml --set log\tpat\tinp\t
bulkhead run t.yaml --set log.path=./inp\t
bulkhead chaos t.yaml --targets out,lines.1,sup\t
bulkhead run --state som\t
bulkhead run --state=som\t
bulkhead kinds file.so\t
bulkhead types tim\t
bulkhead help jo\t
bulkhead completion zs\t
bulkhead kill --state running enc\t
bulkhead kill --state=running lines.0\t
./bin/bulkhead stat\t--js\t
END
cat >wanted <<'END'
check
run --fresh t.yaml
check velocity.yaml
check velocity.yaml --print
plan t.yaml --accept-gap
run t.yaml --set log.follow=true
run t.yaml --set=log.follow=true
run t.yaml --set log.path=input
run t.yaml --set log.path=./input
chaos t.yaml --targets out,lines.1,supervisor
run --state somewhere
run --state=somewhere
kinds file.source
types timestamp
help journal
completion zsh
kill --state running encode
kill --state=running lines.0
status --json
END

tried=()
typed_into() { # a shell, its command line, lines to run first
    command -v "$1" >/dev/null || return 0
    tried+=("$1")
    local name=$1
    shift
    TERM=dumb "$ROOT/tests/integration/completion_typed.py" "$1" called "${@:2}" <typed >"typed.$name" || fail "$name: $(cat "typed.$name")"
    sed -i 's,/$,,' "typed.$name" # which zsh takes away again
    diff wanted "typed.$name" || fail "$name completes otherwise"
}
typed_into bash 'bash --norc --noprofile -i' 'source <("$BULKHEAD" completion bash)'
# Names of files that our script for bash looks at: below the home directory, and with a newline.
mkdir newline
touch newline/$'two\nlines.yaml'
HOME=$PWD TERM=dumb "$ROOT/tests/integration/completion_typed.py" 'bash --norc --noprofile -i' called \
    'source <("$BULKHEAD" completion bash)' >typed.files <<'END' || fail "$(cat typed.files)"
bulkhead run --state ~/som\t
bulkhead check newline/two\t
END
printf '%s\n' "run --state $PWD/somewhere/" 'check newline/two' | diff - typed.files || fail "bash completes files otherwise"
typed_into zsh 'zsh -f -i' 'autoload -U compinit; compinit -u -D' 'source <("$BULKHEAD" completion zsh)'
# And as zsh loads it by itself from a directory of functions.
if command -v zsh >/dev/null; then
    mkdir functions
    "$BULKHEAD" completion zsh >functions/_bulkhead
    TERM=dumb "$ROOT/tests/integration/completion_typed.py" 'zsh -f -i' called 'fpath=($PWD/functions $fpath)' \
        'autoload -U compinit; compinit -u -D' <<<'bulkhead chec\t' >typed.functions || fail "$(cat typed.functions)"
    [ "$(cat typed.functions)" = check ] || fail "from functions: $(cat typed.functions)"
fi

# Fish says by itself what it would offer.
if command -v fish >/dev/null; then
    tried+=(fish)
    "$BULKHEAD" completion fish >script.fish
    while IFS= read -r line; do
        [[ $line != *'\t'*'\t'* && $line != ./* ]] || continue
        fish --no-config -c "source script.fish; complete -C '${line%%\\t*}'" | cut -f1
    done <typed | sed 's,/$,,' >typed.fish
    sed -e '/ --print$/d; /log.follow/d; /log.path=input/d; /--fresh/s/ t.yaml//; /^status/d' -e 's/.* //' wanted >wanted.fish
    diff wanted.fish typed.fish || fail "fish completes otherwise"
fi
"$BULKHEAD" stop --state "$running"
wait "$supervisor"
echo "typed into: ${tried[*]}"
