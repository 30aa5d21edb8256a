"""The mapping screens, as a person with a browser meets them."""

from __future__ import annotations

import io
from collections.abc import Callable
from html import unescape
from typing import Any

import orjson
import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from portal.connections.access import open_connector
from portal.connections.models import Connection
from portal.ledger.models import AuditEntry
from portal.mappings.definition import Definition, Schedule
from portal.mappings.models import Mapping
from portal.mappings.save import make_live
from portal.mappings.stored import definition_of, draft_of, newest
from portal.records.pull import mirror_of, pull
from portal.sync.run import SyncRefused, request_sync
from portal.sync.schedules import next_run

ADD = "/mappings/add/?left_connection=north&right_connection=south"
MODULES = {"left_module": "Contacts", "right_module": "Contacts", "direction": "left-to-right"}
KEY = {"match-TOTAL_FORMS": "1", "match-INITIAL_FORMS": "0", "match-0-left": "email", "match-0-right": "email"}
RULES = (
    {"left": "lastname", "right": "lastname"},
    {"left": "email", "right": "email"},
    {"right": "firstname", "source": "value", "value": "Ali"},
)
POLICIES = {
    "direction": "left-to-right",
    "leaving": "stop",
    "conflicts": "left",
    "deletes": "ignore",
    "guards": "default",
}


@pytest.fixture
def both(make_connection: Callable[..., Connection]) -> list[Connection]:
    return [
        make_connection("north", settings={"store": "memory"}),
        make_connection("south", settings={"store": "other"}),
    ]


@pytest.fixture
def contacts(admin: Client, both: list[Connection]) -> Mapping:
    """A mapping just begun."""
    assert admin.post(ADD, MODULES).status_code == 302
    return Mapping.objects.get()


def rows(*rules: dict[str, str], **more: str) -> dict[str, str]:
    """Return what the editor posts for these rules."""
    said = {f"rules-{n}-{name}": value for n, rule in enumerate(rules) for name, value in rule.items()}
    return {"rules-TOTAL_FORMS": str(len(rules)), "rules-INITIAL_FORMS": "0", **said, **more}


def at(page: str, mapping: Mapping | str = "contacts") -> str:
    """Return the address of one of the mapping's pages."""
    return reverse(f"mappings:{page}", args=[str(mapping)])


def said(mapping: Mapping) -> Definition:
    """Return what its newest version says."""
    mapping.refresh_from_db()
    return definition_of(mapping, newest(mapping))


def test_an_empty_portal_says_what_a_mapping_is_for(admin: Client) -> None:
    assert "No mapping yet" in admin.get(reverse("mappings:list")).content.decode()
    assert "No connection yet" in admin.get(reverse("mappings:add")).content.decode()


# Making a new one, step by step


def test_two_questions_begin_a_draft_that_can_be_gone_on_with(admin: Client, both: list[Connection]) -> None:
    assert "Which connections?" in admin.get("/mappings/add/").content.decode()
    second = admin.get(ADD).content.decode()
    assert "Which modules?" in second and 'value="Contacts"' in second
    answer = admin.post(ADD, MODULES)
    assert answer["Location"] == at("match")
    mapping = Mapping.objects.get()
    assert (mapping.name, mapping.version, mapping.is_live) == ("contacts", 0, False)
    assert "not live yet" in admin.get(reverse("mappings:list")).content.decode()
    assert admin.post(ADD, MODULES)["Location"] == at("match", "contacts-2")  # a name of its own


@pytest.mark.parametrize("wrong", [{"left_module": "Nothing"}, {"left_module": ""}])
def test_a_module_that_does_not_exist_begins_nothing(
    admin: Client, both: list[Connection], wrong: dict[str, str]
) -> None:
    assert "Choose a module on each side" in admin.post(ADD, MODULES | wrong).content.decode()
    assert not Mapping.objects.exists()


def test_the_steps_lead_from_one_to_the_next_and_at_the_end_it_is_made_live(admin: Client, contacts: Mapping) -> None:
    assert admin.post(at("match"), KEY | {"next": "1"})["Location"] == at("change")
    assert admin.post(at("change"), rows(*RULES, next="1"))["Location"] == at("policies")
    assert admin.post(at("policies"), POLICIES | {"next": "1"})["Location"] == at("schedule")
    admin.post(at("schedule"), {"name": "people", "every_minutes": "15", "next": "1"})
    made = said(contacts)
    assert (made.name, made.match, made.schedule) == ("people", (("email", "email"),), Schedule(15))
    assert [(r.left, r.right, r.source, r.value) for r in made.rules] == [
        ("lastname", "lastname", "field", None),
        ("email", "email", "field", None),
        ("", "firstname", "value", "Ali"),
    ]
    assert next_run(contacts) is None  # a draft does not run
    admin.post(at("live", "people"))
    contacts.refresh_from_db()
    assert contacts.is_live and draft_of(contacts) is None and next_run(contacts) is not None
    assert AuditEntry.objects.first().action == "make_mapping_live"  # type: ignore[union-attr]


def test_what_is_wrong_is_kept_as_a_draft_told_and_never_made_live(admin: Client, contacts: Mapping) -> None:
    admin.post(at("change"), rows({"left": "lastnme", "right": "lastname"}))
    assert said(contacts).rules[0].left == "lastnme"
    page = unescape(admin.get(at("change")).content.decode())
    assert "has no field “lastnme”. Did you mean “lastname”?" in page
    told = unescape(admin.post(at("live"), follow=True).content.decode())
    assert "It was not made live" in told and "name at least one pair of fields" in told
    contacts.refresh_from_db()
    assert not contacts.is_live


def test_a_mapping_that_is_not_live_cannot_run(contacts: Mapping) -> None:
    with pytest.raises(SyncRefused, match="is not live yet"):
        request_sync(contacts, actor="test", enqueue=False)


# A live one


@pytest.fixture
def live(admin: Client, contacts: Mapping) -> Mapping:
    """A mapping that is live."""
    admin.post(at("match"), KEY)
    admin.post(at("change"), rows(*RULES))
    contacts.refresh_from_db()
    make_live(contacts, by="test")
    return contacts


def test_an_edit_of_a_live_mapping_is_a_draft_until_it_is_made_live(admin: Client, live: Mapping) -> None:
    before = live.version
    admin.post(at("change"), rows(*RULES[:2]))
    live.refresh_from_db()
    assert live.version == before and len(definition_of(live).rules) == 3 and len(said(live).rules) == 2
    assert "is a draft by admin" in admin.get(at("policies")).content.decode()
    admin.post(at("live"))
    live.refresh_from_db()
    assert live.version == before + 1 and len(definition_of(live).rules) == 2


def test_a_draft_can_be_dropped_and_an_old_version_taken_up_again(admin: Client, live: Mapping) -> None:
    before = live.version
    admin.post(at("change"), rows(*RULES[:1]))
    page = unescape(admin.get(at("versions")).content.decode())
    assert "email → email" in page and "Restore as a draft" in page
    compared = admin.get(f"{at('versions')}?from={before}&to={before + 1}").content.decode()
    assert f"From version {before} to version {before + 1}" in compared
    admin.post(at("drop"))
    assert draft_of(live) is None and len(said(live).rules) == 3
    admin.post(reverse("mappings:restore", args=["contacts", before - 1]))
    assert draft_of(live) is not None and said(live).rules == () and said(live).match == (("email", "email"),)


def test_a_name_that_is_taken_is_refused(admin: Client, live: Mapping) -> None:
    admin.post(ADD, MODULES)
    page = admin.post(at("schedule"), {"name": "contacts-2", "every_minutes": ""})
    assert "Another mapping has this name." in page.content.decode()
    assert said(live).name == "contacts"


def test_a_mapping_is_paused_resumed_and_deleted(admin: Client, live: Mapping) -> None:
    for state in ("paused", "active"):
        admin.post(at("pause"))
        assert Mapping.objects.get().state == state
    assert "Delete the mapping" in admin.get(at("delete")).content.decode()
    admin.post(at("delete"))
    assert not Mapping.objects.exists()


# Match key, policies, schedule


def test_a_key_with_one_half_is_refused_beside_its_row(admin: Client, contacts: Mapping) -> None:
    page = admin.post(at("match"), KEY | {"match-0-right": ""})
    assert "Choose a field on both sides, or on none." in page.content.decode() and said(contacts).match == ()


@pytest.fixture
def read(both: list[Connection]) -> None:
    """Both modules read into their mirrors."""
    for connection in both:
        Connection.objects.filter(pk=connection.pk).update(writable=True)
        connection.refresh_from_db()
        with open_connector(connection, purpose="sync") as crm:
            crm.create("Contacts", {"lastname": "Lovelace", "email": "ada@example.com"})
            pull(mirror_of(connection, "Contacts"), crm)


def test_a_key_is_suggested_from_what_the_mirrors_hold_and_told_what_it_finds(
    admin: Client, contacts: Mapping, read: None
) -> None:
    page = admin.get(at("match")).content.decode()
    assert 'name="use" value="email=email"' in page
    admin.post(at("match"), {"use": "email=email"})
    assert said(contacts).match == (("email", "email"),)
    assert "What this key finds now" in admin.get(at("match")).content.decode()


def test_modules_that_were_not_read_yet_can_be_from_here(admin: Client, contacts: Mapping) -> None:
    assert "Read both now" in admin.get(at("match")).content.decode()
    answer = admin.post(at("read")).content.decode()
    assert "being read" in answer and 'hx-trigger="every 2s"' in answer


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"left_filter": "lastnme = x"}, "There is no field “lastnme”"),
        ({"right_filter": "email ~ x"}, "An operator is expected"),
        ({"guards": "own", "guard_creates": "many"}, "expected a number or a percentage"),
        ({"direction": "sideways"}, "Select a valid choice"),
    ],
)
def test_policies_that_are_not_understood_are_not_kept(
    admin: Client, contacts: Mapping, change: dict[str, str], message: str
) -> None:
    before = said(contacts)
    page = admin.post(at("policies"), POLICIES | change)
    assert page.status_code == 200 and message in unescape(page.content.decode()) and said(contacts) == before


def test_policies_are_kept(admin: Client, contacts: Mapping) -> None:
    own = {"guards": "own", "guard_creates": "7", "guard_deletes": "5%", "guard_changes": ""}
    admin.post(
        at("policies"), POLICIES | own | {"leaving": "keep", "conflicts": "ask", "left_filter": "email is not empty"}
    )
    made = said(contacts)
    assert (made.leaving, made.conflict_policy, made.left.filter) == ("keep", "ask", "email is not empty")
    assert made.guards == {"creates": "7", "deletes": "5%"}


def test_a_filter_for_a_value_that_its_list_does_not_name_is_kept_and_told(admin: Client, contacts: Mapping) -> None:
    page = admin.post(at("policies"), POLICIES | {"left_filter": "status = Retired"}, follow=True).content.decode()
    assert "“Retired” is none of the choices of “status”" in page


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"every_minutes": "5", "cron": "0 7 * * *"}, "Say either minutes or a cron line, not both."),
        ({"cron": "every day"}, "is not a cron line"),
        ({"every_minutes": "0"}, "greater than or equal to 1"),
        ({"name": "two words"}, "Enter a valid “slug”"),
    ],
)
def test_a_schedule_that_is_not_understood_is_not_kept(
    admin: Client, contacts: Mapping, change: dict[str, str], message: str
) -> None:
    page = admin.post(at("schedule"), {"name": "contacts"} | change)
    assert message in unescape(page.content.decode()) and said(contacts).schedule == Schedule()


# The editor of rules


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"left": "email"}, "Which field?"),
        ({"source": "value", "value": "x", "left": "", "right": ""}, "Into which field?"),
        ({"right": "tags", "source": "value", "value": "[one, two"}, "is no list in JSON"),
    ],
)
def test_a_row_that_is_half_said_is_told_at_its_place_and_loses_nothing(
    admin: Client, contacts: Mapping, row: dict[str, str], message: str
) -> None:
    page = unescape(admin.post(at("change"), rows(RULES[0], row)).content.decode())
    assert message in page and 'value="lastname"' in page and said(contacts).rules == ()


def test_a_row_that_is_taken_out_is_not_found_fault_with(admin: Client, contacts: Mapping) -> None:
    admin.post(at("change"), rows(RULES[0], {"left": "email", "DELETE": "on"}))
    assert [rule.left for rule in said(contacts).rules] == ["lastname"]


def test_every_kind_of_rule_is_kept_with_all_it_says(admin: Client, contacts: Mapping) -> None:
    more = {"direction": "left-to-right", "policy": "ask", "compare": "case", "may_clear": "on", "only_on_create": "on"}
    kinds: list[dict[str, str]] = [
        {"left": "lastname", "right": "lastname", **more},
        {"left": "email", "right": "firstname", "source": "expression", "expression": "{{ email|upper }}"},
    ]
    admin.post(at("change"), rows(*kinds))
    plain, made = said(contacts).rules
    assert (plain.policy, plain.compare, plain.may_clear, plain.only_on_create) == ("ask", "case", True, True)
    assert (made.left, made.right, made.source, made.expression) == ("", "firstname", "expression", "{{ email|upper }}")
    page = admin.get(at("change")).content.decode()
    assert "{{ email|upper }}" in page


def test_an_expression_that_is_wrong_is_told_beside_its_row(admin: Client, contacts: Mapping) -> None:
    admin.post(at("change"), rows({"right": "firstname", "source": "expression", "expression": "{{ email|uper }}"}))
    assert "uper" in unescape(admin.get(at("change")).content.decode()).split('id="notes-0"')[1].split("</li>")[0]


def test_suggestions_are_accepted_one_or_all_and_keep_what_was_typed(admin: Client, contacts: Mapping) -> None:
    page = admin.get(at("change")).content.decode()
    assert 'value="email=email"' in page and "Accept all" in page
    admin.post(at("change"), rows(RULES[2], accept="email=email"))
    assert [(r.left, r.right) for r in said(contacts).rules] == [("", "firstname"), ("email", "email")]
    admin.post(at("change"), rows(RULES[2], {"left": "email", "right": "email"}, accept_all="1"))
    ends = [(r.left, r.right) for r in said(contacts).rules]
    assert ("lastname", "lastname") in ends and len(ends) == len(set(ends)) > 3
    assert len([end for end in ends if end[1] == "firstname"]) == 1  # what has a rule gets no second one


def test_a_field_of_a_list_becomes_a_rule_with_its_likeliest_partner(admin: Client, contacts: Mapping) -> None:
    admin.post(at("change"), rows(add="=lastname"))
    assert [(r.left, r.right) for r in said(contacts).rules] == [("lastname", "lastname")]


def test_what_stands_beside_the_rows_is_told_while_editing_and_nothing_is_saved(
    admin: Client, contacts: Mapping, read: None
) -> None:
    answer = unescape(admin.post(at("notes"), rows({"left": "lastnme", "right": "lastname"})).content.decode())
    assert 'id="notes-0" hx-swap-oob="true"' in answer and "has no field “lastnme”" in answer
    assert "% filled" in answer and said(contacts).rules == ()


def test_a_mapping_whose_crm_does_not_answer_says_so(admin: Client, contacts: Mapping) -> None:
    Mapping.objects.filter(pk=contacts.pk).update(left_module="Vanished")
    page = admin.get(at("change"), follow=True).content.decode()
    assert "The fields could not be read" in page


def test_a_stranger_sees_none_of_it(contacts: Mapping) -> None:
    for page in ("match", "change", "policies", "schedule", "versions"):
        assert Client().get(at(page)).status_code == 302


# What passes a filter


def test_what_passes_a_filter_is_counted_and_shown_while_it_is_typed(
    admin: Client, contacts: Mapping, read: None
) -> None:
    page = admin.get(at("policies")).content.decode()
    assert "1 record passes." in page and "Lovelace" in page
    typed = admin.post(at("filtered"), {"left_filter": "lastname = nobody", "right_filter": "lastnme = x"})
    answer = unescape(typed.content.decode())
    assert "0 records pass." in answer and "There is no field “lastnme”" in answer and said(contacts).left.filter == ""


def test_a_copy_says_the_same_and_is_a_draft(admin: Client, live: Mapping) -> None:
    admin.post(at("copy"))
    made = Mapping.objects.get(name="contacts-2")
    assert not made.is_live and said(made).match == said(live).match
    assert [(r.left, r.right) for r in said(made).rules] == [(r.left, r.right) for r in said(live).rules]


# By command


def checked(*words: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code of `check_mapping` and what it told."""
    out, code = io.StringIO(), 0
    try:
        call_command("check_mapping", *words, "--json", stdout=out, stderr=io.StringIO())
    except SystemExit as e:
        code = int(e.code or 0)
    return code, orjson.loads(out.getvalue())


def test_a_command_checks_a_mapping_and_fails_on_errors(admin: Client, live: Mapping) -> None:
    code, told = checked("contacts")
    assert code == 0 and all(finding["level"] == "warning" for finding in told["findings"])
    admin.post(at("change"), rows({"left": "lastnme", "right": "lastname"}))
    code, told = checked("contacts")
    assert code == 1 and "lastnme" in told["findings"][0]["text"] and "error" in told
    assert checked("contacts", "--live")[0] == 0
