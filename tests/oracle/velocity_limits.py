#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Answer a file of loads by the velocity limits: an oracle for the real pipeline.

Written from the rules alone and sharing no code with the pipeline, so that a disagreement
between the two points at a mistake in one of them. Clarity comes before speed, except for one
fast path for the ordinary line, see parse_ordinary().

A load goes through the same stages as in the pipeline (loads, parse, once, limits) and ends as
an answer, as a dead letter, or, when it is a repeat, as nothing at all.
"""

import argparse
import json
import re
import sys
from collections import defaultdict
from functools import lru_cache
from typing import NamedTuple

NS_PER_SECOND = 10**9
SECONDS_PER_DAY = 86_400
NS_PER_DAY = SECONDS_PER_DAY * NS_PER_SECOND
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

MAX_DEPTH = 32
BLANKS = b" \t\r"


class DeadLetter(Exception):
    """The record cannot be answered: the stage that found out, and its reason."""

    def __init__(self, stage, reason):
        super().__init__(stage, reason)
        self.stage = stage
        self.reason = reason


class Load(NamedTuple):
    """A parsed record: amount in cents, time in nanoseconds since 1970-01-01T00:00:00Z."""

    id: str
    customer_id: str
    amount: int
    time: int


# ---- JSON ----------------------------------------------------------------------------------


class JsonObject(list):
    """The (key, value) pairs of an object, as written: a dict would lose duplicate keys."""


def refuse_constant(name):
    """NaN and Infinity, which Python's json takes and RFC 8259 does not."""
    raise ValueError(f"{name} is not JSON")


# A number is only measured: no rule needs its value, and int() refuses over 4300 digits.
JSON_DECODER = json.JSONDecoder(
    object_pairs_hook=JsonObject,
    parse_int=str.__len__,
    parse_float=str.__len__,
    parse_constant=refuse_constant,
)
SURROGATE = re.compile("[\ud800-\udfff]")


def check_tree(value, depth=0):
    """Refuse what json.loads() lets through: deep nesting and lone surrogates.

    The line was valid UTF-8 and the decoder joins proper pairs, so that any surrogate still
    found in a string comes from a lone or wrongly paired escape.
    """
    if isinstance(value, str):
        if SURROGATE.search(value):
            raise ValueError("lone surrogate")
    elif isinstance(value, list):
        if depth == MAX_DEPTH:
            raise ValueError("too deep")
        for item in value:
            if isinstance(value, JsonObject):
                key, item = item
                check_tree(key)
            check_tree(item, depth + 1)


def parse_json(text):
    """Decode strictly one JSON text; objects come as JsonObject, numbers as any integer."""
    try:
        value = JSON_DECODER.decode(text)
        check_tree(value)
    except (ValueError, RecursionError):
        raise DeadLetter("parse", "not-json") from None
    return value


# ---- Field values --------------------------------------------------------------------------

MONEY = re.compile(r"(-?)([$€£¥]|[A-Z]{3} ?)([0-9]+)(?:\.([0-9]+))?")
DOLLARS = {"$", "USD", "USD "}
MAX_CENTS_DIGITS = len(str(INT64_MAX))

TIMESTAMP = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]{1,9}))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
DAYS_FROM_YEAR_0_TO_1970 = 719_528
DAYS_IN_MONTH = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def parse_cents(text):
    """Money in US dollars as a whole number of cents, never by way of a float."""
    match = MONEY.fullmatch(text)
    if not match:
        raise DeadLetter("parse", "bad-money")
    sign, currency, whole, decimals = match.groups(default="")
    if currency not in DOLLARS:
        raise DeadLetter("parse", "wrong-currency")
    if len(decimals) > 2:
        raise DeadLetter("parse", "too-many-decimals")
    digits = (whole + decimals.ljust(2, "0")).lstrip("0") or "0"
    if len(digits) > MAX_CENTS_DIGITS or int(digits) > INT64_MAX:
        raise DeadLetter("parse", "overflow")
    return -int(digits) if sign else int(digits)


@lru_cache(maxsize=100_000)
def day_number(date):
    """Days from 1970-01-01 to a YYYY-MM-DD of the proleptic Gregorian calendar, year 0 too.

    None when there is no such day. (datetime.date starts at year 1.)
    """
    year, month, day = int(date[:4]), int(date[5:7]), int(date[8:])
    if not 1 <= month <= 12:
        return None
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= day <= DAYS_IN_MONTH[month - 1] + (leap and month == 2):
        return None
    leap_days_before_year = (year + 3) // 4 - (year + 99) // 100 + (year + 399) // 400
    days_before_month = sum(DAYS_IN_MONTH[: month - 1]) + (leap and month > 2)
    days = 365 * year + leap_days_before_year + days_before_month + day - 1
    return days - DAYS_FROM_YEAR_0_TO_1970


def parse_time(text):
    """An RFC 3339 timestamp as nanoseconds since 1970."""
    match = TIMESTAMP.fullmatch(text)
    if not match:
        raise DeadLetter("parse", "bad-timestamp")
    date, hour, minute, second, fraction, sign, offset_hour, offset_minute = match.groups("")
    days = day_number(date)
    hour, minute, second = int(hour), int(minute), int(second)
    offset_hour, offset_minute = int(offset_hour or 0), int(offset_minute or 0)
    if days is None or max(hour, offset_hour) > 23 or max(minute, second, offset_minute) > 59:
        raise DeadLetter("parse", "bad-timestamp")
    offset = (offset_hour * 60 + offset_minute) * (-60 if sign == "-" else 60)
    seconds = days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second - offset
    time = seconds * NS_PER_SECOND + int(fraction.ljust(9, "0"))
    if not INT64_MIN <= time <= INT64_MAX:
        raise DeadLetter("parse", "overflow")
    return time


# ---- Records -------------------------------------------------------------------------------

# The line nearly all files consist of. It is narrower than the rules allow, so that all it
# matches is known to be good: text without escapes, cents and times far from any overflow.
ORDINARY = re.compile(
    r'\{"id":"([ !#-\[\]-~]*)","customer_id":"([ !#-\[\]-~]*)",'
    r'"load_amount":"\$([0-9]{1,15})\.([0-9]{2})",'
    r'"time":"((?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2})'
    r'T([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])Z"\}'
)


def parse_ordinary(text):
    """The load in a line of the usual form; None sends the line through the full rules."""
    match = ORDINARY.fullmatch(text)
    if not match:
        return None
    load_id, customer_id, dollars, cents, date, hour, minute, second = match.groups()
    days = day_number(date)
    if days is None:
        return None
    seconds = days * SECONDS_PER_DAY + int(hour) * 3600 + int(minute) * 60 + int(second)
    return Load(load_id, customer_id, int(dollars + cents), seconds * NS_PER_SECOND)


def text_field(record, name):
    """The one string called name among the pairs of the record."""
    values = [value for key, value in record if key == name]
    if not values:
        raise DeadLetter("parse", "missing-field")
    if len(values) > 1:
        raise DeadLetter("parse", "duplicate-field")
    if not isinstance(values[0], str):
        raise DeadLetter("parse", "wrong-type")
    return values[0]


def parse_by_the_rules(text):
    """The load in any line; each field is finished before the next one is looked at."""
    record = parse_json(text)
    if not isinstance(record, JsonObject):
        raise DeadLetter("parse", "not-an-object")
    return Load(
        id=text_field(record, "id"),
        customer_id=text_field(record, "customer_id"),
        amount=parse_cents(text_field(record, "load_amount")),
        time=parse_time(text_field(record, "time")),
    )


def read_load(line, max_bytes):
    """The load in the bytes of one line that is not blank."""
    if len(line) > max_bytes:
        raise DeadLetter("loads", "line-too-long")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise DeadLetter("parse", "not-utf8") from None
    return parse_ordinary(text) or parse_by_the_rules(text)


# ---- Rules ---------------------------------------------------------------------------------


class Once:
    """Remembers every (customer, load) pair for ever, whatever becomes of the load later."""

    def __init__(self):
        self.ids_of_customer = defaultdict(set)

    def is_first(self, load):
        """True for the first load with its pair of ids."""
        ids = self.ids_of_customer[load.customer_id]
        known = len(ids)
        ids.add(load.id)
        return len(ids) > known


class Limits:
    """Decides loads by the sums and counts of each customer's calendar days and weeks (UTC)."""

    def __init__(self, options):
        self.daily_amount = options.daily_amount
        self.daily_count = options.daily_count
        self.weekly_amount = options.weekly_amount
        self.lateness = options.lateness_days * NS_PER_DAY
        self.count_declined = options.attempts == "all"
        self.latest = INT64_MIN
        self.days = defaultdict(dict)
        self.weeks = defaultdict(dict)

    def accept(self, load):
        """True when the load fits in its own windows, not those of the latest load."""
        if load.amount < 0:
            raise DeadLetter("limits", "negative-amount")
        self.latest = max(self.latest, load.time)
        day = load.time // NS_PER_DAY
        # A week never ends before a day that lies in it: the day is the first to close.
        if self.latest >= (day + 1) * NS_PER_DAY + self.lateness:
            raise DeadLetter("limits", "late")
        return self.enter(load, self.days[day], self.weeks[week_number(day)])

    def enter(self, load, day_window, week_window):
        """Accept or decline, and bring the customer's entries in both windows up to date."""
        customer = load.customer_id
        day_sum, day_count = day_window.get(customer, (0, 0))
        week_sum = week_window.get(customer, 0)
        accepted = (
            day_sum + load.amount <= self.daily_amount
            and day_count < self.daily_count
            and week_sum + load.amount <= self.weekly_amount
        )
        if accepted:
            day_window[customer] = (day_sum + load.amount, day_count + 1)
            week_window[customer] = week_sum + load.amount
        elif self.count_declined:
            day_window[customer] = (day_sum, day_count + 1)
        return accepted


def week_number(day):
    """Weeks start on Monday, and day 0 (1970-01-01) was a Thursday."""
    return (day + 3) // 7


# ---- Files ---------------------------------------------------------------------------------

json_string = json.JSONEncoder(ensure_ascii=False).encode


def answer_line(load, accepted):
    """One line of the answer file."""
    ids = f'"id":{json_string(load.id)},"customer_id":{json_string(load.customer_id)}'
    return f'{{{ids},"accepted":{"true" if accepted else "false"}}}\n'


def answer_loads(options, source, answers, dead):
    """Read every line of source; write answers and dead letters in the order of the lines."""
    once, limits = Once(), Limits(options)
    seq = 0
    for line_number, line in enumerate(source, start=1):
        line = line.removesuffix(b"\n").removesuffix(b"\r")
        if not line.strip(BLANKS):
            continue
        seq += 1
        try:
            load = read_load(line, options.max_line_bytes)
            if once.is_first(load):
                answers.write(answer_line(load, limits.accept(load)))
        except DeadLetter as letter:
            dead.write(f"{seq}\t{line_number}\t{letter.stage}\t{letter.reason}\n")


def whole_number(text):
    """An option's value that is zero or more."""
    if not re.fullmatch("[0-9]{1,18}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def cents(text):
    """An option's amount in dollars, as cents."""
    match = re.fullmatch(r"([0-9]{1,16})(?:\.([0-9]{1,2}))?", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount such as 5000.00")
    return int(match[1] + (match[2] or "").ljust(2, "0"))


def parse_arguments(arguments):
    """The command line, checked."""
    parser = argparse.ArgumentParser(
        description="Answer a file of loads by the velocity limits, as an oracle for tests.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("input", metavar="INPUT", help="loads, one JSON object per line")
    parser.add_argument("answers", metavar="ANSWERS", help="file to write: a line per answer")
    parser.add_argument(
        "dead",
        metavar="DEAD",
        help="file to write: seq, line, stage and reason of each dead letter, tab separated",
    )
    option = parser.add_argument
    option("--attempts", choices=("accepted", "all"), default="accepted",
           help="which loads of a day count towards --daily-count")
    option("--lateness-days", type=whole_number, default=14, metavar="DAYS",
           help="how long after its end a window still takes loads")
    option("--max-line-bytes", type=whole_number, default=1_048_576, metavar="BYTES",
           help="longest line that is read")
    option("--daily-amount", type=cents, default="5000.00", metavar="DOLLARS",
           help="most a customer may load in a day")
    option("--daily-count", type=whole_number, default=3, metavar="LOADS",
           help="most loads of a customer in a day")
    option("--weekly-amount", type=cents, default="20000.00", metavar="DOLLARS",
           help="most a customer may load in a week")
    return parser.parse_args(arguments)


def main(arguments):
    """Run the oracle on files; the exit status."""
    options = parse_arguments(arguments)
    output = {"mode": "w", "encoding": "utf-8", "newline": "\n"}
    try:
        with (
            open(options.input, "rb") as source,
            open(options.answers, **output) as answers,
            open(options.dead, **output) as dead,
        ):
            answer_loads(options, source, answers, dead)
    except OSError as error:
        print(f"velocity_limits.py: {error.filename or 'input or output'}: {error.strerror}",
              file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
