"""When a second is left behind: five minutes by the vendor's clock, later where its wall clock repeats an hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.seconds import CLOSED_AFTER, Second, latest_stamp

NOON = datetime(2026, 7, 1, 12, 0, 0, tzinfo=UTC)
SET_BACK = datetime(2026, 10, 25, 1, 0, 0, tzinfo=UTC)  # in London 01:59:59 is followed by 01:00:00
LONDON = "Europe/London"


def seen(stamp: str, now: datetime, zone: str = "UTC") -> Second:
    return Second().at(stamp, now, zone, "7")


def test_a_second_stays_open_for_five_minutes_after_it_was_first_seen() -> None:
    place = seen("2026-07-01 12:00:00", NOON)
    assert (place.open, place.id) == (True, "")
    assert place.oldest("UTC") == "2026-07-01 11:59:50"
    assert place.at(place.time, NOON + timedelta(seconds=299), "UTC").open
    closed = place.at(place.time, NOON + CLOSED_AFTER, "UTC", "7")
    assert (closed.open, closed.id, closed.oldest("UTC")) == (False, "7", place.time)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_stamp_is_closed_at_once_only_when_it_is_old_in_every_zone(zone: str) -> None:
    assert not seen("2026-06-30 23:54:59", NOON, zone).open
    assert seen("2026-06-30 23:55:01", NOON, zone).open


def test_a_server_that_tells_no_time_keeps_every_second_open() -> None:
    place = Second().at("2020-01-01 00:00:00", None, "UTC")
    assert place.at(place.time, None, "UTC").open


def test_a_stamp_of_the_hour_that_repeats_stays_open_until_it_has_come_twice() -> None:
    place = seen("2026-10-25 01:50:00", SET_BACK - timedelta(minutes=10), LONDON)
    assert place.oldest(LONDON) == "2026-10-25 00:49:50"  # the whole hour once more
    again = SET_BACK + timedelta(minutes=50)
    assert place.at(place.time, again + CLOSED_AFTER - timedelta(seconds=1), LONDON).open
    assert not place.at(place.time, again + CLOSED_AFTER, LONDON).open


@pytest.mark.parametrize("stamp", ["2026-10-25 00:59:59", "2026-10-25 02:00:00", "2026-03-29 01:30:00"])
def test_stamps_beside_it_and_those_skipped_in_spring_are_as_any_other(stamp: str) -> None:
    now = datetime.fromisoformat(stamp).replace(tzinfo=UTC)
    place = seen(stamp, now, LONDON)
    assert datetime.fromisoformat(stamp) - datetime.fromisoformat(place.oldest(LONDON)) == timedelta(seconds=10)
    assert not place.at(stamp, now + CLOSED_AFTER, LONDON).open


def test_what_is_no_time_does_no_harm() -> None:
    place = seen("yesterday", NOON)
    assert place.oldest("UTC") == "yesterday"


def test_the_latest_stamp_believed_is_five_minutes_ahead_on_the_servers_wall_clock() -> None:
    assert latest_stamp(NOON, "Asia/Tehran") == "2026-07-01 15:35:00"
    assert latest_stamp(None, "Asia/Tehran") > "2099"
