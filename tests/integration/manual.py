# SPDX-License-Identifier: MIT
"""Reads manuals in mdoc: sections, and lists with the text of each of their items."""
import dataclasses
import re

import shown_items

# Macros that only say how their arguments look.
LOOKS = {"Cm", "Li", "Ar", "Fl", "Op", "Oo", "Oc", "Pa", "Em", "Ev", "Dv", "Pq", "Po", "Pc", "Sq", "Ql", "Ic", "Xr",
         "Nm", "It", "No", "Sx"}


def plain(line):
    """A line of mdoc as it reads, about: words of macros left out, `Ns` closing the gap."""
    if not line.startswith("."):
        return shown_items.unroff(line)
    words, glued = [], False
    for word in shown_items.unroff(line[1:]).split():
        if word == "Ns":
            glued = True
        elif word == "Fl":
            words.append("-")
            glued = True
        elif word not in LOOKS:
            if words and (glued or re.fullmatch(r"[,.;:)]+", word)):
                words[-1] += word
            else:
                words.append(word)
            glued = False
    return " ".join(words)


@dataclasses.dataclass
class Entry:
    """An item of a list: its mark, its text as it reads, and the items of lists within it."""

    mark: str
    lines: list = dataclasses.field(default_factory=list)
    items: list = dataclasses.field(default_factory=list)

    @property
    def text(self):
        return " ".join(self.lines)

    def item(self, mark):
        return next((item for item in self.items if item.mark == mark), None)


@dataclasses.dataclass
class Section(Entry):
    raw: list = dataclasses.field(default_factory=list)

    @property
    def head(self):
        """What stands before the first paragraph."""
        ends = next((n for n, line in enumerate(self.raw) if line.split(" ")[0] in (".Pp", ".Bl", ".Bd")), None)
        return self.raw[:ends]


def lists_of(lines, entry):
    """Fills an entry with the text and the lists of some lines."""
    open_entries, in_display = [entry], False
    for line in lines:
        macro, _, rest = line.partition(" ")
        if macro in (".Bd", ".Ed"):
            in_display = macro == ".Bd"
        elif in_display or line.startswith('.\\"') or macro == ".Pp":
            continue
        elif macro == ".Bl":
            open_entries.append(None)
        elif macro == ".El":
            open_entries.pop()
        elif macro == ".It":
            parent = next(e for e in reversed(open_entries[:-1]) if e is not None)
            open_entries[-1] = Entry(plain("." + rest) if rest else "")
            parent.items.append(open_entries[-1])
        elif open_entries[-1] is not None:
            open_entries[-1].lines.append(plain(line))
    return entry


def sections(path, macro=".Sh"):
    """The sections of a manual by name, or with `.Ss` all of its subsections."""
    found, name = {}, None
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith((".Sh ", ".Ss ")) and (line.startswith(macro) or macro == ".Ss"):
            name = line[4:] if line.startswith(macro) else None
            if name is not None:
                found[name] = Section(name)
        elif name is not None:
            found[name].raw.append(line)
    for section in found.values():
        lists_of(section.raw, section)
    return found
