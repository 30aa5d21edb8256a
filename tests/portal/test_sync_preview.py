"""What a preview says, before anything is sent: the same as a run then does, without a call, and nothing is written."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, example, given
from hypothesis import settings as how
from hypothesis import strategies as st

from portal.connections.access import open_connector
from portal.connections.models import Call
from portal.connections.schema import refresh
from portal.ledger.models import Entry, Run
from portal.mappings.definition import Definition, Rule, Side
from portal.mappings.models import Mapping
from portal.mappings.save import save_draft, save_mapping
from portal.mappings.stored import definition_of
from portal.records.pull import mirror_of, pull
from portal.sync.models import Base, Checkpoint, Link, MatchKey
from portal.sync.previews.ready import NotReady, planning_of
from portal.sync.previews.tally import MOST, Tally, preview
from portal.sync.run import carry_out, request_sync
from tests.portal.sync_world import RULES, World, person, start_again

pytestmark = pytest.mark.django_db(transaction=True)
WRITTEN_BY_RUNS = (Run, Entry, Link, Base, Checkpoint, MatchKey)


@pytest.fixture
def world() -> World:
    return World()


def read(world: World) -> None:
    """Bring both mirrors up to date."""
    for connection in world.connections.values():
        with open_connector(connection, purpose="sync") as crm:
            refresh(connection, "Contacts", crm)
            pull(mirror_of(connection, "Contacts"), crm)


def previewed(world: World) -> Tally:
    """Preview the mapping as it is saved now."""
    return preview(planning_of(Mapping.objects.get(pk=world.mapping.pk)))


def told(tally: Tally) -> dict[str, int]:
    """Return the counts that are not zero."""
    return {kind: number for kind, number in tally.counts.items() if number}


def test_each_kind_is_counted_with_samples(world: World) -> None:
    world.say(left_filter="lastname != 'Zoe'", rules=(*RULES, Rule("notes", "address/city")))
    ada, bob = world.add(world.north, "ada", "bob")
    world.sync()
    world.north.put("Contacts", {"lastname": "Lovelace"}, ada.id)
    world.add(world.north, "eve", "zoe", "twin", "twin")
    world.north.put("Contacts", {"lastname": "Nobody"})
    world.north.put("Contacts", {"firstname": "No name", "email": "none@example.org"})
    read(world)
    found = previewed(world)
    assert told(found) == {
        "create": 1, "change": 1, "same": 1, "fail": 1, "blocked": 1, "conflict": 2, "outside": 1,
    }  # fmt: skip
    (change,) = found.samples["change"]
    assert (change.id, change.label) == (ada.id, "Test Lovelace")
    assert [(c.name, c.before, c.after) for c in change.changes] == [("lastname", "Ada", "Lovelace")]
    assert change.target == world.south.of("Contacts")[0].id
    assert "match key" in str(found.samples["blocked"][0].why)
    assert "required" in str(found.samples["fail"][0].why)
    (same,) = found.samples["same"]
    assert (same.id, same.target) == (bob.id, world.south.of("Contacts")[1].id)


def test_no_crm_is_called_and_nothing_a_run_reads_is_written(world: World) -> None:
    world.add(world.north, "ada", "bob")
    world.sync()
    world.add(world.north, "eve")
    read(world)

    def written() -> list[list[dict[str, Any]]]:
        return [list(model.objects.order_by("pk").values()) for model in WRITTEN_BY_RUNS]

    before, calls, requests = written(), Call.objects.count(), world.north.requests + world.south.requests
    assert told(previewed(world)) == {"create": 1, "same": 2}
    assert written() == before
    assert Call.objects.count() == calls
    assert world.north.requests + world.south.requests == requests


def test_a_draft_is_previewed_by_its_own_key_and_filter(world: World) -> None:
    world.north.put("Contacts", person("ada"))
    world.south.put("Contacts", person("ada") | {"email": "other@example.org"})
    read(world)
    assert told(previewed(world)) == {"create": 1}
    draft = definition_of(world.mapping)
    save_draft(world.mapping, replace(draft, match=(("lastname", "lastname"),)), user=None, actor="test")
    found = previewed(world)
    assert told(found) == {"change": 1}
    assert [c.name for c in found.samples["change"][0].changes] == ["email"]


def test_what_is_not_read_or_not_right_is_said(world: World) -> None:
    with pytest.raises(NotReady) as told_:
        planning_of(world.mapping)
    assert [u.connection for u in told_.value.unread] == ["north", "south"]
    read(world)
    save_draft(world.mapping, replace(definition_of(world.mapping), match=()), user=None, actor="test")
    with pytest.raises(NotReady, match="recognised"):
        planning_of(world.mapping)
    save_draft(world.mapping, replace(definition_of(world.mapping), rules=()), user=None, actor="test")
    with pytest.raises(NotReady, match="No rule"):
        planning_of(world.mapping)


def test_samples_are_few_and_counts_are_not(world: World) -> None:
    world.add(world.north, *(f"p{n}" for n in range(MOST + 5)))
    read(world)
    found = previewed(world)
    assert found.counts["create"] == MOST + 5
    assert len(found.samples["create"]) == MOST


def test_the_keys_are_read_once_for_the_same_mirrors(world: World) -> None:
    world.add(world.north, "ada")
    read(world)
    looked: list[int] = []
    previewed(world)
    preview(planning_of(world.mapping), lambda done, total, tally: looked.append(done))
    assert looked == [2]  # one for the key, counted though nobody looked again, and one for the plan
    world.add(world.north, "bob")
    read(world)
    assert told(previewed(world)) == {"create": 2}
    assert len(list((settings.VAR_DIR / "previews").glob(f"{world.mapping.uuid}*"))) == 1


def test_without_a_folder_of_its_own_it_keeps_the_keys_to_itself(world: World, settings: Any, tmp_path: Path) -> None:
    (tmp_path / "previews").write_text("in the way")
    settings.VAR_DIR = tmp_path
    world.add(world.north, "ada")
    read(world)
    assert told(previewed(world)) == {"create": 1}


def test_deletes_are_counted_where_the_mapping_carries_them(world: World) -> None:
    world.say(delete_policy="delete")
    (ada,) = world.add(world.north, "ada")
    world.sync()
    world.north.remove("Contacts", ada.id)
    read(world)
    assert told(previewed(world)) == {"delete": 1}


def test_a_record_waits_for_the_partner_of_one_it_refers_to(world: World) -> None:
    sides = Side("north", "Accounts"), Side("south", "Accounts")
    definition = Definition("accounts", *sides, "left-to-right", (("name", "name"),), (Rule("name", "name"),), {})
    accounts = save_mapping(definition, user=None, actor="test")
    world.say(rules=(*RULES, Rule("account", "account", source="reference", mapping="accounts")))
    acme = world.north.put("Accounts", {"name": "Acme"})
    world.north.put("Contacts", person("ada") | {"account": acme.id})
    read(world)
    found = previewed(world)
    assert told(found) == {"blocked": 1}
    assert found.samples["blocked"][0].reason == "no_partner"
    carry_out(request_sync(accounts, actor="test", enqueue=False))
    found = previewed(world)
    assert told(found) == {"create": 1}
    partner = world.south.of("Accounts")[0].id
    assert [c.after for c in found.samples["create"][0].changes if c.name == "account"] == [partner]


NAMES = st.sampled_from(["ada", "bob", "eve", "dan", "kim"])
EDITS = st.tuples(
    st.sampled_from(["north", "south"]),
    st.sampled_from(["add", "rename", "rekey", "unkey", "empty", "remove"]),
    NAMES,
    st.integers(0, 5),
)


def do(world: World, edit: tuple[str, str, str, int]) -> None:
    """Edit one side behind everybody's back."""
    side, deed, name, number = edit
    crm = world.north if side == "north" else world.south
    records = crm.of("Contacts")
    if deed == "add" or not records:
        crm.put("Contacts", person(name))
        return
    record = records[number % len(records)]
    changed = {"rename": {"firstname": name}, "rekey": {"email": f"{name}@example.org"}, "unkey": {"email": None}}
    if deed == "remove":
        crm.remove("Contacts", record.id)
    else:
        crm.put("Contacts", changed.get(deed, {"lastname": None}), record.id)


@how(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    before=st.lists(EDITS, max_size=8),
    after=st.lists(EDITS, max_size=8),
    policy=st.sampled_from(["ignore", "mark", "delete"]),
    direction=st.sampled_from(["left-to-right", "right-to-left", "both"]),
    filter=st.sampled_from(["", "firstname != 'bob'"]),
    leaving=st.sampled_from(["stop", "keep"]),
)
@example(  # the run's own write frees the key that another record waits for: planned in its next round only
    before=[("north", "add", "ada", 0), ("south", "add", "ada", 0)],
    after=[("south", "add", "ada", 0), ("south", "unkey", "ada", 0)],
    policy="ignore",
    direction="right-to-left",
    filter="",
    leaving="stop",
)
def test_what_is_previewed_is_what_a_run_then_plans(
    before: list[Any], after: list[Any], policy: str, direction: str, filter: str, leaving: str
) -> None:
    start_again()
    said = {"delete_policy": policy, "direction": direction, "left_filter": filter, "leaving": leaving}
    said["guards"] = {
        "creates": 0,
        "deletes": 0,
        "changes": 0,
    }  # stops at the plan: its own writes open the way for more
    world = World(**said, rules=(*RULES, Rule("notes", "notes")))
    for edit in before:
        do(world, edit)
    if before:
        world.sync(approve_all=True)
    for edit in after:
        do(world, edit)
    read(world)
    tally = previewed(world)
    run = world.sync()
    open_entries = Entry.objects.filter(mapping=world.mapping.uuid, superseded_by=None)
    done = {kind: run.counts[kind] for kind in ("create", "update", "delete")}
    waits = {state: open_entries.filter(state=state).count() for state in ("blocked", "conflict")}
    assert done == {
        "create": tally.counts["create"],
        "update": tally.counts["change"],
        "delete": tally.counts["delete"],
    }
    assert waits == {"blocked": tally.counts["blocked"] + tally.counts["fail"], "conflict": tally.counts["conflict"]}


def told_by(*words: str) -> tuple[int, Any]:
    """Run `preview_mapping … --json`; return how it ended, and what it printed."""
    out, code = StringIO(), 0
    try:
        call_command("preview_mapping", *words, "--json", stdout=out, stderr=StringIO())
    except CommandError as e:
        code = e.returncode
    return code, orjson.loads(out.getvalue())


def test_the_command_tells_counts_and_samples_and_ends_well_also_where_records_fail(world: World) -> None:
    world.add(world.north, "ada")
    world.north.put("Contacts", {"email": "x@example.org"})
    assert told_by("contacts")[0] == 1
    assert "manage.py pull north Contacts" in told_by("contacts")[1]["error"]["message"]
    read(world)
    code, found = told_by("contacts")
    assert (code, found["version"], found["is_draft"]) == (0, 1, False)
    assert (found["counts"]["create"], found["counts"]["fail"]) == (1, 1)
    assert "required" in found["samples"]["fail"][0]["why"]
    assert found["read_at"]["left"]
    assert told_by("nothing")[0] == 2


def test_the_command_tells_of_one_record_rule_by_rule(world: World) -> None:
    (ada,) = world.add(world.north, "ada")
    read(world)
    code, found = told_by("contacts", "--record", ada.id)
    assert (code, found["outcomes"][0]["kind"], found["partner"]) == (0, "create", None)
    assert [f["field"] for f in found["fields"] if f["mark"] == "changes"] == ["lastname", "firstname", "email"]
    assert found["fields"][0]["steps"][0] == {"kind": "field", "name": "lastname", "value": "Ada"}
    assert told_by("contacts", "--record", "nobody")[0] == 2
    assert told_by("contacts", "--record", ada.id, "--side", "right")[0] == 2
