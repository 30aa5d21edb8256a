"""Comparing, asking why and telling a plan's cost between two vendors as they really answer."""

from __future__ import annotations

from collections import Counter
from io import StringIO
from typing import Any

import orjson
import pytest
from django.core.management import call_command

from portal.connections.models import Call
from portal.mappings.models import Mapping
from portal.records.models import Copy
from portal.sync.approve import approve
from portal.sync.models import Link
from portal.sync.plan_cost import plan_cost
from portal.sync.run import carry_out, request_sync
from tests.connectors.sandbox_client import Account
from tests.portal.test_sync_calls import accounts, sync  # noqa: F401  a fixture among them
from tests.portal.test_sync_calls import mapping as both_mappings  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mapping(both_mappings: Mapping) -> Mapping:  # noqa: F811
    """Contacts of Vtiger and of Really Simple Systems, one way and both ways."""
    return both_mappings


def compared() -> Any:
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("reconcile", "contacts", "--json", stdout=out, stderr=StringIO())
        raise SystemExit
    return orjson.loads(out.getvalue())


def linked(mapping: Mapping) -> tuple[Copy, Copy]:
    """Return the copies of a pair."""
    link = Link.objects.filter(state="linked").select_related("left_mirror__connection").order_by("pk")[0]
    found = [
        Copy.objects.select_related("mirror__connection").get(mirror=mirror, record_id=id)
        for mirror, id in ((link.left_mirror_id, link.left_id), (link.right_mirror_id, link.right_id))
    ]
    found.sort(key=lambda copy: copy.mirror.connection.name == "reallysimple")
    return found[0], found[1]


def test_a_change_that_the_cursor_missed_is_found_explained_and_healed(
    accounts: dict[str, Account],  # noqa: F811
    mapping: Mapping,
) -> None:
    sync(mapping)
    sync(mapping)
    told = compared()
    pairs = told["counts"]["equal"]
    assert pairs > 5 and told["counts"]["differ"] == 0
    ours, theirs = linked(mapping)
    changed = {"lastname": "Unseen", "modifiedtime": "2021-01-01 00:00:00"}  # a stamp long behind the cursor
    accounts["vtiger"].control("POST", "mutate", action="update", module="Contacts", id=ours.record_id, values=changed)
    assert not sync(mapping).counts["update"]
    told = compared()
    assert (told["counts"]["equal"], told["reasons"]["differ"]) == (pairs - 1, {"next_run": 1})
    run = sync(mapping)
    assert run.counts["update"] == 1
    assert compared()["counts"]["equal"] == pairs
    out = StringIO()
    call_command("why", theirs.record_id, "last", "--connection", "reallysimple", "--json", stdout=out)
    why = orjson.loads(out.getvalue())
    assert (why["origin"], why["value"], why["run"]["id"]) == ("written", "Unseen", run.pk)
    assert why["source"]["id"] == ours.record_id and why["source"]["values"] == {"lastname": "Unseen"}


def test_a_plan_costs_the_calls_it_told(mapping: Mapping) -> None:
    run = carry_out(request_sync(mapping, actor="test", plan_only=True, enqueue=False))
    told = {side.connection.name: side.cost.calls for side in plan_cost(run)}
    assert told["reallysimple"] > 5
    done = carry_out(approve(run, actor="test", enqueue=False))
    writes = Call.objects.filter(run_id=run.pk, writes=True).values_list("connection__name", flat=True)
    assert done.counts["create"] and not done.counts["failed"]
    assert Counter(writes) == told
