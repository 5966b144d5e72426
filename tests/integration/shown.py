#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks, completes and runs all that the documents show. shown.py ROOT BUILD DIRECTORY

Prints what was found and how much of it was run, and ends with 1 if anything is wrong, or is there
of which this program does not know what it is.
"""
import collections
import dataclasses
import pathlib
import re
import subprocess
import sys

import shown_commands
import shown_items
import shown_samples
import shown_topologies

MENTION = re.compile(r"\bbulkhead (?:run|check|plan|graph|chaos|kinds|types|journal|status|kill|stop|completion|help)\b")


def commands_of_drawing(item):
    for offset, line in enumerate(item.text.splitlines()):
        for match in re.finditer(r"\bbulkhead [a-z]+( [\w./-]+\.yaml)?", line):
            yield dataclasses.replace(item, line=item.line + offset, text=match[0])


def sorted_items(root):
    """All items by what is to be done with them: blocks by document, spans, topologies, samples."""
    found = collections.defaultdict(list)
    for item in shown_items.items(root):
        if not item.is_block:
            if item.text.startswith(("bulkhead state", "bulkhead version")):
                found["sample"].append(item)
            elif shown_items.COMMAND.match(item.text) and item.text != "bulkhead":
                found["span"].append(item)
            continue
        if item.hint.startswith(("in a copy: ", "in order: ")):
            found["block of a test of its own"].append(item)
            continue
        sort = shown_items.sort_of_block(item)
        found[sort].append(item)
        if sort == "drawing":
            found["span"] += commands_of_drawing(item)
    return found


def mentions(root):
    """Every place at which a command of the program is named, however it is set."""
    for name in shown_items.documents(root):
        if name.startswith("man/"):
            continue  # mdoc has macros for the words; the comparison with the program is 0170
        for number, line in enumerate((root / name).read_text(encoding="utf-8").splitlines(), 1):
            if MENTION.search(line) and not line.startswith("<!-- shown: "):
                yield f"{name}:{number}"


def main():
    root, build, here = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], sys.argv[3]
    bench = shown_commands.Bench(root, build, here)
    found = sorted_items(root)
    wrong, ran, places = [], collections.Counter(), set()

    def note(sort, where, what, problem):
        ran[sort] += 1
        places.add(where)
        if problem:
            wrong.append(f"{where}: {what}\n    {problem.strip()}")

    by_document = collections.defaultdict(list)
    for item in found["commands"]:
        by_document[item.document].append(item)
    for blocks in by_document.values():
        for where, command, problem in shown_commands.run_blocks(bench, blocks):
            note("commands in blocks", where, command, problem)
    for item in found["block of a test of its own"]:  # 0175 and 0167 do what they say
        places |= {f"{item.document}:{item.line + offset}" for offset in range(len(item.text.splitlines()))}
    known = {}  # what was wrong with a command that stands in several places
    for item in found["span"]:
        for text in shown_commands.expanded(item.text):
            if shown_commands.is_named_only(text):
                continue  # a file, or a program of the tests: 0166 looks for it
            if text not in known:
                one = dataclasses.replace(item, text=text)
                known[text] = "".join(problem for *_, problem in shown_commands.run_blocks(bench, [one]))
            note("commands in the text", item.place, text, known[text])
    for item in found["topology"] + found["stages"]:
        note("topologies", item.place, item.lines[0], shown_topologies.problem(bench, item))
    for item in found["sample"]:
        note("samples", item.place, item.lines[0], shown_samples.problem(bench, item))
    for place in mentions(root):
        if place not in places:
            wrong.append(f"{place}: names a command, and nothing there was run")
    print("; ".join(f"{sort}: {count}" for sort, count in sorted(ran.items())))
    print("; ".join(f"{sort}: {len(of_sort)} found" for sort, of_sort in sorted(found.items())))
    for text in wrong:
        print(text)
    sys.exit(1 if wrong else 0)


main()
