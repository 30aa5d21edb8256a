"""The screens of value tables, as a person with a browser meets them."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from connectors.memory import store
from portal.accounts.models import User
from portal.connections.models import Connection
from portal.ledger.models import AuditEntry
from portal.mappings.definition import Definition, Rule, Side
from portal.mappings.means import table_of
from portal.mappings.models import ValueTable
from portal.mappings.save import save_mapping
from portal.mappings.table_save import save_table
from portal.mappings.tables import Table

LIST, ADD, STATES = "/mappings/tables/", "/mappings/tables/add/", "/mappings/tables/states/change/"
IMPORT = "/mappings/tables/states/import/"
HEAD = {"name": "states", "description": "", "unlisted": "error", "default_left": "", "default_right": ""}
FOR_STATUS = "?left=north/Contacts/status&right=south/Contacts/status"


@pytest.fixture
def states(db: None) -> ValueTable:
    """A table with two rows."""
    return save_table(None, Table("states", (("New", "Open"), ("Done", "Closed"))), actor="test")[0]


@pytest.fixture
def in_use(make_connection: Callable[..., Connection], states: ValueTable) -> None:
    """A mapping that sends a field through it."""
    make_connection("north", settings={"store": "memory"})
    make_connection("south", settings={"store": "other"})
    rules = (Rule(left="status", right="status", table="states"),)
    sides = Side("north", "Contacts"), Side("south", "Contacts")
    save_mapping(Definition("people", *sides, "both", (("email", "email"),), rules), user=None, actor="test")


def shown(client: Client, address: str) -> str:
    return unescape(client.get(address).content.decode())


def sent(client: Client, address: str, *pairs: tuple[str, str], **more: Any) -> str:
    """Send the grid and return the page it leads to."""
    rows = {"left": [left for left, _ in pairs], "right": [right for _, right in pairs]}
    return unescape(client.post(address, {**HEAD, **rows, **more}, follow=True).content.decode())


def test_an_empty_portal_says_what_a_table_is_good_for(admin: Client) -> None:
    page = shown(admin, LIST)
    assert "No value table yet" in page and "which entry of one CRM’s list is which of the other’s" in page


def test_the_list_names_the_mappings_that_use_a_table(admin: Client, in_use: None) -> None:
    page = shown(admin, LIST)
    assert 'href="/mappings/people/change/"' in page and "do not carry the record over" in page


def test_a_grid_becomes_a_table_without_its_empty_rows(admin: Client) -> None:
    page = sent(admin, ADD, (" New ", "Open"), ("", ""), ("Done", "Closed"), description="How far", unlisted="keep")
    assert "The value table “states” was saved." in page
    row = ValueTable.objects.get()
    assert table_of(row) == Table("states", (("New", "Open"), ("Done", "Closed")), "keep")
    assert AuditEntry.objects.get().user == User.objects.get(username="admin")


def test_rows_are_changed_and_the_page_says_where_nothing_was(admin: Client, states: ValueTable) -> None:
    sent(admin, STATES, ("New", "Open"), ("Lost", "Closed"))
    assert table_of(ValueTable.objects.get()).pairs == (("New", "Open"), ("Lost", "Closed"))
    assert "says this already" in sent(admin, STATES, ("New", "Open"), ("Lost", "Closed"))


def test_a_thousand_rows_are_one_page_and_more_than_five_thousand_a_sentence(admin: Client) -> None:
    many = [(f"left {n}", f"right {n}") for n in range(5001)]
    assert "was saved" in sent(admin, ADD, *many[:1000])
    page = sent(admin, "/mappings/tables/states/change/", *many)
    assert "It has 5001 rows, more than the 5000 a value table may have." in page
    assert ValueTable.objects.get().pairs.count() == 1000


@pytest.mark.parametrize(
    ("rows", "more", "message"),
    [
        ([("x" * 501, "y")], {}, "longer than 500 characters."),
        ([("a", "b")], {"unlisted": "default"}, "Say the default, on one side at least."),
        ([("a", "b")], {"name": "two words"}, "Enter a valid “slug”"),
        ([("a", "b")], {"name": "taken"}, "Another value table has this name."),
    ],
)
def test_what_is_wrong_is_told_and_what_was_typed_stays(
    admin: Client, rows: list[tuple[str, str]], more: dict[str, str], message: str
) -> None:
    save_table(None, Table("taken", ()), actor="test")
    page = sent(admin, ADD, *rows, **more)
    assert message in page and f'value="{rows[0][0]}"' in page
    assert ValueTable.objects.count() == 1


def test_doubles_and_values_that_no_field_has_are_marked(admin: Client, in_use: None) -> None:
    page = sent(admin, STATES, ("New", "Done"), ("New", "New"), ("Gone", "New"))
    page = shown(admin, STATES)
    assert "from left to right row 1 counts" in page and "from right to left row 2 counts" in page
    assert page.count("not in the field’s list") == 1


def test_cells_offer_what_the_fields_of_the_mappings_hold(admin: Client, in_use: None) -> None:
    page = shown(admin, STATES)
    assert "north · Contacts · Status" in page
    assert '<option value="In Progress" label="Being worked on">' in page
    assert 'data-value="In Progress"' in page, "it stands in no row yet"
    assert 'data-value="New"' not in page.split('data-absent="right"')[0]


def test_fields_named_in_the_address_are_offered_and_stay_there(admin: Client, in_use: None) -> None:
    ValueTable.objects.all().delete()
    assert '<option value="In Progress"' in shown(admin, ADD + FOR_STATUS)
    answer = admin.post(ADD + FOR_STATUS, {**HEAD, "left": ["New"], "right": ["New"]})
    assert answer["Location"].startswith("/mappings/tables/states/change/?left=north%2FContacts%2Fstatus")
    assert "There is no field “north/Contacts/nothing”." in shown(admin, ADD + "?left=north/Contacts/nothing")


def test_suggestions_fill_the_form_and_save_nothing(admin: Client, in_use: None) -> None:
    page = sent(admin, STATES, ("New", "Open"), suggest="1")
    assert "2 rows are suggested" in page and "suggested: the same value" in page
    assert page.count('value="In Progress" list="values-') == 2
    assert table_of(ValueTable.objects.get()).pairs == (("New", "Open"), ("Done", "Closed"))


def test_what_somebody_else_saved_meanwhile_is_not_replaced_without_a_word(admin: Client, states: ValueTable) -> None:
    seen = re.search('name="seen" value="([^"]+)"', shown(admin, STATES))[1]  # type: ignore[index]
    sent(admin, STATES, ("New", "Theirs"), seen=seen)
    page = sent(admin, STATES, ("New", "Mine"), seen=seen)
    assert "Somebody saved this table while you were at it." in page and 'value="Mine"' in page
    assert table_of(ValueTable.objects.get()).pairs == (("New", "Theirs"),)
    again = re.search('name="seen" value="([^"]+)"', page)[1]  # type: ignore[index]
    sent(admin, STATES, ("New", "Mine"), seen=again)
    assert table_of(ValueTable.objects.get()).pairs == (("New", "Mine"),)


def test_a_table_in_use_is_not_deleted(admin: Client, in_use: None) -> None:
    assert "because these mappings use it" in shown(admin, "/mappings/tables/states/delete/")
    page = unescape(admin.post("/mappings/tables/states/delete/", follow=True).content.decode())
    assert "the mappings people use it" in page and ValueTable.objects.exists()


def test_a_table_nobody_uses_is_deleted(admin: Client, states: ValueTable) -> None:
    admin.post("/mappings/tables/states/delete/")
    assert not ValueTable.objects.exists()


def test_rows_from_csv_are_shown_before_they_are_saved(admin: Client, states: ValueTable) -> None:
    file = SimpleUploadedFile("states.csv", "New;Open\nDone;Won\nLost;Closed\n".encode("utf-16"))
    page = unescape(admin.post(IMPORT, {"file": file, "mode": "merge", "preview": "1"}).content.decode())
    assert "New: 1 · changed: 1 · gone: 0 · as before: 1. Nothing is saved yet." in page
    assert "New;Open\r\nDone;Won\r\nLost;Closed" in page.replace("\n", "\r\n").replace("\r\r", "\r")
    assert ValueTable.objects.get().pairs.count() == 2
    admin.post(IMPORT, {"text": "New;Open\nDone;Won\nLost;Closed\n", "mode": "merge", "save": "1"})
    assert table_of(ValueTable.objects.get()).pairs == (("New", "Open"), ("Done", "Won"), ("Lost", "Closed"))


def test_a_file_can_be_the_whole_table(admin: Client, states: ValueTable) -> None:
    admin.post(IMPORT, {"text": "left,right\nLost,Closed\nLost,Closed\n", "mode": "replace", "save": "1"})
    assert table_of(ValueTable.objects.get()).pairs == (("Lost", "Closed"),)


def test_half_of_a_file_is_never_saved(admin: Client, states: ValueTable) -> None:
    answer = admin.post(IMPORT, {"text": "Lost,Closed\nOnly one\n", "mode": "merge", "save": "1"})
    assert "Line 2: two values are expected" in answer.content.decode()
    assert ValueTable.objects.get().pairs.count() == 2


def test_what_is_exported_changes_nothing_when_it_comes_in(admin: Client, states: ValueTable) -> None:
    answer = admin.get("/mappings/tables/states/export/")
    assert answer["Content-Disposition"] == 'attachment; filename="states.csv"'
    page = admin.post(IMPORT, {"file": SimpleUploadedFile("x.csv", answer.content), "mode": "replace"})
    assert "Nothing: the table says all of this already." in page.content.decode()


@pytest.mark.parametrize("deed", ["add", "states/change", "states/import", "states/delete"])
def test_who_may_only_look_changes_nothing(client: Client, states: ValueTable, deed: str) -> None:
    reader = User.objects.create_user("reader", password="a long password", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_valuetable"))
    client.force_login(reader)
    answer = client.post(f"/mappings/tables/{deed}/", {**HEAD, "left": ["x"], "right": ["y"], "text": "x,y"})
    assert answer.status_code == 403
    assert table_of(ValueTable.objects.get()).pairs == (("New", "Open"), ("Done", "Closed"))
    page = shown(client, STATES)
    assert "readonly" in page and 'name="save"' not in page


APPEND = "/mappings/tables/states/append/"


def test_entries_are_added_to_a_list_only_by_a_person_who_ticked_them(admin: Client, in_use: None) -> None:
    rows = Table("states", (("New", "Open"), ("Done", "Closed")), "append")
    save_table(ValueTable.objects.get(), rows, actor="test")
    assert "The list south/Contacts/status has no entry for 2 of these values." in shown(admin, STATES)
    assert 'value="Open"' in shown(admin, APPEND)
    admin.post(APPEND, {"place": "south/Contacts/status"})
    admin.post(APPEND, {"place": "south/Contacts/status", "value": ["nothing of it"]})
    assert not AuditEntry.objects.filter(action="add_to_list").exists()
    page = unescape(
        admin.post(APPEND, {"place": "south/Contacts/status", "value": "Open"}, follow=True).content.decode()
    )
    assert "Added to south/Contacts/status: Open." in page and 'value="Closed"' in page
    assert [c.value for c in store("other").schema("Contacts").field("status").choices][-1] == "Open"  # type: ignore[union-attr]


def test_no_entry_is_added_where_writing_is_not_allowed(admin: Client, in_use: None) -> None:
    save_table(ValueTable.objects.get(), Table("states", (("New", "Open"),), "append"), actor="test")
    Connection.objects.update(writable=False)
    assert "Writing to this CRM is not allowed" in shown(admin, APPEND)
    assert admin.post(APPEND, {"place": "south/Contacts/status", "value": "Open"}).status_code == 403
