#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Count a web server's log by hour, status, and bots or people: an oracle for the real pipeline.

Written from the topology's words and the manual alone and sharing no code with the pipeline, so
that a disagreement between the two points at a mistake in one of them.

A line goes through the same stages as in the topology (log, parse, agents, then bots or people) and
is counted there, or it is a dead letter. It is worked on in the order of the file, one after the
other: no windows of frames, no workers, no merging.
"""

import argparse
import base64
import json
import re
import sys
from collections import defaultdict
from functools import lru_cache

NS_PER_SECOND = 10**9
SECONDS_PER_HOUR, SECONDS_PER_DAY = 3600, 86_400
NS_PER_HOUR = SECONDS_PER_HOUR * NS_PER_SECOND
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

MAX_LINE_BYTES = 65_536
EXCERPT_BYTES = 256
LATENESS = 10 * 60 * NS_PER_SECOND
BLANKS = b" \t\r"


class DeadLetter(Exception):
    """The line cannot be counted: the stage that found out, its reason, and what it shows."""

    def __init__(self, stage, reason, content):
        super().__init__(stage, reason)
        self.stage = stage
        self.reason = reason
        self.content = content


# ---- Lines ---------------------------------------------------------------------------------


def lines_of(source):
    """The lines without LF or CR LF, as (seq, line number, bytes); blank ones have no seq."""
    seq = 0
    for number, line in enumerate(source, start=1):
        line = line.removesuffix(b"\n").removesuffix(b"\r")
        if line.strip(BLANKS):
            seq += 1
            yield seq, number, line


def excerpt(line):
    """The beginning of a line that is too long, cut between characters."""
    end = EXCERPT_BYTES
    while end > EXCERPT_BYTES - 4 and line[end] & 0xC0 == 0x80:
        end -= 1
    return line[:end]


QUOTED = r'"((?:[^"\\]|\\.)*)"'
COMBINED = re.compile(
    r"([^ ]+) ([^ ]+) ((?!- (?!\[)).+?) \[([^\[\]]{1,40})\] " + QUOTED
    + r" ([1-5][0-9]{2}) ([0-9]+|-) " + QUOTED + " " + QUOTED, re.DOTALL)


def parse(line):
    """The time, the status and the agent of a line."""
    if len(line) > MAX_LINE_BYTES:
        raise DeadLetter("log", "line-too-long", excerpt(line))
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise DeadLetter("parse", "not-utf8", line) from None
    match = COMBINED.fullmatch(text)
    if not match:
        raise DeadLetter("parse", "no-match", line)
    try:
        moment = time_of(match[4])
    except ValueError as error:
        raise DeadLetter("parse", str(error), line) from None
    return moment, int(match[6]), match[9]


TIME = re.compile(r"([0-9]{2}/[A-Za-z]{3}/[0-9]{4}):([0-9]{2}):([0-9]{2}):([0-9]{2}) "
                  r"(?:([+-])([0-9]{2}):?([0-9]{2})|Z)")
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DAYS_IN_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
DAYS_FROM_YEAR_0_TO_1970 = 719_528


def time_of(text):
    """Nanoseconds since 1970 in UTC of a time such as 28/Mar/2026:06:25:01 +0200."""
    match = TIME.fullmatch(text)
    if not match:
        raise ValueError("bad-timestamp")
    date, hour, minute, second, sign, zone_hours, zone_minutes = match.groups(default="0")
    hour, minute, second = int(hour), int(minute), int(second)
    zone_hours, zone_minutes = int(zone_hours), int(zone_minutes)
    day = day_number(date)
    if day is None or hour > 23 or minute > 59 or second > 59 or zone_hours > 23 \
            or zone_minutes > 59:
        raise ValueError("bad-timestamp")
    ahead = zone_hours * SECONDS_PER_HOUR + zone_minutes * 60
    seconds = day * SECONDS_PER_DAY + hour * SECONDS_PER_HOUR + minute * 60 + second
    moment = (seconds + (ahead if sign == "-" else -ahead)) * NS_PER_SECOND
    if not INT64_MIN <= moment <= INT64_MAX:
        raise ValueError("overflow")
    return moment


@lru_cache(maxsize=100_000)
def day_number(date):
    """Days from 1970-01-01 to a DD/Mon/YYYY of the proleptic Gregorian calendar, year 0 too.

    None when there is no such day.
    """
    day, name, year = int(date[:2]), date[3:6].lower(), int(date[7:])
    if name not in MONTHS:
        return None
    month = MONTHS.index(name) + 1
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= day <= DAYS_IN_MONTH[month - 1] + (leap and month == 2):
        return None
    before = year * 365 + (year + 3) // 4 - (year + 99) // 100 + (year + 399) // 400
    days = before + sum(DAYS_IN_MONTH[: month - 1]) + (leap and month > 2) + day - 1
    return days - DAYS_FROM_YEAR_0_TO_1970


# ---- Bots and people -----------------------------------------------------------------------

# Case is ignored for the letters of every language, a word ends before what ASCII has in no word.
BOT = re.compile(r"(?<!cu)bot(?![A-Za-z0-9_])|crawl|spider|externalhit", re.IGNORECASE)
TOOL = re.compile(r"(?:curl|wget|python-requests|go-http-client)/", re.IGNORECASE)


def is_bot(agent):
    """Whether an agent says so, is a tool, or says nothing."""
    return agent in ("", "-") or bool(TOOL.match(agent) or BOT.search(agent))


class Counter:
    """Counts records by hour and status, with a clock of its own."""

    def __init__(self):
        self.clock = INT64_MIN
        self.windows = defaultdict(lambda: defaultdict(int))

    def count(self, moment, status):
        """Count one record; the rows of the windows that its time closes, or None if it is late."""
        rows = []
        if moment > self.clock:
            self.clock = moment
            rows = self.close(lambda hour: self.is_closed(hour))
        hour = moment // NS_PER_HOUR
        if self.is_closed(hour):
            return None
        self.windows[hour][status] += 1
        return rows

    def is_closed(self, hour):
        """Whether the clock is past the end of the hour by the lateness."""
        return self.clock >= (hour + 1) * NS_PER_HOUR + LATENESS

    def close(self, ripe):
        """Take out windows by hour and status."""
        rows = []
        for hour in sorted(hour for hour in self.windows if ripe(hour)):
            rows += [(hour, status, count) for status, count in sorted(self.windows[hour].items())]
            del self.windows[hour]
        return rows


# ---- Files ---------------------------------------------------------------------------------


def hour_text(hour):
    """The beginning of an hour since 1970 as a timestamp, by way of the civil calendar."""
    days, hour = divmod(hour, 24)
    return f"{date_text(days)}T{hour:02d}:00:00Z"


@lru_cache(maxsize=100_000)
def date_text(days):
    """The date of a day since 1970."""
    days += DAYS_FROM_YEAR_0_TO_1970
    year = days * 400 // 146_097 - 1
    while days_before(year + 1) <= days:
        year += 1
    day, month = days - days_before(year), 0
    lengths = list(DAYS_IN_MONTH)
    lengths[1] += year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    while day >= lengths[month]:
        day -= lengths[month]
        month += 1
    return f"{year:04d}-{month + 1:02d}-{day + 1:02d}"


def days_before(year):
    """Days from the first of year 0 to the first of a year."""
    return year * 365 + (year + 3) // 4 - (year + 99) // 100 + (year + 399) // 400


def report_line(who, row):
    """One line of the report."""
    hour, status, count = row
    return f'{{"hour":"{hour_text(hour)}","who":"{who}","status":{status},"count":{count}}}\n'


json_string = json.JSONEncoder(ensure_ascii=False).encode


def reject_line(seq, number, letter):
    """One line of the file of lines that are no hits."""
    try:
        content = letter.content.decode()
    except UnicodeDecodeError:
        content = base64.b64encode(letter.content).decode()
    return (f'{{"seq":{seq},"line":{number},"stage":"{letter.stage}","reason":"{letter.reason}",'
            f'"content":{json_string(content)}}}\n')


def count_lines(source, report, rejects, late):
    """Read every line of source; write the three files in the order of the lines."""
    counters = {"bots": Counter(), "people": Counter()}
    for seq, number, line in lines_of(source):
        try:
            moment, status, agent = parse(line)
        except DeadLetter as letter:
            rejects.write(reject_line(seq, number, letter))
            continue
        who = "bots" if is_bot(agent) else "people"
        rows = counters[who].count(moment, status)
        if rows is None:
            late.write(f"{seq}\t{number}\t{who}\tlate\n")
        else:
            report.writelines(report_line(who, row) for row in rows)
    for who, counter in counters.items():
        rows = counter.close(lambda hour: True)
        report.writelines(report_line(who, row) for row in rows)


def parse_arguments(arguments):
    """The command line, checked."""
    parser = argparse.ArgumentParser(
        description="Count a web server's log by hour, status, and bots or people, as an oracle "
        "for tests.")
    parser.add_argument("input", metavar="INPUT", help="log in Apache's combined format")
    parser.add_argument("report", metavar="REPORT", help="file to write: a line per count")
    parser.add_argument("rejects", metavar="REJECTS", help="file to write: lines that are no hits")
    parser.add_argument(
        "late", metavar="LATE",
        help="file to write: seq, line, stage and reason of each late hit, tab separated")
    return parser.parse_args(arguments)


def main(arguments):
    """Run the oracle on files; the exit status."""
    options = parse_arguments(arguments)
    output = {"mode": "w", "encoding": "utf-8", "newline": "\n"}
    try:
        with (
            open(options.input, "rb") as source,
            open(options.report, **output) as report,
            open(options.rejects, **output) as rejects,
            open(options.late, **output) as late,
        ):
            count_lines(source, report, rejects, late)
    except OSError as error:
        print(f"web_log_report.py: {error.filename or 'input or output'}: {error.strerror}",
              file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
