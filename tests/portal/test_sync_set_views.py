"""The screens of sync sets: made, planned, approved, looked at as one; parts stand below their whole."""

from __future__ import annotations

import io

import orjson
import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from connectors.errors import RecordInvalid
from portal.accounts.models import User
from portal.ledger.models import Run
from portal.mappings.models import Mapping
from portal.sync.approve import approve
from portal.sync.models import SyncSet
from portal.sync.run import carry_out
from portal.sync.sets.save import said_of
from portal.sync.sets.start import request_set
from portal.sync.tasks import scheduled_set
from tests.portal.set_world import MAIN_CONTACT, SetWorld

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world() -> SetWorld:
    made = SetWorld()
    made.person("ada", made.company("Acme"))
    return made


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss", "boss@example.org", "x"))
    return client


def text(client: Client, name: str, *args: object, **query: str) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_set_is_made_changed_and_deleted_by_its_forms(world: SetWorld, boss: Client) -> None:
    said = {"name": "all", "mappings": ["companies", "deals"], "every_minutes": "15"}
    assert boss.post(reverse("sync:set_add"), said).status_code == 302
    row = SyncSet.objects.get(name="all")
    assert said_of(row).mappings == {"companies", "deals"} and row.every_minutes == 15
    assert 'value="companies" id' in text(boss, "sync:set_change", "all")
    boss.post(
        reverse("sync:set_change", args=["all"]), {**said, "name": "some", "cron": "0 7 * * *", "every_minutes": ""}
    )
    assert SyncSet.objects.get(pk=row.pk).name == "some"
    refused = boss.post(reverse("sync:set_add"), {"name": "deals", "mappings": ["deals"]})
    assert "could not tell" in refused.content.decode()
    assert "at least one" in boss.post(reverse("sync:set_add"), {"name": "x"}).content.decode()
    assert "Its mappings stay" in text(boss, "sync:set_delete", "some")
    boss.post(reverse("sync:set_delete", args=["some"]))
    assert not SyncSet.objects.filter(name="some").exists() and Mapping.objects.count() == 3


def test_the_pages_of_a_set_tell_the_order_and_how_a_circle_is_broken(world: SetWorld, boss: Client) -> None:
    world.say("companies", MAIN_CONTACT)
    page = text(boss, "sync:set", "crm")
    assert page.index(">companies<") < page.index(">contacts<") < page.index(">deals<")
    assert "leads back" in page and "not run yet" in page
    assert "crm" in text(boss, "sync:sets")
    SyncSet.objects.all().delete()
    assert "No sync set yet" in text(boss, "sync:sets")


def test_a_plan_is_made_and_approved_from_the_page_and_shows_all_parts_on_one(world: SetWorld, boss: Client) -> None:
    address = boss.post(reverse("sync:set_start", args=["crm"]), {"plan": "1"}).headers["Location"]
    run = Run.objects.get(parent=None)
    assert address == reverse("sync:run", args=[run.pk])
    carry_out(run)
    page = text(boss, "sync:run", run.pk)
    assert "(will be made by companies)" in page and "Approve and carry out" in page and "Acme" in page
    part = run.children.get(mapping_name="contacts")
    assert "is a part of the run" in text(boss, "sync:run", part.pk)
    assert "Approve and carry out" not in text(boss, "sync:run", part.pk)
    boss.post(reverse("sync:approve", args=[run.pk]))
    assert carry_out(run).state == "succeeded"
    page = text(boss, "sync:run", run.pk)
    assert "Report" in page and "Approve and carry out" not in page


def test_the_report_says_what_did_not_arrive_and_why(world: SetWorld, boss: Client) -> None:
    world.south.fail("create", RecordInvalid("No such company.", fields={"name": "no"}), times=1)
    run = carry_out(request_set(world.set, actor="test", enqueue=False))
    page = text(boss, "sync:run", run.pk)
    assert "1 × The CRM refused the record." in page and "has no partner on the other side yet" in page


def test_the_list_of_runs_shows_the_whole_with_its_parts_below(world: SetWorld, boss: Client) -> None:
    run = carry_out(request_set(world.set, actor="test", enqueue=False))
    page = text(boss, "sync:runs")
    assert page.count('scope="row"') == 1 and page.count('<ul class="parts">') == 1
    assert all(reverse("sync:run", args=[part.pk]) in page for part in run.children.all())
    assert text(boss, "sync:runs", mapping="contacts").count('scope="row"') == 1
    assert text(boss, "sync:runs", mapping="crm").count('scope="row"') == 1


def test_who_may_only_look_sees_no_button_and_may_press_none(world: SetWorld, client: Client) -> None:
    user = User.objects.create_user("eve", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_syncset"))
    client.force_login(user)
    page = text(client, "sync:set", "crm")
    assert "Sync now" not in page and reverse("sync:set_change", args=["crm"]) not in page
    assert client.post(reverse("sync:set_start", args=["crm"])).status_code == 403
    assert client.get(reverse("sync:set_add")).status_code == 403


def test_the_command_plans_approves_and_tells_of_every_part(world: SetWorld) -> None:
    told = command(3, "--plan")
    assert told["state"] == "awaiting_approval" and [part["mapping"] for part in told["runs"]] == [
        "companies",
        "contacts",
        "deals",
    ]
    assert (told["counts"]["create"], told["cost"][0]["calls"]) == (2, 2)
    told = command(0, "--approve", str(told["id"]))
    assert (told["state"], told["counts"]["create"]) == ("succeeded", 2)
    out = io.StringIO()
    call_command("show_run", str(told["id"]), stdout=out)
    assert "contacts" in out.getvalue()
    with pytest.raises(CommandError, match="no sync set “nobody”"):
        call_command("sync", "nobody", "--json", stdout=io.StringIO(), stderr=io.StringIO())


def command(expected: int, *words: str) -> dict[str, object]:
    out = io.StringIO()
    try:
        call_command("sync", "crm", "--json", *words, stdout=out, stderr=io.StringIO())
        code = 0
    except SystemExit as e:
        code = int(str(e.code))
    assert code == expected, out.getvalue()
    found: dict[str, object] = orjson.loads(out.getvalue())
    return found


def test_a_set_runs_by_its_schedule_but_not_over_a_plan_that_waits(world: SetWorld) -> None:
    assert "run" in scheduled_set(str(world.set.uuid))
    run = carry_out(Run.objects.get(parent=None))
    assert run.state == "succeeded" and run.trigger == "schedule"
    carry_out(request_set(world.set, actor="test", enqueue=False, plan_only=True))
    world.company("Globex")
    run = carry_out(request_set(world.set, actor="test", enqueue=False, plan_only=True))
    assert run.state == "awaiting_approval" and "waits" in scheduled_set(str(world.set.uuid))
    approve(run, actor="test", enqueue=False)
    world.set.mappings.clear()
    carry_out(run)
    assert "holds no mapping" in scheduled_set(str(world.set.uuid))
    world.set.delete()
    assert "no more" in scheduled_set(str(world.set.uuid))
