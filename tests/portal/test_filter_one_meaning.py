"""One text, one meaning: screens, commands and mappings find the same records by it, whoever asks and whichever CRM."""

from __future__ import annotations

import io
import json
import re
from html import unescape
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from portal.accounts.models import User
from portal.connections.models import Connection
from tests.portal.sync_world import World, emails, person

pytestmark = pytest.mark.django_db(transaction=True)
MIDNIGHT = {  # in Tehran, three and a half hours before London's: 2026-03-01T20:30:00Z
    "before": "2026-03-01T20:29:59Z",
    "first": "2026-03-01T20:30:00Z",
    "last": "2026-03-02T20:29:59Z",
    "after": "2026-03-02T20:30:00Z",
}


@pytest.fixture
def world(settings: Any, admin: Client) -> World:
    """A portal in Tehran, a CRM in Auckland, a person in New York, and records around midnight."""
    settings.TIME_ZONE = "Asia/Tehran"
    User.objects.update(time_zone="America/New_York")
    world = World()
    Connection.objects.update(settings={"store": "memory", "time_zone": "Pacific/Auckland"})
    Connection.objects.filter(name="south").update(settings={"store": "other", "time_zone": "Pacific/Auckland"})
    for name, at in MIDNIGHT.items():
        world.north.put("Contacts", {**person(name), "nextcall": at}, name)
    return world


def on_screen(admin: Client, text: str, source: str) -> set[str]:
    """Return the ids a list shows."""
    page = admin.get("/records/north/Contacts/", {"filter": text, "source": source}).content.decode()
    return set(re.findall(r'href="/records/north/Contacts/([^/"?]+)/"', page))


def by_command(text: str, *more: str) -> set[str]:
    """Return the ids a command prints."""
    out = io.StringIO()
    call_command(
        "list_records", "north", "Contacts", "--filter", text, "--json", *more, stdout=out, stderr=io.StringIO()
    )
    return {record["id"] for record in json.loads(out.getvalue())}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("nextcall = 2026-03-02", {"first", "last"}),
        ("nextcall > 2026-03-01 and nextcall <= 2026-03-02", {"first", "last"}),
        ("nextcall < 2026-03-02", {"before"}),
        ("nextcall >= '2026-03-03 00:00'", {"after"}),
        ("nextcall = 2026-03-01T20:29:59Z", {"before"}),
        ("nextcall >= 2026-03-03T00:00+03:30", {"after"}),
    ],
)
def test_a_day_is_the_portals_day_on_screens_in_commands_and_in_mappings(
    world: World, admin: Client, text: str, found: set[str]
) -> None:
    call_command("pull", "north", "Contacts", stdout=io.StringIO())
    assert on_screen(admin, text, "live") == on_screen(admin, text, "mirror") == found
    assert by_command(text) == by_command(text, "--live") == found
    world.say(left_filter=text)
    world.sync(approve_all=True)
    assert emails(world.south) == sorted(f"{name}@example.org" for name in found)


def test_the_zone_of_days_is_said_beside_the_filter(world: World, admin: Client) -> None:
    said = "Days and times in filters are those of Asia/Tehran"
    assert said in admin.get("/records/north/Contacts/").content.decode()
    assert said in admin.get("/mappings/contacts/policies/").content.decode()


# A value that the pick list names no longer


def test_a_value_that_its_list_names_no_longer_is_found_everywhere_and_told(world: World, admin: Client) -> None:
    world.north.put("Contacts", {**person("old"), "status": "Retired", "tags": ["Gone", "VIP"]}, "old")
    call_command("pull", "north", "Contacts", stdout=io.StringIO())
    for text in ("status = Retired", "status in (Retired)", "status = retired", "tags = Gone", "tags contains Gone"):
        assert on_screen(admin, text, "live") == on_screen(admin, text, "mirror") == {"old"}, text
        assert by_command(text) == by_command(text, "--live") == {"old"}, text
    world.say(left_filter="status = Retired")
    world.sync(approve_all=True)
    assert emails(world.south) == ["old@example.org"]


def test_a_value_that_is_none_of_the_choices_is_told_with_those_there_are(world: World, admin: Client) -> None:
    told = "“Nwe” is none of the choices of “status” (New, "
    page = unescape(admin.get("/records/north/Contacts/", {"filter": "status = Nwe"}).content.decode())
    assert told in page and "No record matches." in page
    err = io.StringIO()
    call_command("list_records", "north", "Contacts", "--filter", "status = Nwe", stdout=io.StringIO(), stderr=err)
    assert told in err.getvalue()


def test_labels_and_parts_of_choices_are_no_strange_values(world: World, admin: Client) -> None:
    for text in ("status = 'being worked on'", "status contains rog", "status is empty", "lastname = Nwe"):
        page = admin.get("/records/north/Contacts/", {"filter": text}).content.decode()
        assert "none of the choices" not in page, text
