"""The run screens: start, watch, stop, and read what became of each record."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from connectors.memory import store
from portal.accounts.models import User
from portal.connections.models import Connection
from portal.ledger.models import AuditEntry, Run
from portal.mappings.definition import Definition, Rule, Schedule, Side
from portal.mappings.models import Mapping
from portal.mappings.save import save_mapping
from portal.sync.run import carry_out

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mapping(make_connection: Callable[..., Connection]) -> Mapping:
    make_connection("north", settings={"store": "memory"})
    make_connection("south", settings={"store": "other"})
    for number in range(3):
        store("memory").put("Contacts", {"lastname": f"Name {number}", "email": f"{number}@example.org"})
    store("memory").put("Contacts", {"lastname": "<b>Nobody</b>"})
    return save_mapping(
        Definition(
            name="people",
            left=Side("north", "Contacts"),
            right=Side("south", "Contacts"),
            direction="left-to-right",
            match=(("email", "email"),),
            rules=(Rule("lastname", "lastname"), Rule("email", "email")),
            schedule=Schedule(minutes=15),
        ),
        user=None,
        actor="test",
    )


def press_sync_now(browser: Client) -> Run:
    answer = browser.post(reverse("sync:start", args=["people"]))
    run = Run.objects.get()
    assert answer.headers["Location"] == reverse("sync:run", args=[run.pk])
    return run


def test_sync_now_queues_a_run_whose_page_shows_its_progress(admin: Client, mapping: Mapping) -> None:
    run = press_sync_now(admin)
    assert (run.state, run.actor, run.trigger) == ("queued", "admin", "button")
    page = admin.get(reverse("sync:run", args=[run.pk])).content.decode()
    assert "waiting for a worker" in page and 'hx-trigger="every 1s"' in page
    assert "HX-Refresh" not in admin.get(reverse("sync:progress", args=[run.pk])).headers


def test_a_plan_is_made_and_nothing_is_sent_until_somebody_approves_it(admin: Client, mapping: Mapping) -> None:
    admin.post(reverse("sync:start", args=["people"]), {"plan": "1"})
    run = carry_out(Run.objects.get())
    assert (run.state, run.plan_only) == (Run.State.AWAITING_APPROVAL, True) and not store("other").of("Contacts")
    assert "the plan you asked for" in admin.get(reverse("sync:run", args=[run.pk])).content.decode()
    admin.post(reverse("sync:approve", args=[run.pk]))
    assert carry_out(Run.objects.get()).counts["create"] == 3


def test_pressing_twice_finds_the_run_that_is_open(admin: Client, mapping: Mapping) -> None:
    first = press_sync_now(admin)
    assert press_sync_now(admin).pk == first.pk


def test_the_page_of_a_run_that_ended_tells_what_became_of_each_record(admin: Client, mapping: Mapping) -> None:
    run = carry_out(press_sync_now(admin))
    page = admin.get(reverse("sync:run", args=[run.pk])).content.decode()
    assert "A part of the match key is empty" in page and "Fill in the field in the CRM" in page
    assert "0@example.org" in page and "hx-get" not in page
    assert "<b>Nobody" not in page
    one_state = admin.get(reverse("sync:run", args=[run.pk]) + "?state=blocked").content.decode()
    assert "0@example.org" not in one_state
    assert admin.get(reverse("sync:progress", args=[run.pk])).headers["HX-Refresh"] == "true"


def test_a_run_is_stopped_and_that_is_written_down(admin: Client, mapping: Mapping) -> None:
    run = press_sync_now(admin)
    admin.post(reverse("sync:stop", args=[run.pk]))
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert AuditEntry.objects.filter(action="stop_run").exists()


def test_a_paused_mapping_is_not_run_and_the_person_is_told(admin: Client, mapping: Mapping) -> None:
    Mapping.objects.update(state="paused")
    answer = admin.post(reverse("sync:start", args=["people"]), follow=True)
    assert "is paused: resume it first" in answer.content.decode()
    assert not Run.objects.exists()


def test_the_mappings_page_shows_its_runs_and_when_it_runs_next(admin: Client, mapping: Mapping) -> None:
    carry_out(press_sync_now(admin))
    page = admin.get(reverse("mappings:show", args=["people"])).content.decode()
    assert "3 linked pairs" in page and "1 record waits" in page and "in 14 minutes" in page


def test_a_records_page_shows_its_partner(admin: Client, mapping: Mapping) -> None:
    run = carry_out(press_sync_now(admin))
    entry = run.entries.filter(action="create").first()
    assert entry is not None
    page = admin.get(reverse("records:record", args=["north", "Contacts", entry.source_id])).content.decode()
    assert f"south · Contacts · {entry.record_id}" in page


def test_the_list_of_runs_can_be_narrowed(admin: Client, mapping: Mapping) -> None:
    run = press_sync_now(admin)
    url = reverse("sync:runs")
    assert f"#{run.pk} people" in admin.get(url).content.decode()
    assert "No run is like this" in admin.get(url + "?state=failed").content.decode()


def test_who_may_only_look_cannot_start_or_stop(client: Client, mapping: Mapping) -> None:
    client.force_login(User.objects.create_user("eve", password="x", is_staff=True))
    assert client.get(reverse("sync:runs")).status_code == 403
    assert client.post(reverse("sync:start", args=["people"])).status_code == 403
