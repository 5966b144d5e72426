# SPDX-License-Identifier: MIT
"""Starts random topologies on the states of others, as they are planned.

random_changes.py BULKHEAD FIRST LAST

Each seed has a topology that runs over a part of the input, in some of its seeds with stages set back
as a kill leaves them, and a second one that differs from it at random: options, workers, names,
stages that are gone and new ones, with --discard and --accept-gap. Then

- a start ends with the exit code of the plan, and says the same errors, in both hosts;
- the manifest has the versions and the first records that were planned, and the log tells of the same
  conversions and names;
- a refused start, and a plan, change nothing;
- both hosts write the same outputs and dead letters of the rest of the input;
- the next plan finds nothing changed.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys

BULKHEAD = sys.argv[1]
LINES = 60


def draw_records(draw):
    """The input: sales that jump back in time, with repeats and some lines that are none."""
    with open("all.jsonl", "w", encoding="utf-8") as file:
        for i in range(LINES):
            day = max(1, min(28, 1 + i // 3 - draw.choice((0, 0, 0, 1, 3))))
            sale = {"id": str(draw.randint(max(0, i - 8), i)), "who": f"w{draw.randint(0, 3)}",
                    "amount": f"${draw.randint(1, 40)}.00", "at": f"2026-01-{day:02}T00:00:00Z"}
            file.write("no sale\n" if draw.random() < 0.1 else json.dumps(sale) + "\n")


def some(draw, **choices):
    """One value of each option; None leaves it out."""
    drawn = {name: draw.choice(values) for name, values in choices.items()}
    return {name: value for name, value in drawn.items() if value is not None}


def draw_topology(draw):
    """Stages by an identity that does not change: their names, kinds and options."""
    stages = {
        "read": some(draw, kind=["file.source"], path=["in.jsonl"]),
        "parse": some(draw, kind=["json.decode"], type=["Sale"], workers=[1, 2]),
        "once": some(draw, kind=["dedupe"], key=["id", "[id, who]"], workers=[1, 1, 3],
                     keep=[None, "2d", "5d"]),
        "caps": some(draw, kind=["limits"], key=["who"], amount=["amount"], at=["at"],
                     workers=[1, 2], lateness=["1d", "9d"], attempts=["accepted", "all"],
                     rules=["{ a: { per: day, sum: 30 } }", "{ a: { per: day, sum: 60 } }",
                            "{ a: { per: day, sum: 30 }, b: { per: week, count: 3 } }",
                            "{ b: { per: week, count: 3 } }"]),
        "few": some(draw, kind=["filter"],
                    where=["{ who: { one_of: [w0, w1] } }", "{ who: { one_of: [w0, w1, w2] } }"]),
        "lines": some(draw, kind=["json.encode"]),
        "out": some(draw, kind=["file.sink"], path=["out.jsonl"]),
        "bad": some(draw, kind=["json.encode"], fields=["[seq, reason]"]),
        "bads": some(draw, kind=["file.sink"], path=["bad.jsonl"]),
    }
    if "keep" in stages["once"]:
        stages["once"]["at"] = "at"
    return {
        "stages": stages,
        "names": {name: name for name in stages},
        "former": {},
        "without": set(draw.choice([(), (), ("few",), ("once",), ("bad", "bads")])),
        "version": draw.choice([None, None, 1]),
    }


def write_topology(topology, path):
    """The file, with the stages wired in their order."""
    wires = {"parse": "read", "once": "parse", "caps": "once", "few": "caps", "lines": "few",
             "out": "lines", "bad": "parse", "bads": "bad"}
    names, without = topology["names"], topology["without"]
    lines = ["topology: t", "durability: process", "types:",
             "  Sale: { id: string, who: string, amount: money(USD), at: timestamp }", "stages:"]
    if topology["version"]:
        lines.insert(1, f"version: {topology['version']}")
    for stage, options in topology["stages"].items():
        if stage in without:
            continue
        options = dict(options)
        if stage in wires:
            source = wires[stage]
            while source in without:
                source = wires[source]
            options["from"] = names[source] + (".dead" if stage == "bad" else "")
        if stage in topology["former"]:
            options["renamed_from"] = topology["former"][stage]
        lines.append(f"  {names[stage]}: {{ " +
                     ", ".join(f"{name}: {value}" for name, value in options.items()) + " }")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def change(draw, was):
    """Another topology: some stages are drawn anew, some have other names."""
    other = draw_topology(draw)
    stages = {name: other["stages"][name] if draw.random() < 0.4 else options
              for name, options in was["stages"].items()}
    is_now = dict(other, stages=stages, names=dict(was["names"]), former={})
    if draw.random() < 0.5:
        is_now["without"] = was["without"]
    for stage in stages:
        if draw.random() < 0.15:
            is_now["names"][stage] = f"{stage}-2"
            if draw.random() < 0.8:
                is_now["former"][stage] = was["names"][stage]
    return is_now


def run(*arguments):
    return subprocess.run([BULKHEAD, *arguments], capture_output=True, text=True)


def start(topology, *options):
    return run("run", "--state", "state", *options, topology)


def give(count):
    with open("all.jsonl", encoding="utf-8") as source, open("in.jsonl", "w", encoding="utf-8") as to:
        to.writelines(source.readlines()[:count])


OUTPUTS = ("out.jsonl", "bad.jsonl")


def save(name):
    shutil.rmtree(name, ignore_errors=True)
    shutil.copytree("state", f"{name}/state", symlinks=True)
    for output in OUTPUTS:
        if os.path.exists(output):
            shutil.copy(output, f"{name}/{output}")


def restore(name):
    """All files of a name; the outputs remain the same files."""
    shutil.rmtree("state", ignore_errors=True)
    shutil.copytree(f"{name}/state", "state", symlinks=True)
    for output in OUTPUTS:
        if not os.path.exists(f"{name}/{output}"):
            if os.path.exists(output):
                os.remove(output)
            continue
        with open(f"{name}/{output}", "rb") as source, open(output, "a+b") as to:
            to.truncate(0)
            to.write(source.read())


def files():
    found = {}
    for folder, _, names in os.walk("."):
        for name in names:
            if name != "lock" and "/links" not in folder:
                with open(os.path.join(folder, name), "rb") as file:
                    found[os.path.join(folder, name)] = file.read()
    return found


def results():
    found = []
    for path in (*OUTPUTS, "state/dead-letters.jsonl"):
        found.append(open(path, "rb").read() if os.path.exists(path) else None)
    return found


def errors_of(done):
    return [re.sub(r"^\S+Z ", "", line) for line in done.stderr.splitlines() if "error: " in line
            or line.startswith("the old topology")]


def compare_with_manifest(plan, log):
    """What was planned is in the manifest, and is said."""
    with open("state/manifest", encoding="utf-8") as file:
        manifest = file.read()
    version = plan["is"]
    assert re.search(rf"^version {version['from']} {version['id']} \w+ {version['number']}$",
                     manifest, re.M), (version, manifest)
    begins = {name: int(at) for name, at in re.findall(r"^stage (\S+) \S+ keeps (\d+)$", manifest, re.M)}
    for stage in plan["stages"]:
        name, becomes = stage["stage"], stage["becomes"]
        is_there = f"\nstage {name} " in manifest
        assert is_there == (becomes != "removed"), (stage, manifest)
        if becomes in ("begins", "begins again") and stage["at"]:
            assert begins[name] == stage["at"] - 1, (stage, begins)
        said = f"stage '{name}': its state is converted" in log
        assert said == (becomes == "converted"), (stage, log)
        assert (f"stage '{name}' was called " in log) == (stage["was"] is not None), (stage, log)
    for line in ("empty", "remove", "rename"):
        assert f"\n{line} " not in manifest, manifest


def set_back(draw):
    """Some stages that come first are as they were earlier, as after a kill."""
    for stage in ("read", "parse", "once", "caps")[: draw.randint(1, 4)]:
        path = f"state/stages/{stage}"
        if os.path.exists(path) and os.path.exists(f"earlier/{path}"):
            shutil.rmtree(path)
            shutil.copytree(f"earlier/{path}", path, symlinks=True)


def play(seed):
    draw = random.Random(seed)
    shutil.rmtree("state", ignore_errors=True)
    for path in OUTPUTS:
        if os.path.exists(path):
            os.remove(path)
    draw_records(draw)
    was = draw_topology(draw)
    write_topology(was, "was.yaml")
    is_now = change(draw, was)
    write_topology(is_now, "is.yaml")
    first = draw.randint(1, LINES // 2)
    give(first)
    assert start("was.yaml", "--inline").returncode == 0
    save("earlier")
    give(first + draw.randint(0, LINES // 3))
    done = start("was.yaml", "--inline")
    assert done.returncode == 0, done
    if draw.random() < 0.3:
        set_back(draw)
    options = []
    for stage in was["stages"]:
        gone = is_now["names"][stage] != was["names"][stage] or stage in is_now["without"]
        if stage not in was["without"] and draw.random() < (0.6 if gone else 0.05):
            options += ["--discard", draw.choice((was["names"][stage], is_now["names"][stage]))]
    options += ["--accept-gap"] if draw.random() < 0.2 else []
    save("begin")
    before = files()
    text = run("plan", "--state", "state", *options, "is.yaml")
    planned = run("plan", "--json", "--state", "state", *options, "is.yaml")
    assert files() == before, "a plan changed something"
    assert planned.returncode == text.returncode in (0, 5), (text, planned)
    plan = json.loads(planned.stdout) if planned.stdout else None
    outcome = None
    for host in ("--inline", "--quiet") if draw.random() < 0.25 else ("--inline",):
        restore("begin")
        done = start("is.yaml", *options, host)
        assert done.returncode == planned.returncode, (planned.stderr, done.stderr, text.stdout)
        assert errors_of(done) == errors_of(planned), (planned.stderr, done.stderr)
        if done.returncode != 0:
            assert files() == before, "a refused start changed something"
            continue
        if host == "--inline":
            compare_with_manifest(plan, done.stderr)
        rest = run("plan", "--state", "state", "is.yaml")
        assert rest.returncode == 0 and ", unchanged\n" in rest.stdout, rest
        with open("in.jsonl", "rb") as file:
            given = file.read()
        give(LINES)
        done = start("is.yaml", host)
        assert done.returncode == 0, done
        assert outcome is None or outcome == results(), "the hosts write different bytes"
        outcome = results()
        with open("in.jsonl", "wb") as file:
            file.write(given)
    return planned.returncode


def main(first, last):
    ends = {0: 0, 5: 0}
    for seed in range(first, last + 1):
        try:
            ends[play(seed)] += 1
        except AssertionError as error:
            print(f"SEED={seed}: {error}")
            raise
    print(f"{ends[0]} started, {ends[5]} refused")


main(int(sys.argv[2]), int(sys.argv[3]))
