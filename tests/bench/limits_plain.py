#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The job of topology/library/velocity-limits.yaml as a plain script: limits_plain.py IN OUT.

What one writes in an hour: exact amounts and calendar windows, the usual forms of amounts and
times, whatever json.loads() takes. (tests/oracle has the rules to the letter.)
"""

import json
import re
import sys
from datetime import date
from functools import lru_cache

AMOUNT = re.compile(r"(?:\$|USD ?)([0-9]+)(?:\.([0-9]{1,2}))?")
LATENESS_DAYS = 14


def cents_of(text):
    """An amount as a whole number of cents."""
    match = AMOUNT.fullmatch(text)
    if not match:
        raise ValueError(text)
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))


@lru_cache(maxsize=10_000)
def day_of(text):
    """The number of a day, and of its week, which begins on Monday."""
    day = date.fromisoformat(text).toordinal()
    return day, (day - 1) // 7


def main(source, target):
    """Answer every load that is the first with its customer and id."""
    seen = set()
    days, weeks = {}, {}  # (customer, day): [sum, count], (customer, week): sum
    latest_day = 0
    refused = 0
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    with open(source, "rb") as lines, open(target, "w", encoding="utf-8", newline="\n") as out:
        for line in lines:
            try:
                load = json.loads(line)
                number, customer = load["id"], load["customer_id"]
                cents = cents_of(load["load_amount"])
                time = load["time"]
                if len(time) != 20 or time[10] != "T" or time[19] != "Z":
                    raise ValueError(time)
                day, week = day_of(time[:10])
            except (ValueError, KeyError, TypeError):
                refused += 1
                continue
            if (customer, number) in seen:
                continue
            seen.add((customer, number))
            latest_day = max(latest_day, day)
            if day + 1 + LATENESS_DAYS <= latest_day:
                refused += 1
                continue
            of_day = days.setdefault((customer, day), [0, 0])
            of_week = weeks.get((customer, week), 0)
            accepted = (of_day[0] + cents <= 5000_00 and of_day[1] < 3
                        and of_week + cents <= 20000_00)
            if accepted:
                of_day[0] += cents
                of_day[1] += 1
                weeks[customer, week] = of_week + cents
            out.write(encode({"id": number, "customer_id": customer,
                              "accepted": accepted}) + "\n")
    if refused:
        print(f"{refused} lines refused", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
