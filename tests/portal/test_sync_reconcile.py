"""Comparing both sides completely: what a cursor missed is found and healed, every record that is not equal says why, and a
comparison ends, stops and dies without harm."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any

import orjson
import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connectors.errors import RateLimited, RecordInvalid
from connectors.types import Record
from portal.accounts.models import User
from portal.ledger import lease
from portal.ledger.models import AuditEntry, Entry
from portal.mappings.definition import Rule
from portal.mappings.models import ValuePair, ValueTable
from portal.mappings.pause import pause
from portal.mappings.save import save_draft
from portal.mappings.stored import definition_of
from portal.records.tasks import read_module
from portal.sync.approve import approve
from portal.sync.models import Link, Reconciliation
from portal.sync.previews.keys import key_index, pages
from portal.sync.previews.ready import planning_of
from portal.sync.reconciling import job as reconcile_job
from portal.sync.reconciling.compare import LISTED, Tally, compare_batch, sums
from portal.sync.reconciling.differences import Found
from portal.sync.run import carry_out, request_sync
from tests.portal.sync_world import RULES, World, person
from tests.portal.task_queue import queued, take_next
from tests.portal.test_records_afresh import behind_the_cursor
from tests.portal.test_sync_run import Shouting

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world() -> World:
    world = World()
    world.add(world.north, "ada", "bob", "eve")
    world.sync()
    return world


def compared(expected: int = 1, *words: str) -> Any:
    """Return what the command prints; it must end so."""
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("reconcile", "contacts", "--json", stdout=out, stderr=StringIO())
        raise SystemExit(0)
    assert ended.value.code == expected
    return orjson.loads(out.getvalue())


def reasons(told: Any) -> dict[str, dict[str, int]]:
    return {kind: found for kind, found in told["reasons"].items() if found}


def test_equal_sides_end_well(world: World) -> None:
    told = compared(0)
    assert told["counts"] == {"equal": 3, "differ": 0, "left_only": 0, "right_only": 0, "unexpected": 0}
    assert (told["records"], reasons(told)) == ([], {})


def test_what_a_cursor_missed_is_found_and_healed_by_the_next_run(world: World) -> None:
    ada, _bob, eve = world.north.of("Contacts")
    behind_the_cursor(world.north, ada, lastname="Lovelace")
    behind_the_cursor(world.north, Record("Contacts", "zz9", {**ada.values, **person("zoe")}))
    del world.north.records["Contacts", eve.id]
    assert not any(world.sync().counts.values())  # the cursor tells of none of them
    told = compared()
    assert (told["counts"]["equal"], reasons(told)) == (
        1, {"differ": {"next_run": 1}, "left_only": {"next_run": 1}, "right_only": {"partner_deleted": 1}},
    )  # fmt: skip
    assert [record["kind"] for record in told["records"]] == ["differ", "left_only", "right_only"]  # of several batches
    (field,) = next(record for record in told["records"] if record["kind"] == "differ")["fields"]
    assert field == {"left_field": "lastname", "right_field": "lastname", "left": "Lovelace", "right": "Ada", "why": "next_run"}  # fmt: skip
    run = world.sync()
    assert (run.counts["update"], run.counts["create"]) == (1, 1)
    told = compared()
    assert (told["counts"]["equal"], reasons(told)) == (3, {"right_only": {"partner_deleted": 1}})


def test_what_was_edited_at_the_target_stored_differently_or_refused_says_so(world: World) -> None:
    world.say(rules=(*RULES, Rule("notes", "notes")))
    ada, bob, _eve = world.north.of("Contacts")
    world.south.put("Contacts", {"firstname": "Edited"}, world.south.of("Contacts")[0].id)
    world.south.__class__ = Shouting
    world.north.put("Contacts", {"notes": "loud"}, bob.id)
    world.add(world.north, "zoe")
    world.south.fail("create", RecordInvalid("No.", fields={"email": "No."}))
    world.sync()
    told = compared()
    why = {record["label"]: (record["why"], [field["why"] for field in record["fields"]]) for record in told["records"]}
    assert why == {
        "Test Ada": ("edited_there", ["edited_there"]),
        "Test Bob": ("stored_differently", ["stored_differently"]),
        "Test Zoe": ("failed", []),
    }
    assert Entry.objects.get(state="failed").run_id in [record["run"] for record in told["records"]]


def test_what_the_mapping_leaves_alone_is_counted_and_no_fault(world: World) -> None:
    world.say(left_filter="lastname != 'Zoe'")
    world.add(world.north, "zoe")
    world.add(world.south, "only-there")
    world.sync()
    told = compared(0)
    assert reasons(told) == {"left_only": {"outside": 1}, "right_only": {"one_way": 1}}
    assert told["records"] == []


def test_a_record_without_key_a_double_and_one_taken_back_say_why(world: World) -> None:
    world.north.put("Contacts", {"lastname": "Keyless"})
    world.add(world.north, "twin", "twin")
    world.sync()
    Link.objects.filter(pk=Link.objects.order_by("pk")[0].pk).update(state=Link.State.RETIRED)
    told = compared()
    assert reasons(told)["left_only"] == {"blocked": 1, "conflict": 2, "retired": 1}
    assert {record["reason"] for record in told["records"]} == {"", "no_match_key", "doubled_key"}


def test_a_draft_does_not_count(world: World) -> None:
    wanted = replace(definition_of(world.mapping), rules=(*RULES, Rule("", "notes", source="value", value="x")))
    save_draft(world.mapping, wanted, user=None, actor="test")
    assert compared(0)["version"] == world.mapping.version


def test_a_paused_mapping_is_compared_and_one_that_is_not_live_is_refused(world: World) -> None:
    pause(world.mapping, user=None, actor="test")
    compared(0)
    world.mapping.versions.all().delete()
    world.mapping.version = 0
    world.mapping.save()
    with pytest.raises(CommandError, match="not live"):
        call_command("reconcile", "contacts")


def test_it_is_carried_out_in_slices_by_whoever_comes(world: World, settings: Any) -> None:
    settings.SLICE_SECONDS = 0
    row = reconcile_job.start(world.mapping, user=None, actor="ada")
    again = reconcile_job.start(world.mapping, user=None, actor="bob")
    assert (again.pk, Reconciliation.objects.count()) == (row.pk, 1)
    slices = 0
    while args := take_next():
        reconcile_job.run_slice(*args)
        slices += 1
        assert slices < 20
    row.refresh_from_db()
    assert row.state == "done" and slices > 2 and sums(row.counts)["equal"] == 3


def test_one_that_died_goes_on_where_it_was(world: World, settings: Any) -> None:
    settings.SLICE_SECONDS = 0
    row = reconcile_job.start(world.mapping, user=None, actor="ada", enqueue=False)
    while not Reconciliation.objects.get().place:
        reconcile_job.work(row.pk)
    dead = lease.take(f"reconcile:{row.pk}", seconds=0.0)  # whoever had it is no more
    assert dead is not None
    assert reconcile_job.take_up() == 0  # a moment ago somebody worked on it
    Reconciliation.objects.update(beat_at=timezone.now() - timedelta(minutes=1))
    assert reconcile_job.take_up() == 1
    assert ("portal.sync.reconciling.job.run_slice", (row.pk,)) in queued()
    while Reconciliation.objects.get().goes_on:
        reconcile_job.work(row.pk)
    assert sums(Reconciliation.objects.get().counts)["equal"] == 3


def test_it_waits_for_a_crm_that_asks_to_and_is_stopped_at_once_while_nobody_works(world: World) -> None:
    world.north.fail("changes", RateLimited("slow down", retry_after=300.0))
    row = reconcile_job.start(world.mapping, user=None, actor="ada", enqueue=False)
    found = reconcile_job.work(row.pk)
    assert found is not None and found.goes_on and found.not_before and found.message
    assert reconcile_job.take_up() == 0
    reconcile_job.request_stop(found)
    found.refresh_from_db()
    assert found.state == "stopped"


def test_one_at_work_stops_at_a_beat(world: World, settings: Any) -> None:
    settings.BEAT_SECONDS = 0
    row = reconcile_job.start(world.mapping, user=None, actor="ada", enqueue=False)
    held = lease.take(f"reconcile:{row.pk}")
    assert held is not None
    reconcile_job.request_stop(row)
    assert Reconciliation.objects.get().goes_on
    held.release()
    found = reconcile_job.work(row.pk)
    assert found is not None and found.state == "stopped"


def test_a_batch_costs_a_fixed_number_of_queries(world: World) -> None:
    world.add(world.north, *(f"person{n}" for n in range(60)))
    world.sync()
    for record in world.south.of("Contacts"):
        world.south.put("Contacts", {"firstname": "Edited"}, record.id)
    world.sync()
    known = planning_of(world.mapping, world.mapping.version)
    counts = []
    with key_index(known) as holders:
        for size in (5, 60):
            copies = next(pages(known.mirrors["left"], size=size))
            with CaptureQueriesContext(
                connection,
            ) as found:
                compare_batch(known, "left", copies, holders, Tally.of({}, []))
            counts.append(len(found))
    assert counts[0] == counts[1] <= 8


def test_the_first_are_listed_and_the_rest_is_counted() -> None:
    tally = Tally.of({}, [])
    for number in range(LISTED + 1):
        tally.note(Found("left_only", str(number), "", "next_run"), "Somebody", None)
    assert (len(tally.listed), sums(tally.counts)["left_only"]) == (LISTED, LISTED + 1)


def test_the_page_tells_the_result_and_why(admin: Client, world: World) -> None:
    world.south.put("Contacts", {"firstname": "Edited there"}, world.south.of("Contacts")[0].id)
    page = reverse("sync:reconcile", args=["contacts"])
    assert "Compare both sides" in admin.get(reverse("mappings:show", args=["contacts"])).content.decode()
    admin.post(reverse("sync:reconcile_start", args=["contacts"]))
    row = Reconciliation.objects.get()
    assert "waiting for a worker" in admin.get(page).content.decode()
    assert 'hx-trigger="every 1s"' in admin.get(reverse("sync:reconcile_progress", args=[row.pk])).content.decode()
    while args := take_next():
        reconcile_job.run_slice(*args)
    text = admin.get(page).content.decode()
    assert "edited on the side that is only written to" in text and "Edited there" in text
    overview = admin.get(reverse("mappings:show", args=["contacts"])).content.decode()
    assert "2 pairs equal, 1 differs, 0 only left, 0 only right." in overview
    assert admin.get(reverse("sync:reconcile_progress", args=[row.pk])).headers["HX-Refresh"] == "true"


def test_the_buttons_apply_again_and_reset_after_a_word(admin: Client, world: World) -> None:
    answer = admin.post(reverse("sync:again", args=["contacts"]), follow=True)
    assert answer.redirect_chain[-1][0].startswith("/runs/")
    admin.post(reverse("sync:stop", args=[answer.context["run"].pk]))
    asked = admin.get(reverse("sync:reset", args=["contacts"])).content.decode()
    assert "for 3 linked pairs" in asked and "stops at its plan" in asked
    told = admin.post(reverse("sync:reset", args=["contacts"]), follow=True).content.decode()
    assert "Forgotten for 3 pairs" in told


def test_whoever_may_only_look_finds_no_button_and_none_works(client: Client, world: World) -> None:
    looker = User.objects.create_user("looker", password="x", is_staff=True)
    looker.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(looker)
    assert "Apply to all again" not in client.get(reverse("mappings:show", args=["contacts"])).content.decode()
    for name in ("reconcile_start", "again", "reset"):
        assert client.post(reverse(f"sync:{name}", args=["contacts"])).status_code == 403


def test_the_button_has_both_sides_read_again_in_full_by_a_worker(admin: Client, world: World) -> None:
    behind_the_cursor(world.north, world.north.of("Contacts")[0], lastname="Lovelace")
    answer = admin.post(reverse("mappings:read", args=["contacts"]), {"afresh": "1"})
    assert answer.status_code == 200 and 'id="reading"' in answer.content.decode()
    assert AuditEntry.objects.get(action="reread_mapping").actor == "admin"
    while args := take_next():
        read_module(*args)
    assert world.sync().counts["update"] == 1


def test_a_changed_row_of_a_value_table_shows_as_such_and_all_again_brings_it_everywhere(world: World) -> None:
    table = ValueTable.objects.create(name="names", unlisted="keep")
    row = ValuePair.objects.create(table=table, left="Test", right="Probe")
    world.say(rules=(RULES[0], replace(RULES[1], table="names"), RULES[2]))
    world.sync()
    for record in world.north.of("Contacts"):
        world.north.put("Contacts", {"firstname": "Other"}, record.id)
    world.sync()
    for record in world.north.of("Contacts")[:2]:
        world.north.put("Contacts", {"firstname": "Test"}, record.id)
    world.sync()
    row.right = "Essai"
    row.save()
    assert not world.sync().counts["update"]  # it counts for what changes from then on
    assert reasons(compared())["differ"] == {"kept": 2}
    run = carry_out(request_sync(world.mapping, actor="test", anew=True, enqueue=False))
    assert run.counts["update"] == 2
    carry_out(approve(run, actor="test", enqueue=False))
    assert sorted(record.values["firstname"] for record in world.south.of("Contacts")) == ["Essai", "Essai", "Other"]
    compared(0)
