#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The kind map a second time: makes up a topology with a map, its input, and what comes of it.

    map_kind.py SEED RECORDS DIRECTORY

writes DIRECTORY/topology.yaml, input, wanted (the lines of the output) and wanted.dead (seq, reason,
message of the dead letters). Numbers are those of the module decimal, and a value is worked on as a
person would: convert it, round it, then see which fields are left, how they are named, and what is
set. Nothing is planned ahead and nothing is kept in 64 bits.
"""
import datetime
import decimal
import random
import sys
from decimal import Decimal

decimal.getcontext().prec = 80
MODES = {"half_even": decimal.ROUND_HALF_EVEN, "half_up": decimal.ROUND_HALF_UP,
         "down": decimal.ROUND_DOWN, "up": decimal.ROUND_UP}
ENUM = ["gold", "silver", "bronze"]
EPOCH = datetime.datetime(1970, 1, 1)
INT_MAX = 2**63 - 1
JUNK = ["", "x", "1.234", "99999999999999999999", "$5", "EUR 1", "-", "2000-02-30", "true ", "gol"]


class Misfit(Exception):
    pass


def name_of(t):
    tag, *rest = t
    if tag == "optional":
        return f"optional({name_of(rest[0])})"
    if tag == "enum":
        return "enum(" + ", ".join(ENUM) + ")"
    if tag == "decimal":
        return f"decimal({rest[0]},{rest[1]})"
    return f"money({rest[0]})" if tag == "money" else tag


def bare(t):
    return t[1] if t[0] == "optional" else t


def scale(t):
    return {"decimal": lambda: t[2], "money": lambda: 2}.get(t[0], lambda: 0)()


def fits(number, t):
    scaled = number.scaleb(scale(t))
    if t[0] == "decimal":
        return abs(scaled) < Decimal(10) ** t[1]
    # An amount can be read again only if its opposite is one too.
    return (-INT_MAX if t[0] == "money" else -INT_MAX - 1) <= scaled <= INT_MAX


def text_of(value, t):
    tag = t[0]
    if tag == "int":
        return str(int(value))
    if tag == "bool":
        return "true" if value else "false"
    if tag in ("decimal", "money"):
        value += 0  # there is no -0
    if tag == "decimal":
        return f"{value:.{t[2]}f}" if t[2] else str(int(value))
    if tag == "money":
        sign = "-" if value < 0 else ""
        return sign + {"USD": "$", "CHF": "CHF "}[t[1]] + f"{abs(value):.2f}"
    if tag == "timestamp":
        moment = EPOCH + datetime.timedelta(seconds=value)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    if tag == "date":
        return (EPOCH + datetime.timedelta(days=value)).strftime("%Y-%m-%d")
    return value


def json_of(value, t):
    t = bare(t)
    text = text_of(value, t)
    return text if t[0] in ("int", "bool") else f'"{text}"'


def amount(text, currency):
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text)
    stated = None
    if rest.startswith("$"):
        stated, rest = "USD", rest[1:]
    elif len(rest) >= 3 and rest[:3].isalpha() and rest[:3].isupper():
        stated, rest = rest[:3], rest[3:].removeprefix(" ")
    whole, point, fraction = rest.partition(".")
    if not whole.isdigit() or (point and not fraction.isdigit()):
        raise Misfit("bad-money", "is not an amount, like 12.34 or $12.34")
    if stated not in (None, currency):
        raise Misfit("wrong-currency", "is in another currency")
    if len(fraction) > 2:
        raise Misfit("too-many-decimals", "has more decimals than its currency")
    number = sign * Decimal(rest)
    if abs(number) > Decimal(INT_MAX) / 100:
        raise Misfit("overflow", "is larger than an amount can be")
    return number


def read(text, t, form=None):
    tag = t[0]
    digits = text.removeprefix("-")
    if tag == "string":
        return text
    if tag == "int":
        if not digits.isdigit():
            raise Misfit("bad-value", "is not a whole number")
        if not -INT_MAX - 1 <= int(text) <= INT_MAX:
            raise Misfit("overflow", "does not fit 64 bits")
        return Decimal(int(text))
    if tag == "bool":
        if text not in ("true", "false"):
            raise Misfit("bad-value", "is neither true nor false")
        return text == "true"
    if tag == "money":
        return amount(text, t[1])
    if tag == "decimal":
        whole, point, fraction = digits.partition(".")
        if not whole.isdigit() or (point and not fraction.isdigit()) or len(fraction) > t[2]:
            raise Misfit("bad-value",
                         "is not a number like 12.50, with no more decimals than its type has")
        if not fits(Decimal(text), t):
            raise Misfit("overflow", "has more digits than its type allows")
        return Decimal(text)
    if tag == "enum":
        if text not in ENUM:
            raise Misfit("bad-value", "is not a name of its enum")
        return text
    try:
        pattern = {"date": "%Y-%m-%d"}.get(tag, form or "%Y-%m-%dT%H:%M:%SZ")
        moment = datetime.datetime.strptime(text, pattern)
    except ValueError:
        if tag == "date":
            raise Misfit("bad-value", "is not a date, like 2000-01-31") from None
        raise Misfit("bad-timestamp", "is not a time in the required form" if form else
                     "is not an RFC 3339 time, like 2000-01-01T00:00:00Z") from None
    seconds = (moment - EPOCH) // datetime.timedelta(seconds=1)
    return seconds // 86400 if tag == "date" else seconds


NUMBERS = ("int", "decimal", "money")


def can_convert(a, b):
    a, b = bare(a), bare(b)
    if a == b or a[0] == "string" or b[0] == "string":
        return True
    if a[0] == "money" and b[0] == "money":
        return False
    return (a[0] in NUMBERS and b[0] in NUMBERS) or {a[0], b[0]} == {"timestamp", "date"}


def convert(value, a, rule):
    b = rule["to"]
    if value is None:
        if rule["default"] is not None:
            return rule["default"]
        if b[0] != "optional":
            raise Misfit("missing-field", "has no value")
        return None
    a, b = bare(a), bare(b)
    if a == b:
        return value
    if a[0] == "string":
        return read(value, b, rule["format"])
    if b[0] == "string":
        return text_of(value, a)
    if b[0] == "date":
        return value // 86400
    if b[0] == "timestamp":
        return value * 86400
    unit = Decimal(1).scaleb(-scale(b))
    result = value.quantize(unit, rounding=MODES.get(rule["mode"], decimal.ROUND_DOWN))
    if result != value and rule["mode"] == "exact":
        raise Misfit("too-many-decimals", "has more decimals than its new type")
    if not fits(result, b):
        raise Misfit("overflow", "does not fit its new type")
    return result


def round_to(value, t, rule):
    if value is None:
        return None
    steps = (value / rule["step"]).quantize(Decimal(1), rounding=MODES[rule["mode"]])
    result = steps * rule["step"]
    if not fits(result, bare(t)):
        raise Misfit("overflow", "does not fit its type when rounded")
    return result


# --- what is made up ---

rng = random.Random(int(sys.argv[1], 0))


def make_type(optional=True):
    precision = rng.choice([4, 9, 18])
    t = rng.choice([("string",), ("string",), ("int",), ("int",), ("bool",), ("money", "USD"),
                    ("money", "CHF"), ("decimal", precision, rng.randint(0, min(precision, 6))),
                    ("decimal", precision, rng.randint(0, 4)), ("timestamp",), ("date",),
                    ("enum",)])
    return ("optional", t) if optional and rng.random() < 0.3 else t


def make_value(t):
    tag = t[0]
    if tag == "optional":
        return None if rng.random() < 0.3 else make_value(t[1])
    if tag == "string":
        return read_text_of(make_type(False)) if rng.random() < 0.7 else rng.choice(JUNK)
    if tag == "int":
        return Decimal(rng.choice([0, 1, -1, 5, -15, 25, rng.randint(-10**6, 10**6), INT_MAX,
                                   -INT_MAX - 1, rng.randint(-INT_MAX, INT_MAX)]))
    if tag == "bool":
        return rng.random() < 0.5
    if tag == "money":
        return Decimal(rng.choice([0, 5, -5, 250, -250, rng.randint(-10**6, 10**6), INT_MAX,
                                   -INT_MAX, rng.randint(-INT_MAX, INT_MAX)])).scaleb(-2)
    if tag == "decimal":
        top = 10 ** t[1] - 1
        return Decimal(rng.choice([0, 5, -5, rng.randint(-10**4, 10**4) % top, top, -top,
                                   rng.randint(-top, top)])).scaleb(-t[2])
    if tag == "enum":
        return rng.choice(ENUM)
    day = rng.randint(-100000, 100000)
    return day if tag == "date" else day * 86400 + rng.choice([0, 86399, rng.randint(0, 86399)])


def read_text_of(t):
    return make_value(t) if t[0] == "string" else text_of(make_value(t), t)


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def make_conversion(t):
    while True:
        to = make_type()
        if to != t and can_convert(t, to):
            break
    rule = {"to": to, "format": None, "default": None, "mode": "exact"}
    a, b = bare(t), bare(to)
    if a[0] in NUMBERS and b[0] in NUMBERS and scale(b) < scale(a):
        rule["mode"] = rng.choice(list(MODES) + ["exact"])
    if a[0] == "string" and b[0] == "timestamp" and rng.random() < 0.5:
        rule["format"] = "%Y-%m-%d"
    if t[0] == "optional" and rng.random() < 0.6:
        rule["default"] = make_value(b)
        while rule["default"] == "" or (b == ("string",) and "|" in rule["default"]):
            rule["default"] = make_value(b)
    return rule


def write_conversion(rule):
    parts = [f"to: {quoted(name_of(rule['to']))}"]
    if rule["format"]:
        parts.append(f"format: {quoted(rule['format'])}")
    if rule["mode"] != "exact":
        parts.append(f"mode: {rule['mode']}")
    if rule["default"] is not None:
        text = text_of(rule["default"], bare(rule["to"]))
        if rule["format"] and bare(rule["to"])[0] == "timestamp":
            # The default has the form of the field's texts, which says no more than the day.
            rule["default"] -= rule["default"] % 86400
            text = text_of(rule["default"], ("timestamp",))[:10]
        parts.append(f"default: {quoted(text.replace('$', '$$'))}")
    return quoted(name_of(rule["to"])) if len(parts) == 1 and rng.random() < 0.5 else \
        "{ " + ", ".join(parts) + " }"


def make_rounding(t):
    t = bare(t)
    if t[0] not in NUMBERS:
        return None
    step = rng.choice([1, 2, 5, 10, 25, 50, 100, 7, 999])
    if not fits(Decimal(step).scaleb(-scale(t)), t):
        step = 1
    return {"step": Decimal(step).scaleb(-scale(t)), "mode": rng.choice(list(MODES))}


def main():
    records, directory = int(sys.argv[2]), sys.argv[3]
    names = [f"f{i}" for i in range(rng.randint(1, 10))]
    types = {name: make_type() for name in names}
    conversions, roundings, drops, renames, sets = {}, {}, [], {}, {}
    for name in names:
        if len(drops) + 1 < len(names) and rng.random() < 0.15:
            drops.append(name)
            continue
        t = types[name]
        if rng.random() < 0.6:
            conversions[name] = make_conversion(t)
            t = conversions[name]["to"]
        if rng.random() < 0.5 and make_rounding(t):
            roundings[name] = make_rounding(t)
        if rng.random() < 0.3:
            renames[name] = f"renamed_{name}"
    if drops and rng.random() < 0.5:
        sets[drops[0]] = (("string",), "x")
    for i in range(rng.randint(0, 2)):
        t = make_type(False)
        value = make_value(t)
        if value != "":
            sets[f"set{i}"] = (t, value)
    options = []
    if conversions:
        options.append("convert: { " + ", ".join(
            f"{n}: {write_conversion(r)}" for n, r in conversions.items()) + " }")
    if roundings:
        options.append("round: { " + ", ".join(
            f"{n}: {{ to: {r['step']:f}, mode: {r['mode']} }}" for n, r in roundings.items()) + " }")
    if drops:
        options.append("drop: [" + ", ".join(drops) + "]")
    if renames:
        options.append("rename: { " + ", ".join(f"{n}: {r}" for n, r in renames.items()) + " }")
    if sets:
        options.append("set: { " + ", ".join(
            f"{n}: {{ type: {quoted(name_of(t))}, "
            f"value: {quoted(text_of(v, t).replace('$', '$$'))} }}"
            for n, (t, v) in sets.items()) + " }")
    rng.shuffle(options)
    with open(f"{directory}/topology.yaml", "w", encoding="utf-8") as out:
        print("topology: map\ntypes:\n  In:", file=out)
        for name in names:
            print(f"    {name}: {quoted(name_of(types[name]))}", file=out)
        groups = "\\|".join(f"(?<{name}>[^|]*)" for name in names)
        print("stages:\n  lines: { kind: file.source, path: input }\n  parse:\n    kind: regex.parse\n"
              f"    from: lines\n    type: In\n    pattern: '^{groups}$'", file=out)
        if any(t[0] == "optional" for t in types.values()):
            print("    absent: '~'", file=out)
        print("  change:\n    kind: map\n    from: parse\n    workers: 2", file=out)
        for option in options:
            print(f"    {option}", file=out)
        print("  format: { kind: json.encode, from: change }\n"
              '  out: { kind: file.sink, from: format, path: "${OUTPUT}" }', file=out)
    with open(f"{directory}/input", "w", encoding="utf-8") as lines, \
            open(f"{directory}/wanted", "w", encoding="utf-8") as wanted, \
            open(f"{directory}/wanted.dead", "w", encoding="utf-8") as dead:
        seq = 0
        for _ in range(records):
            values = {name: make_value(types[name]) for name in names}
            line = "|".join("~" if values[n] is None else text_of(values[n], bare(types[n]))
                            for n in names)
            print(line, file=lines)
            if not line.strip():
                continue  # a blank line is none
            seq += 1
            try:
                members = []
                for name in names:
                    if name in drops:
                        continue
                    value, t = values[name], types[name]
                    if name in conversions:
                        value, t = convert(value, t, conversions[name]), conversions[name]["to"]
                    if name in roundings:
                        value = round_to(value, t, roundings[name])
                    if value is not None:  # json.encode leaves out what is not there
                        members.append(f'"{renames.get(name, name)}":{json_of(value, t)}')
                members += [f'"{n}":{json_of(v, t)}' for n, (t, v) in sets.items()]
                print("{" + ",".join(members) + "}", file=wanted)
            except Misfit as misfit:
                reason, what = misfit.args
                print(seq, reason, f"the field '{name}' {what}", sep="\t", file=dead)


main()
