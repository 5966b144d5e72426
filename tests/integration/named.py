#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Looks for all that the documents name: files, tests, decisions, links, options. named.py ROOT

A file may be named by its path, by its path below the folder of the document, or by its name alone if
there is one of that name. Options of the program are compared with its help by 0170; here an option is
known if the program, a script or a test has it.
"""
import collections
import fnmatch
import pathlib
import re
import subprocess
import sys

import shown_items

SUFFIX = re.compile(r"\.([ch]|\[ch\]|md|pml|py|sh|yaml)$")
FOLDER = re.compile(r"(common|topology|ipc|stages|supervisor|tests|scripts|docs|man|library)/")
TEST = re.compile(r"(?:(?:build/)?tests/)?(?:(unit|sim|model|integration)/)?((?:[a-z]\w*/)*[a-z]\w*|\d{4})(?:-[\w-]+)?$")
# Where the options and the results of programs stand.
PROGRAM = re.compile(r"Makefile|scripts/|supervisor/.*\.[ch]$|tests/(run$|(bench|model|sim|sweep)/(?!.*\.md))")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
# Of others: files that people have, programs that are not ours.
TYPED = ("--f", "--trace-children", "--now")  # what the program refuses, and what other programs take
STRANGERS = ("/etc/bulkhead/app.yaml", "dead-letters.jsonl", "T.yaml", "logrotate", "pack_template.h")


def files_of(root):
    listed = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"], capture_output=True,
                            text=True, check=True)
    return sorted(set(listed.stdout.split("\n")) - {""})


class Names:
    """All that may be named."""

    def __init__(self, root):
        self.root = root
        self.files = files_of(root)
        self.folders = {str(parent) for name in self.files for parent in pathlib.PurePath(name).parents}
        self.base_names = {pathlib.PurePath(name).name for name in self.files}
        self.programs = "".join(self.text(name) for name in self.files if PROGRAM.match(name))

    def text(self, name):
        return (self.root / name).read_text(encoding="utf-8", errors="replace")

    def has_path(self, path, document):
        path = re.sub(r"^build(-[a-z]+)?/", "", path).rstrip("/")
        folder = str(pathlib.PurePath(document).parent)
        for base in ("", f"{folder}/", "tests/", "docs/", "topology/"):
            whole = base.removeprefix("./") + path
            if whole in self.folders or fnmatch.filter(self.files, whole) or f"{whole}.c" in self.files:
                return True
        is_made = f"$(BUILD)/{path}" in self.programs
        return is_made or "/" not in path and bool(fnmatch.filter(self.base_names, path))

    def has_test(self, sort, name):
        if name.isdigit():
            return bool(fnmatch.filter(self.files, f"tests/integration/{name}*"))
        stem = name.removesuffix("_test")
        wanted = {"model": [f"tests/model/{name}.pml"], None: [f"tests/unit/*/{stem}_test.c", f"tests/sim/{stem}_test.c"]}
        paths = wanted.get(sort, [f"tests/{sort}/{stem}_test.c"])
        return any(fnmatch.filter(self.files, path) for path in paths)

    def has_option(self, option):
        table = rf'"{option[2:]}", *(no_argument|required_argument|NULL|")'
        return option in TYPED or bool(re.search(rf"{option}(?![a-z-])|{table}", self.programs))


def strange_path(names, item):
    """Whether a span is the name of a file of ours that is not there."""
    word = item.text.split(" ")[0]
    is_path = SUFFIX.search(word) or FOLDER.match(word) or re.match(r"build(-[a-z]+)?/tests/", word)
    if not is_path or re.search(r"[A-Z…$]", word.removesuffix("README.md")) or word in STRANGERS:
        return False
    return not names.has_path(word, item.document)


def strange_test(names, item):
    """Whether a span is the name of a test that is not there: of `1300`, `unit/ipc/frame`, `x_test`."""
    match = TEST.match(item.text)
    if not match or "README" in item.text:
        return False
    sort, name = match.groups()
    is_named = sort or name.endswith("_test") or name.isdigit() and item.document == "docs/reliability.md"
    return bool(is_named) and not names.has_test(sort, name)


def slug(heading):
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


def strange_links(names, document):
    """Links that lead nowhere, and decisions that nobody wrote down."""
    text, folder = names.text(document), (names.root / document).parent
    for target in re.findall(r"\]\(([^):]+)\)", text):
        path, _, anchor = target.partition("#")
        aim = folder / path if path else names.root / document
        if not aim.exists():
            yield f"the link to {target} leads nowhere"
        elif anchor and anchor not in {slug(line.lstrip("#")) for line in aim.read_text().splitlines() if line[:1] == "#"}:
            yield f"the link to {target} finds no heading"
    for number in re.findall(r"decisions?[ /](\d{4})", text):
        if not fnmatch.filter(names.files, f"docs/decisions/{number}-*"):
            yield f"there is no decision {number}"


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    names = Names(root)
    wrong, count = [], collections.Counter()
    for item in shown_items.items(root):
        if not item.is_block:
            count["spans"] += 1
            if strange_path(names, item):
                wrong.append(f"{item.place}: there is no '{item.text}'")
            elif strange_test(names, item):
                wrong.append(f"{item.place}: there is no test '{item.text}'")
        elif shown_items.sort_of_block(item) == "usage" and not names.has_test(None, item.text.split(" ")[0]):
            wrong.append(f"{item.place}: there is no program of that name")
        for option in OPTION.findall(item.text):
            count["options"] += 1
            if not names.has_option(option):
                wrong.append(f"{item.place}: nothing has the option {option}")
    for document in shown_items.documents(root):
        count["documents"] += 1
        if document.endswith(".md"):
            wrong += [f"{document}: {problem}" for problem in strange_links(names, document)]
    print(", ".join(f"{number} {what}" for what, number in count.items()))
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


main()
