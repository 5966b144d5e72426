#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A value is the text that stands there, with quotes and without: what other readers of YAML take
# for a truth value, a number, a time or a date is compared, set and passed on as it is written.
. "$ROOT/tests/integration/lib.sh"

# What YAML may make something else of, each a text of its own.
texts=(yes no on off y n true false True 1.10 1.1 012 12 0o12 0x1f 1e3 1000 1_000 +1 .5 -0 .inf .nan
    12:30:45 12:30 2026-01-02 2026-01-02T03:04:05Z 2026-01-02T03:04:05 nul Nulls = -x)

topology() {
    local text=$1 wanted=$2
    cat <<EOT
topology: t
durability: process
types: { R: { k: string } }
stages:
  in: { kind: file.source, path: in.jsonl }
  parse: { kind: json.decode, from: in, type: R }
  equals: { kind: filter, from: parse, where: { k: { equals: $text } } }
  one: { kind: filter, from: equals, where: { k: { one_of: [$text, other] } } }
  set:
    kind: map
    from: one
    set:
      block: { type: string, value: $text }
      lines:
        type: string
        value: $text
  enc: { kind: json.encode, from: set }
  out: { kind: file.sink, from: enc, path: out.$wanted }
EOT
}
for text in "${texts[@]}" null Null NULL '~'; do
    printf '{"k":"%s"}\n' "$text"
done >in.jsonl

count=0
for text in "${texts[@]}"; do
    count=$((count + 1))
    for quoted in "$text" "'$text'" "\"$text\""; do
        topology "$quoted" "$count" >t.yaml
        "$BULKHEAD" run --quiet --fresh --inline --state state t.yaml 2>err || fail "$quoted: $(cat err)"
        grep -xF "{\"k\":\"$text\"}" in.jsonl | sed "s/}/,\"block\":\"$text\",\"lines\":\"$text\"}/" >wanted
        [ -s wanted ] || fail "nothing to compare with"
        same wanted "out.$count"
        rm "out.$count"
    done
done

# What is nothing to YAML is refused without quotes, wherever it stands, and is a text in them.
for text in null Null NULL '~'; do
    topology "$text" 0 >t.yaml
    expect_exit 3 "$BULKHEAD" check t.yaml >out 2>err
    [ "$(grep -c "error: '$text' without quotes means no value in YAML" err)" -eq 4 ] || fail "$text: $(cat err)"
    topology "\"$text\"" null >t.yaml
    "$BULKHEAD" run --quiet --fresh --inline --state state t.yaml 2>err || fail "$text: $(cat err)"
    echo "{\"k\":\"$text\",\"block\":\"$text\",\"lines\":\"$text\"}" | cmp - out.null || fail "$text in quotes"
    rm out.null
done

# A setting has no quotes, and is a text as it stands.
topology x set >t.yaml
"$BULKHEAD" run --quiet --fresh --inline --state state --set out.path=null t.yaml 2>err || fail "$(cat err)"
[ -f null ] || fail "--set takes null for nothing"
