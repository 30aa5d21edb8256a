"""A mapping is checked against both schemas before anything is saved or run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.types import Choice, FieldSchema, FieldType, Module, ModuleSchema
from portal.mappings.check import check
from portal.mappings.definition import Definition, Rule, Side

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
        ({"direction": "both"}, "direction: “both” is not possible yet"),
        ({"right": Side("north", "Contacts")}, "right: left and right are the same module"),
        ({"left": Side("north", "Contacts", "lastnam = x")}, "left.filter: "),
        ({"match": ()}, "match: name at least one pair"),
        ({"match": (("emial", "email"),)}, "match[0].left: Contacts has no field “emial”. Did you mean “email”?"),
        ({"rules": (*GOOD.rules, Rule("lastname", "zzz"))}, "fields[3].right: People has no field “zzz”."),
        ({"rules": (*GOOD.rules, Rule("email", "last"))}, "fields[3].right: “last” is written by fields[0] already."),
        ({"rules": (*GOOD.rules, Rule("email", "id"))}, "fields[3].right: “id” (Id) can only be read in that CRM."),
        (
            {"rules": (*GOOD.rules, Rule(right="status", source="expression"))},
            "fields[3]: rules from “expression” are not possible yet.",
        ),
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
