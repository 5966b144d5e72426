#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Follows pages of the documentation from top to bottom, as a reader does. in_order.py ROOT DIRECTORY [PAGE...]

A page has an empty home directory, in which one shell runs all of its commands. A comment in front of
a block, which no reader sees, says what the block is:

    <!-- shown: in order: file NAME -->       the content of a file, which the reader writes
    <!-- shown: in order: run -->             commands, each of which must succeed
    <!-- shown: in order: run, exit 3 -->     commands, the last failure of which has this exit code
    <!-- shown: in order: run, prints nothing -->
    <!-- shown: in order: prints -->          what the commands above it print, byte for byte
    <!-- shown: in order: like -->            the same, except for numbers and the width of columns
    <!-- shown: in order: as root -->         commands that would change the machine: only their syntax is checked
    <!-- shown: in order: also COMMAND -->    no block: a step of the test, which no reader needs

`run` may end with `, needs PROGRAM` or `, needs python3:MODULE`: without it, the block and what it prints are
left out. Durations, rates
and process ids may differ in `prints` too. With UPDATE=1 in the environment, what is printed now is
written into the page.
"""
import dataclasses
import difflib
import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys

HINT = re.compile(r"<!-- shown: in order: (.*) -->")
RUN = re.compile(r"run(?:, exit (\d+))?(, prints nothing)?(?:, needs (\S+))?")
BLOCKS_MIN = 60
HOME = "/home/you"
# What bash says of a job that was killed, between two commands or in one, whenever it notices.
KILLED = re.compile(r"^environment: line \d+: +\d+ Killed .*\n", re.M)
PROGRESS = re.compile(r"^\S+Z bulkhead: .*\b[\d,]+ records, [\d,]+/s.*\n", re.M)  # a line every five seconds
# What differs between two runs, and what stands for it in a comparison.
DIFFERENT = (
    (re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z(?= )", re.M), "TIME"),
    (re.compile(r"\b\d+\.\d+ s \([\d,]+/s\)"), "SECONDS (RATE)"),
    (re.compile(r"\bpid \d+"), "PID"),
)

SHELL = r"""
set -uo pipefail -E
step() { # the number; the commands are on standard input
    local text failed=0
    text=$(cat)
    trap 'failed=$?' ERR
    eval "$text" >"$TEST/out.$1" 2>&1 </dev/null
    trap - ERR
    echo "$1 $failed" >>"$TEST/codes"
}
"""


@dataclasses.dataclass
class Block:
    line: int  # of the first line of its text in the page, from 1
    hint: str
    text: str


def blocks_of(page):
    """All blocks of a page, and the steps without one."""
    lines, hint, at = page.read_text(encoding="utf-8").splitlines(), "", 0
    while at < len(lines):
        match = HINT.fullmatch(lines[at])
        if match and match[1].startswith("also "):
            yield Block(at + 1, "also", match[1].removeprefix("also "))
        elif match:
            hint = match[1]
        elif lines[at].startswith("```"):
            end = lines.index("```", at + 1)
            yield Block(at + 2, hint, "".join(f"{line}\n" for line in lines[at + 1 : end]))
            hint, at = "", end
        at += 1


@functools.cache
def has(need):
    program, _, module = need.partition(":")
    found = shutil.which(program) is not None
    return found and (not module or subprocess.run([program, "-c", f"import {module}"], stderr=subprocess.DEVNULL).returncode == 0)


def is_runnable(hint):
    match = RUN.fullmatch(hint)
    return bool(match) and (not match[3] or has(match[3]))


def script_of(blocks):
    parts = [SHELL]
    for number, block in enumerate(blocks):
        if block.hint.startswith("file "):
            name = block.hint.removeprefix("file ")
            parts.append(f"cat >{name} <<'IN_ORDER_END'\n{block.text}IN_ORDER_END")
        elif block.hint == "also" or is_runnable(block.hint):
            parts.append(f"step {number} <<'IN_ORDER_END'\n{block.text.rstrip()}\nIN_ORDER_END")
    return "\n".join(parts) + "\n"


def follow(page, blocks, directory):
    """Runs a page. The exit code and the output of every step, by number; and what went wrong with the shell."""
    home, test = directory / HOME[1:], directory / "test"
    for path in (home, test):
        path.mkdir(parents=True)
    programs = pathlib.Path(os.environ["BULKHEAD"]).parent
    environment = {"HOME": str(home), "PATH": f"{programs}:{os.environ['PATH']}", "TEST": str(test), "LC_ALL": "C.UTF-8",
                   "TMPDIR": str(test), "TEST_MARK": os.environ.get("TEST_MARK", ""), "BULKHEAD": os.environ["BULKHEAD"]}
    log = test / "log"
    with log.open("w", encoding="utf-8") as stream:
        try:
            code = subprocess.run(["bash", "-c", script_of(blocks)], cwd=home, env=environment, stdout=stream,
                                  stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=200).returncode
        except subprocess.TimeoutExpired:
            code = "none: it did not end in time"
    said = KILLED.sub("", log.read_text(encoding="utf-8"))
    codes = test / "codes"
    ended = dict(line.split() for line in codes.read_text().splitlines()) if codes.exists() else {}
    results = {int(number): (int(failed), printed(test / f"out.{number}", directory)) for number, failed in ended.items()}
    return results, f"the shell ended with {code}: {said}" if code != 0 or said else ""


def printed(path, directory):
    text = path.read_text(encoding="utf-8", errors="replace").replace(f"{directory}{HOME}", HOME)
    return KILLED.sub("", PROGRESS.sub("", text))


def compared(text, is_like):
    for form, word in DIFFERENT:
        text = form.sub(word, text)
    if is_like:
        text = re.sub(r"[\d,.]*\d", "N", text)
        text = re.sub(r" +", " ", text)
    return text


def difference(wanted, made):
    lines = difflib.unified_diff(wanted.splitlines(), made.splitlines(), "the page", "printed now", lineterm="")
    return "\n".join(lines)


def judged(page, directory):
    """What is wrong with a page, with places; and the blocks that print something else now."""
    blocks, last = list(blocks_of(page)), None
    results, problem = follow(page, blocks, directory)
    wrong, changed = [(page.name, problem)] if problem else [], []
    for number, block in enumerate(blocks):
        place = f"{page.name}:{block.line}"
        if RUN.fullmatch(block.hint) or block.hint == "also":
            match = RUN.fullmatch(block.hint)
            if match and not is_runnable(block.hint):
                last = None
                continue
            code, text = results.get(number, (None, "it never ended"))
            last = text if match else last
            wanted = int(match[1] or 0) if match else 0
            if code != wanted:
                wrong.append((place, f"exit code {code}, not {wanted}: {block.text}{text}"))
            if match and match[2] and text:
                wrong.append((place, f"something was printed: {text}"))
        elif block.hint in ("prints", "like"):
            is_like = block.hint == "like"
            if last is not None and compared(last, is_like) != compared(block.text, is_like):
                changed.append((block, last))
                wrong.append((place, difference(compared(block.text, is_like), compared(last, is_like))))
        elif block.hint == "as root":
            parsed = subprocess.run(["bash", "-n", "-c", block.text], capture_output=True, text=True)
            if parsed.returncode != 0:
                wrong.append((place, parsed.stderr))
        elif not block.hint.startswith("file "):
            wrong.append((place, f"no one knows what '{block.hint}' is"))
    return len(blocks), wrong, changed


def update(page, changed):
    lines = page.read_text(encoding="utf-8").splitlines()
    for block, text in reversed(changed):
        lines[block.line - 1 : block.line - 1 + len(block.text.splitlines())] = text.splitlines()
    page.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def main():
    root, directory = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    pages = [root / "docs/tutorial.md", root / "docs/deploying.md", *sorted((root / "docs/how-to").glob("*.md"))]
    chosen = [page for page in pages if not sys.argv[3:] or page.name in sys.argv[3:]]
    count, all_wrong = 0, []
    for number, page in enumerate(chosen):
        found, wrong, changed = judged(page, directory / f"page.{number}")
        count += found
        if changed and os.environ.get("UPDATE") == "1":
            update(page, changed)
            print(f"updated: {page.name}")
        all_wrong += wrong
    if chosen == pages and count < BLOCKS_MIN:
        all_wrong.append(("docs", f"only {count} blocks were found"))
    print(f"{len(chosen)} pages, {count} blocks")
    for place, problem in all_wrong:
        print(f"{place}: {problem.rstrip()}")
    sys.exit(1 if all_wrong else 0)


main()
