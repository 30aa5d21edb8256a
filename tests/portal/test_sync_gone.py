"""Records that disappear while we are not looking, and such as come back."""

from __future__ import annotations

import pytest

from connectors.errors import RecordNotFound, Unavailable
from connectors.memory import Store
from portal.ledger.models import Entry
from portal.records.models import Copy
from tests.portal.sync_world import World, emails, entries, person

pytestmark = pytest.mark.django_db(transaction=True)


class Losing(Store):
    """A CRM in which somebody deletes the record that is to be written, after it was read."""

    def raise_fault(self, operation: str, *, after: bool) -> None:
        if operation in ("update", "delete") and not after and ("Contacts", "1") in self.records:
            self.remove("Contacts", "1")
        super().raise_fault(operation, after=after)


def linked_world(**said: str) -> World:
    """Return a world in which ada is on both sides."""
    world = World(**said)
    world.add(world.north, "ada")
    world.sync()
    return world


def test_an_update_of_a_record_that_was_deleted_behind_us_is_blocked_not_refused() -> None:
    world = linked_world()
    world.south.__class__ = Losing
    world.north.put("Contacts", {"firstname": "New"}, "1")
    run = world.sync()
    assert (run.state, run.counts["blocked"], run.counts["failed"]) == ("succeeded", 1, 0)
    assert [(e.action, e.state, e.reason) for e in entries("failed", "parked", "blocked")] == [
        ("blocked", "blocked", "target_missing")
    ]
    assert Copy.objects.get(mirror__connection__name="south").deleted == "missing"
    world.sync()
    assert [entry.reason for entry in entries("blocked")] == ["target_gone"]  # now the CRM has told so itself


def test_a_delete_of_a_record_that_was_deleted_behind_us_is_done() -> None:
    world = linked_world(delete_policy="delete")
    world.south.__class__ = Losing
    world.north.remove("Contacts", "1")
    run = world.sync()
    assert (run.state, run.counts["delete"], run.counts["failed"]) == ("succeeded", 1, 0)


def test_an_update_without_an_answer_whose_record_is_gone_is_blocked_not_refused() -> None:
    world = linked_world()
    world.south.fail("update", Unavailable("Connection reset.", code="reset", maybe_done=True))
    world.south.fail("get", RecordNotFound("There is no such record."))
    world.north.put("Contacts", {"firstname": "New"}, "1")
    world.sync()
    world.sync()
    assert [(e.state, e.reason) for e in entries("failed", "parked", "blocked")] == [("blocked", "target_missing")]


def test_a_record_made_anew_after_its_like_was_deleted_says_to_whom_the_other_is_linked() -> None:
    world = linked_world()
    world.north.remove("Contacts", "1")
    anew = world.north.put("Contacts", person("ada"))
    world.sync()
    (entry,) = entries(Entry.State.CONFLICT)
    assert (entry.source_id, entry.reason) == (anew.id, "match_taken_by_deleted")
    assert entry.evidence["linked"] == {"1": "1"} and entry.evidence["found"] == ["1"]
    world.south.remove("Contacts", "1")  # as the advice says
    world.sync()
    assert emails(world.south) == ["ada@example.org"] and not entries(Entry.State.CONFLICT)


def test_a_record_that_comes_back_is_linked_again_not_created_again() -> None:
    world = linked_world()
    deleted = world.north.records["Contacts", "1"]
    world.north.remove("Contacts", "1")
    world.sync()
    world.north.put("Contacts", {**deleted.values, "firstname": "New"}, "1")
    run = world.sync()
    assert (run.counts["create"], run.counts["update"]) == (0, 1) and len(emails(world.south)) == 1


def test_a_partner_of_a_living_record_is_taken_as_before() -> None:
    world = linked_world()
    world.north.put("Contacts", {"email": "other@example.org"}, "1")
    world.sync()
    world.south.put("Contacts", {"email": "ada@example.org"}, "1")
    world.add(world.north, "ada")
    world.sync()
    assert [entry.reason for entry in entries("conflict")] == ["match_taken"]
