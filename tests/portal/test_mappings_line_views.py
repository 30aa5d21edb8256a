"""The table of a rule's lines in the editor: filled with what looks alike, edited row by row, never lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from connectors.memory_store import SCHEMAS
from portal.connections.models import Connection
from portal.mappings.definition import Definition, Rule, Side
from portal.mappings.findings import Known
from portal.mappings.models import Mapping
from portal.mappings.pairing import NO_PROFILES
from portal.mappings.ready import ready
from portal.mappings.save import save_mapping
from portal.mappings.transform import OTHER
from tests.portal.test_mappings_views import at, rows, said

LINES = {"left": "lines", "right": "lines", "source": "lines"}
NAME = Rule("lastname", "lastname")


@pytest.fixture
def contacts(admin: Client, make_connection: Callable[..., Connection]) -> Mapping:
    make_connection("north", settings={"store": "memory"})
    make_connection("south", settings={"store": "other"})
    return say("contacts", "Contacts", NAME)


def say(name: str, module: str, *rules: Rule) -> Mapping:
    definition = Definition(name, Side("north", module), Side("south", module), "both", (), rules)
    return save_mapping(definition, user=None, actor="test")


def table(*lines: dict[str, str], row: int = 0) -> dict[str, str]:
    """Return what the editor posts for the table of a rule's lines."""
    name = f"rules-{row}-lines"
    posted = {f"{name}-{n}-{key}": value for n, line in enumerate(lines) for key, value in line.items()}
    return {f"{name}-TOTAL_FORMS": str(len(lines)), f"{name}-INITIAL_FORMS": "0", **posted}


def test_a_rule_for_lines_begins_with_the_fields_of_a_line_that_look_alike(admin: Client, contacts: Mapping) -> None:
    say("companies", "Accounts", Rule("name", "name"))
    admin.post(at("change"), rows(LINES, stay="1"))
    [rule] = said(contacts).rules
    found = {line.left: (line.right, line.source, line.mapping) for line in rule.lines}
    assert found["quantity"] == ("quantity", "field", "") and found["company"] == ("company", "reference", "companies")
    page = admin.get(at("change")).content.decode()
    assert "What becomes of each field of a line" in page and 'name="rules-0-lines-0-left" value="product"' in page
    assert "deleted for good" in page


def test_the_table_says_what_becomes_of_each_field_of_a_line(admin: Client, contacts: Mapping) -> None:
    lines: list[dict[str, Any]] = [
        {"left": "product", "right": "product", "source": "field", "compare": "case"},
        {"left": "", "right": "remark", "source": "expression", "expression": "{{ quantity }} pieces"},
        {"left": "price", "right": "", "source": "value", "value": "12.5"},
        {"left": "quantity", "right": "quantity", "source": "field", "DELETE": "on"},
        {"left": "", "right": "", "source": "field"},
    ]
    admin.post(at("change"), rows(LINES, stay="1") | table(*lines))
    [rule] = said(contacts).rules
    assert rule.lines == (
        Rule("product", "product", compare="case"),
        Rule("", "remark", "expression", expression="{{ quantity }} pieces"),
        Rule("price", "", "value", value="12.5"),
    )


def test_what_is_wrong_with_a_field_of_a_line_stands_at_the_rule(admin: Client, contacts: Mapping) -> None:
    admin.post(at("change"), rows(LINES, stay="1") | table({"left": "colour", "right": "product", "source": "field"}))
    page = admin.get(at("change")).content.decode()
    assert "has no field “colour”" in page


def test_a_line_without_its_second_field_is_asked_for(admin: Client, contacts: Mapping) -> None:
    answer = admin.post(at("change"), rows(LINES, stay="1") | table({"left": "product", "source": "field"}))
    page = answer.content.decode()
    assert answer.status_code == 200 and "Which field?" in page and "Something is wrong in the table" in page
    assert [rule.source for rule in said(contacts).rules] == ["field"]  # nothing was saved


def test_rules_of_lines_stay_where_the_page_did_not_show_their_table(admin: Client, contacts: Mapping) -> None:
    kept = Rule("gone", "lines", "lines", lines=(Rule("product", "product"),))
    say("contacts", "Contacts", NAME, kept)
    admin.post(at("change"), rows({"left": "lastname", "right": "lastname"}, {**LINES, "left": "gone"}, stay="1"))
    assert said(contacts).rules[1].lines == kept.lines


def test_a_field_of_lines_taken_from_the_list_finds_the_other_sides_by_itself(admin: Client, contacts: Mapping) -> None:
    admin.post(at("change"), rows({"left": "lastname", "right": "lastname"}, add="lines="))
    rule = said(contacts).rules[-1]
    assert (rule.left, rule.right, rule.source) == ("lines", "lines", "lines")
    assert {line.left for line in rule.lines} >= {"product", "quantity", "price"}


def test_a_new_mapping_begins_with_its_lines() -> None:
    schemas, sides = dict.fromkeys(OTHER, SCHEMAS[0]), (Side("north", "Contacts"), Side("south", "Contacts"))
    made = ready(*sides, schemas, NO_PROFILES, Known(), "left-to-right")
    [rule] = [rule for rule in made.definition.rules if rule.source == "lines"]
    assert (rule.left, rule.right) == ("lines", "lines")
    assert "company" not in {line.left for line in rule.lines}  # no mapping says which company is which
