"""Two people who edit the same mapping: what one saved is not saved over by the other's older page."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from portal.accounts.models import User
from portal.connections.models import Connection
from portal.mappings.collision import PARTS, chosen, clashes
from portal.mappings.definition import Definition, Rule, Schedule, Side
from portal.mappings.models import Mapping
from portal.mappings.save import pause_mapping, save_draft
from tests.portal.test_mappings_views import ADD, KEY, MODULES, POLICIES, RULES, at, rows, said

BASE = Definition("m", Side("n", "A"), Side("s", "B"), "left-to-right", (("e", "e"),))


@pytest.fixture
def bob(make_connection: Callable[..., Connection]) -> Client:
    """Another person at another machine."""
    client = Client()
    client.force_login(User.objects.create_superuser("bob"))
    return client


@pytest.fixture
def contacts(admin: Client, make_connection: Callable[..., Connection]) -> Mapping:
    make_connection("north", settings={"store": "memory"})
    make_connection("south", settings={"store": "other"})
    admin.post(ADD, MODULES)
    admin.post(at("match"), KEY)
    admin.post(at("change"), rows(*RULES[:2]))
    return Mapping.objects.get()


def hidden(page: str, name: str = "seen") -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None
    return found[1]


def seen(client: Client, page: str = "change") -> str:
    """Return what the page says it was made from."""
    return hidden(client.get(at(page)).content.decode())


def ruled(mapping: Mapping) -> list[tuple[str, str, str]]:
    return [(rule.left, rule.right, rule.value or "") for rule in said(mapping).rules]


def again(page: str, **more: str) -> dict[str, str]:
    """Return what the page that shows both sends."""
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.split("</nav>")[-1])
    return {name: unescape(value) for name, value in fields} | more


TOGETHER = {"left": "lastname", "right": "lastname", "only_on_create": "on"}


def meet(admin: Client, bob: Client) -> str:
    """Both take up the rules; Bob changes the first and adds one, then I change the first and take out the second."""
    mine = seen(admin)
    answer = bob.post(at("change"), rows(TOGETHER, RULES[1], RULES[2], seen=seen(bob)))
    assert answer.status_code == 302
    changed = {"left": "lastname", "right": "lastname", "may_clear": "on"}
    return unescape(admin.post(at("change"), rows(changed, seen=mine)).content.decode())


def test_an_older_page_of_rules_is_not_saved_over_a_newer_one_and_both_are_shown(
    admin: Client, bob: Client, contacts: Mapping
) -> None:
    page = meet(admin, bob)
    assert "This was saved elsewhere while you were at it" in page and "by bob" in page
    assert "only on create" in page and "may clear" in page and "taken out" in page and "both changed it" in page
    assert ruled(contacts) == [("lastname", "lastname", ""), ("email", "email", ""), ("", "firstname", "Ali")]
    assert said(contacts).rules[0].only_on_create and not said(contacts).rules[0].may_clear


def test_taking_mine_saves_my_page_as_a_version_after_theirs(admin: Client, bob: Client, contacts: Mapping) -> None:
    page = meet(admin, bob)
    admin.post(at("change"), again(page, take="mine"))
    assert ruled(contacts) == [("lastname", "lastname", "")] and said(contacts).rules[0].may_clear
    before = contacts.versions.all()[1]
    assert (before.actor, before.rules.count()) == ("bob", 3), "theirs stays among the versions"


def test_taking_theirs_saves_nothing(admin: Client, bob: Client, contacts: Mapping) -> None:
    page = meet(admin, bob)
    number = contacts.versions.count()
    assert f'href="{at("change")}"' in page
    admin.get(at("change"))
    assert contacts.versions.count() == number


def test_each_rule_can_be_chosen_and_what_only_one_changed_is_chosen_already(
    admin: Client, bob: Client, contacts: Mapping
) -> None:
    page = meet(admin, bob)
    keys = dict.fromkeys(re.findall(r'type="radio" name="([^"]+)"', page))
    assert len(keys) == 3 and page.count(" checked") == 2
    (first, *_rest) = keys
    undecided = unescape(admin.post(at("change"), again(page, take="chosen")).content.decode())
    assert "Choose for each line" in undecided
    preset = dict(re.findall(r'type="radio" name="([^"]+)" value="(\w+)"[^>]* checked', page))
    assert admin.post(at("change"), again(page, take="chosen", **preset, **{first: "mine"})).status_code == 302
    assert ruled(contacts) == [("lastname", "lastname", ""), ("", "firstname", "Ali")]
    assert said(contacts).rules[0].may_clear


def test_a_third_save_meanwhile_shows_both_once_more(admin: Client, bob: Client, contacts: Mapping) -> None:
    page = meet(admin, bob)
    bob.post(at("change"), rows(RULES[0], seen=seen(bob)))
    answer = admin.post(at("change"), again(page, take="mine"))
    assert answer.status_code == 200 and "This was saved elsewhere" in answer.content.decode()


def test_another_part_that_somebody_changed_is_kept_beside_mine(admin: Client, bob: Client, contacts: Mapping) -> None:
    mine = seen(admin)
    bob.post(at("policies"), POLICIES | {"deletes": "mark", "seen": seen(bob, "policies")})
    answer = admin.post(at("change"), rows(RULES[0], seen=mine), follow=True).content.decode()
    assert "Bob changed other parts of this mapping meanwhile" in answer
    assert said(contacts).delete_policy == "mark" and len(said(contacts).rules) == 1


def test_policies_are_compared_one_by_one(admin: Client, bob: Client, contacts: Mapping) -> None:
    mine = seen(admin, "policies")
    bob.post(at("policies"), POLICIES | {"deletes": "mark", "seen": seen(bob, "policies")})
    page = unescape(
        admin.post(at("policies"), POLICIES | {"left_filter": "lastname = x", "seen": mine}).content.decode()
    )
    assert "Deleted records" in page and "Left filter" in page and "both changed it" not in page
    admin.post(at("policies"), again(page, take="chosen", left="mine", delete_policy="theirs"))
    assert (said(contacts).delete_policy, said(contacts).left.filter) == ("mark", "lastname = x")


def test_a_schedule_that_somebody_changed_is_not_changed_back(admin: Client, bob: Client, contacts: Mapping) -> None:
    mine = seen(admin, "schedule")
    bob.post(at("schedule"), {"name": "contacts", "every_minutes": "5", "seen": seen(bob, "schedule")})
    page = admin.post(at("schedule"), {"name": "contacts", "every_minutes": "9", "seen": mine}).content.decode()
    assert "every 5 minutes" in page and "every 9 minutes" in page and said(contacts).schedule == Schedule(5)


def test_the_page_of_a_draft_that_was_dropped_is_compared_with_what_holds(
    admin: Client, bob: Client, contacts: Mapping
) -> None:
    admin.post(at("live"))
    admin.post(at("change"), rows(RULES[0]))
    mine = seen(admin)
    bob.post(at("drop"), {"seen": seen(bob)})
    answer = admin.post(at("change"), rows(RULES[0], RULES[2], seen=mine))
    assert answer.status_code == 200 and "both changed it" in answer.content.decode()


@pytest.mark.parametrize("page", ["live", "drop"])
def test_no_button_makes_live_or_drops_what_its_page_did_not_show(
    admin: Client, bob: Client, contacts: Mapping, page: str
) -> None:
    admin.post(at("live"))
    admin.post(at("change"), rows(RULES[0]))
    mine, live = seen(admin), Mapping.objects.get().version
    bob.post(at("change"), rows(RULES[0], RULES[2], seen=seen(bob)))
    told = unescape(admin.post(at(page), {"seen": mine}, follow=True).content.decode())
    assert "by bob, which that page did not show" in told
    assert Mapping.objects.get().version == live and len(said(contacts).rules) == 2


def test_a_save_keeps_what_else_was_done_to_the_mapping_meanwhile(contacts: Mapping) -> None:
    old = Mapping.objects.get()
    pause_mapping(Mapping.objects.get(), True, "bob")
    save_draft(old, replace(said(contacts), delete_policy="mark"), user=None, actor="test")
    assert Mapping.objects.get().state == Mapping.State.PAUSED


RULE = st.builds(Rule, st.sampled_from("abc"), st.sampled_from("abc"), may_clear=st.booleans())
SAID = st.lists(RULE, max_size=4, unique_by=lambda rule: (rule.left, rule.right)).map(
    lambda rules: replace(BASE, rules=tuple(rules))
)


@given(base=st.none() | SAID, mine=SAID, theirs=SAID)
def test_choosing_all_of_one_side_gives_that_side_and_what_is_alike_is_not_asked(
    base: Definition | None, mine: Definition, theirs: Definition
) -> None:
    found = clashes(base, mine, theirs, "fields")
    assert set(chosen(mine, theirs, "fields", [clash.key for clash in found]).rules) == set(mine.rules)
    assert chosen(mine, theirs, "fields", ()).rules == theirs.rules
    assert not [c for c in clashes(base, mine, mine, "fields") if base is None]
    assert all(c.changed_by == "me" for c in clashes(theirs, mine, theirs, "fields"))


OTHER = Definition(
    "o", Side("n", "A", "x = 1"), Side("s", "B", "y = 2"), "both", (("f", "f"),), (Rule("a", "b"),),
    {}, Schedule(5), "ask", "mark", "keep", ("m", "n"),
)  # fmt: skip


@pytest.mark.parametrize("page", PARTS)
def test_every_part_of_every_page_has_words_before_and_after(page: str) -> None:
    found = clashes(BASE, OTHER, BASE, page)
    assert len(found) == len(PARTS[page]) and all(c.mine and c.mine != c.theirs and c.what for c in found)
    assert [chosen(OTHER, BASE, page, [c.key for c in found])] == [
        replace(BASE, **{part: getattr(OTHER, part) for part in PARTS[page]})
    ]
