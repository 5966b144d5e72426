#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Streams of msgpack, and what a source makes of them.

packed_stream.py make SEED RECORDS       writes a stream: maps of all forms, some values that are no
                                         map, some records of more than 2000 bytes
packed_stream.py cut BYTES [--stream] FILE...
                                         writes `wanted`, the lines that json.encode makes of the
                                         records of these files, one after the other, and
                                         `wanted.dead`, the dead letters as dead_letters of lib.sh
                                         shows them. BYTES is max_line_bytes. With --stream numbers
                                         go on from file to file
"""

import base64
import random
import struct
import sys


def text(rng, length):
    """A str or bin of so many bytes, with any of the heads that fit."""
    body = rng.randbytes(length)
    heads = [b"\xdb" + struct.pack(">I", length), b"\xc6" + struct.pack(">I", length)]
    if length < 32:
        heads.append(bytes([0xA0 | length]))
    if length < 256:
        heads += [b"\xd9" + bytes([length]), b"\xc4" + bytes([length])]
    if length < 65536:
        heads += [b"\xda" + struct.pack(">H", length), b"\xc5" + struct.pack(">H", length)]
    return rng.choice(heads) + body


def extension(rng):
    """A value of a type that nobody knows."""
    length = rng.choice([1, 2, 4, 8, 16, 3, 200])
    fixed = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}
    head = bytes([fixed[length]]) if length in fixed else b"\xc7" + bytes([length])
    return head + rng.randbytes(length + 1)


def scalar(rng):
    """A value without others in it."""
    bodies = {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
    kind = rng.randrange(4)
    if kind == 0:
        return bytes([rng.choice([0, 0x0A, 0x7F, 0xC0, 0xC2, 0xC3, 0xE0, 0xFF])])
    if kind == 1:
        tag = rng.choice(list(bodies))
        return bytes([tag]) + rng.randbytes(bodies[tag])
    return extension(rng) if kind == 2 else text(rng, rng.randrange(50))


def container(rng, tags, width, depth):
    """A list (width 1) or map (width 2)."""
    count = rng.randrange(4)
    head = rng.choice(
        [bytes([tags[0] | count]), bytes([tags[1]]) + struct.pack(">H", count), bytes([tags[2]]) + struct.pack(">I", count)]
    )
    return head + b"".join(value(rng, depth + 1) for _ in range(width * count))


def value(rng, depth):
    """Any value, of little depth but for a few."""
    if rng.randrange(3) != 0 or depth > 5:
        return scalar(rng)
    return a_map(rng, depth) if rng.randrange(2) else container(rng, (0x90, 0xDC, 0xDD), 1, depth)


def a_map(rng, depth=0):
    """Any map."""
    return container(rng, (0x80, 0xDE, 0xDF), 2, depth)


def make(seed, count):
    """Writes a stream of so many records."""
    rng = random.Random(seed)
    for number in range(count):
        what = rng.randrange(1000)
        if what == 0:
            record = b"\x81\xa1k" + text(rng, rng.randrange(1900, 2100))
        elif what == 1:
            record = b"\x81\xa1k" + text(rng, rng.choice([2500, 70_000, 1_500_000 if number % 3 == 0 else 5000]))
        elif what == 2:
            record = b"\x81\xa1k" + b"\x91" * rng.randrange(100, 1000) + b"\xc0"
        elif what < 20:
            record = value(rng, 0)
        else:
            record = a_map(rng)
        sys.stdout.buffer.write(record)


class Lost(Exception):
    """A byte that begins no value."""


def end_of(data, at):
    """Where the value that begins at a place ends; IndexError: not in these bytes."""
    wanted = 1
    while wanted:
        tag = data[at]
        at += 1
        wanted -= 1
        body = 0
        if tag == 0xC1:
            raise Lost(at)
        if 0x80 <= tag < 0xA0:
            wanted += (tag & 15) * (2 if tag < 0x90 else 1)
        elif 0xA0 <= tag < 0xC0:
            body = tag & 31
        elif 0xC4 <= tag < 0xE0:
            kind, size = TAGS[tag]
            if kind == "body":
                body = size
            else:
                if len(data) < at + size:
                    raise IndexError
                number = int.from_bytes(data[at : at + size], "big")
                at += size
                wanted += {"list": number, "map": 2 * number}.get(kind, 0)
                body = {"text": number, "ext": number + 1}.get(kind, 0)
        at += body
        if at > len(data):
            raise IndexError
    return at


TAGS = {0xCA: ("body", 4), 0xCB: ("body", 8), 0xDC: ("list", 2), 0xDD: ("list", 4), 0xDE: ("map", 2), 0xDF: ("map", 4)}
for power in range(3):
    TAGS[0xC4 + power] = TAGS[0xD9 + power] = ("text", 1 << power)
    TAGS[0xC7 + power] = ("ext", 1 << power)
for power in range(4):
    TAGS[0xCC + power] = TAGS[0xD0 + power] = ("body", 1 << power)
for power in range(5):
    TAGS[0xD4 + power] = ("body", 1 + (1 << power))


def records_of(data, bytes_max):
    """Each record with the reason why it is refused, or None."""
    at = 0
    while at < len(data):
        try:
            end = end_of(data, at)
        except IndexError:
            yield data[at:], "cut-off"
            return
        except Lost as lost:
            yield data[at : lost.args[0]], "lost-framing"
            return
        record = data[at:end]
        is_map = record[0] & 0xF0 == 0x80 or record[0] in (0xDE, 0xDF)
        yield record, "not-a-map" if not is_map else "packed-too-long" if len(record) > bytes_max else None
        at = end


def cut(bytes_max, stream, paths):
    """Writes what is wanted of these files."""
    seq = number = 0
    with open("wanted", "w", encoding="ascii") as lines, open("wanted.dead", "w", encoding="ascii") as dead:
        for path in paths:
            number = number if stream else 0
            with open(path, "rb") as file:
                data = file.read()
            for record, reason in records_of(data, bytes_max):
                seq += 1
                number += 1
                if reason is None:
                    lines.write('{"packed":"%s"}\n' % base64.b64encode(record).decode())
                else:
                    dead.write(f"{seq}\t{number}\tin\t{reason}\n")
    print(seq)


if sys.argv[1] == "make":
    make(int(sys.argv[2]), int(sys.argv[3]))
else:
    files = [path for path in sys.argv[3:] if path != "--stream"]
    cut(int(sys.argv[2]), "--stream" in sys.argv, files)
