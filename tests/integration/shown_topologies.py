# SPDX-License-Identifier: MIT
"""Checks and runs the topologies that documents show, and completes those of which they show a part.

A part is completed by what its inputs make: its hint says `NAME: { FIELD: TYPE, ... }` for each, with a
semicolon between two, and `NAME: lines` for a source. A NAME with a point is an output of a `route`,
and one of its fields is an int. What nobody reads goes to a `discard`.
"""
import re

STAGE = re.compile(r"^  ([A-Za-z][\w-]*):", re.M)
FROM = re.compile(r"\bfrom: *(\[[^\]]*\]|[A-Za-z][\w.-]*)")
SINKS = re.compile(r"kind: (discard|file\.sink|stdout\.sink)\b")


def indented(text, columns):
    return "".join(f"{' ' * columns}{line}\n" if line else "\n" for line in text.splitlines())


def parts(text):
    """The types and the stages of a part, indented as they are in a topology."""
    if not re.match(r"(types|stages):", text):
        return "", indented(text, 2)
    sections = dict(re.findall(r"^(types|stages):\n((?: .*\n|\n)+)", text + "\n", re.M))
    return sections.get("types", ""), sections["stages"]


def inputs(hint):
    """The stages that a hint speaks of, and their types."""
    types, stages, source = "", "", "input"
    for name, fields in (piece.strip().split(": ", 1) for piece in hint.split(";") if piece.strip()):
        if fields == "lines":
            source = name
            continue
        stage, _, output = name.partition(".")
        types += f"  In-{stage}: {fields}\n"
        decode = f"{stage}-in" if output else stage
        stages += f"  {decode}: {{ kind: json.decode, from: SOURCE, type: In-{stage} }}\n"
        if output:
            number = re.search(r"(\w+): int\b", fields)[1]
            stages += (f"  {stage}: {{ kind: route, from: {decode}, otherwise: rest,"
                       f" outputs: {{ {output}: {{ {number}: {{ equals: 1 }} }} }} }}\n")
    stages = stages.replace("SOURCE", source)
    return types, f"  {source}: {{ kind: file.source, path: input }}\n" + stages


def outputs(stages):
    """All that the stages put out, as others name it."""
    for text in re.split(r"^(?=  [A-Za-z])", stages, flags=re.M):
        match = STAGE.match(text)
        if not match or SINKS.search(text):
            continue
        if "kind: route" not in text:
            yield match[1]
            continue
        block = re.search(r"outputs: *\n((?: {6,}.*\n)+)", text)
        inline = re.search(r"outputs: \{ ([\w-]+):", text)
        names = re.findall(r"^ {6}([\w-]+):", block[1], re.M) if block else [inline[1]]
        for name in names + [re.search(r"otherwise: ([\w-]+)", text)[1]]:
            yield f"{match[1]}.{name}"


def completed(item):
    """The whole topology of a part."""
    part_types, part_stages = parts(item.text)
    types, stages = inputs(item.hint)
    stages += part_stages
    read = {name for group in FROM.findall(stages) for name in re.split(r"[\[\], ]+", group)}
    for number, name in enumerate(name for name in outputs(stages) if name not in read):
        stages += f"  end-{number}: {{ kind: discard, from: {name} }}\n"
    return f"topology: shown\ntypes:\n{types}{part_types}stages:\n{stages}" if types or part_types else \
        f"topology: shown\nstages:\n{stages}"


def problem(bench, item):
    """What is wrong with a topology or a part of one; nothing if it can be checked and run."""
    place = bench.new_place()
    text = item.text if item.text.startswith("topology:") else completed(item)
    (place / "shown.yaml").write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    (place / "input").write_text("\n", encoding="utf-8")
    (place / "loads.msgpack").write_bytes(b"\x83\xa2id\xa11\xabload_amount\xa5$1.00\xa4time\xb42026-11-21T08:30:00Z")
    script = "bulkhead check shown.yaml && INPUT=${INPUT:-loads.jsonl} bulkhead run --quiet --inline shown.yaml"
    code, said = bench.run(script, place)
    if code != 0:
        return f"{said}\n{text}"
    name = re.match(r"topology: (\S+)", text)[1]
    ready = bench.root / "topology/library" / f"{name}.yaml"
    if item.document == "README.md" and ready.exists():
        code, said = bench.run(f"diff shown.yaml <(grep -v '^#' {name}.yaml)", place)
    return said if code != 0 else ""
