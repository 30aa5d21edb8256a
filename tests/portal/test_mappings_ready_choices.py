"""What the ready mapping takes and what it leaves to a person, each with its reason; and the wizard that begins with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from connectors.memory import store
from connectors.types import Choice, FieldSchema, FieldType, Module, ModuleSchema, Values
from portal.connections.models import Connection
from portal.mappings.check import check
from portal.mappings.definition import Rule, Side
from portal.mappings.findings import Known
from portal.mappings.models import Mapping
from portal.mappings.ready import Ready, ready
from portal.mappings.ready_tables import table_between
from portal.mappings.stored import definition_of, newest
from portal.mappings.suggest import kind_of_module
from portal.mappings.tables import Table
from portal.records.profile import profile

T = FieldType
NAME = FieldSchema("lastname", "Last name", required=True)
EMAIL = FieldSchema("email", "E-mail", T.EMAIL)
OF_COMPANY = FieldSchema("account_id", "Company", T.REFERENCE, refers_to=("Accounts",))
COMPANIES = {"companies": (Side("south", "Accounts"), Side("north", "Accounts"))}


def people(*fields: FieldSchema, owner: str | None = None) -> ModuleSchema:
    return ModuleSchema(Module("Contacts", "Contacts"), (NAME, EMAIL, *fields), owner_field=owner)


def choice(name: str, *values: str, label: str = "", **more: Any) -> FieldSchema:
    return FieldSchema(name, label or name.title(), T.CHOICE, choices=tuple(Choice(v, v) for v in values), **more)


def made(
    left: ModuleSchema,
    right: ModuleSchema,
    direction: str = "left-to-right",
    *,
    known: Known | None = None,
    held: list[Values] | None = None,
    tables: bool = False,
) -> Ready:
    profiles = {"left": profile(held, left)} if held else {}
    sides = Side("north", left.module.name), Side("south", right.module.name)
    return ready(
        *sides, {"left": left, "right": right}, profiles, known or Known(), direction, name="people", with_tables=tables
    )  # type: ignore[arg-type]


def pairs(found: Ready) -> set[tuple[str, str]]:
    return {(rule.left, rule.right) for rule in found.definition.rules}


def why(found: Ready, left: str) -> str:
    """Return the reason why that field is left out."""
    return next(str(one.reason) for one in found.left_out if one.left == left)


BOTH = {("lastname", "lastname"), ("email", "email")}


def test_what_is_sure_becomes_a_rule_and_the_best_key_matches() -> None:
    found = made(people(), people())
    assert pairs(found) == BOTH and found.left_out == ()
    assert found.definition.match == (("email", "email"),) and found.definition.name == "people"
    assert check(found.definition, {"left": people(), "right": people()}) == []


def test_from_right_to_left_the_left_side_is_what_has_to_fit() -> None:
    few, many = people(choice("rating", "hot")), people(choice("rating", "hot", "cold"))
    assert ("rating", "rating") in pairs(made(many, few, "right-to-left"))
    assert ("rating", "rating") not in pairs(made(few, many, "right-to-left"))


@pytest.mark.parametrize(
    ("origin", "target", "values", "taken"),
    [
        (choice("rating", "hot", "cold"), choice("rating", "hot", "cold", "dead"), [], True),
        (choice("rating", "hot", "cold"), choice("rating", "hot"), [], False),
        (choice("rating"), choice("rating", "hot"), [], False),
        (choice("rating"), choice("rating", "hot"), ["hot", "hot"], True),
        (choice("rating"), choice("rating", "hot"), ["hot", "Hot stuff"], False),
        (choice("rating", "hot"), choice("rating"), [], True),
        (choice("rating", "hot"), choice("rating", "hot"), ["hot", "taken off the list"], False),
        (FieldSchema("employees", "Employees"), FieldSchema("employees", "Employees", T.INTEGER), [], False),
        (FieldSchema("employees", "Employees"), FieldSchema("employees", "Employees", T.INTEGER), ["12"], True),
        (FieldSchema("employees", "Employees"), FieldSchema("employees", "Employees", T.INTEGER), ["10-20"], False),
        (FieldSchema("city", "City"), FieldSchema("city", "City", max_length=5), ["Berlin"], False),
        (FieldSchema("city", "City"), FieldSchema("city", "City", max_length=6), ["Berlin"], True),
    ],
)
def test_a_field_is_left_out_where_records_would_fail_by_it(
    origin: FieldSchema, target: FieldSchema, values: list[str], taken: bool
) -> None:
    held: list[Values] = [{"lastname": f"N{n}", origin.name: value} for n, value in enumerate(values)]
    found = made(people(origin), people(target), held=held)
    assert ((origin.name, target.name) in pairs(found)) is taken
    assert taken or target.label in why(found, origin.name)


# Value tables

OURS = choice("source", "Web Site", "Cold Call", "Trade Show", "Odd one")
THEIRS = choice("source", "website", "cold-call", "exhibition", "other")


def rows(found: Ready) -> list[tuple[str, str]]:
    """Return the rows of the one value table of the ready mapping."""
    (one,) = found.tables
    (rule,) = (rule for rule in found.definition.rules if rule.table)
    assert rule.table == one.table.name and (rule.left, rule.right) == (one.left, one.right)
    return list(one.table.pairs)


def test_two_pick_lists_that_are_not_alike_meet_by_a_value_table_with_a_row_for_each_entry() -> None:
    found = made(people(OURS), people(THEIRS), tables=True)
    assert dict(rows(found)) == {
        "Web Site": "website", "Cold Call": "cold-call", "Trade Show": "exhibition", "Odd one": ""
    }  # fmt: skip
    assert found.tables[0].without == ("Odd one",) and found.tables[0].table.name == "people-source"
    assert found.left_out == () and found.tables[0].table.unlisted == "error"
    schemas = {"left": people(OURS), "right": people(THEIRS)}
    known = Known(tables={found.tables[0].table.name: found.tables[0].table})
    assert not [f for f in check(found.definition, schemas, known) if f.level == "error"]


def test_both_ways_each_entry_of_either_side_has_a_row_and_the_best_pairs_come_first() -> None:
    found = made(people(OURS), people(THEIRS), "both", tables=True)
    assert rows(found)[:3] == [("Web Site", "website"), ("Cold Call", "cold-call"), ("Trade Show", "exhibition")]
    assert set(rows(found)[3:]) == {("Odd one", ""), ("", "other")} and found.tables[0].without == ("Odd one", "other")


def test_a_value_that_only_records_hold_gets_a_row_too() -> None:
    held: list[Values] = [{"lastname": "Ada", "source": "Off the list"}]
    found = made(people(OURS), people(THEIRS), held=held, tables=True)
    assert ("Off the list", "") in rows(found)


def test_yes_and_no_meet_a_pick_list_of_two() -> None:
    yes = FieldSchema("optout", "Opt out", T.BOOLEAN)
    found = table_between({"left": yes, "right": choice("out", "Yes", "No")}, {}, ("right",), "Opt out?", ())
    assert found is not None and found.table == Table("opt-out", (("true", "Yes"), ("false", "No")))


@pytest.mark.parametrize(
    "target",
    [
        replace(THEIRS, required=True),  # an entry without a partner would leave it empty
        choice("source", "website", "something", "else"),  # hardly any partner
        replace(THEIRS, choices=()),
        FieldSchema("source", "Source", T.MULTICHOICE, choices=THEIRS.choices),
    ],
)
def test_no_table_is_made_where_it_would_leave_records_behind(target: FieldSchema) -> None:
    found = made(people(OURS), people(target), tables=True)
    assert found.tables == ()


def test_a_name_that_is_taken_gets_a_number() -> None:
    known = Known(tables={"people-source": Table("people-source", ())})
    found = made(people(OURS), people(THEIRS), known=known, tables=True)
    assert found.tables[0].table.name == "people-source-2"


def test_a_reference_goes_by_the_mapping_that_joins_what_it_refers_to_and_else_is_left_out() -> None:
    sides = people(OF_COMPANY), people(OF_COMPANY)
    assert "make that one first" in why(made(*sides), "account_id")
    rules = made(*sides, known=Known(mappings=COMPANIES)).definition.rules
    assert Rule("account_id", "account_id", source="reference", mapping="companies") in rules
    elsewhere = {"companies": (Side("north", "Accounts"), Side("east", "Accounts"))}
    assert "make that one first" in why(made(*sides, known=Known(mappings=elsewhere)), "account_id")


def test_a_reference_to_more_than_the_mapping_joins_is_left_out_since_such_records_would_wait_for_ever() -> None:
    wide = FieldSchema("account_id", "Company", T.REFERENCE, refers_to=("Accounts", "Vendors"))
    known = Known(mappings=COMPANIES)
    assert "Vendors" in why(made(people(wide), people(OF_COMPANY), known=known), "account_id")
    assert ("account_id", "account_id") in pairs(made(people(OF_COMPANY), people(wide), known=known))


def test_a_reference_that_new_records_need_is_taken_though_some_records_will_wait() -> None:
    wide = FieldSchema("account_id", "Company", T.REFERENCE, refers_to=("Accounts", "Vendors"))
    needed = FieldSchema("account_id", "Company", T.REFERENCE, required=True, refers_to=("Accounts",))
    found = made(people(wide), people(needed), known=Known(mappings=COMPANIES))
    assert ("account_id", "account_id") in pairs(found) and found.left_out == ()


def test_a_reference_to_the_module_itself_is_left_to_the_person() -> None:
    boss = FieldSchema("reports_to", "Reports to", T.REFERENCE, refers_to=("Contacts",))
    assert "this mapping itself" in why(made(people(boss), people(boss)), "reports_to")


def test_owners_are_left_to_the_connection() -> None:
    owner = FieldSchema("owner", "Owner", T.OWNER)
    given = FieldSchema("owner", "Owner", T.OWNER, required=True, default="7")
    assert "name an owner" in why(made(people(owner), people(owner, owner="owner")), "owner")
    found = made(people(owner), people(given, owner="owner"))
    assert "the connection names" in why(found, "owner") and pairs(found) == BOTH


def test_nobody_is_let_into_a_portal_by_a_copy() -> None:
    portal = FieldSchema("portal", "Portal user", T.BOOLEAN)
    found = made(people(portal), people(portal))
    assert pairs(found) == BOTH and "portal" in why(found, "portal")


@pytest.mark.parametrize(
    ("wanted", "rule"),
    [
        (choice("kind", "a", "b", required=True, default="b"), Rule("", "kind", "value", "b", only_on_create=True)),
        (choice("kind", "a", required=True), Rule("", "kind", "value", "a", only_on_create=True)),
        (choice("kind", "a", "b", required=True), None),
        (FieldSchema("kind", "Kind", required=True), None),
        (FieldSchema("kind", "Kind", T.REFERENCE, required=True, refers_to=("Accounts",)), "companies"),
        (FieldSchema("kind", "Kind", T.REFERENCE, required=True, refers_to=("Vendors",)), None),
        (FieldSchema("kind", "Kind", T.OWNER, required=True), None),
    ],
)
def test_what_a_new_record_needs_is_filled_without_inventing_or_stays_an_error(
    wanted: FieldSchema, rule: Rule | str | None
) -> None:
    left, right, known = people(OF_COMPANY), people(wanted), Known(mappings=COMPANIES)
    found = made(left, right, known=known).definition
    more = [r for r in found.rules if (r.left, r.right) not in BOTH]
    filled = Rule("account_id", "kind", source="reference", mapping=rule) if isinstance(rule, str) else rule
    assert more == ([] if filled is None else [filled])
    errors = [f.text for f in check(found, {"left": left, "right": right}, known) if f.level == "error"]
    assert errors == [] if filled else "Kind" in str(errors)


@pytest.mark.parametrize(
    ("name", "label", "kind"),
    [
        ("HelpDesk", "Tickets", "tickets"),
        ("accounts", "Organizations", "companies"),
        ("AOS_Products", "محصولات", "products"),
        ("m7", "سرنخ ها", "leads"),
        ("person", "", "contacts"),
        ("Invoice", "Invoices", ""),
        ("m7", "Spaceships", ""),
    ],
)
def test_a_module_of_an_everyday_kind_is_known_by_its_name_or_its_label(name: str, label: str, kind: str) -> None:
    assert kind_of_module(Module(name, label)) == kind


# The wizard

ADD = "/mappings/add/?left_connection=north&right_connection=south"
MODULES = {"left_module": "Contacts", "right_module": "Contacts", "direction": "left-to-right"}


@pytest.fixture
def both(make_connection: Callable[..., Connection]) -> None:
    make_connection("north", settings={"store": "memory"})
    make_connection("south", settings={"store": "other"})


def test_a_new_mapping_begins_with_the_ready_one_and_says_what_that_leaves_out(admin: Client, both: None) -> None:
    assert 'name="ready" id="ready" checked' in admin.get(ADD).content.decode()
    page = admin.post(ADD, {**MODULES, "ready": "on"}, follow=True).content.decode()
    mapping = Mapping.objects.get()
    said = definition_of(mapping, newest(mapping))
    assert said.match == (("email", "email"),) and ("lastname", "lastname") in {(r.left, r.right) for r in said.rules}
    assert not mapping.is_live and "Left out of the ready mapping:" in page and "owners are other people" in page


def test_who_does_not_want_it_begins_with_nothing(admin: Client, both: None) -> None:
    admin.post(ADD, MODULES)
    mapping = Mapping.objects.get()
    assert definition_of(mapping, newest(mapping)).rules == ()


def test_a_crm_that_does_not_tell_its_fields_has_the_mapping_begin_empty_and_says_why(
    admin: Client, both: None
) -> None:
    admin.get(ADD)  # both tell their modules
    store("other").password = "changed meanwhile"
    page = admin.post(ADD, {**MODULES, "ready": "on"}, follow=True).content.decode()
    assert "begins empty" in page and definition_of(Mapping.objects.get(), 1).rules == ()
