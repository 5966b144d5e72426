#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# States that do not belong together are refused before anything starts, by both hosts alike and
# however often; a topology grows and shrinks; and there is a way on that empties nothing.
. "$ROOT/tests/integration/lib.sh"

cat >t.yaml <<'Y'
topology: t
types: { R: { k: string, n: int } }
stages:
  src: { kind: file.source, path: in.jsonl }
  parse: { kind: json.decode, from: src, type: R }
  once: { kind: dedupe, from: parse, key: k }
  enc: { kind: json.encode, from: once }
  out: { kind: file.sink, from: enc, path: out.jsonl }
Y
topology=t.yaml
records() { seq "$1" "$2" | sed 's/.*/{"k":"k&","n":&}/'; }
holds() { # holds FILE FROM TO [FROM TO]...: just these records, in this order
    local file=$1
    shift
    while [ $# -gt 0 ]; do records "$1" "$2" && shift 2; done >wanted
    same "$file" wanted
}
digest() { find "$state" -type f ! -name lock -exec sha256sum {} + | sort -k 2; }
hosts=("" --inline)

# Both hosts refuse it, twice, with the same exit code and texts, and change nothing.
refused() { # refused TEXT... -- ARGUMENT...
    local texts=() host text
    while [ "$1" != -- ]; do texts+=("$1") && shift; done
    shift
    digest >before
    for host in "${hosts[@]}" "${hosts[@]}"; do
        expect_exit 5 run $host "$@" >stdout 2>errors
        for text in "${texts[@]}"; do
            grep -qF -- "$text" errors || fail "no '$text' in: $(cat errors)"
        done
        digest >after
        cmp -s before after || fail "a refused run changed the state: $(diff before after)"
    done
}

noted() { # noted TEXT ARGUMENT...: runs, and says that
    local text=$1
    shift
    "$BULKHEAD" run --state "$state" "$@" "$topology" >summary 2>errors || fail "$(cat errors)"
    grep -qF -- "$text" errors || fail "no '$text' in: $(cat errors)"
}

again() { # begins with 100 records that both hosts have had their part of
    rm -rf "$state" ./*.jsonl
    records 1 40 >in.jsonl
    run --inline >summary
    records 41 100 >>in.jsonl
    run >summary
    holds out.jsonl 1 100
    rm -rf kept && cp -a "$state" kept
    [ ! -s errors ] || : >errors
}

# A source of another name, and one of another kind under the same name.
again
sed 's/src/feb/' t.yaml >renamed.yaml
records 501 530 >in.jsonl
topology=renamed.yaml refused "stage 'src' (file.source) is no longer in the topology" "--discard src" --
holds out.jsonl 1 100
topology=renamed.yaml noted "stage 'feb' is new: it reads its input from the beginning, and its first record is number 101" --discard src
holds out.jsonl 1 100 501 530
records 531 540 >>in.jsonl
topology=renamed.yaml run --inline >summary
holds out.jsonl 1 100 501 540
again
sed 's/kind: file.source, path: in.jsonl/kind: stdin.source/' t.yaml >stdin.yaml
topology=stdin.yaml refused "stage 'src' was of kind file.source and is now of kind stdin.source" "--discard src" --
records 501 510 | topology=stdin.yaml run --discard src >summary
records 511 520 | topology=stdin.yaml run --inline >summary
records 521 530 | topology=stdin.yaml run >summary
holds out.jsonl 1 100 501 530

# A source without its cursor must not give old numbers to other lines.
again
rm "$state/stages/src/cursor"
records 501 530 >in.jsonl
refused "stage 'src': its position is gone, but 'dead-letters' has its records up to 100" "--discard src" --
run --discard src >summary
holds out.jsonl 1 100 501 530
again
rm -r "$state/stages/src" # nothing is left that could be discarded
refused "stage 'src': its position is gone" --
run --inline --discard src >summary # the same lines as new ones: `once` knows them
holds out.jsonl 1 100

# A state that is gone, and what discards it on purpose.
for host in "${hosts[@]}"; do
    again
    rm -r "$state/stages/once"
    records 101 110 >>in.jsonl
    refused "stage 'once': its state is gone: there is nothing in 'stages/once', but 'src' upstream of it resumes at record 101" --
    noted "stage 'once' begins again, because of --discard: it has an empty state, and begins with record 101" --discard once $host
    records 1 5 >>in.jsonl # forgotten by now
    run $host >summary
    holds out.jsonl 1 110 1 5
done

# A sink that begins anew after a kill: what it had shown and not committed comes again, and where
# that begins is said.
for host in "${hosts[@]}"; do
    again
    records 101 110 >>in.jsonl
    "$BULKHEAD" run --quiet --state "$state" --set src.follow=true t.yaml >summary 2>errors &
    supervisor=$!
    wait_for acked out 110
    pid=$(json out pid)
    kill -STOP "$supervisor" # so that none follows which comes to an orderly end
    kill -KILL "$pid"
    wait_for gone "$pid"
    kill -KILL "$supervisor"
    wait "$supervisor" || true
    supervisor=""
    mv out.jsonl kept.jsonl
    echo shown >>kept.jsonl
    noted "truncate -s $(records 1 110 | wc -c)" --discard out $host
    again
    mv out.jsonl kept.jsonl
    noted "stage 'out' begins again" --discard out $host
    ! grep truncate errors || fail "said though it came to an end"
done

# Parts of another state of the same topology, which may fit: as a backup of another host, or one from
# before --fresh.
rm -rf "$state" ./*.jsonl
records 1 50 >in.jsonl
run >summary
rm -rf other && mv "$state" other && mv out.jsonl other.jsonl
for begins in "" --fresh; do
    records 1 5 >in.jsonl
    rm -f out.jsonl
    # shellcheck disable=SC2086
    run $begins >summary
    holds out.jsonl 1 5
    for stage in src once out dead-letters; do
        rm -rf kept && cp -a "$state" kept && mv out.jsonl kept.jsonl
        rm -r "$state/stages/$stage" && cp -a "other/stages/$stage" "$state/stages/"
        cp other.jsonl out.jsonl
        records 6 10 >>in.jsonl
        refused "stage '$stage': 'stages/$stage' is part of another state" "--discard $stage" --
        rm -rf "$state" && mv kept "$state" && mv kept.jsonl out.jsonl
        records 1 5 >in.jsonl
    done
    # A copy that goes over what is there leaves both.
    rm -rf kept && cp -a "$state" kept
    cp -r other/stages/once "$state/stages/"
    refused "stage 'once': 'stages/once' is part of another state" "--discard once" --
    rm "$state"/stages/once/state.*
    refused "stage 'once': 'stages/once' is part of another state" "--discard once" --
    rm -rf "$state" && mv kept "$state"
    # With another number of workers it still is a part of what it was.
    run --set once.workers=3 --set once.by=k >summary
    rm -rf kept && cp -a "$state" kept
    rm -r "$state/stages/once" && cp -a other/stages/once "$state/stages/"
    refused "stage 'once': 'stages/once' is part of another state" -- --set once.workers=3 --set once.by=k
    rm -rf "$state" && mv kept "$state"
    rm -rf other && cp -a "$state" other && mv out.jsonl other.jsonl
done

# A state that an earlier build has left has no number, and no option that came later.
for host in "${hosts[@]}"; do
    again
    python3 "$ROOT/tests/integration/age.py" "$state" 1
    records 101 110 >>in.jsonl
    run $host >summary
    holds out.jsonl 1 110
    [ "$(find "$state/stages" -name 'state.*' -printf '%f\n' | sort -u | wc -l)" -eq 1 ] || fail "$(find "$state/stages")"
    [ -z "$(find "$state/stages" -name 'state.0123456789abcdef')" ] || fail "an old claim is left"
done

# The texts of its options are compared as it has written them, also where a run was killed: the
# source goes on before the others. What differs is told, and refused.
sed 's/from: parse, key/from: some, key/' t.yaml >where.yaml
cat >>where.yaml <<'Y'
  some:
    kind: filter
    from: parse
    where:
      - { k: { one_of: ["a, b", "c\\d", "\\,", x] } }
      - { k: { matches: "k\\d.*" } }
      - { n: { range: [1, 2] } }
Y
sed 's/"a, b"/"a, c"/' where.yaml >changed.yaml
for version in 1 2; do
    for host in "${hosts[@]}"; do
        rm -rf "$state" ./*.jsonl
        records 1 40 >in.jsonl
        topology=where.yaml run $host >summary
        rm -rf kept && cp -a "$state" kept
        records 41 100 >>in.jsonl
        topology=where.yaml run $host >summary
        rm -r "$state/stages/src" && cp -a kept/stages/src "$state/stages/"
        python3 "$ROOT/tests/integration/age.py" "$state" $version
        grep -qxF 'option where.1.k.one_of a, b, c\x5cd, \x5c,, x' "$state/manifest" || fail "$(cat "$state/manifest")"
        topology=changed.yaml refused "stage 'some' was changed, but resumes at record 41" --
        records 101 110 >>in.jsonl
        "$BULKHEAD" run --state "$state" $host where.yaml >summary 2>errors || fail "$(cat errors)"
        ! grep -F "stage 'some'" errors || fail "$(cat errors)"
        holds out.jsonl 1 110
        grep -qx 'bulkhead state 4' "$state/manifest" || fail "$(cat "$state/manifest")"
        grep -qF 'one_of a\x5c, b, c\x5c\x5cd, \x5c\x5c\x5c,, x' "$state/manifest" || fail "$(cat "$state/manifest")"
    done
done

# A state from another time: nobody can give what lies between.
for host in "${hosts[@]}"; do
    again
    records 101 150 >>in.jsonl
    run >summary
    rm -r "$state/stages/out" && cp -a kept/stages/out "$state/stages/"
    cp out.jsonl newer.jsonl
    refused "stage 'out': 'out.jsonl' has length 2934, but what was written to it ends at 1884" -- --accept-gap
    same out.jsonl newer.jsonl
    head -n 100 newer.jsonl >out.jsonl
    refused "stage 'out' resumes at record 101, but 'once' upstream of it at 151" "records 101 to 150" "--accept-gap" --
    records 151 160 >>in.jsonl
    noted "stage 'out' never receives records 101 to 150" --accept-gap $host
    holds out.jsonl 1 100 151 160
    grep -q '^gap 101 150$' "$state/manifest" || fail "the gap is not in the manifest"
    records 161 170 >>in.jsonl
    run $host >summary
    holds out.jsonl 1 100 151 170
done

# A topology grows, by a sink, by a stage with state in the middle, and by workers; what is taken
# out is named; what is put back is new.
for host in "${hosts[@]}"; do
    again
    sed '$a\  copy: { kind: file.sink, from: twice, path: copy.jsonl }' t.yaml |
        sed 's/from: once }/from: twice }/; $a\  twice: { kind: dedupe, from: once, key: n, workers: 2 }' |
        sed 's/  copy: .*/  copy: { kind: file.sink, from: enc, path: copy.jsonl }/' >two.yaml
    topology=two.yaml noted "stage 'twice' is new: it begins with record 101" $host
    grep -qF "stage 'copy' is new: it begins with record 101" errors || fail "$(cat errors)"
    grep -qF "stage 'enc': from was once, is now twice" errors || fail "$(cat errors)"
    records 101 120 >>in.jsonl
    topology=two.yaml run $host >summary
    holds out.jsonl 1 120
    holds copy.jsonl 101 120
    refused "stage 'copy' (file.sink) is no longer in the topology" "stage 'twice' (dedupe) is no longer in the topology" --
    run --discard copy --discard twice $host >summary
    run --discard copy --discard twice $host >summary # as a script does that was killed
    records 121 130 >>in.jsonl
    run >summary
    topology=two.yaml refused "stage 'copy': '$PWD/copy.jsonl' holds 420 bytes that this stage is not known to have written" --
    holds copy.jsonl 101 120
    mv copy.jsonl old.copy
    topology=two.yaml noted "stage 'copy' is new: it begins with record 131" $host
    records 131 140 >>in.jsonl
    topology=two.yaml run $host >summary
    holds copy.jsonl 131 140
    holds out.jsonl 1 140
done

# Options that changed are told as what changed, whether the state still fits or not.
again
sed 's/path: out.jsonl/path: other.jsonl/' t.yaml >changed.yaml
expect_exit 5 "$BULKHEAD" run --state "$state" changed.yaml >stdout 2>errors
grep -q "stage 'out': path was $PWD/out.jsonl, is now $PWD/other.jsonl" errors || fail "$(cat errors)"
sed 's/key: k }/key: n }/' t.yaml >changed.yaml
topology=changed.yaml refused "stage 'once'" "by was k, is now n" "key was k, is now n" "its state cannot continue: key was k:string, is n:int: it remembers other keys" --

# What the directory is the state of is in the directory.
again
rm "$state/manifest"
refused "holds state, but no manifest: an earlier version of bulkhead wrote it" --
again
sed -i 's/file.source/file_source/' "$state/manifest"
refused "manifest: it does not verify" --
sed 's/^topology: t/topology: u/' t.yaml >other.yaml
again
topology=other.yaml refused "holds the state of the topology 't', not of 'u'" --
expect_exit 5 "$BULKHEAD" run --fresh --state "$state" other.yaml 2>errors

# An input that ends before what is known of it: its end was cut off, though all that the cursor
# tells of is there.
again
cp -a "$state/stages/src" src.kept
records 101 150 >>in.jsonl
run >summary
rm -r "$state/stages/src" && mv src.kept "$state/stages/src"
records 1 120 >in.jsonl
for host in "${hosts[@]}"; do
    expect_exit 5 run $host >summary 2>errors
    grep -q "already has record 150 of it" errors || fail "$(cat errors)"
done
holds out.jsonl 1 150
records 1 160 >in.jsonl
run >summary
holds out.jsonl 1 160

# The dead letters are an output like any other; a name that is known to nobody is said.
again
echo nonsense >>in.jsonl
run >summary
[ -s "$state/dead-letters.jsonl" ] || fail "there is no dead letter"
refused "stage 'dead-letters': '$state/dead-letters.jsonl' holds" -- --discard dead-letters
mv "$state/dead-letters.jsonl" old.dead
echo nonsense too >>in.jsonl
noted "stage 'dead-letters' begins again, because of --discard: it has an empty state, and begins with record 102" --discard dead-letters
[ "$(wc -l <"$state/dead-letters.jsonl")" -eq 1 ] || fail "$(cat "$state/dead-letters.jsonl")"
refused "--discard onse: there is no such stage; did you mean 'once'?" -- --discard onse
noted "there is no state of stage 'other', so nothing was discarded" --discard other

# A manifest from another time, a directory that is missing, and one worker's of several.
again
cp "$state/manifest" older
sed 's/key: k }/key: k, workers: 3 }/; $a\  more: { kind: dedupe, from: parse, key: n }' t.yaml |
    sed '$a\  none: { kind: discard, from: more }' >more.yaml
records 101 130 >>in.jsonl
topology=more.yaml run >summary
cp "$state/manifest" newer
cp older "$state/manifest"
topology=more.yaml refused "stage 'more': 'stages/more' holds a state that the manifest does not list" --
cp newer "$state/manifest"
mv "$state/stages/once/1" taken
mkdir "$state/stages/once/1"
topology=more.yaml refused "stage 'once': its state is gone: the state of a worker is missing in 'stages/once'" "--discard once" --
topology=more.yaml refused "stage 'once': its state is gone" -- --accept-gap
rmdir "$state/stages/once/1" && mv taken "$state/stages/once/1"
topology=more.yaml run >summary
rm -rf "$state/stages/"*
topology=more.yaml refused "its position is gone" --

# What is between two stages is not changed while one has records that the other is to get again:
# the source is behind here, as after a kill.
sed 's/from: parse, key: k/from: low, key: k/' t.yaml |
    sed '$a\  low: { kind: filter, from: parse, where: { n: { below: 1000 } } }' >filter.yaml
rm -rf "$state" ./*.jsonl
records 1 100 >in.jsonl
topology=filter.yaml run >summary
cp -a "$state/stages/src" src.kept
records 101 150 >>in.jsonl
topology=filter.yaml run >summary
rm -r "$state/stages/src" && cp -a src.kept "$state/stages/src"
sed 's/1000/120/' filter.yaml >changed.yaml
sed 's/from: low, key: k/from: parse, key: k/; /low:/d' filter.yaml >without.yaml
topology=changed.yaml refused "stage 'low' was changed, but resumes at record 101, while 'once' has records up to 150 from before the change" "stop it in order" --
topology=without.yaml refused "stage 'once' was changed, but resumes at record 101" --
topology=filter.yaml run >summary
records 101 160 >>in.jsonl
topology=changed.yaml noted "stage 'low': where.n.below was 1000, is now 120"
holds out.jsonl 1 150
rm -r "$state/stages/src" && cp -a src.kept "$state/stages/src"
topology=without.yaml noted "some outputs are from before the change and some from after it, because of --accept-gap" --accept-gap
# With its default, an option that an earlier build did not have changes nothing.
rm -r "$state/stages/src" && cp -a src.kept "$state/stages/src"
python3 "$ROOT/tests/integration/age.py" "$state" 1
topology=without.yaml run >summary

# One worker of two is ahead of the sink: its records would be missing, whoever gets its state.
sed 's/key: k }/key: k, workers: 2 }/' t.yaml >shared.yaml
topology=shared.yaml
back() { # back TREE STAGE...: takes these from there
    local tree=$1 stage
    shift
    for stage in "$@"; do rm -r "$state/stages/$stage" && cp -a "$tree/stages/$stage" "$state/stages/$stage"; done
}
rm -rf "$state" kept ./*.jsonl
records 1 100 >in.jsonl
run >summary
cp -a "$state" kept
records 101 150 >>in.jsonl
run >summary
rm -rf whole && cp -a "$state" whole
cp out.jsonl newer.jsonl
back kept src once/0 out
head -n 100 newer.jsonl >out.jsonl
records 151 160 >>in.jsonl
for workers in 2 1 3; do
    refused "stage 'out' resumes at record 101, but 'once' upstream of it at 151" "records 101 to 150" "--accept-gap" -- --set once.workers=$workers
    holds out.jsonl 1 100
done
# The same when its state was dealt out, and a key group is ahead in the store of another. That the
# worker is ahead of the other is no hindrance, so the start gets as far as to the input.
back whole out
cat newer.jsonl >out.jsonl
records 1 100 >in.jsonl
expect_exit 5 run --set once.workers=1 >summary 2>errors
grep -q "already has record 150 of it" errors || fail "$(cat errors)"
[ ! -e "$state/stages/once/1" ] || fail "the state of 'once' was not dealt out"
records 101 160 >>in.jsonl
back kept out
head -n 100 newer.jsonl >out.jsonl
for workers in 1 3; do
    refused "stage 'out' resumes at record 101, but 'once' upstream of it at 151" -- --set once.workers=$workers
done
back whole out
cat newer.jsonl >out.jsonl
run --set once.workers=3 >summary
holds out.jsonl 1 160
