#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Answer sales by rules that change on the way: an oracle for states that are converted.

Written from docs/decisions/0031 and the manuals of dedupe and limits alone, and sharing no code with
the pipeline. It is one pass over the input, with the rules of the phase that a record lies in:

    changed_rules.py INPUT ANSWERS DEAD "1 lateness=2 day_sum=100" "81 lateness=5 day_sum=50" ...

Each phase begins at its seq, and lists all options that hold from there on: lateness and keep in
days, attempts, the rules day_sum, day_count, week_sum and week_count, and discard=STAGE for a stage
that begins with nothing. It ignores options that must not show in an output: workers and host.

What has closed before a change stays closed, and what is open is judged by the new options. So with
another lateness, the latest time seen counts as later, or earlier, by the difference.
"""

import json
import sys
from datetime import datetime, timezone

NS_PER_DAY = 86_400 * 10**9
FOREVER = float("inf")


def time_of(sale):
    """Nanoseconds since 1970; the times of this test have whole seconds."""
    moment = datetime.strptime(sale["at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    return int(moment.timestamp()) * 10**9


def duration(text):
    """Nanoseconds of an option in days; None if it is not given."""
    return None if text is None else int(text) * NS_PER_DAY


class Once:
    """The first sale of an id passes, for as long as the id is remembered."""

    def __init__(self):
        self.known = {}  # id: when it is forgotten
        self.latest = -FOREVER
        self.keep = None

    def change(self, phase):
        """Another `keep`: what is forgotten stays so, the rest is remembered by the new one."""
        was, is_now = self.keep, duration(phase.get("keep"))
        self.forget()
        if is_now is None:
            self.known = dict.fromkeys(self.known, FOREVER)
        elif was is not None:
            self.known = {key: until + is_now - was for key, until in self.known.items()}
        self.keep = is_now

    def forget(self):
        """Drop what is due."""
        self.known = {key: until for key, until in self.known.items() if until > self.latest}

    def passes(self, sale):
        """Whether a sale is the first one of its id."""
        until = FOREVER
        if self.keep is not None:
            self.latest = max(self.latest, time_of(sale))
            until = time_of(sale) + self.keep
            self.forget()
        if sale["id"] in self.known:
            return False
        if until > self.latest:
            self.known[sale["id"]] = until
        return True


class Caps:
    """Sums and counts of each customer by day and week."""

    def __init__(self):
        self.sums, self.counts = {}, {}  # (period, number, who): so much
        self.latest = -FOREVER
        self.rules = {}
        self.lateness = None
        self.count_all = False

    def change(self, phase):
        """Other rules, and another lateness."""
        now = duration(phase["lateness"])
        if self.lateness is not None:
            self.latest += now - self.lateness
        self.lateness = now
        self.count_all = phase.get("attempts") == "all"
        names = ("day_sum", "day_count", "week_sum", "week_count")
        self.rules = {tuple(n.split("_")): int(phase[n]) for n in names if n in phase}

    def windows(self, time):
        """The windows in use that a time lies in, with their ends. Day 0 was a Thursday."""
        day = time // NS_PER_DAY
        week = (day + 3) // 7
        ends = {"day": (day, day + 1), "week": (week, week * 7 + 4)}
        used = [period for period in ends if any(rule[0] == period for rule in self.rules)]
        return {period: (ends[period][0], ends[period][1] * NS_PER_DAY) for period in used}

    def answer(self, sale):
        """True or False; None: it comes too late."""
        time, amount = time_of(sale), round(float(sale["amount"][1:]) * 100)
        self.latest = max(self.latest, time)
        windows = self.windows(time)
        if any(end + self.lateness <= self.latest for _, end in windows.values()):
            return None
        accepted = True
        for (period, what), most in self.rules.items():
            key = (period, windows[period][0], sale["who"])
            if what == "sum":
                accepted &= self.sums.get(key, 0) + amount <= most * 100
            else:
                accepted &= self.counts.get(key, 0) < most
        for period, (number, _) in windows.items():
            key = (period, number, sale["who"])
            if accepted and (period, "sum") in self.rules:
                self.sums[key] = self.sums.get(key, 0) + amount
            if accepted or self.count_all:
                self.counts[key] = self.counts.get(key, 0) + 1
        return accepted


def read_phase(text):
    """The first seq of a phase, and its options."""
    first, *options = text.split()
    return int(first), dict(option.split("=") for option in options)


def main(source, answers, dead, *phases):
    """Answer a file."""
    waiting = [read_phase(text) for text in phases]
    once, caps = Once(), Caps()
    with open(source) as lines, open(answers, "w") as out, open(dead, "w") as letters:
        for seq, line in enumerate(lines, start=1):
            while waiting and waiting[0][0] == seq:
                phase = waiting.pop(0)[1]
                once = Once() if phase.get("discard") == "once" else once
                caps = Caps() if phase.get("discard") == "caps" else caps
                once.change(phase)
                caps.change(phase)
            sale = json.loads(line)
            accepted = caps.answer(sale) if once.passes(sale) else "a repeat"
            if accepted is None:
                letters.write(f"{seq}\tcaps\tlate\n")
            elif accepted != "a repeat":
                sale["accepted"] = accepted
                out.write(json.dumps(sale, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
