"""What the simulated OpenCRM keeps of what is sent, the shapes of its answers to edits, links and campaigns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.opencrm_server import OpenCrm

JSON = Any
EDITS = [
    "activity", "asset", "company", "contact", "contact_custom1", "contact_custom2", "contracts", "lead", "opportunity", "product",
    "project", "ticket", "quote", "salesorder", "invoice", "purchaseorder",
]  # fmt: skip


@pytest.fixture(scope="module")
def running() -> Iterator[OpenCrm]:
    with Sandbox(["opencrm"], records=0) as sandbox:
        account = OpenCrm(sandbox)
        yield account
        account.close()


@pytest.fixture
def crm(running: OpenCrm) -> OpenCrm:
    running.control("POST", "reset")
    return running


def stored(crm: OpenCrm, module: str, number: JSON) -> dict[str, JSON]:
    kept = crm.control("GET", "records", module=module)
    return next(r["values"] for r in kept if r["id"] == str(number))


@pytest.mark.parametrize("name", EDITS)
def test_every_edit_creates_with_crmid_0_and_changes_with_another(crm: OpenCrm, name: str) -> None:
    module = name.removesuffix("_custom1").removesuffix("_custom2").removesuffix("s")
    number = crm.make(name, description="first")
    assert crm.ask(f"edit_{name}", crmid=number, description="second") == number
    values = stored(crm, module, number)
    assert (values["description"], values["smownerid"]) == ("second", "1")


def test_of_two_names_for_one_edit_one_is_unknown(crm: OpenCrm) -> None:
    pairs = (("edit_helpdesk", "edit_ticket"), ("edit_contract", "edit_contracts"))
    for unknown, known in pairs:
        answer = crm.send(unknown, {"crmid": 0})
        assert (answer.status_code, answer.json()) == (404, {"error": "Unknown method"})
        assert crm.ask(known, crmid=0) > 1001
    crm.switch(absent=[known for _, known in pairs], absent_status=200)
    for known, unknown in pairs:
        assert crm.ask(unknown, crmid=0) == {"error": "Unknown method"}
        assert crm.ask(known, crmid=0) > 1001


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("number", lambda n: n),
        ("text", str),
        ("record_id", lambda n: {"record_id": str(n)}),
        ("id", lambda n: {"id": n}),
        ("crmid", lambda n: {"crmid": n}),
    ],
)
def test_an_edit_s_reply_has_several_shapes(crm: OpenCrm, shape: str, expected: Any) -> None:
    number = crm.make("lead", lastname="x")
    crm.switch(edit_reply=shape)
    assert crm.ask("edit_lead", crmid=number, lastname="y") == expected(number)


def test_the_shapes_may_change_from_record_to_record(crm: OpenCrm) -> None:
    crm.switch(edit_reply="mixed")
    replies = [crm.ask("edit_lead", crmid=0) for _ in range(5)]
    kinds = {next(iter(r)) if isinstance(r, dict) else type(r).__name__ for r in replies}
    assert kinds == {"int", "str", "record_id", "id", "crmid"}


@pytest.mark.parametrize(
    ("crmid", "message"),
    [
        (None, "No crmid was given"),
        ("", "No crmid was given"),
        ("12x5", "No crmid was given"),
        ("424242", "Record 424242 does not exist in Leads"),
        ("1001", "Record 1001 does not exist in Leads"),
    ],
)
def test_an_edit_of_nothing_answers_a_sentence(crm: OpenCrm, crmid: str | None, message: str) -> None:
    before = crm.control("GET", "records", module="lead")
    given = {"lastname": "x"} if crmid is None else {"lastname": "x", "crmid": crmid}
    assert crm.ask("edit_lead", **given) == message
    crm.switch(edit_error="plain")
    assert crm.send("edit_lead", given).text == message
    crm.switch(edit_error="object")
    assert crm.ask("edit_lead", **given) == {"error": message}
    assert crm.control("GET", "records", module="lead") == before


def test_what_is_not_sent_stays_and_what_is_sent_empty_is_blank(crm: OpenCrm) -> None:
    number = crm.make("contact", firstname="A", title="CEO", birthday="1990-04-08", accountid=1001, cf_903="7")
    crm.ask("edit_contact", crmid=number, title="", birthday="", accountid="", cf_903="")
    read = crm.ask("get_contact", crmid=number)
    assert [read[name] for name in ("firstname", "title", "birthday", "accountid", "cf_903")] == ["A", "", "", "", ""]
    untouched = crm.ask("get_contact", crmid=crm.make("contact", lastname="B"))
    assert [untouched[name] for name in ("title", "birthday", "accountid", "cf_903")] == ["", None, None, None]


@pytest.mark.parametrize(
    ("module", "name", "sent", "kept"),
    [
        ("opportunity", "amount", "1234.56", "1234.56"),
        ("opportunity", "amount", "1,234.56", "1.00"),
        ("opportunity", "amount", "1234,56", "1234.00"),
        ("opportunity", "amount", "£5", "0.00"),
        ("opportunity", "amount", "0.005", "0.01"),
        ("opportunity", "probability", "4x", "4"),
        ("opportunity", "probability", "4.7", "5"),
        ("opportunity", "probability", "99999999999", "2147483647"),
        ("opportunity", "probability", "9" * 40, "2147483647"),
        ("opportunity", "accountid", "Acme", "0"),
        ("contact", "do_not_email", "1", "1"),
        ("contact", "do_not_email", "true", "0"),
        ("contact", "do_not_email", "on", "0"),
        ("contact", "do_not_email", "500", "127"),
        ("contact", "birthday", "2026-02-03", "2026-02-03"),
        ("contact", "birthday", "2026/02/03", "2026-02-03"),
        ("contact", "birthday", "20260203", "2026-02-03"),
        ("contact", "birthday", "2026-02-03T10:20:30Z", "2026-02-03"),
        ("contact", "birthday", "03-02-2026", "0000-00-00"),
        ("contact", "birthday", "2026-02-30", "0000-00-00"),
        ("contact", "birthday", "soon", "0000-00-00"),
        ("activity", "date_start", "2026-02-03 10:20", "2026-02-03 10:20:00"),
        ("activity", "date_start", "2026-02-03T10:20:30+03:30", "2026-02-03 10:20:30"),
        ("activity", "date_start", "2026-02-03", "2026-02-03 00:00:00"),
        ("activity", "date_start", "later", "0000-00-00 00:00:00"),
        ("contact", "email", "no mail at all", "no mail at all"),
        ("contact", "title", "x" * 300, "x" * 255),
        ("contact", "description", "ی" * 3000, "ی" * 3000),
        ("contact", "description", 'a <b>&amp; "q" \\ \t\n\'', 'a <b>&amp; "q" \\ \t\n\''),
        ("contact", "smownerid", "9999", "9999"),
        ("contact", "lastname", "  x ", "  x "),
    ],
)
def test_the_columns_keep_what_they_can(crm: OpenCrm, module: str, name: str, sent: str, kept: str) -> None:
    number = crm.make(module, **{name: sent})
    assert stored(crm, module, number)[name] == kept


@pytest.mark.parametrize(("sent", "kept"), [(True, "1"), (False, "0"), (None, ""), (7.25, "7.25"), ([1], "Array")])
def test_json_values_become_text_as_php_makes_it(crm: OpenCrm, sent: JSON, kept: str) -> None:
    given = {**crm.keys, "crmid": 0, "title": sent}
    number = crm.http.post(f"{crm.url}/api/rest/edit_contact", json=given, timeout=10).json()
    assert stored(crm, "contact", number)["title"] == kept


def test_zeros_that_stand_for_no_date_are_shown_as_they_are(crm: OpenCrm) -> None:
    number = crm.make("contact", birthday="soon")
    assert crm.ask("get_contact", crmid=number, dateOverride="c")["birthday"] == "0000-00-00"


def test_unknown_names_and_the_system_s_own_are_passed_over(crm: OpenCrm) -> None:
    given = {
        "nosuch": "1",
        "cf_999": "1",
        "module": "Contacts",
        "modifiedtime": "2001-01-01 00:00:00",
        "createdtime": "",
    }
    values = stored(crm, "contact", crm.make("contact", lastname="x", **given))
    assert {"nosuch", "cf_999", "module", "crmid", "key", "passkey"}.isdisjoint(values)
    assert values["modifiedtime"] == values["createdtime"] > "2020"


def test_nothing_is_required_and_nothing_is_compared(crm: OpenCrm) -> None:
    first, second = crm.make("contact", email="same@x.example"), crm.make("contact", email="same@x.example")
    nobody = crm.ask("edit_contact", crmid=0)
    assert len({first, second, nobody}) == 3
    assert crm.ask("get_contact", crmid=nobody)["smownerid"] == "0"


def test_ids_are_one_sequence_for_all_modules_and_never_used_again(crm: OpenCrm) -> None:
    first = crm.make("contact")
    crm.change("delete", "contact", id=str(first))
    assert [crm.make("company"), crm.make("contact")] == [first + 1, first + 2]


def test_records_are_linked_and_the_parent_s_id_comes_back(crm: OpenCrm) -> None:
    contact = crm.make("contact")
    assert crm.ask("edit_record_link", parent_id=1001, child_id=contact) == 1001
    assert [r["values"] for r in crm.control("GET", "records", module="record_links")] == [
        {"parent_id": "1001", "child_id": str(contact)}
    ]
    for given in ({"parent_id": 1001}, {"parent_id": 1001, "child_id": 424242}):
        assert crm.ask("edit_record_link", **given) == {"error": "child_id is not a record"}
    assert crm.ask("edit_record_link", child_id=contact) == {"error": "parent_id is not a record"}


def test_a_record_joins_a_campaign_with_success_or_a_sentence(crm: OpenCrm) -> None:
    campaign = crm.change("create", "campaign", values={"campaignname": "C"})["id"]
    contact = crm.make("contact")
    more = {"relationship": "Target", "status": "Sent", "probability": "50"}
    assert crm.ask("add_to_campaign", campaignid=campaign, recordid=contact, **more) == "Success"
    (member,) = crm.control("GET", "records", module="campaign_members")
    assert member["values"] == {"campaignid": campaign, "recordid": str(contact), **more}
    assert crm.ask("add_to_campaign", campaignid=1001, recordid=contact) == "Campaign not found"
    assert crm.ask("add_to_campaign", campaignid=campaign) == "recordid is not a record"


def test_what_a_portal_user_signs_in_with_is_read_like_any_field() -> None:
    with Sandbox(["opencrm"], records=60) as sandbox:
        crm = OpenCrm(sandbox)
        users = [row for row in crm.ask("get_contact_list_full") if row["portal"] == "1"]
        crm.close()
    assert users
    assert all(row["password"].startswith("portal-") for row in users)
