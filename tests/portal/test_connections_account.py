"""A connection that leads to another CRM than before: nothing kept of the old one's records touches the new one's."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from django.core.management import CommandError, call_command
from django.test import Client

from connectors.errors import RecordInvalid
from connectors.memory import forget, store
from portal.connections.forms import ConnectionForm
from portal.connections.models import Connection, KnownSchema, OwnerLabel
from portal.ledger import lease
from portal.ledger.models import AuditEntry, Entry, Problem, Run
from portal.mappings.models import Mapping
from portal.mappings.save import pause_mapping
from portal.records.models import Copy, Mirror
from portal.sync.models import Base, Checkpoint, Link, MatchKey
from portal.sync.run import SyncRefused
from tests.portal.sync_world import World, emails, entries

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world() -> World:
    """Ada is in both CRMs and linked; a third CRM's Zoey has the very id of the south's Ada."""
    forget("elsewhere")
    world = World()
    world.add(world.north, "ada")
    world.sync()
    (zoey,) = world.add(store("elsewhere"), "zoey")
    assert zoey.id == world.south.of("Contacts")[0].id
    return world


def replace(*words: str) -> str:
    out = io.StringIO()
    call_command("add_connection", "memory", "--name", "south", "--replace", *words, stdout=out, stderr=out)
    return out.getvalue()


def elsewhere() -> dict[str, Any]:
    return store("elsewhere").of("Contacts")[0].values | {}


def test_a_new_address_is_refused_until_somebody_says_what_is_there(world: World) -> None:
    with pytest.raises(CommandError) as e:
        replace("--set", "store=elsewhere")
    assert e.value.returncode == 2 and "--same-data" in str(e.value) and "--other-crm" in str(e.value)
    assert Connection.objects.get(name="south").settings["store"] == "other" and Link.objects.count() == 1


def test_another_crms_record_of_the_same_id_is_not_overwritten(world: World) -> None:
    replace("--set", "store=elsewhere", "--other-crm")
    (ada,) = world.north.of("Contacts")
    world.north.put("Contacts", {"firstname": "Augusta"}, ada.id)
    world.mapping = Mapping.objects.get()
    with pytest.raises(SyncRefused, match="paused"):
        world.sync()
    pause_mapping(world.mapping, False, "test")
    run = world.sync()
    assert (run.state, run.counts["create"], run.counts["update"]) == ("succeeded", 1, 0)
    assert emails(store("elsewhere")) == ["ada@example.org", "zoey@example.org"]


def test_all_that_was_kept_is_forgotten_in_one_step_and_written_down(world: World) -> None:
    south = Connection.objects.get(name="south")
    OwnerLabel.objects.create(connection=south, owner_id="1", label="Old owner", typed=True)
    replace("--set", "store=elsewhere", "--other-crm")
    assert list(Mirror.objects.values_list("connection__name", flat=True)) == ["north"]
    for table in (Link, Base, OwnerLabel, KnownSchema.objects.filter(connection=south)):
        rows = table if hasattr(table, "exists") else table.objects.all()
        assert not rows.exists(), table
    for table in (Checkpoint, MatchKey):
        assert not table.objects.exclude(mirror__connection__name="north").exists()
    assert Copy.objects.count() == 1, "the north's copy stays"
    mapping = Mapping.objects.get()
    assert mapping.state == "paused" and "another CRM" in mapping.paused_reason
    problem = Problem.objects.get(closed_at=None)
    assert problem.mapping == mapping.uuid and "resume it" in problem.advice
    audit = AuditEntry.objects.get(action="other_crm")
    assert audit.changes["links"] == 1 and audit.changes["paused"] == ["contacts"]
    pause_mapping(mapping, False, "test")
    assert not Problem.objects.filter(closed_at=None).exists()


def test_what_waited_for_an_old_record_is_not_taken_up_for_a_new_one(world: World) -> None:
    world.add(world.north, "bo")
    world.south.fail("create", RecordInvalid("No."))
    assert world.sync().state == "partly_failed" and entries("failed")
    (ada, _) = world.north.of("Contacts")
    world.north.put("Contacts", {"firstname": "Augusta"}, ada.id)
    world.say(guards={"changes": 0})
    assert world.sync().state == "awaiting_approval" and entries("awaiting")
    replace("--set", "store=elsewhere", "--other-crm")
    assert not Run.objects.filter(state__in=(*Run.OPEN, "awaiting_approval")).exists()
    assert not entries(*Entry.UNSETTLED, *Entry.WAITING, "awaiting")
    assert Entry.objects.filter(reason="other_crm", state="skipped").exists()


def test_the_first_run_with_another_crm_is_guarded_as_a_first_run(world: World) -> None:
    world.say(guards={"creates": 0})
    replace("--set", "store=elsewhere", "--other-crm")
    pause_mapping(Mapping.objects.get(), False, "test")
    assert world.sync().state == "awaiting_approval" and emails(store("elsewhere")) == ["zoey@example.org"]


def test_the_same_data_under_a_new_address_keeps_everything(world: World) -> None:
    theirs = store("elsewhere")
    for record in world.south.of("Contacts"):
        theirs.put("Contacts", record.values, record.id)
    replace("--set", "store=elsewhere", "--same-data")
    (ada,) = world.north.of("Contacts")
    world.north.put("Contacts", {"firstname": "Augusta"}, ada.id)
    run = world.sync()
    assert run.counts["update"] == 1 and elsewhere()["firstname"] == "Augusta"
    assert Mapping.objects.get().state == "active" and not AuditEntry.objects.filter(action="other_crm").exists()


def test_nothing_is_asked_where_nothing_is_kept_or_the_address_stays(world: World) -> None:
    replace("--set", "region=IR")
    Mapping.objects.all().delete()
    Mirror.objects.all().delete()
    replace("--set", "store=elsewhere")
    assert Connection.objects.get(name="south").settings == {
        "store": "elsewhere",
        "time_zone": "UTC",
        "region": "IR",
        "default_owner": "",
    }


def test_while_a_run_is_carried_out_nothing_is_forgotten(world: World) -> None:
    held = lease.take(f"mapping:{world.mapping.uuid}")
    assert held is not None
    with pytest.raises(CommandError, match="being carried out just now"):
        replace("--set", "store=elsewhere", "--other-crm")
    held.release()
    held = lease.take(f"mirror:{Mirror.objects.get(connection__name='south').pk}")
    assert held is not None
    with pytest.raises(CommandError, match="being read just now"):
        replace("--set", "store=elsewhere", "--other-crm")
    held.release()
    assert Connection.objects.get(name="south").settings["store"] == "other"
    assert Link.objects.count() == 1 and Mapping.objects.get().state == "active"
    assert not AuditEntry.objects.filter(action="other_crm").exists()


def test_the_crm_itself_may_tell_that_it_is_another_account(world: World) -> None:
    Connection.objects.filter(name="south").update(identity={"account": "the account it was"})
    with pytest.raises(CommandError, match="--other-crm"):
        replace("--check", "--set", "region=IR")
    replace("--check", "--set", "region=IR", "--other-crm")
    assert not Link.objects.exists()


def test_a_connector_may_mark_a_credential_as_the_one_that_names_the_account(world: World) -> None:
    from connectors import connector_class

    kind = connector_class("reallysimple")
    connection = Connection.objects.create(name="rss", connector="reallysimple", secrets={"access_token": "old"})
    Mirror.objects.create(connection=connection, module="contacts")

    def form(**said: str) -> ConnectionForm:
        row = Connection.objects.get(pk=connection.pk)
        return ConnectionForm.of(kind, row, {k: v for k, v in said.items() if k == "same_data"}, said)

    assert form(access_token="old").is_valid() and form().is_valid()
    asking = form(access_token="new")
    assert not asking.is_valid() and set(asking.errors) == {"same_data"}
    assert form(access_token="new", same_data="yes").is_valid()


def imported(tmp_path: Path, **said: Any) -> dict[str, Any]:
    file, out = tmp_path / "portal.yaml", io.StringIO()
    south = {"name": "south", "connector": "memory", "settings": {"store": "elsewhere"}, **said}
    file.write_text(yaml.safe_dump({"connections": [south]}))
    call_command("import_config", str(file), json=True, stdout=out)
    return dict(orjson.loads(out.getvalue())["connections"])


def test_a_file_says_it_too(world: World, tmp_path: Path) -> None:
    with pytest.raises(CommandError) as e:
        imported(tmp_path)
    assert "same_data: true" in str(e.value) and e.value.returncode == 2 and Link.objects.exists()
    with pytest.raises(CommandError, match="connections\\[0\\].same_data"):
        imported(tmp_path, same_data="perhaps")
    assert imported(tmp_path, same_data=False) == {"south": "updated"}
    assert not Link.objects.exists() and Mapping.objects.get().state == "paused"
    assert imported(tmp_path, same_data=False) == {"south": "unchanged"}


def posted(browser: Client, **said: str) -> str:
    form = {"name": "south", "max_parallel": "1", "setting_store": "elsewhere", "setting_password": "", "_save": "1"}
    form |= {"setting_time_zone": "UTC", "setting_region": "GB"}
    return browser.post("/connections/south/change/", form | said, follow=True).content.decode()


def test_the_form_asks_and_does_what_was_answered(admin: Client, world: World) -> None:
    page = admin.get("/connections/south/change/").content.decode()
    assert "What is there now?" not in page
    page = posted(admin)
    assert "What is there now?" in page and "This may be another CRM now" in page and 'type="radio"' in page
    assert Link.objects.exists()
    page = posted(admin, same_data="no")
    assert "was saved" in page and not Link.objects.exists()
    history = admin.get("/connections/south/history/", follow=True).content.decode()
    assert "another CRM: copies and links forgotten" in history
    assert AuditEntry.objects.get(action="other_crm").actor == "admin"


def test_the_form_asks_when_the_test_tells_another_account(admin: Client, world: World) -> None:
    Connection.objects.filter(name="south").update(identity={"account": "the account it was"})
    page = posted(admin, setting_store="other", setting_region="IR")
    assert "What is there now?" in page and "This may be another CRM now" in page
    assert "was saved" in posted(admin, setting_store="other", setting_region="IR", same_data="yes")
    assert Link.objects.exists()
