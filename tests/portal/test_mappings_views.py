"""The mapping screens, as a person with a browser meets them."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from portal.connections.models import Connection
from portal.ledger.models import AuditEntry
from portal.mappings.models import Mapping
from portal.mappings.stored import definition_of

ADD = "/mappings/add/?left_connection=north&left_module=Contacts&right_connection=south&right_module=Contacts"
FORM = {
    "name": "people",
    "direction": "left-to-right",
    "guards": "default",
    "every_minutes": "15",
    "match-TOTAL_FORMS": "2",
    "match-INITIAL_FORMS": "0",
    "match-0-left": "email",
    "match-0-right": "email",
    "rules-TOTAL_FORMS": "3",
    "rules-INITIAL_FORMS": "0",
    "rules-0-left": "lastname",
    "rules-0-right": "lastname",
    "rules-1-left": "email",
    "rules-1-right": "email",
    "rules-2-right": "firstname",
    "rules-2-value": "Ali",
}


@pytest.fixture
def both(make_connection: Callable[..., Connection]) -> None:
    make_connection("north", settings={"store": "memory"})
    make_connection("south", settings={"store": "other"})


def test_an_empty_portal_says_what_a_mapping_is_for(admin: Client) -> None:
    page = admin.get(reverse("mappings:list"))
    assert "No mapping yet" in page.content.decode()
    assert "No connection yet" in admin.get(reverse("mappings:add")).content.decode()


def test_three_questions_lead_to_the_form(admin: Client, both: None) -> None:
    assert "Which connections?" in admin.get("/mappings/add/").content.decode()
    second = admin.get("/mappings/add/?left_connection=north&right_connection=south").content.decode()
    assert "Which modules?" in second and 'value="Contacts"' in second
    assert "Match key" in admin.get(ADD).content.decode()


def test_a_form_becomes_a_mapping_and_can_be_changed(admin: Client, both: None) -> None:
    answer = admin.post(ADD, FORM)
    assert answer.status_code == 302, answer.content.decode()
    mapping = Mapping.objects.get(name="people")
    rules = definition_of(mapping).rules
    assert [(r.left, r.right, r.value) for r in rules] == [
        ("lastname", "lastname", None),
        ("email", "email", None),
        ("", "firstname", "Ali"),
    ]
    assert AuditEntry.objects.get().action == "save mapping"
    page = admin.get(reverse("mappings:change", args=["people"])).content.decode()
    assert 'value="Ali"' in page
    fewer = {**FORM, "rules-INITIAL_FORMS": "3", "rules-2-DELETE": "on", "name": "persons"}
    assert admin.post(reverse("mappings:change", args=["people"]), fewer).status_code == 302
    mapping.refresh_from_db()
    assert (mapping.name, mapping.version, len(definition_of(mapping).rules)) == ("persons", 2, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rules-0-right": ""}, "Into which field?"),
        ({"rules-0-value": "x"}, "Choose a field, or type a fixed value, not both."),
        ({"match-0-right": ""}, "Choose a field on both sides, or on none."),
        ({"match-0-left": "", "match-0-right": ""}, "name at least one pair of fields"),
        ({"left_filter": "lastnme = x"}, "lastnme"),
        ({"cron": "0 7 * * *"}, "Say either minutes or a cron line, not both."),
        ({"rules-0-left": "", "rules-0-right": ""}, "required by"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_saved(
    admin: Client, both: None, change: dict[str, str], message: str
) -> None:
    answer = admin.post(ADD, {**FORM, **change})
    assert answer.status_code == 200
    assert message in answer.content.decode()
    assert not Mapping.objects.exists()


def test_everything_that_is_wrong_is_said_at_once(admin: Client, both: None) -> None:
    wrong = {
        "name": "two words", "left_filter": "lastnme = x", "right_filter": "email ~ x", "cron": "every day",
        "match-0-right": "", "rules-0-right": "", "rules-2-value": "",
    }  # fmt: skip
    page = unescape(admin.post(ADD, {**FORM, "every_minutes": "0", **wrong}).content.decode())
    for message in (
        "Enter a valid “slug”", "There is no field “lastnme”", "An operator is expected", "greater than or equal to 1",
        "is not a cron line", "Choose a field on both sides, or on none.", "Into which field?",
        "Choose a field, or type a fixed value, not both.", "required by",
    ):  # fmt: skip
        assert message in page, message
    assert "name at least one pair" not in page and not Mapping.objects.exists()


def test_a_row_that_is_taken_out_is_not_found_fault_with(admin: Client, both: None) -> None:
    page = admin.post(ADD, {**FORM, "left_filter": "lastnme = x", "rules-1-right": "", "rules-1-DELETE": "on"})
    assert "lastnme" in page.content.decode() and "Into which field?" not in page.content.decode()


def test_a_list_of_fixed_values_that_is_no_json_is_told_at_its_row(admin: Client, both: None) -> None:
    page = admin.post(ADD, {**FORM, "rules-2-right": "tags", "rules-2-value": "[one, two"})
    assert page.status_code == 200 and "is no list in JSON" in page.content.decode()


def test_a_filter_for_a_value_that_its_list_does_not_name_is_saved_and_told(admin: Client, both: None) -> None:
    page = admin.post(ADD, {**FORM, "left_filter": "status = Retired"}, follow=True).content.decode()
    assert "“Retired” is none of the choices of “status”" in page and Mapping.objects.exists()


def test_a_mapping_is_paused_resumed_and_deleted(admin: Client, both: None) -> None:
    admin.post(ADD, FORM)
    admin.post(reverse("mappings:pause", args=["people"]))
    assert Mapping.objects.get().state == "paused"
    admin.post(reverse("mappings:pause", args=["people"]))
    assert Mapping.objects.get().state == "active"
    assert "Delete the mapping" in admin.get(reverse("mappings:delete", args=["people"])).content.decode()
    admin.post(reverse("mappings:delete", args=["people"]))
    assert not Mapping.objects.exists()


def test_a_stranger_sees_none_of_it(client: Client, both: None) -> None:
    for url in (reverse("mappings:list"), ADD):
        assert client.get(url).status_code == 302
