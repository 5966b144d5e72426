#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The job of tests/bench/rename.yaml as a plain script: rename_plain.py IN OUT."""

import json
import sys

FIELDS = (("host", str), ("level", str), ("text", str))


def main(source, target):
    """Keep the events of level "warn", with text as message."""
    refused = 0
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    with open(source, "rb") as lines, open(target, "w", encoding="utf-8", newline="\n") as out:
        for line in lines:
            if not line.strip():
                continue
            try:
                event = json.loads(line)
                if type(event["id"]) is not int or not -(2**63) <= event["id"] < 2**63:
                    raise ValueError
                if any(type(event[name]) is not kind for name, kind in FIELDS):
                    raise ValueError
            except (ValueError, KeyError, TypeError):
                refused += 1
                continue
            if event["level"] == "warn":
                out.write(encode({"id": event["id"], "host": event["host"],
                                  "level": "warn", "message": event["text"]}) + "\n")
    if refused:
        print(f"{refused} lines refused", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
