"""The page of what waits: what it shows, what may be chosen there, by whom, and what is told."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from connectors.errors import RecordInvalid
from portal.accounts.models import User
from portal.ledger.models import AuditEntry, Entry, Run
from portal.mappings.save import pause_mapping
from portal.sync.choices.decide import settled
from portal.sync.run import carry_out
from tests.portal.sync_world import World, emails, entries, start_again
from tests.portal.test_sync_both_ways import linked, value
from tests.portal.test_sync_decide import both_changed, gone, nothing_is_left, several, unclear

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss", password="x"))
    return client


def page(client: Client, **asked: Any) -> str:
    return client.get(reverse("sync:inbox"), asked).content.decode()


def press(client: Client, **fields: Any) -> str:
    """Send the form, carry out what it started, and return what the person is told."""
    answer = client.post(reverse("sync:choose"), fields, follow=True)
    for run in Run.objects.filter(state="queued"):
        carry_out(run)
    return " ".join(str(message) for message in answer.context["messages"])


def rule(entry: Entry, field: str) -> str:
    return f"f-{entry.pk}-{entry.evidence[field]['rule']}"


def test_both_values_the_base_and_both_records_are_shown(boss: Client) -> None:
    _world, north, south = both_changed()
    shown = page(boss)
    for text in ("North", "South", "Ada", "north · ", "south · ", f"/records/north/Contacts/{north}/", "Last agreed"):
        assert text in shown, text


def test_a_field_is_chosen_and_a_run_does_it(boss: Client) -> None:
    world, north, south = both_changed()
    (entry,) = entries("conflict")
    told = press(boss, one=entry.pk, shown=entry.pk, **{rule(entry, "lastname"): "right"})
    assert "1 choice is kept" in told and "Carried out by run" in told
    assert value(world, "north", north, "lastname") == "South"
    nothing_is_left(world)
    assert "Nothing waits for you" in page(boss)
    past = boss.get(reverse("sync:inbox_past")).content.decode()
    assert "lastname: south" in past and "boss" in past
    assert AuditEntry.objects.get(action="decide_entry").user == User.objects.get()


def test_whoever_comes_second_is_told_who_was_faster(boss: Client) -> None:
    world, _north, _south = both_changed()
    (entry,) = entries("conflict")
    pause_mapping(world.mapping, True, "ann")
    assert "is paused" in press(boss, one=entry.pk, **{rule(entry, "lastname"): "right"})
    told = press(boss, one=entry.pk, **{rule(entry, "lastname"): "left"})
    assert "boss was faster" in told
    shown = page(boss)
    assert "It is done once the mapping is resumed" in shown and "lastname: south" in shown
    boss.post(reverse("sync:take_back", args=[entry.pk]))
    entry.refresh_from_db()
    assert entry.decision is None


def test_what_a_run_took_up_meanwhile_is_told(boss: Client) -> None:
    world, north, south = both_changed()
    (entry,) = entries("conflict")
    world.north.put("Contacts", {"lastname": "South"}, north)
    world.sync()
    assert "took it up meanwhile" in press(boss, one=entry.pk, **{rule(entry, "lastname"): "left"})


def many(count: int) -> World:
    """As many people whose last name is another on each side; the first of them has none in the north."""
    world = World(direction="both", conflict_policy="ask")
    ids = [record.id for record in world.add(world.north, *(f"p{n:03}" for n in range(count)))]
    world.sync()
    there = {record.values["email"]: record.id for record in world.south.of("Contacts")}
    for number, id in enumerate(ids):
        email = f"p{number:03}@example.org"
        world.north.put("Contacts", {"firstname": f"N{number}" if number else None}, id)
        world.south.put("Contacts", {"firstname": f"S{number}"}, there[email])
    world.sync()
    return world


def test_one_side_wins_for_all_that_are_marked_but_clears_nothing_unseen(boss: Client) -> None:
    world = many(4)
    found = list(entries("conflict"))
    told = press(boss, bulk=1, word="left", marked=[entry.pk for entry in found[:3]])
    assert "2 choices are kept" in told and "1 entry was left out" in told
    names = [record.values["firstname"] for record in world.south.of("Contacts")]
    assert names == ["S0", "N1", "N2", "S3"]


def test_all_of_a_kind_are_settled_at_once_also_those_on_other_pages(boss: Client) -> None:
    world = many(60)
    assert "all 60, on every page" in page(boss)
    press(boss, bulk=1, whole=1, word="both", mapping="contacts", reason="both_changed")
    nothing_is_left(world)


def test_a_page_costs_the_same_for_two_entries_as_for_fifty(boss: Client) -> None:
    many(2)
    page(boss)
    with CaptureQueriesContext(connection) as few:
        page(boss)
    start_again()
    many(55)
    with CaptureQueriesContext(connection) as lots:
        assert "page 1 of 2" in page(boss)
    assert len(lots) <= len(few) + 2 < 30, "two more tell how many there are on all pages"


def test_the_groups_lead_to_their_own_entries(boss: Client) -> None:
    world, _entry = several()
    world.north.put("Contacts", {"firstname": "Nobody", "lastname": "Keyless", "email": None})
    world.sync()
    assert "What waits, and why" in page(boss)
    one = page(boss, reason="several_matches", mapping="contacts")
    assert "This one is it" in one and "Keyless" not in one
    assert "Keyless" in page(boss, q="keyless") and "Nothing that waits is like this" in page(boss, q="zzz")


def test_a_candidate_is_chosen_on_the_page(boss: Client) -> None:
    world, entry = several()
    it = world.south.of("Contacts")[1].id
    press(boss, one=entry.pk, **{f"c-{entry.pk}": f"join:{it}"})
    assert settled(entry)
    nothing_is_left(world)


def test_a_record_is_joined_by_its_id(boss: Client) -> None:
    world, entry = several()
    (other,) = world.add(world.south, "bo")
    world.sync()
    press(boss, one=entry.pk, **{f"c-{entry.pk}": "join", f"r-{entry.pk}": other.id})
    assert settled(entry)


def test_what_is_never_synced_can_be_synced_again(boss: Client) -> None:
    world, entry = several()
    press(boss, one=entry.pk, **{f"c-{entry.pk}": "retire"})
    nothing_is_left(world)
    assert "Sync it again" in boss.get(reverse("sync:inbox_past")).content.decode()
    boss.post(reverse("sync:sync_again", args=[entry.pk]))
    world.sync()
    assert [e.reason for e in entries("conflict")] == ["several_matches"]
    assert "Sync it again" not in boss.get(reverse("sync:inbox_past")).content.decode()


def test_a_retired_pair_is_asked_about_again_once_it_is_synced_again(boss: Client) -> None:
    world, entry = gone("south")
    press(boss, one=entry.pk, **{f"c-{entry.pk}": "retire"})
    nothing_is_left(world)
    boss.post(reverse("sync:sync_again", args=[entry.pk]))
    world.sync()
    assert [e.reason for e in entries("blocked")] == ["target_gone"]


def test_a_failed_entry_is_tried_again_at_a_press(boss: Client) -> None:
    world = World()
    world.add(world.north, "ada")
    world.south.fail("create", RecordInvalid("No.", fields={"email": "is wrong"}))
    world.sync()
    (entry,) = entries("failed")
    assert "is wrong" in page(boss, part="mend") and "Try again now" in page(boss)
    press(boss, retry=entry.pk)
    assert emails(world.south) == ["ada@example.org"]


def test_an_unclear_create_shows_what_was_sent_and_what_was_found(boss: Client, settings: Any) -> None:
    world, entry = unclear(settings)
    shown = page(boss)
    assert "What was sent" in shown and "It did not arrive" in shown and "This one is it" in shown
    press(boss, one=entry.pk, **{f"c-{entry.pk}": f"join:{entry.evidence['found'][0]}"})
    nothing_is_left(world)


def test_a_deleted_record_shows_what_is_left_and_what_can_be_done(boss: Client) -> None:
    _world, entry = gone("south")
    shown = page(boss, entry=entry.pk)
    assert "Make it again in south" in shown and "Delete the one in north too" in shown
    assert "What the record that is left holds" in shown and f'name="v-{entry.pk}"' in shown


def test_a_deletion_of_what_changed_since_it_was_shown_is_asked_anew(boss: Client) -> None:
    world, entry = gone("south")
    press(boss, one=entry.pk, **{f"c-{entry.pk}": "delete", f"v-{entry.pk}": "1"})
    assert emails(world.north) == ["ada@example.org"]
    (anew,) = entries("blocked")
    assert "was chosen before" in page(boss) and anew.pk != entry.pk


def test_who_may_only_look_sees_no_button_and_decides_nothing(client: Client) -> None:
    both_changed()
    (entry,) = entries("conflict")
    eve = User.objects.create_user("eve", password="x", is_staff=True)
    client.force_login(eve)
    assert client.get(reverse("sync:inbox")).status_code == 403
    eve.user_permissions.add(Permission.objects.get(codename="view_run"))
    shown = client.get(reverse("sync:inbox")).content.decode()
    assert "North" in shown and '<button type="submit" class="button small"' not in shown and "radio" not in shown
    for name, args in (("sync:choose", []), ("sync:take_back", [entry.pk]), ("sync:sync_again", [entry.pk])):
        assert client.post(reverse(name, args=args), {"one": entry.pk}).status_code == 403


def test_a_form_leads_back_only_to_pages_of_ours(boss: Client) -> None:
    answer = boss.post(reverse("sync:choose"), {"back": "https://evil.example/"})
    assert answer.headers["Location"] == reverse("sync:inbox")


def test_odd_addresses_and_forms_ask_for_nothing(boss: Client) -> None:
    linked()
    assert "waits no longer" in page(boss, entry="x") and boss.get("/conflicts/?p=zz&part=zz").status_code == 200
    assert "Nothing was chosen" in press(boss, bulk=1, word="nosuch", marked=["x", "999999999999"])
