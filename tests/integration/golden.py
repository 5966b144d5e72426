#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The bad topologies of bad/, and all that `bulkhead check` says of each.

    golden.py check PROGRAM DIRECTORY   compares; with UPDATE=1 in the environment writes what is said now
    golden.py extract DIRECTORY         writes every topology to DIRECTORY/NAME.yaml, for other tests

A file of bad/ holds the cases of one topic. A case is

    === NAME
    the topology, byte for byte
    === says
    the whole of standard error, byte for byte
    === exit 3

and between cases stand blank lines and comments. A text is whole lines: no byte is added and none is taken
away. A topology that no editor would keep (a NUL, other encodings, ends of lines, no newline at its end) lies
in bad/raw/NAME.yaml; its case says `=== NAME raw` and has no topology. A new case needs no more than its
first part: `=== exit` is missing then, and UPDATE=1 writes what is said, and a blank line after it.
"""
import dataclasses
import difflib
import os
import pathlib
import re
import subprocess
import sys

BAD = pathlib.Path(__file__).resolve().parent / "bad"
HEAD = re.compile(rb"=== ([a-z0-9-]+)( raw)?\n")
EXIT = re.compile(rb"=== exit (\d+)\n")
SAYS = b"=== says\n"
CASES_MIN = 239


class Wrong(Exception):
    pass


@dataclasses.dataclass
class Case:
    topic: pathlib.Path
    line: int
    before: bytes  # blank lines and comments
    name: str
    is_raw: bool
    topology: bytes
    says: bytes = b""
    exit_code: int | None = None

    @property
    def place(self):
        return f"bad/{self.topic.name}:{self.line}"

    @property
    def is_new(self):
        return self.exit_code is None

    @property
    def text(self):
        head = f"=== {self.name}{' raw' if self.is_raw else ''}\n".encode()
        body = b"" if self.is_raw else self.topology
        said = b"" if self.is_new else SAYS + self.says + f"=== exit {self.exit_code}\n".encode()
        return self.before + head + body + said

    @property
    def expected(self):
        return b"" if self.is_new else self.says + f"exit {self.exit_code}\n".encode()


class Lines:
    def __init__(self, topic):
        text = topic.read_bytes()
        self.topic, self.lines, self.at = topic, text.split(b"\n"), 0
        if self.lines.pop():
            raise Wrong(f"bad/{topic.name}: the last line has no end")

    @property
    def place(self):
        return f"bad/{self.topic.name}:{self.at + 1}"

    def is_over(self):
        return self.at == len(self.lines)

    def next(self):
        return self.lines[self.at] + b"\n"

    def take(self):
        self.at += 1
        return self.lines[self.at - 1] + b"\n"

    def take_text(self):
        """All up to the next mark."""
        text = b""
        while not self.is_over() and not self.next().startswith(b"==="):
            text += self.take()
        return text

    def give_back_blanks(self, text):
        """What is before the blank lines at the end of a text, which are to be read again."""
        while text.endswith(b"\n\n"):
            text, self.at = text[:-1], self.at - 1
        return text


def raw_topology(name):
    path = BAD / "raw" / f"{name}.yaml"
    if not path.exists():
        raise Wrong(f"bad/raw/{name}.yaml is missing")
    return path.read_bytes()


def read_case(lines, before):
    line = lines.at + 1
    head = HEAD.fullmatch(lines.next())
    if not head:
        raise Wrong(f"{lines.place}: this should be '=== NAME'")
    lines.take()
    name, is_raw = head[1].decode(), bool(head[2])
    topology = lines.take_text()
    is_new = lines.is_over() or lines.next() != SAYS
    if is_new:
        topology = lines.give_back_blanks(topology)
    if is_raw and topology:
        raise Wrong(f"{lines.place}: {name} is raw, and has a topology here")
    case = Case(lines.topic, line, before, name, is_raw, raw_topology(name) if is_raw else topology)
    if not is_new:
        lines.take()
        case.says = lines.take_text()
        end = None if lines.is_over() else EXIT.fullmatch(lines.next())
        if not end:
            raise Wrong(f"{lines.place}: here should be the '=== exit 3' of {name}")
        lines.take()
        case.exit_code = int(end[1])
    return case


def text_of(cases, after):
    return b"".join(case.text for case in cases) + after


def read_topic(topic):
    """Its cases, and what stands after the last of them."""
    lines, cases, before = Lines(topic), [], b""
    while not lines.is_over():
        if not lines.next().strip() or lines.next().startswith(b"#"):
            before += lines.take()
        else:
            cases.append(read_case(lines, before))
            before = b""
    if text_of(cases, before) != topic.read_bytes():
        raise Wrong(f"bad/{topic.name} was not understood")  # the fault of this program, not of the file
    return cases, before


def read_all():
    topics = {topic: read_topic(topic) for topic in sorted(BAD.glob("*.txt"))}
    places, raw = {}, {path.name for path in (BAD / "raw").iterdir()}
    for case in (case for cases, _ in topics.values() for case in cases):
        if case.name in places:
            raise Wrong(f"{case.place}: {case.name} is at {places[case.name]} already")
        places[case.name] = case.place
        if case.is_raw:
            raw.remove(f"{case.name}.yaml")
    strangers = {path.name for path in BAD.iterdir()} - {topic.name for topic in topics} - {"raw"}
    if raw or strangers:
        raise Wrong(f"bad/ holds what belongs to no case: {' '.join(sorted(raw | strangers))}")
    if len(places) < CASES_MIN:
        raise Wrong(f"only {len(places)} cases were found")
    return topics


def extract(topics, directory):
    for case in (case for cases, _ in topics.values() for case in cases):
        (directory / f"{case.name}.yaml").write_bytes(case.topology)


def difference(case, actual):
    def lines(text):
        return text.decode("utf-8", "backslashreplace").splitlines(keepends=True)

    found = difflib.unified_diff(lines(case.expected), lines(actual), f"{case.place} {case.name}", "is said now")
    return "".join(line if line.endswith("\n") else line + "\n\\ no newline at the end\n" for line in found)


def check_case(case, program, directory, is_update):
    """What is wrong, as text; nothing of a case that is as it should be, or has been updated."""
    ran = subprocess.run([program, "check", f"{case.name}.yaml"], cwd=directory, capture_output=True, check=False)
    if ran.stdout:
        return f"{case.place}: {case.name}: standard output should be empty, but is: {ran.stdout!r}\n"
    actual = ran.stderr + f"exit {ran.returncode}\n".encode()
    if not case.is_new and actual == case.expected:
        return ""
    if not is_update:
        return difference(case, actual)
    if ran.returncode != 3 or not ran.stderr.endswith(b"\n") or b"\n===" in b"\n" + ran.stderr:
        return f"{case.place}: {case.name}: no refusal that could be written down:\n" + difference(case, actual)
    case.says, case.exit_code = ran.stderr, ran.returncode
    print(f"updated: {case.place} {case.name}")
    return ""


def check(topics, program, directory):
    is_update = os.environ.get("UPDATE") == "1"
    os.environ.pop("BULKHEAD_TEST_UNSET", None)
    extract(topics, directory)
    count = failed = 0
    for topic, (cases, after) in topics.items():
        for case in cases:
            wrong = check_case(case, program, directory, is_update)
            print(wrong, end="")
            count, failed = count + 1, failed + bool(wrong)
        for case in cases[1:] if is_update else ():
            case.before = case.before or b"\n"
        if is_update and text_of(cases, after) != topic.read_bytes():
            topic.write_bytes(text_of(cases, after))
    print(f"{count} bad topologies, {failed} not as expected")
    return 1 if failed else 0


def main():
    try:
        match sys.argv[1:]:
            case ["extract", directory]:
                extract(read_all(), pathlib.Path(directory))
            case ["check", program, directory]:
                sys.exit(check(read_all(), program, pathlib.Path(directory)))
            case _:
                sys.exit("usage: golden.py check PROGRAM DIRECTORY | extract DIRECTORY")
    except Wrong as wrong:
        sys.exit(str(wrong))


main()
