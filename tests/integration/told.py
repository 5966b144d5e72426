# SPDX-License-Identifier: MIT
"""Reads what the program tells of itself: `bulkhead kinds`, `--help`, `COMMAND --help`."""
import dataclasses
import os
import re
import subprocess


def ask(*arguments):
    done = subprocess.run([os.environ["BULKHEAD"], *arguments], capture_output=True, text=True, check=True)
    return done.stdout


@dataclasses.dataclass
class Option:
    """Of a kind: its path from the stage on, type, what holds if it is not given, choices, bounds."""

    path: str
    type: str
    default: str
    choices: tuple = ()
    bounds: tuple = ()
    meaning: str = ""
    limits: str = ""  # the bounds as they are printed

    @property
    def beginning(self):
        """How its text in the manual begins, as it reads."""
        default = self.default if self.default in ("required", "optional") else f"default {self.default}"
        choices = " or ".join(filter(None, [", ".join(self.choices[:-1]), *self.choices[-1:]]))
        parts = [self.type[0].upper() + self.type[1:], *filter(None, [self.limits]), default]
        return ", ".join(parts) + (f": {choices}" if choices else "") + "."


@dataclasses.dataclass
class Kind:
    summary: str
    role: str = ""
    reads: str = ""
    makes: str = ""
    options: dict = dataclasses.field(default_factory=dict)
    common: dict = dataclasses.field(default_factory=dict)
    reasons: dict = dataclasses.field(default_factory=dict)
    tests: dict = dataclasses.field(default_factory=dict)


UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


def number(text):
    """A bound as a number if it is one or a size, else as it stands."""
    match = re.fullmatch(r"(-?\d+)([KMGT]iB)?", text)
    return int(match[1]) * UNITS.get(match[2], 1) if match else text


def bounds(text):
    """The two bounds in "A to B" or "A or more"."""
    match = re.fullmatch(r"(\S+) to (\S+)|(\S+) or more", text)
    return () if not match else (number(match[1]), number(match[2])) if match[1] else (number(match[3]), None)


def options(lines):
    """Options in lines that are indented by four for each level."""
    found, path, option, rest = {}, [], None, []

    def close():
        if option is None:
            return
        words = " ".join(rest)
        match = re.search(r"(?:^| )one of: (.*)$", words)
        if match:
            option.choices = tuple(match[1].split(" | "))
            words = words[: match.start()]
        option.bounds = bounds(rest[-1]) if rest else ()
        option.limits = rest[-1] if option.bounds else ""
        option.meaning = words

    for line in lines:
        level = (len(line) - len(line.lstrip())) // 4 - 1
        match = re.fullmatch(r" +(\w+): (.*?), (required|optional|default (.*))", line)
        if match and level <= len(path):
            close()
            path[level:] = [match[1]]
            default = match[4] if match[4] is not None else match[3]
            option, rest = Option(".".join(path), match[2], default), []
            found[option.path] = option
        else:
            rest.append(line.strip())
    close()
    return found


def kind(name):
    text = ask("kinds", name)
    first, *_ = text.split("\n")
    made = Kind(first.partition(" - ")[2])
    blocks = {}
    for block in text.split("\n\n"):
        title, *lines = block.strip("\n").split("\n")
        blocks[title.strip()] = lines
        for line in block.split("\n"):
            match = re.match(r"  (role|reads|makes): +(.*)", line)
            if match:
                setattr(made, match[1], match[2])
    made.options = options(blocks.get("options:", ()))
    made.common = options(blocks.get("options of any stage:", ()))
    title = next((title for title in blocks if title.startswith("tests of conditions")), None)
    made.tests = dict(re.split(r" +", line.strip(), maxsplit=1) for line in blocks.get(title, ()))
    reason = ""
    for line in blocks.get("reasons of dead letters:", ()):
        if line.startswith("        "):
            made.reasons[reason] = f"{made.reasons[reason]} {line.strip()}".strip()
        else:
            reason = line.strip()
            made.reasons[reason] = ""
    return made


def kinds():
    return {line.split()[0]: kind(line.split()[0]) for line in ask("kinds").splitlines()}


def commands():
    """For each command its usage, and its options: name, argument, meaning."""
    listed = ask("--help").partition("\ncommands:\n")[2].partition("\n\n")[0]
    names = re.findall(r"^  ([a-z]+) ", listed, re.M)
    found = {}
    for name in names:
        if name == "help":
            continue
        text = ask(name, "--help")
        usage = re.match(r"usage: bulkhead ((?:.*\n)(?: {10,}.*\n)*)", text)[1]
        of_command = {}
        for match in re.finditer(r"^  --([a-z-]+)(?: ([A-Z][\w.=,]*))?(?: +|\n +)((?:.*\n)(?: {18}.*\n)*)", text, re.M):
            of_command[match[1]] = (match[2] or "", " ".join(match[3].split()))
        found[name] = (" ".join(usage.split()), of_command)
    return found


def types():
    """For each type what it is, the forms in which it is written, and values of the first."""
    found = {}
    for text in re.split(r"\n(?=\S)", ask("types").partition("\n\n")[0]):
        name, meaning = re.match(r"(\w+) +(.*)", text).groups()
        parts = dict(re.findall(r"^  (types|values): +(.*)", text, re.M))
        found[name] = meaning, parts["types"].split(" | "), parts.get("values", "").split(" | ")
    return found


def head():
    """The keys that a topology may have."""
    done = subprocess.run([os.environ["BULKHEAD"], "check", "-"], input="zzz: 1\n", capture_output=True, text=True)
    return re.search(r"it has: ([\w, ]+)", done.stderr)[1].split(", ")


def exit_codes():
    return [int(code) for code in re.findall(r"^  (\d+)  ", ask("--help"), re.M)]
