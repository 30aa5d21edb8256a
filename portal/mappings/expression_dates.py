"""The filters of dates and times. The rule: a date-time is UTC in the record and local time, in the zone of the side's
people, wherever a person sees a part of it; what is made of it is canonical again."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Mapping
from datetime import date, time, timedelta

from connectors.spelling import canonical_time
from connectors.wording import text as _
from portal.mappings.expression_calendar import (
    GREGORIAN,
    JALALI,
    Moment,
    format_of,
    format_read_of,
    known,
    read,
    written,
)
from portal.mappings.expression_filters import Filter, counted, whole
from portal.mappings.expression_values import Given

_DAYS, _MONTHS = 400_000, 12_000  # a thousand years
_WORK = counted(3_000)  # of each filter: up to 90 µs


def _date(value: str, shape: str, given: Given) -> str:
    return read(value, shape, given.zone).day.isoformat()


def _datetime(value: str, shape: str, given: Given) -> str:
    return read(value, shape, given.zone).moment(given.zone)


def _clock(value: str, given: Given) -> time:
    """Return the time of day of a date-time, or of a time alone."""
    if len(value) <= len("23:59:00"):
        return time.fromisoformat(canonical_time(value))
    moment = known(value, given.zone)
    if moment.time is None:
        raise ValueError(_("has no time of day"))
    return moment.time


def _format_date(value: str, shape: str, given: Given) -> str:
    return written(known(value, given.zone), shape, GREGORIAN)


def _to_jalali(value: str, shape: str, given: Given) -> str:
    return written(known(value, given.zone), shape, JALALI)


def _from_jalali(value: str, shape: str, given: Given) -> str:
    return read(value, shape, given.zone, JALALI).canonical(given.zone)


def _add_days(value: str, days: int, given: Given) -> str:
    return _moved(value, given, lambda day: day + timedelta(days=days))


def _add_months(value: str, months: int, given: Given) -> str:
    def later(day: date) -> date:
        year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
        if not 1 <= year <= 9999:
            raise OverflowError
        # The last day of a shorter month: 31 January and one month is 29 February.
        return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))

    return _moved(value, given, later)


def _moved(value: str, given: Given, move: Callable[[date], date]) -> str:
    moment = known(value, given.zone)
    try:
        return Moment(move(moment.day), moment.time).canonical(given.zone)
    except OverflowError as e:
        raise ValueError(_("would leave the years 1 to 9999")) from e


def _part(shape: str) -> Filter:
    return Filter(lambda value, argument, given: written(known(value, given.zone), shape, GREGORIAN), work=_WORK)


def _part_of_clock(part: Callable[[time], object]) -> Filter:
    return Filter(lambda value, argument, given: str(part(_clock(value, given))), work=_WORK)


FILTERS: Mapping[str, Filter] = {
    "date": Filter(_date, format_read_of, absent="", work=_WORK),
    "datetime": Filter(_datetime, format_read_of, absent="", work=_WORK),
    "time": _part_of_clock(time.isoformat),
    "format_date": Filter(_format_date, format_of, work=_WORK),
    "add_days": Filter(_add_days, whole(-_DAYS, _DAYS), work=_WORK),
    "add_months": Filter(_add_months, whole(-_MONTHS, _MONTHS), work=_WORK),
    "to_jalali": Filter(_to_jalali, format_of, absent="YYYY-MM-DD", work=_WORK),
    "from_jalali": Filter(_from_jalali, format_read_of, absent="", work=_WORK),
    "year": _part("YYYY"),
    "month": _part("M"),
    "day": _part("D"),
    "hour": _part_of_clock(lambda clock: clock.hour),
    "minute": _part_of_clock(lambda clock: clock.minute),
    "weekday": _part("DDDD"),
}
