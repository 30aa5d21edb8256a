"""What a run may not do without a person's word."""

from __future__ import annotations

from typing import Any

import pytest

from portal.sync.guards import Planned, trips


def planned(linked: int = 1000, is_first: bool = False, **counts: int) -> Planned:
    return Planned(**{"creates": 0, "deletes": 0, "changes": 0, **counts}, linked=linked, is_first=is_first)


@pytest.mark.parametrize(
    ("guards", "plan", "stops"),
    [
        (None, planned(creates=50, is_first=True), False),
        (None, planned(creates=51, is_first=True), True),
        (None, planned(creates=5000), False),
        (None, planned(changes=200), False),
        (None, planned(changes=201), True),
        (None, planned(changes=4, linked=4), False),  # a percentage says nothing about a handful
        (None, planned(changes=5, linked=5), True),
        (None, planned(deletes=4, linked=10), False),
        (None, planned(deletes=5, linked=10), True),
        (None, planned(deletes=5, linked=100), False),
        (None, planned(deletes=6, linked=100), True),
        (None, planned(deletes=20), False),
        (None, planned(deletes=21), True),
        ({"deletes": 100}, planned(deletes=100), False),
        ({"deletes": 100}, planned(deletes=101), True),
        ({"creates": 5}, planned(creates=6, is_first=True, deletes=500, changes=900), True),
        ({"creates": 5}, planned(creates=5, is_first=True, deletes=500, changes=900), False),
        ({}, planned(creates=900, deletes=900, changes=900, is_first=True), False),
        ({}, planned(deletes=1, missing=1), True),  # no CRM said that it was deleted
    ],
)
def test_a_plan_stops_at_its_guards(guards: dict[str, Any] | None, plan: Planned, stops: bool) -> None:
    assert bool(trips(guards, plan)) is stops
