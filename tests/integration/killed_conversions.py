# SPDX-License-Identifier: MIT
"""Kills a start that converts, renames and discards at its syscalls, and looks what comes of it.

killed_conversions.py BULKHEAD KILL_AT HOST FIRST STEP [LAST]

The directory has old.yaml, new.yaml and all.jsonl. The start with new.yaml is killed behind its
FIRST-th call, and then behind every STEP-th, up to the stop LAST. HOST is process or inline: in one
process a stage has one worker, so there its store is dealt out as well. After each of these kills, from the same files:

- new.yaml goes on, and in the end there are the bytes, the manifest and the files of a start that
  nobody has killed; `plan` says before that it goes on, or that the killed start has to be finished;
- old.yaml goes on as if nothing had been, or is refused twice with the same text, and changes
  nothing but what was decided; new.yaml goes on then, with the same bytes;
- no stage loses its state because it is not in the topology any more, or has another name.
"""

import os
import re
import shutil
import subprocess
import sys

BULKHEAD, KILL_AT, HOST = sys.argv[1:4]
HALF = 20
REFUSALS = re.compile(
    r"is no longer in the topology, but the state directory holds its state; put the stage back"
    r"|'out\.jsonl' holds \d+ bytes that this stage is not known to have written"
)


def run(*arguments, expected=(0,)):
    """One run of the program; its exit code and what it says."""
    done = subprocess.run(arguments, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode in expected, f"{arguments} ended with {done.returncode}: {said}"
    return done.returncode, done.stderr


def start(topology, *options, expected=(0,)):
    """A start with a topology, in one process."""
    return run(BULKHEAD, "run", "--inline", "--quiet", "--state", "state", *options, topology,
               expected=expected)


def give(lines):
    """The input is the first lines of all.jsonl."""
    with open("all.jsonl", encoding="utf-8") as source, open("in.jsonl", "w", encoding="utf-8") as to:
        to.writelines(source.readlines()[:lines])


def save(name):
    """Keep all files under a name."""
    shutil.rmtree(name, ignore_errors=True)
    shutil.copytree("state", f"{name}/state", symlinks=True)
    shutil.copy("out.jsonl", f"{name}/out.jsonl")


def restore(name):
    """Take all files of a name; the output remains the same file."""
    shutil.rmtree("state", ignore_errors=True)
    shutil.copytree(f"{name}/state", "state", symlinks=True)
    with open(f"{name}/out.jsonl", "rb") as source, open("out.jsonl", "r+b") as output:
        output.truncate()
        output.write(source.read())


def content(path):
    with open(path, "rb") as file:
        return file.read()


def files():
    """The names and contents of everything in the state directory."""
    found = {}
    for folder, _, names in os.walk("state"):
        for name in names:
            path = os.path.join(folder, name)
            if name not in ("lock", "last-run", "last-run.json"):
                found[path] = content(path)
    return found


def result():
    """What must not depend on a kill: outputs, the manifest, and which files there are."""
    names = sorted(re.sub(r"store\.\d+", "store.N", name) for name in files())
    state = content("state/manifest"), content("state/dead-letters.jsonl")
    return content("out.jsonl"), state, names


def whole(topology, *options):
    """The result of a start from the beginning, and of the rest of the input."""
    restore("begin")
    start(topology, *options)
    give(10**6)
    start(topology, *options)
    give(HALF)
    return result()


def explain(one, other):
    return "\n".join(f"{a}\n{b}" for a, b in zip(one, other) if a != b)


def goes_on(wanted, what, *options):
    """The new topology goes on, as its plan says, to the wanted result."""
    planned, said = run(BULKHEAD, "plan", "--state", "state", *options, "new.yaml", expected=(0, 5))
    assert planned == 0 or "an earlier start was killed" in said, f"{what}: planned: {said}"
    start("new.yaml", *options)
    give(10**6)
    start("new.yaml", *options)
    give(HALF)
    assert result() == wanted, f"{what}: {explain(result(), wanted)}"


def errors_in(said):
    """The errors: a start that finishes another one says so, once."""
    return re.findall("^.*error: .*", said, re.M)


def goes_back(wanted, wanted_new, what):
    """The old topology goes on to its result, or is refused, and the new one goes on."""
    code, said = start("old.yaml", expected=(0, 5))
    if code == 0:
        give(10**6)
        start("old.yaml")
        give(HALF)
        assert result()[0] == wanted[0], f"{what}: {explain(result(), wanted)}"
        return 1
    assert REFUSALS.search(said), f"{what}: {said}"
    kept = files()
    code, again = start("old.yaml", expected=(5,))
    assert errors_in(again) == errors_in(said), f"{what}: first {said}, then {again}"
    assert files() == kept, f"{what}: a refused start changed the state"
    goes_on(wanted_new, f"{what}, and the new one", "--discard", "extra")
    return 0


def is_refused(topology, pattern, what):
    """A topology that has lost a stage is refused, and says which."""
    planned, plan_said = run(BULKHEAD, "plan", "--state", "state", topology, expected=(5,))
    code, said = start(topology, expected=(5,))
    assert re.search(pattern, said), f"{what}: {said}"
    assert errors_in(said) == errors_in(plan_said) or "an earlier start was killed" in plan_said, f"{what}: {plan_said}"


def sweep(first, step, last):
    give(HALF)
    host = ["--inline"] if HOST == "inline" else []
    run(BULKHEAD, "run", *host, "--quiet", "--state", "state", "old.yaml")
    save("begin")
    wanted_old = whole("old.yaml")
    wanted_new = whole("new.yaml", "--discard", "extra")
    kills = backs = 0
    stop = 2 * first - 1
    while stop <= last:
        restore("begin")
        command = [BULKHEAD, "run", *host, "--quiet", "--state", "state", "--discard", "extra"]
        done = subprocess.run([KILL_AT, f"supervisor@{stop}", "--", *command, "new.yaml"],
                              capture_output=True, text=True)
        assert done.returncode == 0, done
        if "end=0\n" in done.stdout:
            break
        what = f"killed at stop {stop}"
        save("killed")
        goes_on(wanted_new, what, "--discard", "extra")
        restore("killed")
        backs += goes_back(wanted_old, wanted_new, what + ", the old topology")
        restore("killed")
        is_refused("less.yaml", "'caps'", what + ", without the stage")
        goes_on(wanted_new, what + ", after it was refused without a stage", "--discard", "extra")
        kills += 1
        stop += 2 * step
    print(f"{kills} kills, {backs} times back to the old topology")


sweep(int(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6]) if len(sys.argv) > 6 else 10**6)
