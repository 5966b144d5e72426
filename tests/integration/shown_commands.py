# SPDX-License-Identifier: MIT
"""Runs the command lines that documents show, each document's blocks in one shell, as a reader would.

They run in a directory that looks like a clone with a build, and has the files that the commands
name. What takes long gets smaller numbers, and what talks to a run gets one; nothing else is changed.
`make` builds nothing: it says what it would do, but for `install`, which goes to a directory here.
"""
import os
import pathlib
import re
import shutil
import subprocess

NEED_TOPOLOGY = ("run", "check", "plan", "graph", "chaos", "journal")
NEED_NOTHING = ("kinds", "types", "status", "stop", "help")
TALKS = re.compile(r"bulkhead (status|kill|stop)\b|graph --live")

STUBS = {
    "bulkhead": 'exec "$BULKHEAD" "$@"',
    "sudo": 'exec "$@"',
    "dpkg-query": "echo installed",
    "jq": """exec python3 -c 'import json, sys
for line in open(sys.argv[2]): print(json.loads(line)[sys.argv[1][1:]])' "${@:2}" """,
    "make": """unset MAKEFLAGS MAKELEVEL MFLAGS
PATH=$OLD_PATH
case " $* " in
*" install "*) exec make -s -C "$ROOT" -o "$BUILD_NAME/bulkhead" BUILD="$BUILD_NAME" DESTDIR="$PLACE/destination" "$@" ;;
*) exec make -n -s -C "$ROOT" BUILD="$BUILD_NAME" "$@" >/dev/null ;;
esac""",
}

# A run that can be asked and killed for as long as a command takes.
PROLOGUE = r"""
set -uo pipefail
begin_run() { # options
    bulkhead run "$@" --set loads.follow=true velocity-limits.yaml >run.out 2>run.err &
    supervisor=$!
    until_it_runs
}
until_it_runs() {
    until bulkhead status --json 2>/dev/null | grep -q '"stage":"answers".*"acked":[1-9]'; do
        kill -0 $! 2>/dev/null || { cat run.err && return 1; }
        sleep 0.01 # between two looks at the event
    done
}
end_run() { bulkhead stop >/dev/null 2>&1; wait $supervisor; }
shown() { # the number of the command; its text is on standard input
    local text code=0
    text=$(cat)
    eval "$text" >"out.$1" 2>"err.$1" </dev/null || code=$?
    echo "$1 $code" >>codes
}
"""


class Bench:
    """Where commands run: directories that look like a clone, and the programs in their path."""

    def __init__(self, root, build, here):
        self.root, self.build, self.here = root, build, pathlib.Path(here)
        self.programs = self.here / "programs"
        self.programs.mkdir()
        for name, text in STUBS.items():
            path = self.programs / name
            path.write_text(f"#!/usr/bin/env bash\n{text}\n", encoding="utf-8")
            path.chmod(0o755)
        self.inputs = self.here / "inputs"
        self.inputs.mkdir()
        for program, option, name in (("loads", "--records", "loads.jsonl"), ("weblog", "--lines", "access.log")):
            subprocess.run([root / "scripts" / f"generate-{program}", option, "2000", "--malformed", "2",
                            "-o", self.inputs / name], check=True)
        for path in (root / "topology/library").iterdir():
            shutil.copy(path, self.inputs)
        self.count = 0

    def new_place(self):
        """A directory like a clone, with the inputs that the documents name."""
        self.count += 1
        place = self.here / f"place.{self.count}"
        shutil.copytree(self.inputs, place)
        for name in ("scripts", "topology", "tests"):
            (place / name).symlink_to(self.root / name)
        (place / "build").symlink_to(self.root / self.build)
        (place / "tmp").mkdir()
        shutil.copy(place / "loads.jsonl", place / "tmp")
        shutil.copy(place / "velocity-limits.yaml", place / "T.yaml")
        return place

    def run(self, script, place):
        """A script of bash in such a directory; its exit code and what it says."""
        environment = dict(os.environ, OLD_PATH=os.environ["PATH"], PLACE=str(place), TMPDIR=str(place / "tmp"),
                           XDG_STATE_HOME=str(place / "states"), PATH=f"{self.programs}:{os.environ['PATH']}")
        for name in ("INPUT", "OUTPUT", "REJECTS", "JOURNAL_STREAM", "MAKEFLAGS", "MAKELEVEL"):
            environment.pop(name, None)
        said = place / "said"
        with said.open("w", encoding="utf-8") as stream:
            try:
                code = subprocess.run(["bash", "-c", script], cwd=place, env=environment, stdout=stream,
                                      stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=120).returncode
            except subprocess.TimeoutExpired:
                code = "none: it did not end within two minutes"
        return code, said.read_text(encoding="utf-8", errors="replace")


def shortened(command, place):
    """The same with numbers that a test has time for, and within the directory."""
    command = re.sub(r"--(records|lines|kills) (\d+)", lambda m: f"--{m[1]} {max(int(m[2]) // 100, 5)}", command)
    if " chaos " in command and "--kills" not in command:
        command = command.replace(" chaos ", " chaos --kills 5 ")
    if command.startswith("while ") and "break" not in command:
        command = command.replace("; done", " && break; done")  # it goes on until somebody stops it
    command = re.sub(r"^scripts/test\b", "bash -n scripts/test", command)  # which runs this test
    return command.replace("/tmp/", f"{place}/tmp/")


def is_named_only(text):
    """Whether a span names a file or a program of the tests, which 0166 looks for."""
    return bool(re.match(r"(tests|scripts|build(-[a-z]+)?)/(?!bulkhead|demo|generate-|tests/sweep/kill_at)|build/demo|man ", text))


def expanded(text):
    """The commands that a span stands for: with each part in brackets, and without."""
    text = re.sub(r"^.* -- (?=build/bulkhead)", "", text) if "kill_at" not in text else text
    match = re.search(r" \[([^]]*)\]", text)
    variants = [text] if not match else [text.replace(match[0], ""), text.replace(match[0], f" {match[1]}")]
    words = {"STAGE": "limits", "KIND": "limits", "COMMAND": "run", "SHELL": "bash", "…": "T.yaml", "DIR": "somewhere"}
    for variant in variants:
        for word, value in words.items():
            variant = re.sub(rf"(?<![A-Z.]){word}(?![A-Z.])", value, variant)
        yield complete(variant)


def complete(command):
    """What a reader adds to a command that is only named: the topology, or nothing but help."""
    match = re.search(r"\bbulkhead ([a-z]+)((?: --[a-z]+)*)$", command)
    if not match:
        return command
    if match[1] in NEED_TOPOLOGY and match[2]:
        return f"{command} T.yaml"
    return command if match[2] or match[1] in NEED_NOTHING else command.replace(match[0], f"bulkhead help {match[1]}")


def script_of(blocks, place):
    """The script of some blocks of commands; and the commands, by number, with their places."""
    lines, commands = [PROLOGUE], []
    for item in blocks:
        own_run = not any("bulkhead run" in line for line in item.lines)
        talks = own_run and any(TALKS.search(line) for line in item.lines)
        lines += ["begin_run --quiet"] * talks
        for offset, line in enumerate(item.text.splitlines()):
            if line.strip():
                text = shortened(line.removeprefix("$ "), place)
                lines.append(f"shown {len(commands)} <<'SHOWN_END'\n{text}\nSHOWN_END")
                commands.append((f"{item.document}:{item.line + offset}", text))
        lines += ["end_run"] if talks else ["wait"]
    return "\n".join(lines), commands


def unread_variables(root, command):
    """Variables that a command gives to make and that nothing reads which make starts."""
    readers = ("Makefile", "config.mk", "tests/chaos/campaign", "tests/long")
    text = "".join((root / name).read_text(encoding="utf-8") for name in readers)
    names = re.findall(r"\b([A-Z_]+)=", command) if re.search(r"\bmake\b", command) else []
    unread = [name for name in names if not re.search(rf"\$[({{]?(or )?[({{]?\$?\(?{name}\b", text)]
    return f"nothing reads {', '.join(unread)}" if unread else ""


def run_blocks(bench, blocks):
    """Runs blocks one after the other; yields place, command and what was wrong, or nothing."""
    place = bench.new_place()
    if any("journal" in line or "| bulkhead" in line for item in blocks for line in item.lines):
        text = (place / "T.yaml").read_text(encoding="utf-8")
        text = re.sub(r'kind: file\.source, path: "[^"]*"', "kind: stdin.source", text)
        (place / "T.yaml").write_text(text, encoding="utf-8")
        bench.run("bulkhead run --quiet T.yaml <loads.jsonl >out", place)
    script, commands = script_of(blocks, place)
    code, said = bench.run(script, place)
    ended = place / "codes"
    codes = dict(line.split() for line in ended.read_text(encoding="utf-8").splitlines()) if ended.exists() else {}
    for number, (where, command) in enumerate(commands):
        errors = place / f"err.{number}"
        wrong = errors.read_text(encoding="utf-8", errors="replace") if errors.exists() else "never ran"
        if codes.get(str(number)) != "0":
            yield where, command, f"exit code {codes.get(str(number))}: {wrong}"
        elif "error:" in wrong and "||" not in command:
            yield where, command, wrong
        else:
            yield where, command, unread_variables(bench.root, command)
    if code != 0:
        yield blocks[0].place, "the whole of it", f"exit code {code}: {said}"
