"""What the simulated Simply CRM makes of writes: saveRecord and its purifier, deletes, comments, users and groups.
Letters and numbers are those of the facts about the real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.sandbox_client import Account
from tests.connectors.sandbox_phone import OWNED, Phone, fields, fresh

JSON = Any
DENIED = "Permission to perform the operation is denied"
EMPTY = {"code": 1501, "message": "Values cannot be empty!"}
SORRY = "Sorry! Attempt to access restricted file."


@pytest.fixture(scope="module")
def running() -> Iterator[Account]:
    with Sandbox(["simplycrm"], records=0) as sandbox:
        account = Account(sandbox, "simplycrm")
        yield account
        account.close()


@pytest.fixture
def phone(running: Account) -> Phone:
    return fresh(running)


def stored(phone: Phone, module: str = "Contacts") -> list[JSON]:
    found: list[JSON] = phone.account.control("GET", "records", module=module)
    return found


# --- saveRecord


def test_a_new_record_comes_back_in_blocks(phone: Phone) -> None:
    record = phone.save("Contacts", lastname="موبایل", firstname="A & B", **OWNED)["result"]["record"]
    assert record["id"].startswith("4x")
    got = fields(record)
    assert (got["lastname"], got["firstname"], got["source"]) == ("موبایل", "A & B", "MOBILE")
    assert got["assigned_user_id"] == {"value": "19x1", "label": "Administrator"}


def test_the_document_s_own_sample_is_taken_without_the_field_that_is_none(phone: Phone) -> None:
    sample = {
        "date_start": "2014-01-18", "due_date": "2014-01-18", "start_time": "14:44", "activitytype": "Call", "subject": "Call Smith",
        "location": "Overhoeksplein 2, Amsterdam", "assigned_user_id": "19x1", "taskstatus": "Planned", "visibility": "Private",
    }  # fmt: skip
    record = phone.save("Calendar", **sample)["result"]["record"]
    got = fields(record)
    assert (record["id"].split("x")[0], got["subject"], got["time_start"]) == ("1", "Call Smith", "")
    assert "start_time" not in got


def test_an_update_keeps_what_was_not_sent_and_takes_any_module_s_name(phone: Phone) -> None:
    record = phone.made(title="T", description="line & «quote»")
    for module in ("Contacts", "Accounts", ""):
        got = fields(phone.save(module, record, phone=module or "0")["result"]["record"])
        assert (got["phone"], got["title"], got["description"]) == (module or "0", "T", "line & «quote»")
    assert len(stored(phone)) == 1
    assert stored(phone, "Accounts") == []


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"values": "{}"}, EMPTY),
        ({}, EMPTY),
        ({"values": '{"lastname": "x"'}, EMPTY),
        ({"values": '["lastname"]'}, EMPTY),
        (
            {"values": '{"firstname": "x"}'},
            {"code": "MANDATORY_FIELDS_MISSING", "message": "lastname does not have a value"},
        ),
        (
            {"values": '{"lastname": "x"}'},
            {"code": "MANDATORY_FIELDS_MISSING", "message": "assigned_user_id does not have a value"},
        ),
        ({"values": '{"phone": "1"}', "record": "zzz"}, {"code": "ACCESS_DENIED", "message": f"{DENIED} for id"}),
        ({"values": '{"phone": "1"}', "record": "1071"}, {"code": "ACCESS_DENIED", "message": f"{DENIED} for id"}),
        ({"values": '{"phone": "1"}', "record": "4x99999"}, {"code": "ACCESS_DENIED", "message": DENIED}),
        ({"values": '{"lastname": "x"}', "module": "Nope"}, {"code": "ACCESS_DENIED", "message": DENIED}),
    ],
    ids=str,
)
def test_what_cannot_be_saved_is_refused_as_recorded(phone: Phone, params: dict[str, str], error: JSON) -> None:
    assert phone.error("saveRecord", **{"module": "Contacts", **params}) == error
    assert stored(phone) == []


def test_a_reference_in_the_shape_in_which_it_was_read_kills_the_answer(phone: Phone) -> None:
    record = phone.made()
    values = json.dumps({"assigned_user_id": phone.flat(record)["assigned_user_id"]})
    answer = phone.post("saveRecord", module="Contacts", record=record, values=values)
    assert (answer.status_code, answer.text) == (500, "")


def test_an_owner_that_does_not_exist_gives_plain_text_and_a_stored_record(phone: Phone) -> None:
    values = json.dumps({"lastname": "BO", "assigned_user_id": "19x9999"})
    answer = phone.post("saveRecord", module="Contacts", values=values)
    assert (answer.status_code, answer.text) == (200, SORRY)
    assert [r["values"]["assigned_user_id"] for r in stored(phone)] == ["9999"]


def test_fields_that_may_not_repeat_are_kept_so(phone: Phone) -> None:
    phone.switch(unique={"Accounts": ["accountname"]})
    phone.made("Accounts", accountname="Dup")
    assert phone.save("Accounts", accountname="dup", **OWNED)["error"] == {
        "code": 0,
        "message": "Duplicate(s) detected!",
    }


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("A & B", "A & B"),
        ('q"uote <b>b</b> \\ back', 'q"uote <b>b</b> \\ back'),
        ("1 < 2 & 3 > 2", "1 &lt; 2 & 3 &gt; 2"),
        ("<script>x</script> ok <i>it</i>", " ok <i>it</i>"),
        ("a <b", None),
        ("<3", None),
        ("x > y", "x > y"),
        ("<iframe>in</iframe>", "in"),
        ("<b class='x'>y</b>", "<b>y</b>"),
    ],
)
def test_the_purifier_changes_what_looks_like_a_tag(phone: Phone, sent: str, kept: str | None) -> None:
    answer = phone.save("Contacts", lastname="P", title=sent, **OWNED)
    if kept is None:
        assert answer["error"] == EMPTY
    else:
        assert fields(answer["result"]["record"])["title"] == kept


def test_a_name_keeps_its_lone_sign_where_other_fields_have_it_encoded(phone: Phone) -> None:
    got = fields(phone.save("Contacts", lastname="a < b", title="a < b", **OWNED)["result"]["record"])
    assert (got["lastname"], got["title"]) == ("a < b", "a &lt; b")


def test_the_purifier_cuts_values_of_a_json_body_too(phone: Phone) -> None:
    values = {"lastname": 'JB a<b & "q" <b>z</b>', **OWNED}
    sent = {"_operation": "saveRecord", "_session": phone.session, "module": "Contacts", "values": values}
    answer = phone.account.http.post(phone.url, json=sent, timeout=10).json()
    assert fields(answer["result"]["record"])["lastname"] == "JB a<b>z</b>"


def test_escaped_signs_arrive_unharmed_and_only_a_script_is_encoded(phone: Phone) -> None:
    texts = {
        "lastname": 'a <b & "q" <b>z</b>',
        "title": "1 < 2 & 3 > 2 <3",
        "description": "<script>x</script> نیم‌فاصله",
    }
    values = json.dumps({**texts, **OWNED}).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    got = fields(phone.result("saveRecord", module="Contacts", values=values)["record"])
    assert (got["lastname"], got["title"]) == (texts["lastname"], texts["title"])
    assert got["description"] == "&lt;script&gt;x&lt;/script&gt; نیم‌فاصله"


# --- deletes and comments


def test_deletes_take_bare_numbers_one_or_many_and_tell_which_were_there(phone: Phone) -> None:
    numbers = [ws_id[2:] for ws_id in phone.many(3)]
    assert phone.result("deleteRecords", record=numbers[0]) == {"deleted": {numbers[0]: True}}
    found = phone.result("deleteRecords", records=json.dumps([*numbers, "99999"]))
    assert found == {"deleted": {numbers[0]: False, numbers[1]: True, numbers[2]: True, "99999": False}}
    assert stored(phone) == []


@pytest.mark.parametrize("params", [{}, {"record": "4x1"}, {"records": '["4x1"]'}, {"records": "no list"}], ids=str)
def test_a_delete_of_anything_else_is_a_sentence_and_deletes_nothing(phone: Phone, params: dict[str, str]) -> None:
    made = phone.many(1)
    sent = {name: text.replace("4x1", made[0]) for name, text in params.items()}
    answer = phone.post("deleteRecords", **sent)
    assert (answer.status_code, answer.text) == (200, SORRY)
    assert len(stored(phone)) == 1


def test_a_comment_belongs_to_its_record_and_moves_its_time(phone: Phone) -> None:
    record = phone.made()
    before = phone.flat(record)["modifiedtime"]
    phone.shift(60)
    values = json.dumps({"commentcontent": "کامنت & <b>", "related_to": record})
    comment = phone.result("addRecordComment", values=values)["record"]
    got = fields(comment)
    assert (comment["id"].split("x")[0], got["commentcontent"], got["source"]) == ("27", "کامنت & <b>", "MOBILE")
    assert (got["related_to"]["value"], got["assigned_user_id"]["value"]) == (record, "19x1")
    assert phone.flat(record)["modifiedtime"] > before
    related = phone.result("relatedRecordsWithGrouping", record=record, relatedmodule="ModComments")["records"]
    assert [r["id"] for r in related] == [comment["id"]]
    missing = phone.error("addRecordComment", values='{"commentcontent": "x"}')
    assert missing == {"code": "MANDATORY_FIELDS_MISSING", "message": "related_to does not have a value"}


# --- users and groups


USER = {
    "user_name": "ina", "user_password": "Geheim-123", "confirm_password": "Geheim-123", "last_name": "Ina", "roleid": "H2",
    "email1": "ina@example.test",
}  # fmt: skip


def test_a_new_user_can_sign_in_and_no_answer_repeats_the_password(phone: Phone) -> None:
    answer = phone.save("Users", **USER)
    assert answer["result"]["record"] == {"blocks": [], "id": "19x8"}
    assert USER["user_password"] not in json.dumps(stored(phone, "Users"))
    assert phone.save("Users", **USER)["error"]["message"] == "Duplicate(s) detected!"
    phone.login("ina", USER["user_password"])
    assert phone.result("userInfo")["userinfo"]["is_admin"] == "off"
    assert phone.save("Users", **{**USER, "user_name": "other"})["error"]["code"] == "ACCESS_DENIED"


@pytest.mark.parametrize("missing", list(USER))
def test_a_user_needs_everything_that_the_document_lists(phone: Phone, missing: str) -> None:
    answer = phone.save("Users", **{k: v for k, v in USER.items() if k != missing})
    assert answer["error"] == {"code": "MANDATORY_FIELDS_MISSING", "message": f"{missing} does not have a value"}


def test_passwords_that_differ_make_no_user_and_a_stock_server_makes_none_at_all(phone: Phone) -> None:
    assert phone.save("Users", **{**USER, "confirm_password": "other"})["error"]["code"] == "ACCESS_DENIED"
    phone.switch(users_can_be_made=False)
    assert phone.save("Users", **USER)["error"] == {"code": "ACCESS_DENIED", "message": f"{DENIED} for id"}
    assert len(stored(phone, "Users")) == 3


def test_a_new_group_can_own_records(phone: Phone) -> None:
    values = {"groupname": "G1", "description": "d", "members": ["Users:1"]}
    assert phone.save("Groups", **values)["result"]["record"] == {"blocks": [], "id": "20x5"}
    assert {"value": "20x5", "label": "G1"} in phone.result("fetchModuleOwners")["groups"]
    record = phone.made(assigned_user_id="20x5")
    assert phone.flat(record)["assigned_user_id"] == {"value": "20x5", "label": "G1"}
    assert phone.save("Groups", description="d")["error"]["code"] == "MANDATORY_FIELDS_MISSING"
