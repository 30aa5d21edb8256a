"""A comparison in real clusters: killed while it reads and while it compares, it goes on by itself and counts everybody once."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.portal.processes import Crms, Portal, kill_group
from tests.portal.test_sync_qcluster import Start, at, on_both, shared, start

__all__ = ["at", "shared", "start"]  # the fixtures
pytestmark = pytest.mark.nightly
MANY, BATCH = 6_000, 2_000
ASK = """
from portal.mappings.models import Mapping
from portal.sync.reconciling.job import start
start(Mapping.objects.select_related("left_connection", "right_connection").get(), user=None, actor="test")
"""


def comparison(portal: Portal) -> tuple[str, str, dict[str, Any], dict[str, dict[str, int]]]:
    """Return state, phase, place and counts of the one comparison."""
    ((state, phase, place, counts),) = portal.ask("SELECT state, phase, place, counts FROM sync_reconciliation")
    return state, phase, *(one if isinstance(one, dict) else orjson.loads(one) for one in (place, counts))


@on_both
def test_a_comparison_whose_cluster_is_killed_twice_is_taken_up_and_counts_everybody_once(
    kind: str, start: Start, at: Crms
) -> None:
    portal = start(kind)
    portal.unschedule("mapping:")
    for first in range(0, MANY, BATCH):
        at.add(*(f"p{number:05}" for number in range(first, first + BATCH)))
    portal.manage("pull", "north", "Contacts")
    portal.manage("pull", "south", "contacts")
    portal.manage("shell", "-v", "0", "-c", ASK)
    with portal.cluster() as cluster:
        portal.wait_until(lambda: comparison(portal)[1] == "left", "the left side is being read", 120)
        kill_group(cluster)
    with portal.cluster() as cluster:
        portal.wait_until(lambda: comparison(portal)[2].get("done", 0) > MANY // 10, "some were compared", 180)
        kill_group(cluster)
    with portal.cluster():
        portal.wait_until(lambda: comparison(portal)[0] == "done", "the third cluster ended it", 180)
    _state, _phase, _place, counts = comparison(portal)
    assert counts["left_only"]["next_run"] == MANY
    assert portal.ask("SELECT COUNT(*) FROM ledger_lease WHERE name LIKE 'reconcile:%'") == [(0,)]
    assert at.arrived() == [], "a comparison sends nothing"
