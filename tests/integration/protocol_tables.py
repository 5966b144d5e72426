#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares tables of docs/protocol.md with what a run left behind. protocol_tables.py ROOT STATE

The bounds with common/bounds.h, the members of a dead letter with those that there are, and the
descriptors of a stage with the header that numbers them.
"""
import json
import pathlib
import re
import sys

UNITS = {"KiB": 1 << 10, "MiB": 1 << 20}


def chapter(text, heading):
    return text.partition(f"\n{heading}\n")[2].partition("\n## ")[0]


def rows(text):
    """The rows of all tables in a text, as lists of their cells."""
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| name |")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def bounds_of(text):
    """The numbers of a header; None for what another build may set to something else."""
    found = {"UINT32_MAX": (1 << 32) - 1, "INT64_MAX": (1 << 63) - 1}
    for name, value in re.findall(r"^#define (\w+) +(.+?)(?: +/\*.*)?$", text, re.M):
        value = re.sub(r"UINT64_C\((\d+)\)|\b(\d+)u\b", lambda m: m[1] or m[2], value)
        try:
            found[name] = eval(value, {"__builtins__": {}}, found)  # numbers, and names of earlier ones
        except (SyntaxError, NameError, TypeError):
            pass
    return found


def value_of(text):
    match = re.fullmatch(r"(\d+) ?(KiB|MiB)?", text)
    return int(match[1]) * UNITS.get(match[2], 1) if match else eval(text.replace("^", "**"))


def compare_bounds(text, header):
    bounds = bounds_of(header)
    for names, values, _ in rows(chapter(text, "## Limits")):
        unit = re.search(r" (ms|KiB|MiB)$", values)
        whole = ""
        for name, value in zip(re.findall(r"`(\w+)`", names), re.split(r", ", values)):
            if name.startswith("_"):  # another end of the name before
                stems = [whole[:n] for n in range(len(whole), 0, -1) if whole[n - 1 : n] == "_" or n == len(whole)]
                name = next((s.rstrip("_") + name for s in stems if s.rstrip("_") + name in bounds), name)
            whole = name
            value = value.removesuffix(" ms")
            if unit and unit[1] != "ms" and not value.endswith("iB") and "," not in values:
                value += f" {unit[1]}"
            if bounds.get(name) != value_of(value):
                yield f"{name}: the page says {value}, bounds.h {bounds.get(name)}"


def differing(what, in_page, made):
    if list(in_page) != list(made):
        only = sorted(set(in_page) ^ set(made))
        yield f"{what}: the page has {', '.join(in_page)}; there are {', '.join(made)}; differing: {', '.join(only)}"


def compare_dead_letters(text, state):
    names = [row[0].strip("`") for row in rows(chapter(text, "## Dead letters")) if row[0] not in ("member", "reason")]
    seen = []
    for line in (state / "dead-letters.jsonl").read_text(encoding="utf-8").splitlines():
        seen += [name for name in json.loads(line) if name not in seen]
        order = [name for name in names if name in json.loads(line)]
        yield from differing("a dead letter", order, json.loads(line))
    yield from differing("dead letters", names, sorted(seen, key=lambda name: names.index(name) if name in names else 99))


def compare_descriptors(text, root):
    table = chapter(text, "## Stage programs").partition("The descriptors that")[2].partition("No other is open")[0]
    numbers = sorted(int(n) for row in rows(table) for n in re.findall(r"\d+", row[0]))
    headers = (path.read_text(encoding="utf-8") for path in root.rglob("*.h"))
    made = re.findall(r"\bSTAGE_FD_(?!COUNT)\w+ = (\d+)", "".join(headers))
    yield from differing("descriptors", [str(n) for n in numbers], ["0", "1", "2", *made])


def main():
    root, state = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    text = (root / "docs/protocol.md").read_text(encoding="utf-8")
    header = (root / "common/bounds.h").read_text(encoding="utf-8")
    wrong = [*compare_bounds(text, header), *compare_dead_letters(text, state), *compare_descriptors(text, root)]
    print("\n".join(dict.fromkeys(wrong)))
    sys.exit(1 if wrong else 0)


main()
