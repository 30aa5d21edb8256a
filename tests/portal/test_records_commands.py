"""The commands that list, show, save and delete records: what they print, how they end, and what the ledger keeps."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from typing import Any

import pytest
from django.core.management import CommandError, call_command, load_command_class

from connectors.errors import RecordInvalid, Unavailable
from connectors.memory import store
from connectors.types import Change
from portal.connections.models import Call, Connection
from portal.ledger.models import Entry, Run
from portal.records.models import Copy, Mirror
from portal.records.pull import mirror_of
from portal.records.store import store_changes

pytestmark = pytest.mark.django_db(transaction=True)


def run(*words: str) -> tuple[Any, str]:
    """Return the JSON a command prints, and what it says on stderr."""
    out, err = io.StringIO(), io.StringIO()
    call_command(*words, "--json", stdout=out, stderr=err)
    return json.loads(out.getvalue()), err.getvalue()


def shown(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def fails(code: int, *words: str) -> str:
    with pytest.raises(CommandError) as failed:
        run(*words)
    assert failed.value.returncode == code
    return str(failed.value)


def put(id: str, **values: Any) -> None:
    store("memory").put("Contacts", values, id)


def mirrored(north: Connection) -> Mirror:
    mirror = mirror_of(north, "Contacts")
    store_changes(mirror, [Change(r.id, r) for (m, _), r in store("memory").records.items() if m == "Contacts"])
    Mirror.objects.filter(pk=mirror.pk).update(completed_at="2026-01-01T00:00:00Z")
    return mirror


# Reading


def test_a_list_is_an_array_of_records_and_crosses_the_vendors_pages(north: Connection) -> None:
    for number in range(130):
        put(f"c{number:03}", lastname=f"Miller {number:03}", email=None)
    listed, _ = run("list_records", "north", "Contacts", "--order=-lastname", "--limit", "120", "--fields", "lastname")
    assert len(listed) == 120
    assert listed[0] | {"modified": ""} == {
        "id": "c129",
        "module": "Contacts",
        "values": {"lastname": "Miller 129"},
        "modified": "",
    }
    assert len(run("list_records", "north", "Contacts", "--limit", "0")[0]) == 130


def test_a_list_comes_from_the_mirror_unless_live_is_asked_for(north: Connection) -> None:
    put("c1", lastname="Old")
    run("list_records", "north", "Contacts")
    mirrored(north)
    put("c1", lastname="New")
    before = Call.objects.count()
    assert run("list_records", "north", "Contacts")[0][0]["values"]["lastname"] == "Old"
    assert Call.objects.count() == before
    assert run("list_records", "north", "Contacts", "--live")[0][0]["values"]["lastname"] == "New"


def test_a_list_says_on_stderr_of_when_it_is_and_that_it_was_cut(north: Connection) -> None:
    for id in ("a", "b", "c"):
        put(id, lastname="Miller")
    mirror = mirrored(north)
    Mirror.objects.filter(pk=mirror.pk).update(pulled_at="2026-03-01T12:30:00Z")
    told = "From the mirror as of 2026-03-01 12:30 UTC; --live asks the CRM."
    cut = "The first 2; there may be more: --limit 0 lists all."
    for words, said in (
        ([], [told]),
        (["--limit", "2"], [told, cut]),
        (["--limit", "0"], [told]),
        (["--limit", "2", "--live"], [cut]),
    ):
        assert run("list_records", "north", "Contacts", *words)[1].splitlines() == said, words


@pytest.mark.parametrize("live", [[], ["--live"]])
def test_a_list_is_filtered_and_sorted_alike_live_and_from_the_mirror(north: Connection, live: list[str]) -> None:
    for id, last, children in [("a", "O'Brien", "10"), ("b", "o'brien", "9"), ("c", "Smith", "1")]:
        put(id, lastname=last, children=children)
    mirrored(north)
    words = ["--filter", 'lastname contains "o\'brien"', "--order", "children", *live]
    assert [r["id"] for r in run("list_records", "north", "Contacts", *words)[0]] == ["b", "a"]


def test_a_list_for_people_is_a_table(north: Connection) -> None:
    put("c1", lastname="Miller\nand Sons", firstname="A" * 60)
    lines = shown("list_records", "north", "Contacts", "--fields", "lastname,firstname").splitlines()
    assert lines[0].split() == ["id", "lastname", "firstname"]
    assert "Miller and Sons" in lines[1] and lines[1].endswith("A…")


def test_a_record_is_read_live(north: Connection) -> None:
    put("c1", lastname="Old")
    mirrored(north)
    put("c1", lastname="New")
    told, _ = run("get_record", "north", "Contacts", "c1")
    assert (told["id"], told["module"], told["values"]["lastname"]) == ("c1", "Contacts", "New")


@pytest.mark.parametrize(
    ("code", "words", "told"),
    [
        (2, ["list_records", "nowhere", "Contacts"], "There is no connection “nowhere”. There are: north."),
        (2, ["list_records", "north", "Nothing"], "There is no module “Nothing”."),
        (2, ["list_records", "north", "Contacts", "--filter", "status = New and lastnam = x"], "(at character 18)"),
        (2, ["list_records", "north", "Contacts", "--order", "lastnam"], "--order: There is no field “lastnam”"),
        (2, ["list_records", "north", "Contacts", "--fields", "lastname,nothing"], "There is no field “nothing”"),
        (2, ["list_records", "north", "Contacts", "--limit", "-1"], "--limit"),
        (1, ["get_record", "north", "Contacts", "404"], "404"),
        (1, ["delete_record", "north", "Contacts", "404"], "404"),
        (1, ["save_record", "north", "Contacts", "404", "--set", "lastname=x"], "404"),
        (2, ["save_record", "north", "Contacts"], "--set"),
        (2, ["save_record", "north", "Contacts", "--set", "lastname"], "key=value"),
        (2, ["save_record", "north", "Contacts", "--set", "nothing=1"], "There is no field “nothing”"),
        (2, ["save_record", "north", "Contacts", "--set", "children=many"], "“children” is not a number"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_kept(north: Connection, code: int, words: list[str], told: str) -> None:
    assert told in fails(code, *words)
    assert not Run.objects.exists() and not store("memory").records


def test_a_minus_may_stand_first_in_the_order(north: Connection, capsys: pytest.CaptureFixture[str]) -> None:
    for id, last in (("a", "Adams"), ("b", "Brown")):
        put(id, lastname=last)
    for words in (["--order", "-lastname"], ["--order=-lastname"], ["--order", "lastname desc"]):
        ids = on_shell(capsys, "list_records", "north", "Contacts", *words, "--json")
        assert [record["id"] for record in ids] == ["b", "a"], words
    assert (
        "expected one argument"
        in on_shell(capsys, "list_records", "north", "Contacts", "--order", "--json")["error"]["message"]
    )


def on_shell(capsys: pytest.CaptureFixture[str], name: str, *words: str) -> Any:
    """Return the JSON a command prints that is called as by a shell."""
    with suppress(SystemExit):
        load_command_class("portal.records", name).run_from_argv(["manage.py", name, *words])
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("live", [[], ["--live"]])
def test_a_list_is_searched_as_in_the_browser(north: Connection, live: list[str]) -> None:
    for id, last, mail in (
        ("a", "O'Brien", "anna@x.org"),
        ("b", "Miller", "bob@x.org"),
        ("c", "Smith", "obrien@x.org"),
    ):
        put(id, lastname=last, email=mail)
    mirrored(north)
    found = [
        r["id"] for r in run("list_records", "north", "Contacts", "--search", "brien x.org", "--order", "id", *live)[0]
    ]
    assert found == ["a", "c"]
    more = ["--search", "x.org", "--filter", "lastname = Miller"]
    assert [r["id"] for r in run("list_records", "north", "Contacts", *more, *live)[0]] == ["b"]


def test_fields_may_be_named_by_their_labels_and_an_empty_list_means_all(north: Connection) -> None:
    put("c1", lastname="Miller")
    assert run("list_records", "north", "Contacts", "--fields", "Last Name, EMAIL")[0][0]["values"].keys() == {
        "lastname",
        "email",
    }
    assert "lastname" in run("list_records", "north", "Contacts", "--fields", "")[0][0]["values"]


# Writing


def test_a_record_is_created_by_the_types_of_its_fields_and_printed_as_read_back(north: Connection) -> None:
    pairs = [
        "lastname=O'Brien = Sons",
        "children=۲",
        "optout=yes",
        "birthday=2024-02-29",
        "status=Being worked on",
        "email=",
    ]
    told, _ = run("save_record", "north", "Contacts", *(word for pair in pairs for word in ("--set", pair)))
    values = told["values"]
    assert (values["lastname"], values["children"], values["optout"]) == ("O'Brien = Sons", "2", True)
    assert (values["birthday"], values["status"], values["email"]) == ("2024-02-29", "In Progress", None)
    assert store("memory").records["Contacts", told["id"]].values == values


def test_a_write_is_in_the_ledger_with_what_was_before_intended_and_stored(north: Connection) -> None:
    put("c1", lastname="Old", firstname="Anna")
    run("save_record", "north", "Contacts", "c1", "--set", "lastname=New", "--set", "firstname=Anna")
    entry = Entry.objects.select_related("run").get()
    assert (entry.action, entry.state, entry.record_id, entry.label) == ("update", "done", "c1", "Anna Old")
    assert (entry.before, entry.intended, entry.stored) == (
        {"lastname": "Old", "firstname": "Anna"},
        {"lastname": "New"},
        {"lastname": "New"},
    )
    assert (entry.run.kind, entry.run.state, entry.run.actor, entry.run.counts) == (
        "edit",
        "succeeded",
        "command",
        {"update": 1},
    )
    assert entry.run.calls >= 2 and entry.sent_at is not None and entry.settled_at is not None


def test_what_holds_already_is_not_sent(north: Connection) -> None:
    put("c1", lastname="Same")
    run("save_record", "north", "Contacts", "c1", "--set", "lastname=Same")
    assert not Call.objects.filter(writes=True).exists()
    assert Entry.objects.get().state == "skipped"


def test_a_write_is_at_once_in_the_mirror_and_its_history_names_the_run(north: Connection) -> None:
    put("c1", lastname="Old")
    mirror = mirrored(north)
    run("save_record", "north", "Contacts", "c1", "--set", "lastname=New")
    assert Copy.objects.get(mirror=mirror).values["lastname"] == "New"
    run("delete_record", "north", "Contacts", "c1")
    assert Copy.objects.get(mirror=mirror).deleted == "gone"


def test_a_deleted_record_stays_in_the_ledger(north: Connection) -> None:
    put("c1", lastname="Miller")
    told, _ = run("delete_record", "north", "Contacts", "c1")
    assert told["deleted"] and not store("memory").records
    assert Entry.objects.get().before["lastname"] == "Miller"


@pytest.mark.parametrize(
    "words",
    [["save_record", "north", "Contacts", "c1", "--set", "lastname=New"], ["delete_record", "north", "Contacts", "c1"]],
)
def test_nothing_is_written_where_writing_is_not_allowed(north: Connection, words: list[str]) -> None:
    put("c1", lastname="Old")
    Connection.objects.update(writable=False)
    assert "writ" in fails(1, *words)
    assert store("memory").records["Contacts", "c1"].values["lastname"] == "Old"
    assert Run.objects.get().state == "failed" and Entry.objects.get().state == "failed"


def test_values_the_crm_refuses_are_told_and_the_run_failed(north: Connection) -> None:
    store("memory").fail("create", RecordInvalid("The e-mail is not valid.", fields={"email": "is not valid"}))
    assert "The e-mail is not valid." in fails(1, "save_record", "north", "Contacts", "--set", "lastname=x")
    assert (Run.objects.get().state, Entry.objects.get().state) == ("failed", "failed")


def test_an_answer_that_never_came_is_unknown_not_failed_and_says_what_to_do(north: Connection) -> None:
    store("memory").fail("create", Unavailable("No answer.", maybe_done=True), after=True)
    fails(1, "save_record", "north", "Contacts", "--set", "lastname=x")
    assert Entry.objects.get().state == "unknown"
    assert "Look at the record in the CRM before trying again" in Run.objects.get().message
    assert len(store("memory").records) == 1, "sent once, never repeated"


def test_pulling_with_sweep_tells_what_is_missing_and_what_was_missed(north: Connection) -> None:
    put("1", lastname="Ada")
    put("2", lastname="Bo")
    run("pull", "north", "Contacts")
    Copy.objects.filter(record_id="1").delete()
    store("memory").remove("Contacts", "2")
    store("memory").happened.clear()  # as at a CRM that does not tell
    told, _ = run("pull", "north", "Contacts", "--sweep")
    assert (told["missing"], told["found"], told["gone"]) == (1, 1, 0)
    assert Copy.objects.get(record_id="2").deleted == "missing"
    assert "Swept: 0 missing, 0 that we did not have." in shown("pull", "north", "Contacts", "--sweep")


def test_a_new_record_belongs_to_the_connections_owner_unless_somebody_is_named(north: Connection) -> None:
    Connection.objects.update(settings={**north.settings, "default_owner": "2"})
    made, _ = run("save_record", "north", "Contacts", "--set", "lastname=Ada")
    assert made["values"]["owner"] == "2" and Entry.objects.get().intended["owner"] == "2"
    named, _ = run("save_record", "north", "Contacts", "--set", "lastname=Bob", "--set", "owner=1")
    assert named["values"]["owner"] == "1"
    changed, _ = run("save_record", "north", "Contacts", named["id"], "--set", "lastname=Bobby")
    assert changed["values"]["owner"] == "1", "an owner is given to new records only"
