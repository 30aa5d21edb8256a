"""A long preview in real clusters: killed in the middle it is taken up by the next, and counts every record once."""

from __future__ import annotations

import orjson
import pytest

from tests.portal.processes import Crms, Portal, kill_group
from tests.portal.test_sync_qcluster import Start, at, on_both, shared, start

__all__ = ["at", "shared", "start"]  # the fixtures
pytestmark = pytest.mark.nightly
MANY, BATCH = 20_000, 2_000
ASK = """
from portal.mappings.models import Mapping
from portal.sync.previews.job import start
mapping = Mapping.objects.select_related("left_connection", "right_connection").get()
start(mapping, user=None, actor="test")
"""


def preview_of(portal: Portal) -> tuple[str, int, int, int, dict[str, int]]:
    """Return state, how many were looked at, of how many, how often it was begun, and the counts, of the one preview."""
    ((state, done, total, attempts, counts),) = portal.ask(
        "SELECT state, done, total, attempts, counts FROM sync_preview"
    )
    return state, done, total, attempts, counts if isinstance(counts, dict) else orjson.loads(counts)


def is_in_the_middle(portal: Portal) -> bool:
    state, done, total, _attempts, _counts = preview_of(portal)
    return state == "running" and total // 3 < done < total


@on_both
def test_a_long_preview_whose_cluster_is_killed_is_taken_up_by_the_next_and_counts_everybody_once(
    kind: str, start: Start, at: Crms
) -> None:
    portal = start(kind)
    portal.unschedule("mapping:")
    for first in range(0, MANY, BATCH):
        at.add(*(f"p{number:05}" for number in range(first, first + BATCH)))
    portal.manage("pull", "north", "Contacts")
    portal.manage("pull", "south", "contacts")
    portal.manage("shell", "-v", "0", "-c", ASK)
    assert preview_of(portal)[0] == "queued"
    with portal.cluster() as cluster:
        portal.wait_until(lambda: is_in_the_middle(portal), "a third of the records was looked at", 120)
        kill_group(cluster)
    state, done, total, attempts, _counts = preview_of(portal)
    assert (state, attempts) == ("running", 1) and done < total, "it died in the middle and has not ended"
    with portal.cluster():
        portal.wait_until(lambda: preview_of(portal)[0] == "done", "the next cluster made it", 180)
    state, done, total, attempts, counts = preview_of(portal)
    assert attempts == 2 and done == total > MANY
    assert counts["create"] == MANY and sum(counts.values()) == counts["create"] + counts["outside"]
    assert portal.ask("SELECT COUNT(*) FROM ledger_lease WHERE name LIKE 'preview:%'") == [(0,)]
    assert at.arrived() == [], "a preview sends nothing"
