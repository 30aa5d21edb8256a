"""How dates are read and written in expressions: in the ways people write them, or in a format such as DD.MM.YYYY; in the
Gregorian and in the Jalali calendar. The rule: a date that could be two days is refused, never guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache

from persiantools.jdatetime import MONTH_NAMES_FA, WEEKDAY_NAMES_FA, JalaliDate

from connectors.spelling import ASCII_DIGITS, NOT_A_DATE, from_utc, to_utc
from connectors.types import JSON
from connectors.wording import text as _
from portal.mappings.expression_values import one_text

_LONGEST = 60  # no date takes more characters, and no format
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")  # fmt: skip
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TOKEN = re.compile(r"YYYY|YY|MMMM|MMM|MM|M|DDDD|DDD|DD|D|HH|H|mm|ss")
_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?", re.ASCII)
_CLOCK = re.compile(r"^(.*?)(?:[T ,]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?$", re.ASCII | re.DOTALL)
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})", re.ASCII)
_DAY_FIRST = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_EITHER_FIRST = re.compile(r"(\d{1,2})([-/])(\d{1,2})\2(\d{4})", re.ASCII)
_DAY_AND_NAME = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[ -]([^\W\d_]+)\.?,?[ -](\d{4})")
_NAME_AND_DAY = re.compile(r"([^\W\d_]+)\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})")


@dataclass(frozen=True, slots=True)
class Moment:
    """A day, and a time of day if one was told, both as a clock on the wall of the side's people shows them."""

    day: date
    time: time | None = None

    def canonical(self, zone: str) -> str:
        """Return the canonical date, or the canonical date-time in UTC. Raises ValueError."""
        return self.day.isoformat() if self.time is None else self.moment(zone)

    def moment(self, zone: str) -> str:
        """Return the canonical date-time; midnight where no time was told."""
        return to_utc(f"{self.day.isoformat()} {(self.time or time()).isoformat()}", zone)


@dataclass(frozen=True, slots=True)
class Calendar:
    """What is different between two calendars."""

    months: Sequence[str]
    weekdays: Sequence[str]  # Monday first
    day: Callable[[int, int, int], date]  # of year, month and day
    parts: Callable[[date], tuple[int, int, int]]
    problem: str
    short: int | None = None  # so many letters are a short name; None where there are none

    def month(self, name: str) -> int:
        """Return the number of a month by its name or its short name, 0 when there is none."""
        names = [known.lower() for known in self.months]
        short = [known[: self.short] for known in names]
        asked = name.lower()
        return names.index(asked) + 1 if asked in names else short.index(asked) + 1 if asked in short else 0

    def date(self, year: int, month: int, day: int) -> date:
        """Return that day. Raises ValueError when the calendar has none such."""
        try:
            return self.day(year, month, day)
        except ValueError as e:
            raise ValueError(self.problem) from e


# persiantools has types for what it returns, not for these.
_to_jalali: Callable[[date], JalaliDate] = JalaliDate.to_jalali
_jalali_date: Callable[[int, int, int], JalaliDate] = JalaliDate


def _jalali(day: date) -> tuple[int, int, int]:
    try:
        jalali = _to_jalali(day)
    except ValueError as e:
        raise ValueError(_("is before the Jalali calendar’s first year, or after its last")) from e
    return jalali.year, jalali.month, jalali.day


GREGORIAN = Calendar(_MONTHS, _WEEKDAYS, date, lambda day: (day.year, day.month, day.day), NOT_A_DATE, short=3)
JALALI = Calendar(
    [str(name) for name in MONTH_NAMES_FA[1:]],
    [WEEKDAY_NAMES_FA[(day + 2) % 7] for day in range(7)],  # theirs begin on Saturday
    lambda year, month, day: _jalali_date(year, month, day).to_gregorian(),
    _jalali,
    _("is not a Jalali date such as 1402-12-10"),
)


def known(text: str, zone: str, calendar: Calendar = GREGORIAN) -> Moment:
    """Return the date, and the time if it has one, from any unmistakable way to write it. Raises ValueError."""
    plain = " ".join(text[: _LONGEST + 1].translate(ASCII_DIGITS).split())
    if len(plain) > _LONGEST:
        raise ValueError(calendar.problem)
    if calendar is GREGORIAN and _MOMENT.fullmatch(plain):
        local = datetime.fromisoformat(from_utc(to_utc(plain, zone), zone))
        return Moment(local.date(), local.time())
    told = _CLOCK.match(plain)
    assert told is not None  # it matches everything
    day, hour, minute, second = told.groups()
    return Moment(_day(day, calendar), _time(hour, minute, second, calendar.problem) if hour else None)


def _day(text: str, calendar: Calendar) -> date:
    if found := _YEAR_FIRST.fullmatch(text):
        return calendar.date(int(found[1]), int(found[3]), int(found[4]))
    if found := _DAY_FIRST.fullmatch(text):
        return calendar.date(int(found[3]), int(found[2]), int(found[1]))
    if found := _EITHER_FIRST.fullmatch(text):
        return _either(int(found[1]), int(found[3]), int(found[4]), calendar)
    if found := _DAY_AND_NAME.fullmatch(text):
        return calendar.date(int(found[3]), calendar.month(found[2]), int(found[1]))
    if found := _NAME_AND_DAY.fullmatch(text):
        return calendar.date(int(found[3]), calendar.month(found[1]), int(found[2]))
    raise ValueError(calendar.problem)


def _either(one: int, other: int, year: int, calendar: Calendar) -> date:
    if one <= 12 and other <= 12 and one != other:
        raise ValueError(_("could be two days: say which comes first with a format such as DD/MM/YYYY"))
    return calendar.date(year, other, one) if one > 12 else calendar.date(year, one, other)


def _time(hour: str, minute: str, second: str | None, problem: str) -> time:
    try:
        return time(int(hour), int(minute), int(second or 0))
    except ValueError as e:
        raise ValueError(problem) from e


def format_of(argument: JSON) -> str:
    """Read a format such as DD.MM.YYYY. Raises ValueError for letters that mean nothing."""
    text = one_text(argument)
    if len(text) > _LONGEST or not _TOKEN.search(text) or re.search(r"[A-Za-z]", _TOKEN.sub("", text).replace("T", "")):
        raise ValueError(_("is not a format such as DD.MM.YYYY or YYYY-MM-DD HH:mm"))
    return text


def written(moment: Moment, shape: str, calendar: Calendar) -> str:
    """Return the moment in a format. Raises ValueError for a day the calendar does not have."""
    year, month, day = calendar.parts(moment.day)
    clock = moment.time or time()
    name, weekday = calendar.months[month - 1], calendar.weekdays[moment.day.weekday()]
    told = {
        "YYYY": f"{year:04}",
        "YY": f"{year % 100:02}",
        "MMMM": name,
        "MMM": name[: calendar.short],
        "MM": f"{month:02}",
    }
    told |= {"M": str(month), "DDDD": weekday, "DDD": weekday[: calendar.short], "DD": f"{day:02}", "D": str(day)}
    told |= {"HH": f"{clock.hour:02}", "H": str(clock.hour), "mm": f"{clock.minute:02}", "ss": f"{clock.second:02}"}
    return _TOKEN.sub(lambda found: told[found[0]], shape)


# Each part has a name, so that none is there twice: many weekdays side by side would be tried in every combination.
_SHAPES: Mapping[str, str] = {
    **{
        "YYYY": r"(?P<year>\d{4})",
        "YY": r"(?P<short>\d{2})",
        "MMMM": r"(?P<name>[^\W\d_]+)",
        "MMM": r"(?P<name>[^\W\d_]+)",
    },
    **{"MM": r"(?P<month>\d{2})", "M": r"(?P<month>\d{1,2})", "DD": r"(?P<day>\d{2})", "D": r"(?P<day>\d{1,2})"},
    **{
        "DDDD": r"(?P<weekday>[^\W\d_]+)",
        "DDD": r"(?P<weekday>[^\W\d_]+)",
        "HH": r"(?P<hour>\d{2})",
        "H": r"(?P<hour>\d{1,2})",
    },
    **{"mm": r"(?P<minute>\d{2})", "ss": r"(?P<second>\d{2})"},
}


@lru_cache(maxsize=256)
def _shape(text: str) -> re.Pattern[str]:
    upto, made = 0, ""
    for found in _TOKEN.finditer(text):
        made += re.escape(text[upto : found.start()]) + _SHAPES[found[0]]
        upto = found.end()
    return re.compile(made + re.escape(text[upto:]), re.ASCII if text.isascii() and "MMM" not in text else 0)


def format_read_of(argument: JSON) -> str:
    """Read a format that says all of a day, "" where none is given. Raises ValueError."""
    text = "" if argument is None else one_text(argument)
    if not text:
        return ""
    try:
        named = _shape(format_of(text)).groupindex
    except re.error as e:  # the same part twice
        raise ValueError(_("names a part of the date twice")) from e
    if not ({"year", "short"} & set(named) and {"month", "name"} & set(named) and "day" in named):
        raise ValueError(_("does not name the year (YYYY), the month (MM) and the day (DD)"))
    return text


def read(text: str, shape: str, zone: str, calendar: Calendar = GREGORIAN) -> Moment:
    """Return what a text says in a format, or in any known way where that is "". Raises ValueError."""
    if not shape:
        return known(text, zone, calendar)
    plain = text[: 2 * _LONGEST].translate(ASCII_DIGITS).strip()
    found = _shape(shape).fullmatch(plain)
    if found is None:
        raise ValueError(_("is not a date in the format %(format)s", format=shape))
    part = found.groupdict()
    century = 1300 if calendar is JALALI else 1900
    short = int(part.get("short") or 0)
    year = int(part["year"]) if part.get("year") else short + century + (100 if short < 69 else 0)
    month = int(part["month"]) if part.get("month") else calendar.month(part["name"])
    day = calendar.date(year, month, int(part["day"]))
    if not part.get("hour"):
        return Moment(day)
    return Moment(day, _time(part["hour"], part.get("minute") or "0", part.get("second"), calendar.problem))
