"""The preview's page: one record rule by rule, all records counted, how old it all is, and what to do where it cannot be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from portal.connections.models import Call
from portal.ledger.models import Lease
from portal.mappings.definition import Rule
from portal.mappings.save import drop_draft, save_draft
from portal.mappings.stored import definition_of
from portal.records.models import Mirror
from portal.sync.models import Preview
from portal.sync.previews import job as preview_job
from portal.sync.previews import views as preview_views
from tests.portal.sync_world import RULES, World, expire_leases
from tests.portal.task_queue import queued
from tests.portal.test_sync_preview import read

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "sync:preview"


@pytest.fixture
def world() -> World:
    world = World(rules=(*RULES, Rule("notes", "address/city"), Rule("", "status", source="value", value="New")))
    world.add(world.north, "ada", "bob")
    return world


@pytest.fixture
def synced(world: World) -> World:
    world.sync()
    return world


def page(browser: Client, **asked: str) -> str:
    answer = browser.get(reverse(PAGE, args=["contacts"]), asked, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def seem_large() -> None:
    """Have the mirrors say that they hold more than a person waits for."""
    Mirror.objects.update(records=preview_job.SMALL)


def test_what_was_not_read_is_named_with_the_command_that_reads_it(admin: Client, world: World) -> None:
    text = page(admin)
    assert "Contacts of north has not been read yet." in text
    assert "manage.py pull north Contacts" in text
    admin.post(reverse("sync:preview_all", args=["contacts"]))
    assert not Preview.objects.exists()


def test_few_records_are_counted_while_the_person_waits(admin: Client, synced: World) -> None:
    synced.add(synced.north, "eve")
    read(synced)
    assert "Preview all records" in page(admin)
    calls = Call.objects.count()
    admin.post(reverse("sync:preview_all", args=["contacts"]))
    (row,) = Preview.objects.all()
    assert (row.state, row.counts["create"], row.counts["same"], row.actor) == ("done", 1, 2, "admin")
    text = page(admin)
    assert "To create" in text and "Test Eve" in text and "just now" in text
    assert "as of before" not in text and "from copies that were read" in text
    assert Call.objects.count() == calls


def test_the_page_says_what_changed_since(admin: Client, synced: World) -> None:
    admin.post(reverse("sync:preview_all", args=["contacts"]))
    synced.add(synced.north, "eve")
    read(synced)
    assert "Records changed in our copies since." in page(admin)
    save_draft(synced.mapping, replace(definition_of(synced.mapping), rules=RULES), user=None, actor="test")
    text = page(admin)
    assert "The mapping or one of its value tables was changed since." in text
    assert "which is not live yet" in text


def test_a_draft_that_took_the_number_of_a_dropped_one_is_another(admin: Client, synced: World) -> None:
    said = definition_of(synced.mapping)
    save_draft(synced.mapping, replace(said, rules=RULES[:1]), user=None, actor="test")
    admin.post(reverse("sync:preview_all", args=["contacts"]))
    drop_draft(synced.mapping)
    save_draft(synced.mapping, replace(said, rules=RULES[:2]), user=None, actor="test")
    assert "The mapping or one of its value tables was changed since." in page(admin)


def test_many_records_are_counted_in_the_background(admin: Client, synced: World) -> None:
    seem_large()
    admin.post(reverse("sync:preview_all", args=["contacts"]))
    (row,) = Preview.objects.all()
    text = page(admin)
    assert "waiting for a worker" in text and 'hx-trigger="every 1s"' in text
    assert ("portal.sync.previews.job.work", (row.pk,)) in queued()
    admin.post(reverse("sync:preview_all", args=["contacts"]))
    assert Preview.objects.count() == 1  # the one that is open
    assert preview_job.work(row.pk) == "done"
    assert preview_job.work(row.pk) == "done"  # handed out twice, made once
    assert Preview.objects.get().done == Preview.objects.get().total == 6
    assert admin.get(reverse("sync:preview_progress", args=[row.pk])).headers["HX-Refresh"] == "true"
    assert not Lease.objects.filter(name__startswith="preview:").exists()


def test_a_preview_is_stopped_at_a_beat_and_at_once_where_nobody_works_on_it(
    admin: Client, synced: World, settings: Any
) -> None:
    seem_large()
    settings.BEAT_SECONDS = 0
    admin.post(reverse("sync:preview_all", args=["contacts"]))
    row = Preview.objects.get()
    Preview.objects.update(stop_requested=True)
    assert preview_job.work(row.pk) == "stopped"
    admin.post(reverse("sync:preview_all", args=["contacts"]))
    waiting = Preview.objects.first()
    assert waiting is not None and waiting.state == "queued"
    admin.post(reverse("sync:preview_stop", args=[waiting.pk]))
    waiting.refresh_from_db()
    assert waiting.state == "stopped"
    assert preview_job.work(waiting.pk) == "stopped"


def test_a_preview_whose_mapping_was_deleted_ends_quietly(admin: Client, synced: World) -> None:
    seem_large()
    admin.post(reverse("sync:preview_all", args=["contacts"]))
    row = Preview.objects.get()
    synced.mapping.delete()
    assert preview_job.work(row.pk) == ""
    assert not Lease.objects.filter(name__startswith="preview:").exists()


def test_a_preview_whose_process_died_says_so_and_is_started_again(admin: Client, synced: World) -> None:
    Preview.objects.create(
        mapping=synced.mapping,
        version=1,
        state="running",
        beat_at=timezone.now() - timedelta(minutes=5),
        counts={"create": 7},
    )
    expire_leases()
    text = page(admin)
    assert (
        "ended before it was done" in text and "Preview again" in text and "hx-get" not in text.split('id="record"')[0]
    )
    admin.post(reverse("sync:preview_all", args=["contacts"]))
    assert [row.state for row in Preview.objects.all()] == ["done"]


def test_a_preview_whose_process_died_is_taken_up_and_one_whose_task_was_lost_too(admin: Client, synced: World) -> None:
    seem_large()
    admin.post(reverse("sync:preview_all", args=["contacts"]))
    row = Preview.objects.get()
    assert preview_job.take_up() == 0, "it may just be waiting for a worker"
    long_ago = timezone.now() - timedelta(minutes=5)
    Preview.objects.update(created_at=long_ago)
    assert preview_job.take_up() == 1 and preview_job.take_up() == 0
    Preview.objects.update(state="running", beat_at=long_ago, attempts=1)
    expire_leases()
    assert preview_job.take_up() == 1 and preview_job.work(row.pk) == "done"
    assert Preview.objects.get().attempts == 2 and preview_job.take_up(at_once=True) == 0


def test_a_preview_that_kills_its_process_each_time_ends_and_says_so(admin: Client, synced: World) -> None:
    row = Preview.objects.create(mapping=synced.mapping, version=1, state="running", attempts=preview_job.ATTEMPTS)
    assert preview_job.work(row.pk) == "failed"
    assert "ended 3 times before it was done: look at the worker’s log" in page(admin)


def test_only_the_last_few_are_kept(admin: Client, synced: World) -> None:
    for _ in range(preview_job.KEPT + 2):
        admin.post(reverse("sync:preview_all", args=["contacts"]))
    assert Preview.objects.count() == preview_job.KEPT


def test_one_record_shows_each_rule_what_it_becomes_and_what_the_other_side_holds(admin: Client, synced: World) -> None:
    (ada, _bob) = synced.north.of("Contacts")
    synced.north.put("Contacts", {"lastname": "Lovelace"}, ada.id)
    read(synced)
    text = page(admin, side="left", record=ada.id)
    assert "1 field would be changed in south · Contacts." in text
    row = next(part for part in text.split("<tr") if "Lovelace" in part and "Last name" in part)
    assert "changes" in row and "Ada" in row and 'class="differs"' in f"<tr{row}"
    assert "fixed value" in text and "as it is" in text


def test_what_fails_stands_under_its_row(admin: Client, synced: World) -> None:
    bad = synced.north.put("Contacts", {"lastname": None, "firstname": "X", "email": "x@example.org"})
    read(synced)
    text = page(admin, side="left", record=bad.id)
    assert "is required and empty" in text and "fails" in text


def test_the_next_that_would_change_and_the_next_that_fails_are_found(admin: Client, synced: World) -> None:
    eve = synced.add(synced.north, "eve")[0]
    lost = synced.north.put("Contacts", {"lastname": "Keyless"})
    read(synced)
    url = reverse(PAGE, args=["contacts"])
    assert f"record={eve.id}#record" in admin.get(url, {"next": "change"}).headers["Location"]
    assert f"record={lost.id}#record" in admin.get(url, {"next": "fail"}).headers["Location"]
    assert "No record behind this one fails." in page(admin, next="fail", record=lost.id)


def test_too_many_records_are_not_looked_through_while_a_person_waits(admin: Client, synced: World) -> None:
    lone = synced.add(synced.north, "eve")[0]
    read(synced)
    Mirror.objects.update(records=preview_views.AT_MOST)
    assert "Preview all records first" in page(admin, record=lone.id)
    assert "Preview all records first" in page(admin, next="change")
    linked = synced.north.of("Contacts")[0].id
    assert "nothing changed since both sides agreed" in page(admin, record=linked)  # nobody's key matters
    admin.post(reverse("sync:preview_all", args=["contacts"]))
    preview_job.work(Preview.objects.get().pk)
    assert "A new record would be made" in page(admin, record=lone.id)


def test_a_record_is_searched_by_its_words(admin: Client, synced: World) -> None:
    text = page(admin, q="bob")
    assert "Test Bob" in text and "Test Ada" not in text
    assert "No record holds all of these words." in page(admin, q="nobody at all")
    assert "We have no copy of the record" in page(admin, record="nothing\x00<b>")


def test_who_may_not_read_records_sees_no_preview(client: Client, synced: World) -> None:
    client.force_login(User.objects.create_user("guest", password="a long password", is_staff=True))
    row = Preview.objects.create(mapping=synced.mapping, version=1)
    assert client.get(reverse(PAGE, args=["contacts"])).status_code == 403
    assert client.post(reverse("sync:preview_all", args=["contacts"])).status_code == 403
    assert client.get(reverse("sync:preview_progress", args=[row.pk])).status_code == 403
    assert client.post(reverse("sync:preview_stop", args=[row.pk])).status_code == 403
