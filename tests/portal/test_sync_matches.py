"""Which records a review finds that may be one, and what becomes of a person's word."""

from __future__ import annotations

from io import StringIO
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command

from connectors.memory import Store
from connectors.types import JSON
from portal.connections.access import open_connector
from portal.connections.schema import refresh
from portal.ledger.models import AuditEntry
from portal.mappings.models import Mapping
from portal.records.models import Mirror
from portal.records.pull import mirror_of, pull
from portal.sync.matching.decide import accept, accept_above, clear, reject, still_open, take_back
from portal.sync.models import Link, MatchCandidate, Preview, Unmatched
from portal.sync.other_crm import begin_anew
from portal.sync.previews import job as preview_job
from tests.portal.sync_world import RULES, World, emails, person
from tests.portal.task_queue import queued
from tests.portal.test_sync_preview import read

pytestmark = pytest.mark.django_db(transaction=True)
BY: dict[str, Any] = {"user": None, "actor": "test"}


def put(crm: Store, first: str, last: str, **more: JSON) -> str:
    """Put somebody into a CRM; return the id."""
    values = {"firstname": first, "lastname": last, "email": f"{first}.{last}@example.org".lower()}
    return crm.put("Contacts", {**values, **more}).id


def reviewed(world: World) -> Preview:
    """Read both sides and review them."""
    read(world)
    row = preview_job.start(world.mapping, user=None, actor="test", kind=Preview.Kind.MATCHES)
    assert row.state == "done", row.message
    return row


def offered() -> list[tuple[str, str]]:
    return [
        (c.left_id, c.right_id) for c in MatchCandidate.objects.filter(within="", state="open").order_by("-score", "pk")
    ]


@pytest.fixture
def world() -> World:
    """Ada and Bob are on both sides under two addresses, Cleo by her key, Dan and Eve on one side each."""
    world = World()
    put(world.north, "Ada", "Lovelace", email="ada@home.example", phone="020 7946 0101")
    put(world.north, "Robert", "Carter", email="bob@acme.example", phone="020 7946 0102")
    put(world.north, "Cleo", "King")
    put(world.north, "Dan", "Moss", email=None)
    put(world.south, "Ada", "Lovelace", email="ada@work.example", phone="+44 20 7946 0101")
    put(world.south, "Bob", "Carter", email="b.carter@gmail.com", phone="+44 20 7946 0102")
    put(world.south, "Cleo", "King")
    put(world.south, "Eve", "Stone")
    return world


def test_each_record_is_counted_once_by_how_its_key_finds_it(world: World) -> None:
    counts = reviewed(world).counts
    assert counts["left"] == {"linked": 0, "one": 1, "none": 2, "several": 0, "taken": 0, "without": 1}
    assert counts["right"] == {"linked": 0, "one": 1, "none": 3, "several": 0, "taken": 0, "without": 0}


def test_records_that_no_key_joins_are_offered_with_score_and_reasons(world: World) -> None:
    reviewed(world)
    assert offered() == [("1", "1"), ("2", "2")]
    first = MatchCandidate.objects.get(left_id="1")
    assert (first.score >= 85, first.reasons, first.doubts) == (True, ["same_name", "same_phone"], [])


def test_what_has_no_sure_partner_is_listed_likeliest_first(world: World) -> None:
    review = reviewed(world)
    listed = Unmatched.objects.filter(review=review, side="left").order_by("-best", "id")
    assert [(row.label, row.why) for row in listed] == [
        ("Ada Lovelace", "none"),
        ("Robert Carter", "none"),
        ("Dan Moss", "without"),
    ]


def test_a_linked_record_is_never_a_candidate(world: World) -> None:
    world.sync()
    put(world.south, "Ada", "Lovelace", email="third@example.org", phone="020 7946 0101")
    reviewed(world)
    assert offered() == []


def test_several_holders_of_one_key_are_offered_all(world: World) -> None:
    put(world.south, "Cleo", "King")
    counts = reviewed(world).counts
    assert counts["left"]["several"] == 1
    assert {right for left, right in offered() if left == "3"} == {"3", "5"}
    assert [(c.within, c.left_id, c.right_id) for c in MatchCandidate.objects.exclude(within="")] == [
        ("right", "3", "5")
    ]


def test_an_accepted_pair_is_linked_and_not_created_again(world: World) -> None:
    reviewed(world)
    accept(MatchCandidate.objects.get(left_id="1"), **BY)
    run = world.sync()
    assert (run.counts["create"], run.counts["update"]) == (1, 1)  # Robert is new there, Ada was brought up to date
    assert emails(world.south).count("ada@home.example") == 1


def test_many_are_accepted_at_once_but_none_that_has_a_rival(world: World) -> None:
    put(world.south, "Cleo", "King")  # the key finds two now
    reviewed(world)
    done = accept_above(world.mapping, 75, **BY)
    assert (done.number, done.refused) == (2, ())
    assert {(link.left_id, link.right_id) for link in Link.objects.all()} == {("1", "1"), ("2", "2")}


def test_a_refused_pair_is_not_offered_again(world: World) -> None:
    reviewed(world)
    reject(MatchCandidate.objects.filter(left_id="1"), **BY)
    review = reviewed(world)
    assert offered() == [("2", "2")]
    assert Unmatched.objects.get(review=review, side="left", record_id="1").best == 0


def test_refusing_the_rival_makes_a_pair_clear(world: World) -> None:
    put(world.south, "Cleo", "King")
    reviewed(world)
    assert "3" not in {pair.left_id for pair in clear(world.mapping, 85)}
    reject(MatchCandidate.objects.filter(within="", right_id="5"), **BY)
    assert "3" in {pair.left_id for pair in clear(world.mapping, 85)}


def test_what_was_said_can_be_taken_back(world: World) -> None:
    reviewed(world)
    for say in (lambda pair: accept(pair, **BY), lambda pair: reject([pair], **BY)):
        say(MatchCandidate.objects.get(left_id="1"))
        take_back(MatchCandidate.objects.get(left_id="1"), **BY)
        assert ("1", "1") in {(c.left_id, c.right_id) for c in still_open(world.mapping)}
    assert not Link.objects.exists()


def test_who_said_what_is_in_the_audit_trail(world: World) -> None:
    reviewed(world)
    accept_above(world.mapping, 90, user=None, actor="ann")
    reject(MatchCandidate.objects.filter(left_id="2"), user=None, actor="ann")
    assert [(e.actor, e.action) for e in AuditEntry.objects.filter(action__contains="_").order_by("pk")][-1:] == [
        ("ann", "reject_match")
    ]


def test_a_new_review_forgets_what_is_no_longer_so(world: World) -> None:
    reviewed(world)
    world.south.put("Contacts", {"lastname": "Other", "firstname": "Zoe", "phone": None}, "1")
    reviewed(world)
    assert offered() == [("2", "2")]
    assert Preview.objects.filter(kind="matches").count() == 1


@pytest.mark.parametrize("direction", ["right-to-left", "both"])
def test_it_goes_for_every_direction(direction: str) -> None:
    world = World(direction=direction, conflict_policy="left")
    put(world.north, "Ada", "Lovelace", email="ada@home.example", phone="020 7946 0101")
    put(world.south, "Ada", "Lovelace", email="ada@work.example", phone="020 7946 0101")
    reviewed(world)
    accept(MatchCandidate.objects.get(), **BY)
    assert world.sync().counts["create"] == 0
    assert emails(world.south) == emails(world.north)


def test_a_draft_is_reviewed_by_its_own_key() -> None:
    world = World()
    put(world.north, "Ada", "Lovelace", phone="020 7946 0101")
    put(world.south, "Ada", "Lovelace", email="x@example.org", phone="020 7946 0101")
    world.say(match=(("phone", "phone"),), rules=RULES)
    world.mapping = Mapping.objects.get(pk=world.mapping.pk)
    assert reviewed(world).counts["left"]["one"] == 1


def test_a_filter_leaves_out_what_it_leaves_out_of_the_sync() -> None:
    world = World(left_filter="lastname = 'Stone'")
    world.north.put("Contacts", person("ada"))
    assert reviewed(world).counts["left"] == dict.fromkeys(("linked", "one", "none", "several", "taken", "without"), 0)


def commanded(*words: str) -> dict[str, Any]:
    out = StringIO()
    call_command("review_matches", "contacts", *words, "--json", stdout=out)
    result: dict[str, Any] = orjson.loads(out.getvalue())
    return result


def test_a_script_reads_the_pairs_and_accepts_them(world: World) -> None:
    read(world)
    told = commanded()
    assert [(pair["left"], pair["right"], pair["reasons"]) for pair in told["pairs"]][0] == (
        "1",
        "1",
        ["same_name", "same_phone"],
    )
    assert "accepted" not in told
    told = commanded("--accept-above", "75")
    assert (told["accepted"], told["pairs"]) == (2, [])
    assert Link.objects.count() == 2


def test_a_person_reads_the_same_in_words(world: World) -> None:
    read(world)
    out = StringIO()
    call_command("review_matches", "contacts", stdout=out)
    assert "1 = 1: same name, same phone" in out.getvalue()


def test_a_script_is_told_what_is_missing(world: World) -> None:
    with pytest.raises(CommandError, match="manage.py pull north Contacts") as failed:
        call_command("review_matches", "contacts")
    assert failed.value.returncode == 1


def test_what_was_said_of_the_records_of_another_crm_is_forgotten(world: World) -> None:
    reviewed(world)
    reject(MatchCandidate.objects.filter(left_id="1"), **BY)
    begin_anew(world.connections["south"], None, "test")
    assert not MatchCandidate.objects.exists()


def test_a_review_of_many_records_is_made_by_a_worker(world: World) -> None:
    read(world)
    Mirror.objects.update(records=preview_job.SMALL)
    row = preview_job.start(world.mapping, user=None, actor="test", kind=Preview.Kind.MATCHES)
    assert row.state == "queued"
    func, args = queued()[-1]
    assert (func, preview_job.work(*args)) == ("portal.sync.previews.job.work", "done")
    assert offered() == [("1", "1"), ("2", "2")]


def test_a_company_is_known_by_its_name_though_records_hold_its_id() -> None:
    world = World()
    for crm, name, email in ((world.north, "Kestrel Ltd", "a@x.example"), (world.south, "Kestrel", "b@y.example")):
        crm.put("Accounts", {"name": f"Another of {name}"})
        company = crm.put("Accounts", {"name": name})
        put(crm, "Ada", "Lovelace", email=email, account=company.id)
    for connection in world.connections.values():
        with open_connector(connection, purpose="sync") as crm:
            refresh(connection, "Accounts", crm)
            pull(mirror_of(connection, "Accounts"), crm)
    reviewed(world)
    assert MatchCandidate.objects.get().reasons == ["same_name", "same_company"]


def test_a_record_whose_key_belongs_to_a_linked_one_waits_for_a_person() -> None:
    world = World()
    put(world.north, "Ada", "Lovelace")
    world.sync()
    world.north.remove("Contacts", "1")
    put(world.north, "Ada", "Lovelace")
    review = reviewed(world)
    assert review.counts["left"]["taken"] == 1
    assert [row.why for row in Unmatched.objects.all()] == ["taken"]


def test_whom_the_key_joins_though_the_rest_differs_is_listed_and_can_be_said_to_be_one() -> None:
    world = World()
    put(world.north, "Nora", "Quinn", email="nora@quinnhall.example")
    put(world.south, "Dean", "Hall", email="nora@quinnhall.example")
    put(world.north, "Anna", "Schmidt", email="anna@x.example")
    put(world.south, "Anna", "Weber", email="anna@x.example")  # she married
    assert reviewed(world).counts["unlike"] == 1
    pair = MatchCandidate.objects.get()
    assert (pair.left_id, pair.state, pair.doubts, list(still_open(world.mapping))) == (
        "1",
        "unlike",
        ["other_name"],
        [],
    )
    accept(pair, **BY)
    assert Link.objects.count() == 1
    reviewed(world)
    assert MatchCandidate.objects.get().state == "accepted"
