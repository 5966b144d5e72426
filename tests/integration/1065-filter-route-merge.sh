#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Filters, routes, a merge with origin and a discard in one graph with workers: every output and the
# dead letters are those of the inline host, and those of a few lines of Python.
. "$ROOT/tests/integration/lib.sh"
topology=$PWD/graph.yaml
cat >"$topology" <<'END'
topology: graph
types:
  Order: { id: int, tier: 'enum(bronze, silver, gold)', amount: money(USD), agent: string }
stages:
  lines: { kind: file.source, path: input }
  parse:
    kind: regex.parse
    from: lines
    type: Order
    pattern: '^(?<id>\d+) (?<tier>\w+) (?<amount>\S+) (?<agent>.*)$'
    workers: 3
  people:
    kind: filter
    from: parse
    where: { id: { above: 0 } }
    unless: [{ agent: { matches: '(?i)bot' } }, { amount: { equals: 0 } }]
    workers: 2
  way:
    kind: route
    from: people
    outputs:
      vip: { tier: { at_least: gold } }
      large: { amount: { at_least: 100.00 } }
      test: { agent: { one_of: [test, ''] } }
    otherwise: rest
    workers: 4
  all: { kind: merge, from: [way.rest, way.vip, way.large], origin: origin }
  format: { kind: json.encode, from: all }
  out: { kind: file.sink, from: format, path: "${OUTPUT}" }
  format-vip: { kind: json.encode, from: way.vip, fields: [id, amount] }
  out-vip: { kind: file.sink, from: format-vip, path: "${OUTPUT}.vip" }
  unwanted: { kind: discard, from: way.test }
END
python3 - "$(scaled 20000)" <<'END'
import random, sys
random.seed(4)
tiers = ["bronze", "silver", "gold", "copper"]
agents = ["Mozilla/5.0", "Googlebot", "a BOT", "test", "", "curl"]
names = {"rest": [], "vip": [], "large": []}
with open("input", "w") as lines, open("wanted", "w") as out, \
     open("wanted.vip", "w") as vip, open("wanted.dead", "w") as dead:
    for n in range(1, int(sys.argv[1]) + 1):
        tier = random.choices(tiers, [4, 4, 2, 1])[0]
        number, cents = random.choice([0, n, n, n]), random.choice([0, 1, 9999, 10000, 123456])
        agent = random.choice(agents)
        line = f"{number} {tier} {cents // 100}.{cents % 100:02} {agent}"
        print(line, file=lines)
        if tier == "copper":
            print(f'{{"seq":{n},"line":{n},"stage":"parse","reason":"bad-value","message":"the field '
                  f"'tier' is not a name of its enum\",\"input\":\"{line}\"}}", file=dead)
            continue
        if number == 0 or "bot" in agent.lower() or cents == 0:
            continue
        to = ("vip" if tier == "gold" else "large" if cents >= 10000 else
              "test" if agent in ("test", "") else "rest")
        if to == "test":
            continue
        amount = f"${cents // 100}.{cents % 100:02}"
        print(f'{{"id":{number},"tier":"{tier}","amount":"{amount}","agent":"{agent}",'
              f'"origin":"way.{to}"}}', file=out)
        if to == "vip":
            print(f'{{"id":{number},"amount":"{amount}"}}', file=vip)
END

export OUTPUT=$PWD/answers
run >summary
same answers wanted
same answers.vip wanted.vip
with_version state wanted.dead
same state/dead-letters.jsonl wanted.dead

mv state process-state
state=$PWD/inline OUTPUT=$PWD/inline-answers
run --inline >inline-summary
same inline-answers wanted
same inline-answers.vip wanted.vip
with_version inline wanted.dead
same inline/dead-letters.jsonl wanted.dead
