"""Ready mappings that run both ways, through the simulated servers: they come to rest, and say why what waits does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import pytest

from connectors import OFFERED
from connectors.sandbox.server import Sandbox
from portal.ledger.models import Entry
from portal.mappings.begin import begin, keep_tables
from portal.mappings.definition import Definition, Side
from portal.mappings.save import save_mapping
from tests.portal.test_mappings_ready import LACKING, OF_THE_DATA, SIDES, Way, connection_to, sync

pytestmark = pytest.mark.django_db(transaction=True)
OFTEN = {("vtiger", "reallysimple"), ("reallysimple", "vtiger")}
WAYS = [
    pytest.param(*way, marks=[] if way in OFTEN else [pytest.mark.nightly], id="-".join(way))
    for way in combinations(OFFERED, 2)
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """All simulated vendors, started once."""
    with Sandbox(vendors=OFFERED, records=6) as running:
        yield running


@pytest.mark.parametrize(("left", "right"), WAYS)
def test_people_and_companies_kept_in_step_both_ways_come_to_rest(sandbox: Sandbox, left: str, right: str) -> None:
    connections = {side: connection_to(sandbox, slug) for side, slug in zip(SIDES, (left, right), strict=True)}
    for kind in ("companies", "contacts"):
        way = Way(connections, kind)
        if len(way.names) < 2 or {(left, kind), (right, kind)} & LACKING:
            continue
        way.read()
        ends = [Side(connections[side].name, way.names[side]) for side in SIDES]
        made = begin(Definition(kind, *ends, "both"), connections)
        keep_tables(made, made.definition, actor="test")
        wrong = way.errors(made.definition)
        assert not wrong, wrong
        mapping = save_mapping(replace(made.definition, guards={}), user=None, actor="test")
        first = sync(mapping)
        assert (first.state, first.counts["failed"]) == ("succeeded", 0), first.message
        waiting = Entry.objects.filter(mapping=mapping.uuid, superseded_by=None, state__in=("blocked", "conflict"))
        assert {entry.reason for entry in waiting} <= OF_THE_DATA, [(e.reason, e.message, e.evidence) for e in waiting]
        again = sync(mapping)
        assert not any(again.counts.values()), again.counts
