"""A mapping is checked against both schemas before anything is saved or run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.types import Choice, FieldSchema, FieldType, Module, ModuleSchema
from portal.mappings.check import check
from portal.mappings.definition import Definition, Rule, Side
from portal.mappings.findings import Known
from portal.mappings.tables import Table

LEFT = ModuleSchema(
    Module("Contacts", "Contacts"),
    (
        FieldSchema("lastname", "Last Name", required=True),
        FieldSchema("email", "E-mail", FieldType.EMAIL),
        FieldSchema("modifiedtime", "Modified", FieldType.DATETIME, editable=False),
    ),
)
RIGHT = ModuleSchema(
    Module("contacts", "People"),
    (
        FieldSchema("last", "Last name", required=True, max_length=5),
        FieldSchema("email", "E-mail", FieldType.EMAIL),
        FieldSchema("accountid", "Account", FieldType.REFERENCE, required=True),
        FieldSchema("owner", "Owner", FieldType.OWNER, required=True, default="1"),
        FieldSchema("status", "Status", FieldType.CHOICE, choices=(Choice("new", "New"),)),
        FieldSchema("user_password", "Password"),
        FieldSchema("id", "Id", FieldType.ID, editable=False, required=True),
    ),
)
SCHEMAS = {"left": LEFT, "right": RIGHT}
GOOD = Definition(
    name="people",
    left=Side("north", "Contacts"),
    right=Side("south", "contacts"),
    direction="left-to-right",
    match=(("email", "email"),),
    rules=(Rule("lastname", "last"), Rule("email", "email"), Rule(right="accountid", source="value", value="7")),
)


def test_a_good_mapping_has_no_findings() -> None:
    assert check(GOOD, SCHEMAS) == []


def test_required_fields_without_a_rule_are_named_but_not_those_with_a_default() -> None:
    [finding] = check(replace(GOOD, rules=(Rule("email", "email"),)), SCHEMAS)
    assert str(finding) == (
        "fields: required by People, but no rule fills them: last (Last name), accountid (Account)."
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"right": Side("north", "Contacts")}, "right: left and right are the same module"),
        ({"left": Side("north", "Contacts", "lastnam = x")}, "left.filter: "),
        ({"match": ()}, "match: name at least one pair"),
        ({"match": (("emial", "email"),)}, "match[0].left: Contacts has no field “emial”. Did you mean “email”?"),
        ({"rules": (*GOOD.rules, Rule("lastname", "zzz"))}, "fields[3].right: People has no field “zzz”."),
        ({"rules": (*GOOD.rules, Rule("email", "last"))}, "fields[3].right: “last” is written by fields[0] already."),
        ({"rules": (*GOOD.rules, Rule("email", "id"))}, "fields[3].right: “id” (Id) can only be read in that CRM."),
        (
            {"rules": (*GOOD.rules[1:], Rule(right="last", source="value", value="too long"))},
            "fields[2].value: longer than the 5 characters of “last”.",
        ),
        (
            {"rules": (*GOOD.rules, Rule(right="user_password", source="value", value="hunter2"))},
            "fields[3].value: “user_password” is a password or a key",
        ),
    ],
)
def test_what_is_wrong_is_found_with_its_place(change: dict[str, object], message: str) -> None:
    findings = [f for f in check(replace(GOOD, **change), SCHEMAS) if f.level == "error"]  # type: ignore[arg-type]
    assert any(str(f).startswith(message) for f in findings), [str(f) for f in findings]


def test_a_fixed_value_outside_the_choices_is_only_a_warning() -> None:
    rules = (*GOOD.rules, Rule(right="status", source="value", value="old"))
    assert [f.level for f in check(replace(GOOD, rules=rules), SCHEMAS)] == ["warning"]


def test_right_to_left_asks_for_the_left_sides_required_fields() -> None:
    backwards = replace(GOOD, direction="right-to-left", rules=(Rule("email", "email"),))
    assert [str(f) for f in check(backwards, SCHEMAS)] == [
        "fields: required by Contacts, but no rule fills them: lastname (Last Name)."
    ]


# Rules of every kind, on two modules that have a field of every type

TYPES = ModuleSchema(
    Module("All", "All"),
    (
        *(FieldSchema(type.value, type.value.title(), type) for type in FieldType),
        FieldSchema("short", "Short", max_length=3),
        FieldSchema("long", "Long", max_length=9),
        FieldSchema("open", "Open"),
        FieldSchema("colour", "Colour", FieldType.CHOICE, choices=(Choice("r", "Red"), Choice("g", "Green"))),
        FieldSchema("kind", "Kind", FieldType.CHOICE, choices=(Choice("1", "red"), Choice("2", "Green"))),
        FieldSchema("needed", "Needed", required=True, default="-"),
        FieldSchema("company", "Company", FieldType.REFERENCE, refers_to=("Accounts",)),
    ),
)
BARE = Definition("all", Side("north", "All"), Side("south", "All"), "left-to-right", (("text", "text"),))
KNOWN = Known(
    tables={"colours": Table("colours", (("r", "1"), ("x", "9"))), "kept": Table("kept", (), "keep")},
    mappings={
        "companies": (Side("south", "Accounts"), Side("north", "Accounts")),
        "leads": (Side("north", "Leads"), Side("south", "Leads")),
        "elsewhere": (Side("north", "Accounts"), Side("east", "Accounts")),
    },
    trouble=lambda text: "unclosed braces" if text.count("{") != text.count("}") else "",
    reads=lambda text: frozenset({"text"} if "text" in text else {"gone"}),
    looks_up=lambda text: frozenset({"nowhere"} if "lookup" in text else ()),
    common={
        ("left", "colour"): {"g": 7, "blue": 2},
        ("left", "open"): {"2024-02-29": 5, "soon": 3, "later": 1},
        ("left", "short"): {"2024-02-29": 5},
    },
    empty={("left", "open"): 6},
    longest={("left", "open"): 4, ("left", "long"): 3},
)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule("text", "longtext"), []),
        (Rule("datetime", "date"), []),
        (Rule("text", "date"), ["warning fields[0].right: only values that are a date can be carried over."]),
        (Rule("open", "date"), ["warning fields[0].right: not a date: “soon”, “later”. Records: 4."]),
        (Rule("short", "date"), []),  # all that was seen are dates
        (Rule("open", "needed"), ["warning fields[0].right: “needed” is required there: a record that holds nothing here is not carried over. Records: 6."]),
        (Rule("boolean", "money"), ["error fields[0].right: a boolean cannot become a money."]),
        (Rule("lines", "text"), ["error fields[0].right: a lines cannot become a text."]),
        (Rule("owner", "owner"), ["error fields[0].right: owners are other people"]),
        (Rule("reference", "reference"), ["error fields[0].right: ids mean nothing in another CRM"]),
        (Rule("text", "reference"), ["warning fields[0].right: “reference” wants the id"]),
        (Rule("long", "short"), []),  # looked at: none is longer
        (Rule("open", "short"), ["warning fields[0].right: “short” takes 3 characters, and there may be 4: what is longer is refused"]),
        (Rule("colour", "kind"), ["warning fields[0].right: no choice of “kind” is called “r”, “blue”: a value table can say what becomes of them. Records: 2."]),
        (Rule("colour", "kind", table="colours"), ["warning fields[0].table: no row of “colours” says what becomes of “g”, “blue”. Records: 9.", "warning fields[0].table: not among the choices of “kind”: “9”."]),
        (Rule("colour", "kind", table="kept"), []),
        (Rule("colour", "kind", table="gone"), ["error fields[0].table: there is no value table “gone”."]),
        (Rule("company", "company", "reference", mapping="companies"), []),
        (Rule("company", "company", "reference", mapping="leads"), ["error fields[0].mapping: “company” refers to Accounts, but “leads” is about Leads."] * 2),
        (Rule("company", "company", "reference", mapping="elsewhere"), ["error fields[0].mapping: “elsewhere” does not join these two connections."]),
        (Rule("company", "company", "reference", mapping="gone"), ["error fields[0].mapping: there is no mapping “gone”."]),
        (Rule("", "text", "expression", expression="{{ text }}"), []),
        (Rule("", "text", "expression", expression="{{ text"), ["error fields[0].expression: unclosed braces"]),
        (Rule("", "text", "expression", expression="{{ no }}"), ["error fields[0].expression: All has no field “gone”."]),
        (Rule("", "text", "expression", expression="{{ text|lookup }}"), ["error fields[0].expression: there is no value table “nowhere”."]),
        (Rule("text", "text", direction="right-to-left"), ["error fields[0].direction: goes right-to-left, but the mapping does not."]),
        (Rule("text", "text", policy="newest"), ["error fields[0].policy: “newest” needs a time of the last change on both sides; All, All tells none."]),
    ],
)  # fmt: skip
def test_each_kind_of_rule_is_checked_with_the_records_it_concerns(rule: Rule, expected: list[str]) -> None:
    found = [f"{f.level} {f}" for f in check(replace(BARE, rules=(rule,)), {"left": TYPES, "right": TYPES}, KNOWN)]
    assert len(found) == len(expected) and all(a.startswith(b) for a, b in zip(found, expected, strict=True)), found


def test_a_match_key_of_ids_is_refused() -> None:
    [finding] = check(replace(BARE, match=(("reference", "text"),)), {"left": TYPES, "right": TYPES})
    assert finding.place == "match[0].left" and "recognised" in finding.text


def test_records_without_an_owner_are_told_of_unless_there_is_a_default() -> None:
    owned = replace(TYPES, owner_field="owner")
    [finding] = check(BARE, {"left": TYPES, "right": owned})
    assert (finding.level, finding.place) == ("warning", "fields") and "get no owner" in finding.text
    fields = tuple(replace(f, default="7") if f.name == "owner" else f for f in owned.fields)
    assert check(BARE, {"left": TYPES, "right": replace(owned, fields=fields)}) == []
    assert check(replace(BARE, rules=(Rule("", "owner", "value", "7"),)), {"left": TYPES, "right": owned}) == []


def test_a_table_that_adds_to_lists_is_warned_of_where_nothing_can_be_added_from_here() -> None:
    adding = Table("states", (("a", "new"),), "append")
    said = replace(GOOD, rules=(*GOOD.rules, Rule("email", "status", table="states")))
    known = Known(tables={"states": adding})
    [finding] = [f for f in check(said, SCHEMAS, known) if "nothing can be added" in f.text]
    assert (finding.level, finding.place) == ("warning", "fields[3].table") and "south" in finding.text
    able = replace(known, appends=frozenset({"south"}))
    assert not [f for f in check(said, SCHEMAS, able) if "nothing can be added" in f.text]
