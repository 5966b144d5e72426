#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the manuals with what the program tells of itself, both ways. manual_and_program.py ROOT

An option of a kind begins in bulkhead-topology(5) with a sentence that says what `bulkhead kinds KIND`
says: its type, its bounds, "required", "optional" or its default, and its choices, as in "Size, 64 to
2MiB, default 1MiB." or "Choice, required: day or week." A default that is not a word is in quotes.
"""
import pathlib
import re
import sys

import manual
import told

HEAD = re.compile(
    r"(?P<type>[A-Z][\w ]*?(?:, each with a map)?)(?: of type [\w ]+)?(?:, (?P<bounds>\S+ to \S+|\S+ or more))?"
    r", (?P<default>required|optional|default (?:\"[^\"]*\"|\S+?))(?:: (?P<choices>[^.]*))?\.(?: |$)"
)


def sentence(text):
    return f"{text[0].upper()}{text[1:]}."


def words_of(text):
    """A list as it is written: a, b or c."""
    return tuple(re.split(r", | or | and ", text)) if text else ()


def option_of(entry, path, others):
    """What an entry of the manual says of an option; None if it says nothing in the form above."""
    same = re.match(r"Same as for ([\w.]+)\.", entry.text)
    if same and same[1] in others:
        return others[same[1]].get(path)
    match = HEAD.match(entry.text)
    if not match:
        return None
    return told.Option(path, match["type"].lower(), match["default"].removeprefix("default "),
                       words_of(match["choices"]), told.bounds(match["bounds"] or ""))


def options_of(section, others):
    """The options that a section describes, by path; None where a sentence cannot be read."""
    found = {}

    def walk(entry, prefix):
        for item in entry.items:
            for name in filter(None, item.mark.split(", ")):
                path = prefix + name
                found[path] = option_of(item, path, others)
                same = re.search(r"same as for ([\w.]+)\.", item.text)
                if same and same[1] in others:
                    found.update((p, o) for p, o in others[same[1]].items() if p.startswith(path + "."))
                walk(item, path + ".")

    walk(section, "")
    return found


def differing(what, in_manual, in_program, remedy=""):
    """What only one of the two has. The remedy says what to do if it is the program, to NAME."""
    for name in sorted(set(in_program) - set(in_manual)):
        todo = f"; {remedy.replace('NAME', str(name))}" if remedy else ""
        yield f"{what}: the program has '{name}', which the manual does not have{todo}"
    for name in sorted(set(in_manual) - set(in_program)):
        yield f"{what}: the manual has '{name}', which the program does not have"


def beginning(option):
    """How the text of an option should begin, for a message."""
    note = r" (in the source, \ is \e)" if "\\" in option.beginning else ""
    return f"'{option.beginning}'{note}"


def compare_options(where, in_manual, in_program):
    yield from differing(f"{where}: options", in_manual, in_program, "add '.It Cm NAME'")
    for path in sorted(set(in_manual) & set(in_program)):
        says, is_so = in_manual[path], in_program[path]
        if says is None:
            yield f"{where}: the manual should begin the text of '{path}' with {beginning(is_so)}"
            continue
        for field in ("type", "default", "choices", "bounds"):
            one, other = getattr(says, field), getattr(is_so, field)
            if one != other:
                yield (f"{where}: {path}: {field}: the manual says {one}, the program {other}; "
                       f"begin with {beginning(is_so)}")


def only_options(section):
    """A section without the items that are tests of conditions, which are compared by themselves."""
    section.items = [item for item in section.items if item.mark.split(", ")[0] not in TESTS]
    return section


TESTS = ()
ROLES = {"source": "A source.", "step": "A step.", "step with state": "A step with state.", "sink": "A sink."}


def compare_head(name, section, kind):
    """The first paragraph: the summary, the role, what is read and made, and the dead letters."""
    lines = [manual.plain(line) for line in section.head]
    text = " ".join(lines)
    summary = sentence(kind.summary)
    if lines[0] != summary:
        yield f"{name}: the manual should begin with the summary, '{summary}', not '{lines[0]}'"
    if lines[1] != ROLES[kind.role]:
        yield f"{name}: after the summary, the manual should say '{ROLES[kind.role]}', not '{lines[1]}'"
    if (kind.role == "sink") == any(line.startswith("Makes") for line in lines):
        has = "has a line 'Makes ...'" if kind.role == "sink" else "has no line 'Makes ...'"
        yield f"{name}: it is a {kind.role}, but the manual {has}"
    for field, of_type in re.findall(r"(\w+): (\w+)", f"{kind.reads}; {kind.makes}"):
        if not re.search(rf"\b{field}\b.*?\b{of_type}\b", text):
            yield f"{name}: the manual does not say that '{field}' is {of_type}"
    marked = re.findall(r"^\.(?:Cm|Li) (\w+)", "\n".join(section.head), re.M)
    for word in marked:
        if not re.search(rf"\b{word}\b", f"{kind.reads} {kind.makes}") and word not in ("filter",):
            yield f"{name}: the manual says '{word}', which is not in .reads or .makes of the kind"
    sends = re.search(r"(May send|Sends a) records? to the dead letters", text)
    if sends is None and set(kind.reasons) - {"poison"}:
        yield f"{name}: it declares reasons, so the manual should say 'May send records to the dead letters.'"
    if sends is not None and not set(kind.reasons) - {"poison"}:
        yield f"{name}: the manual says '{sends[0]}.', but the kind declares no reasons"


def compare_reasons_of_prose(name, section, kind):
    """Names of reasons in a section, which are the words after "reason" and those with a hyphen."""
    for before, line in zip(["", *section.raw], section.raw):
        word = re.match(r"\.Li ([a-z0-9-]+)(?: [.,;:)]+)?$", line)
        if word and word[1] not in kind.reasons and ("-" in word[1] or before.endswith(" reason")):
            given = ", ".join(reason for reason in kind.reasons if reason != "poison")
            yield f"{name}: the manual names the reason '{word[1]}', but the kind declares: {given}"


def compare_kinds(man5, kinds):
    of_man = {name: section for name, section in manual.sections(man5, ".Ss").items() if section.raw}
    names = re.findall(r"^\.Ss (.*)", man5.read_text(encoding="utf-8").partition("\n.Sh KINDS\n")[2]
                       .partition("\n.Sh ")[0], re.M)
    yield from differing("kinds", names, kinds, "add '.Ss NAME' under '.Sh KINDS'")
    if sorted(names) == sorted(kinds) and names != list(kinds):
        yield f"the sections of KINDS should be in the order of `bulkhead kinds`: {', '.join(kinds)}"
    described = {}
    for name in names:
        described[name] = options_of(only_options(of_man[name]), described)
        if name in kinds:
            yield from compare_head(name, of_man[name], kinds[name])
            yield from compare_reasons_of_prose(name, of_man[name], kinds[name])
            yield from compare_options(name, described[name], kinds[name].options)
    heads = re.findall(r"^\.It Em (.*)", "\n".join(manual.sections(man5)["VALUES"].raw), re.M)
    values = {name for head in heads for name in head.split(" , ")}
    used = {option.type for kind in kinds.values() for option in [*kind.options.values(), *kind.common.values()]}
    yield from differing("types of options", values, {name for name in used if not name.startswith("map")})


def compare_common(man5, kinds):
    """The options of any stage, and which kinds have them."""
    section = manual.sections(man5, ".Ss")["Stages"]
    section.items = [item for item in section.items if "_" in item.mark or item.mark in ("workers", "by")]
    in_program = {path: option for kind in kinds.values() for path, option in kind.common.items()}
    yield from compare_options("any stage", options_of(section, {}), in_program)
    for name, kind in kinds.items():
        said = set(in_program) if kind.role.startswith("step") else {"memory_max", "renamed_from"}
        said -= {item.mark for item in section.items if re.search(rf"\bNot for [^.]*\b{re.escape(name)}\b", item.text)}
        yield from differing(f"{name}: options of any stage", said, kind.common)


def compare_reasons(man5, kinds):
    """The reasons of dead letters, what they mean, and which kinds give them."""
    entries = {}
    for item in manual.sections(man5)["DEAD LETTERS"].items:
        meanings = re.findall(r"(.*?\.) From (.*?)\.(?: |$)", item.text)
        for meaning, givers in meanings:
            for giver in words_of(givers):
                entries[item.mark, giver] = meaning
    given = {(reason, "any stage but a source" if reason == "poison" else name): sentence(text)
             for name, kind in kinds.items() for reason, text in kind.reasons.items()}
    yield from differing("reasons", {f"{r} from {k}" for r, k in entries}, {f"{r} from {k}" for r, k in given},
                         "run scripts/update-manual")
    for key in set(entries) & set(given):
        if entries[key] != given[key]:
            yield (f"{key[0]} means in the manual '{entries[key]}', and in the program '{given[key]}'; "
                   "run scripts/update-manual")
    for name, kind in kinds.items():
        if (kind.role == "source") == ("poison" in kind.reasons):
            yield f"{name}: poison is given by any stage but a source"


def synopses(man1):
    """For each command the options of its synopsis, with the placeholders of their values; "..." if they repeat."""
    found = {}
    text = "\n".join(manual.sections(man1)["SYNOPSIS"].raw)
    for piece in re.split(r"^\.Nm$", text, flags=re.M):
        lines = [manual.plain(line) for line in piece.strip().split("\n")]
        options = {name: (argument.upper(), repeats) for line in lines[1:] for part in re.split(r" \| | (?=--)", line)
                   for name, argument, repeats in re.findall(r"^--([a-z-]+)(?: (\S+?,\.\.\.|\S+?))?(\.\.\.)?$", part)}
        if lines[0] and not lines[0].startswith("-"):
            found[lines[0]] = options, [line for line in lines[1:] if not line.startswith("-")]
    return found


def repeats(usage, option):
    """Whether a usage shows an option as one that may be given again: [--option VALUE]..."""
    return re.search(rf"\[--{option}(?: [^][]+)?\]\.\.\.", usage) is not None


OPERANDS = {"T.yaml": "topology.yaml", "STAGE": "stage", "[KIND]": "kind", "[TYPE]": "type", "SHELL": "shell"}


def compare_commands(man1):
    commands, in_manual = told.commands(), synopses(man1)
    described = {item.mark.split(" ")[0]: item for item in manual.sections(man1)["COMMANDS"].items}
    names = set(commands) | {"help"}
    yield from differing("commands of the synopsis", in_manual, names)
    yield from differing("commands that are described", {n for n in described if n[:1] != "-"}, names)
    for name, (usage, options) in commands.items():
        arguments = {option: (argument, "..." if repeats(usage, option) else "")
                     for option, (argument, _) in options.items()}
        if name not in in_manual or name not in described:
            continue
        yield from differing(f"the synopsis of {name}", in_manual[name][0].items(), arguments.items())
        marks = [described[name].mark] + [item.mark for item in described[name].items]
        described_options = re.findall(r"--([a-z-]+)", " ".join(marks))
        yield from differing(f"the description of {name}", described_options, arguments)
        operand = [OPERANDS[word] for word in OPERANDS if usage.endswith(f" {word}")]
        if in_manual[name][1] != operand:
            yield f"the synopsis of {name} ends with {in_manual[name][1]}, its usage with {operand}"
        for option, (argument, meaning) in options.items():
            text = next((i.text for i in described[name].items if f"--{option}" in i.mark), "")
            default = re.search(r"default: (\d+)", meaning)
            if default and default[1] not in text:
                yield f"{name}: the manual does not name the default of --{option}, {default[1]}"
            if argument and "default" not in meaning and not repeats(usage, option):
                yield f"the help of {name} does not say what holds without --{option}"
            if not re.search(rf"(\[|\| )--{option}[] ]", usage):
                yield f"the usage of {name} has no --{option}"


def compare_exit_codes(root, man1):
    codes = [int(item.mark) for item in manual.sections(man1)["EXIT STATUS"].items]
    yield from differing("exit codes", codes, told.exit_codes())
    headers = [path for path in root.rglob("*.h") if "STAGE_EXIT_" in path.read_text(encoding="utf-8")]
    text = "".join(path.read_text(encoding="utf-8") for path in headers)
    of_stage = {int(code) for code in re.findall(r"\bSTAGE_EXIT_[A-Z]+ = (\d+)", text)} | {2}
    chapter = (root / "docs/protocol.md").read_text(encoding="utf-8").partition("## Exit codes of a stage process")[2]
    rows = {int(code) for code in re.findall(r"^\| (\d+) \|", chapter, re.M)}
    yield from differing("exit codes of a stage process", rows, of_stage)


def compare_types(man5):
    """The types of fields, and the sentence that says what each is."""
    in_manual = {}
    for item in manual.sections(man5, ".Ss")["Types"].items:
        in_manual.setdefault(re.match(r"\w+", item.mark)[0], item.text)
    types = told.types()
    yield from differing("types of fields", in_manual, types)
    for name in set(in_manual) & set(types):
        if not in_manual[name].startswith(sentence(types[name][0])):
            yield f"{name}: the manual begins '{in_manual[name]}', the program says '{types[name][0]}'"


def compare_topology_head(man5):
    yield from differing("keys of a topology", [i.mark for i in manual.sections(man5, ".Ss")["Head"].items], told.head())


def compare_currencies(root, man5):
    """The codes of currencies, by how many decimals they have."""
    source = (root / "common/money.c").read_text(encoding="utf-8")
    in_program = {f"{code} {decimals}" for code, decimals in re.findall(r'{"([A-Z]{3})", [^,]*, (\d)}', source)}
    text = " ".join(manual.plain(line) for line in manual.sections(man5, ".Ss")["Types"].raw)
    digits = {"none": 0, "two": 2, "three": 3}
    in_manual = {f"{code} {digits[word]}" for word, codes in re.findall(r"With (\w+)(?: decimals)?: ([A-Z ]+)\.", text)
                 for code in codes.split()}
    yield from differing("currencies", in_manual, in_program)


def compare_forms(root, man5):
    """The parts of the form of a timestamp."""
    source = (root / "common/timestamp_form.c").read_text(encoding="utf-8")
    in_program = {f"%{letter}" for letter in re.search(r'define DIRECTIVES "(\w+)"', source)[1]}
    items = manual.sections(man5, ".Ss")["Forms of timestamps"].items
    in_manual = {item.mark for item in items} - {"%%"}
    yield from differing("parts of a form", in_manual, in_program)


def compare_tests(man5, kinds):
    """The tests of conditions: their names, and what they mean."""
    section = manual.sections(man5, ".Ss")["filter"]
    in_manual = {item.mark: item.text for item in section.items if item.mark not in ("where", "unless")}
    in_program = kinds["filter"].tests
    yield from differing("tests of conditions", in_manual, in_program)
    for name in set(in_manual) & set(in_program):
        if not in_manual[name].startswith(sentence(in_program[name])):
            yield f"test '{name}': the manual says '{in_manual[name]}', the program '{in_program[name]}'"
    global TESTS
    TESTS = tuple(in_manual)


def compare_escapes(path):
    """Escapes other than those that the manuals use print something else than they show, or nothing."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        for found in re.findall(r"\\(?:\((?:aq|dq|ga|mu)|\[\w+\]|.)?", line):
            if not re.fullmatch(r"""\\(?:[-e& "]|\(..|\[\w+\])""", found):
                yield (f"{path.parent.name}/{path.name}:{number}: the manuals do not use the escape '{found}'; "
                       r"write \e for a backslash")


def compare_readme(root, kinds):
    """README lists no kind that there is not."""
    text = (root / "README.md").read_text(encoding="utf-8")
    table = text.partition("| kinds of stages |")[2].partition("\n\n")[0]
    listed = {name for row in table.split("\n")[2:] for name in re.findall(r"`([a-z.]+)`", row.split("|")[1])}
    for name in sorted(listed - set(kinds)):
        yield f"README.md lists the kind '{name}', which the program does not have"


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    man1, man5 = root / "man/bulkhead.1", root / "man/bulkhead-topology.5"
    kinds = told.kinds()
    wrong = [*compare_tests(man5, kinds), *compare_kinds(man5, kinds), *compare_common(man5, kinds),
             *compare_reasons(man5, kinds), *compare_types(man5), *compare_topology_head(man5),
             *compare_currencies(root, man5), *compare_forms(root, man5), *compare_commands(man1), *compare_exit_codes(root, man1),
             *compare_escapes(man1), *compare_escapes(man5), *compare_readme(root, kinds)]
    options = sum(len(kind.options) for kind in kinds.values())
    reasons = {reason for kind in kinds.values() for reason in kind.reasons}
    print(f"{len(kinds)} kinds, {options} options, {len(reasons)} reasons, {len(told.commands())} commands")
    print("\n".join(wrong))
    sys.exit(1 if wrong or options == 0 or not reasons else 0)


main()
