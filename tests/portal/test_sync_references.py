"""Rules beyond copying a field, as runs carry them out: linked records wait for their partner, expressions and value tables make
what arrives, and a changed outcome is a change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.memory import forget
from portal.ledger.models import Entry, Run
from portal.mappings.definition import Definition, Rule, Side
from portal.mappings.models import Mapping, ValuePair, ValueTable
from portal.mappings.save import save_mapping
from portal.mappings.stored import definition_of
from portal.sync.run import carry_out, request_sync
from tests.portal.sync_world import RULES, World, entries, person

pytestmark = pytest.mark.django_db(transaction=True)
LINKED = Rule("account", "account", "reference", mapping="companies")


@pytest.fixture
def world() -> World:
    """Contacts refer to companies on both sides; the mapping of companies is made first and runs when a test says so."""
    for name in ("memory", "other"):
        forget(name)
    made = World()
    sides = Side("north", "Accounts"), Side("south", "Accounts")
    companies = Definition(
        "companies", *sides, "left-to-right", (("name", "name"),), (Rule("name", "name"),), guards={}
    )
    save_mapping(companies, user=None, actor="test")
    made.say(rules=(*RULES, LINKED))
    return made


def sync_companies() -> Run:
    return carry_out(request_sync(Mapping.objects.get(name="companies"), actor="test", enqueue=False))


def test_a_record_waits_for_the_partner_of_what_it_refers_to_and_goes_on_by_itself(world: World) -> None:
    world.south.put("Accounts", {"name": "Globex"})  # so that the ids of the two CRMs differ
    company = world.north.put("Accounts", {"name": "Acme"})
    world.north.put("Contacts", {**person("ada"), "account": company.id})
    run = world.sync()
    assert (run.state, run.counts["blocked"], world.south.of("Contacts")) == (Run.State.SUCCEEDED, 1, [])
    [waiting] = entries(Entry.State.BLOCKED)
    assert waiting.reason == "no_partner" and "companies" in waiting.message
    again = world.sync()
    assert not again.counts["blocked"] and len(entries(Entry.State.BLOCKED)) == 1  # nothing new to say
    sync_companies()
    world.sync()
    [arrived] = world.south.of("Contacts")
    names = {record.id: record.values["name"] for record in world.south.of("Accounts")}
    assert names[arrived.values["account"]] == "Acme" and arrived.values["account"] != company.id
    assert not entries(Entry.State.BLOCKED) and not any(world.sync().counts.values())


def test_a_record_moved_to_another_company_is_moved_on_the_other_side(world: World) -> None:
    acme, globex = (world.north.put("Accounts", {"name": name}) for name in ("Acme", "Globex"))
    ada = world.north.put("Contacts", {**person("ada"), "account": acme.id})
    sync_companies()
    world.sync()
    world.north.put("Contacts", {**ada.values, "account": globex.id}, ada.id)
    world.sync()
    names = {record.id: record.values["name"] for record in world.south.of("Accounts")}
    [arrived] = world.south.of("Contacts")
    assert names[str(arrived.values["account"])] == "Globex"


def test_a_reference_rule_goes_by_the_mapping_whatever_side_it_calls_left(world: World) -> None:
    company = world.north.put("Accounts", {"name": "Acme"})
    world.south.put("Accounts", {"name": "Acme"}, "s-acme")
    turned = Mapping.objects.get(name="companies")
    said = definition_of(turned)
    save_mapping(replace(said, left=said.right, right=said.left, direction="right-to-left"), user=None, actor="test")
    world.north.put("Contacts", {**person("ada"), "account": company.id})
    sync_companies()
    world.sync()
    assert [c.values["account"] for c in world.south.of("Contacts")] == ["s-acme"]


def test_what_an_expression_makes_arrives_and_follows_both_the_record_and_the_rule(world: World) -> None:
    made = Rule("", "notes", "expression", expression="{{ lastname|upper }}, {{ firstname }}")
    world.say(rules=(*RULES, made))
    [ada] = world.add(world.north, "ada")
    world.sync()
    assert [c.values["notes"] for c in world.south.of("Contacts")] == ["ADA, Test"]
    world.north.put("Contacts", {**ada.values, "firstname": "Augusta"}, ada.id)
    world.sync()
    assert [c.values["notes"] for c in world.south.of("Contacts")] == ["ADA, Augusta"]
    world.say(rules=(*RULES, replace(made, expression="{{ lastname|lower }}")))
    world.sync()
    assert [c.values["notes"] for c in world.south.of("Contacts")] == ["ada"]
    assert not any(world.sync().counts.values())


def test_an_expression_that_fails_stops_its_record_only_and_says_why(world: World) -> None:
    world.say(rules=(*RULES, Rule("", "notes", "expression", expression="{{ firstname|number }}")))
    world.add(world.north, "ada")
    world.north.put("Contacts", {**person("bob"), "firstname": "12"})
    run = world.sync()
    assert (run.counts["create"], run.counts["blocked"]) == (1, 1)
    [waiting] = entries(Entry.State.BLOCKED)
    assert waiting.reason == "cannot_convert" and "Test" in waiting.message


def test_a_value_goes_through_its_table_and_one_in_no_row_stops_its_record(world: World) -> None:
    table = ValueTable.objects.create(name="names")
    ValuePair.objects.create(table=table, left="Test", right="Proof")
    world.say(rules=(RULES[0], Rule("firstname", "firstname", table="names"), RULES[2]))
    world.add(world.north, "ada")
    world.north.put("Contacts", {**person("bob"), "firstname": "Other"})
    run = world.sync()
    assert [c.values["firstname"] for c in world.south.of("Contacts")] == ["Proof"]
    assert run.counts["blocked"] == 1
    [waiting] = entries(Entry.State.BLOCKED)
    assert "names" in waiting.message and "Other" in waiting.message
