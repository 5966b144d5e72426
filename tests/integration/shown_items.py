# SPDX-License-Identifier: MIT
"""What the documents show: blocks and words that are set apart from the text, with their places.

Documents are Markdown, mdoc and the comments of the ready topologies. An item is a block (fenced,
indented or a display) or a span within the text. A comment in front of a block, which no reader sees,
may say what the block needs: `.\\" shown: ...` or `<!-- shown: ... -->`.
"""
import dataclasses
import re

FENCE = re.compile(r"^```")
ENDS = re.compile(r"\s*$|```")  # a paragraph
INDENTED = re.compile(r"^    \S")
SPAN = re.compile(r"``(.+?)``|`([^`]+)`")
HINT = re.compile(r'^\.\\" shown: (.*)|^<!-- shown: (.*) -->')
COMMENT = re.compile(r"^#   (\S.*)")
ROFF = {r"\e": "\\", r"\(dq": '"', r"\(aq": "'", r"\(ga": "`", r"\-": "-", r"\&": "", r"\ ": " "}
# Macros whose arguments are typed or shown as they are.
LITERAL = re.compile(r"^\.(?:Pq |Sq |Op )?(?:Li|Ic|Ql|Dl) (.*)")
DRAWN = re.compile(r"[─│┌┐└┘├┤┬┴┼▶◀▼▲]")
COMMAND = re.compile(
    r"(scripts|tests|build(-[a-z]+)?)/|(make|man) |bulkhead\b|while |until |wait$|sleep |export |unset |cmp |cat \S+ \| bulkhead|sudo |\$ "
    r"|([A-Z_]+=\S+ )+(make|build/|bulkhead\b)"
)


@dataclasses.dataclass
class Item:
    document: str
    line: int
    text: str
    is_block: bool
    hint: str = ""

    @property
    def place(self):
        return f"{self.document}:{self.line}"

    @property
    def lines(self):
        return [line for line in self.text.splitlines() if line.strip()]


# integration/0175 plays this page, step by step.
PLAYED_ELSEWHERE = "docs/adding-a-kind.md"


def documents(root):
    """All of the project, by their paths below its root."""
    found = [*root.glob("man/*"), *root.glob("topology/library/*.yaml"), *root.rglob("*.md")]
    names = sorted(path.relative_to(root) for path in found)
    return [str(name) for name in names if not name.parts[0].startswith(("build", ".")) and str(name) != PLAYED_ELSEWHERE]


def unroff(text):
    return re.sub(r"\\(?:\(..|.)", lambda match: ROFF.get(match[0], match[0]), text)


def of_markdown(document, text):
    lines = text.splitlines()
    at, hint = 0, ""
    while at < len(lines):
        line, first, body = lines[at], at + 1, []
        if FENCE.match(line):
            while not FENCE.match(lines[at + 1]):
                at += 1
                body.append(lines[at])
            at += 1
            yield Item(document, first + 1, "\n".join(body), True, hint)
        elif INDENTED.match(line) and at > 0 and not lines[at - 1].strip():
            while at < len(lines) and (not lines[at].strip() or lines[at].startswith("    ")):
                body.append(lines[at][4:])
                at += 1
            at -= 1
            yield Item(document, first, "\n".join(body), True, hint)
        else:
            while line.strip() and at + 1 < len(lines) and not ENDS.match(lines[at + 1]):
                at += 1
            paragraph = "\n".join(lines[first - 1 : at + 1])
            for match in SPAN.finditer(paragraph):
                text = (match[1] or match[2]).replace(r"\|", "|").replace("\n", " ")
                yield Item(document, first + paragraph.count("\n", 0, match.start()), text, False)
        found = HINT.match(line)
        hint = found[2] if found else "" if line.strip() else hint
        at += 1


def of_mdoc(document, text):
    lines = text.splitlines()
    at, hint = 0, ""
    while at < len(lines):
        line, first, body = lines[at], at + 1, []
        if line.startswith(".Bd"):
            while lines[at + 1] != ".Ed":
                at += 1
                body.append(unroff(lines[at]))
            yield Item(document, first + 1, "\n".join(body), True, hint)
        elif LITERAL.match(line):
            yield Item(document, first, unroff(LITERAL.match(line)[1]).rstrip(" ,.;:"), False)
        found = HINT.match(line)
        hint = found[1] if found else ""
        at += 1


def of_topology(document, text):
    for number, line in enumerate(text.splitlines(), 1):
        if COMMENT.match(line):
            yield Item(document, number, COMMENT.match(line)[1], True)


def items(root):
    """All items of all documents, in their order."""
    for name in documents(root):
        text = (root / name).read_text(encoding="utf-8")
        read = {".md": of_markdown, ".yaml": of_topology}.get(name[name.rindex(".") :], of_mdoc)
        yield from read(name, text)


def sort_of_block(item):
    """What a block is."""
    if DRAWN.search(item.text):
        return "drawing"
    if item.text.startswith("topology:"):
        return "topology"
    if re.match(r"[a-z][a-z-]*:( *$| \{)", item.lines[0]):
        return "stages"
    if all(COMMAND.match(line) for line in item.lines):
        return "commands"
    if re.match(r"[\w-]+ .*\[--", item.lines[0]):
        return "usage"
    return "sample"
