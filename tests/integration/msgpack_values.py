# SPDX-License-Identifier: MIT
"""Records as JSON, as another writer packs them, and as that library reads them back. It is Debian's
python3-msgpack; a python3 of another origin may not have it.

    msgpack_values.py make SEED COUNT NAME   writes NAME.jsonl, NAME.other (packed, in forms that are not
                                             the shortest, pairs in any order, and some that the type does
                                             not name) and NAME.wanted (packed, in the one form)
    msgpack_values.py read PATH              prints the maps of a stream, one a line
"""
import datetime
import json
import random
import struct
import sys

import msgpack


def timestamp_text(ns):
    seconds, rest = divmod(ns, 10**9)
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{rest:09}".rstrip("0") if rest else "") + "Z"


def timestamp(ns):
    return msgpack.Timestamp(*divmod(ns, 10**9))


def integer(rng):
    edge = rng.choice([0, 31, 32, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**31, 2**32, 2**63 - 1])
    return max(-(2**63), min(2**63 - 1, rng.choice([edge, -edge, -edge - 1, edge - 1])))


def text(rng):
    length = rng.choice([0, 1, 5, 31, 32, 40, 255, 256, 300])
    return "".join(rng.choice("abc \u00e4\u20ac\U0001f600\"\\\t\n\0") for _ in range(length))


def moment(rng):
    seconds = rng.choice([-9223372036, -1, 0, 1, 2**32 - 1, 2**32, 946684800, 9223372035])
    return seconds * 10**9 + rng.choice([0, 0, 1, 999999999, 500000000])


def record(rng, number):
    """In JSON, and in msgpack, fields in the order of the type."""
    cents = rng.randrange(-10**6, 10**6)
    money = f"{'-' if cents < 0 else ''}${abs(cents) // 100}.{abs(cents) % 100:02}"
    at, moments = moment(rng), [moment(rng) for _ in range(rng.choice([0, 1, 15, 16]))]
    numbers = {text(rng): [integer(rng) for _ in range(rng.randrange(3))] for _ in range(rng.choice([0, 1, 2, 16]))}
    decimal = rng.choice(["0.00", "-0.05", "12.50", "99999999.99"])
    plain = {"n": number, "id": text(rng), "ok": rng.random() < 0.5, "amount": money, "rate": decimal}
    rest = {"day": "2000-01-31", "span": rng.choice(["1h30m", "-5s", "1ns"]), "state": rng.choice(["open", "closed"])}
    of_json = {**plain, "at": timestamp_text(at), **rest, "moments": [timestamp_text(m) for m in moments], "numbers": numbers}
    packed = {**plain, "at": timestamp(at), **rest, "moments": [timestamp(m) for m in moments],
              "numbers": dict(sorted(numbers.items(), key=lambda pair: pair[0].encode()))}
    if rng.random() < 0.5:
        of_json["note"] = packed["note"] = integer(rng)
    elif rng.random() < 0.5:
        of_json["note"] = None
    return of_json, packed


def other_form(rng, value):
    """The same value in forms that another writer may choose."""
    if isinstance(value, bool) or value is None:
        return msgpack.packb(value)
    if isinstance(value, int):
        return struct.pack(">Bq", 0xD3, value) if value < 0 or rng.random() < 0.5 else struct.pack(">BQ", 0xCF, value)
    if isinstance(value, str):
        raw = value.encode()
        return struct.pack(">BI", 0xDB, len(raw)) + raw
    if isinstance(value, msgpack.Timestamp):
        return struct.pack(">BBbIq", 0xC7, 12, -1, value.nanoseconds, value.seconds)
    if isinstance(value, list):
        return struct.pack(">BI", 0xDD, len(value)) + b"".join(other_form(rng, item) for item in value)
    pairs = list(value.items())
    rng.shuffle(pairs)
    return struct.pack(">BI", 0xDF, len(pairs)) + b"".join(other_form(rng, item) for pair in pairs for item in pair)


def main():
    if sys.argv[1] == "read":
        with open(sys.argv[2], "rb") as stream:
            for item in msgpack.Unpacker(stream, strict_map_key=True):
                print(item)
        return
    rng = random.Random(int(sys.argv[2]))
    name = sys.argv[4]
    with open(f"{name}.jsonl", "w", encoding="utf-8") as lines, open(f"{name}.other", "wb") as other, \
            open(f"{name}.wanted", "wb") as wanted:
        for number in range(1, int(sys.argv[3]) + 1):
            of_json, packed = record(rng, number)
            print(json.dumps(of_json, ensure_ascii=rng.random() < 0.5), file=lines)
            wanted.write(msgpack.packb(packed))
            unnamed = {"float": 1.5, "ext": msgpack.ExtType(5, b"x")}
            whole = {**packed, **({"zz": 1} if rng.random() < 0.3 else {})}
            head = other_form(rng, whole)
            if rng.random() < 0.3:  # pairs that no type names, with what no field can be
                head = struct.pack(">BI", 0xDF, len(whole) + len(unnamed)) + head[5:] + msgpack.packb(unnamed)[1:]
            other.write(head)


main()
