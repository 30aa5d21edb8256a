"""SarvCRM's records: the document's samples arrive and are read back, and no unclear or refused write is told as another."""

from __future__ import annotations

import pytest

from connectors.context import Context
from connectors.errors import (
    ConnectorError,
    Duplicate,
    ProtocolError,
    RecordInvalid,
    RecordNotFound,
    Unavailable,
)
from connectors.sarvcrm.connector import SarvConnector
from connectors.types import FieldType
from tests.connectors.contract import read_all
from tests.connectors.sandbox_client import Account
from tests.connectors.sarvcrm_account import SarvSeeder, account, connected, context, crm, observer, sandbox, seeder
from tests.connectors.sarvcrm_samples import PERSON, PHONE

__all__ = ["account", "observer", "context", "seeder", "crm", "sandbox"]  # fixtures


def test_the_documents_lead_with_numbers_arrives_and_is_read_back(crm: SarvConnector) -> None:
    made = crm.create("Leads", {**PERSON, "numbers": [PHONE, "02122225678", "09123456789"]})
    assert {name: made.values[name] for name in PERSON} == PERSON
    assert [phone["number"] for phone in made.values["numbers"]] == ["09121111234", "02122225678", "09123456789"]
    assert made.values["numbers"][0] == {**PHONE, "primary": True, "sms": True, "fax": False}
    assert made.values["primary_number"] == "09121111234"
    kept = crm.update("Leads", made.id, {"status": "Expired"}).values["numbers"]
    assert kept == made.values["numbers"]
    assert crm.update("Leads", made.id, {"numbers": [{"number": "021", "ext": "9"}]}).values["numbers"][0]["ext"] == "9"
    assert crm.update("Leads", made.id, {"numbers": None}).values["numbers"] is None


def test_what_the_server_derives_from_numbers_is_not_written_by_itself(crm: SarvConnector) -> None:
    with pytest.raises(RecordInvalid) as caught:
        crm.update("Leads", read_all(crm, "Leads")[0].id, {"primary_number": "021"})
    assert "primary_number" in caught.value.fields


def test_a_record_that_cannot_be_read_back_keeps_its_id(account: Account, crm: SarvConnector) -> None:
    crm.describe("Leads")
    account.control("POST", "faults", fault="http_500", operation="get Leads", times=0)
    made = crm.create("Leads", PERSON)
    assert made.id and made.values == {}
    account.control("DELETE", "faults")
    assert crm.get("Leads", made.id).values["last_name"] == "Miller"


@pytest.mark.parametrize("missing", ["400/22", "404/51", ""])
def test_a_record_gone_from_view_after_its_update_is_not_told_as_refused(
    account: Account, crm: SarvConnector, seeder: SarvSeeder, missing: str
) -> None:
    id = seeder.put("Before")
    crm.describe("Leads")
    faulty = (
        {"fail_with": {"get Leads": missing}} if missing else {"fail_with": {"get Leads": "400/22"}, "http_200": True}
    )
    account.control("POST", "switches", **faulty)
    with pytest.raises(ProtocolError, match=id) as caught:
        crm.update("Leads", id, {"last_name": "After"})
    assert caught.value.maybe_done and seeder.stored("Leads", id)["last_name"] == "After"


def test_a_record_that_was_gone_before_its_update_is_not_found(crm: SarvConnector, seeder: SarvSeeder) -> None:
    id = seeder.put("Gone")
    seeder.remove(id)
    with pytest.raises(RecordNotFound):
        crm.update("Leads", id, {"last_name": "After"})


def test_a_new_record_that_is_hidden_at_once_keeps_its_id(
    account: Account, crm: SarvConnector, seeder: SarvSeeder
) -> None:
    crm.describe("Leads")
    account.control("POST", "switches", fail_with={"get Leads": "400/22"})
    made = crm.create("Leads", PERSON)
    assert made.values == {} and seeder.stored("Leads", made.id)["last_name"] == "Miller"


@pytest.mark.parametrize("fault", ["http_500", "cut_after", "cut_before", "empty_body", "truncated_json"])
def test_an_unclear_answer_to_a_create_is_never_repeated(account: Account, crm: SarvConnector, fault: str) -> None:
    crm.describe("Leads")
    account.control("POST", "faults", fault=fault, operation="create Leads")
    with pytest.raises((Unavailable, ProtocolError)) as caught:
        crm.create("Leads", {"last_name": "Only once"})
    assert caught.value.maybe_done
    assert account.control("GET", "counters")["sarvcrm"]["create Leads"] == 1


@pytest.mark.parametrize(
    ("key", "kind"),
    [("400/50", Duplicate), ("400/14", RecordInvalid), ("400/15", RecordInvalid), ("400/22", RecordNotFound)],
)
def test_a_refused_write_is_told_as_what_it_is(
    account: Account, crm: SarvConnector, key: str, kind: type[ConnectorError]
) -> None:
    account.control("POST", "switches", fail_with={"Save": key})
    with pytest.raises(kind):
        crm.update("Leads", "0", {"status": "Expired"})


def test_text_longer_than_the_column_is_refused_and_not_cut(crm: SarvConnector) -> None:
    with pytest.raises(RecordInvalid, match="255"):
        crm.create("Leads", {"last_name": "x" * 256})


@pytest.mark.parametrize("carets", ["carets", "list"])
@pytest.mark.parametrize("as_text", [False, True])
def test_several_choices_and_odd_envelopes_are_read(
    account: Account, crm: SarvConnector, carets: str, as_text: bool
) -> None:
    account.control("POST", "switches", multienum_as=carets, status_as_text=as_text, error_codes=as_text)
    made = crm.create("Leads", {"last_name": "Many", "interests": ["Sales", "News"]})
    assert made.values["interests"] == ["Sales", "News"]
    with pytest.raises(RecordNotFound):
        crm.get("Leads", "00000000-0000-0000-0000-000000000000")


@pytest.mark.parametrize("shape", ["map", "pairs", "labelled"])
@pytest.mark.parametrize(("language", "label"), [("fa_IR", "جدید"), ("en_US", "New")])
def test_a_pick_list_is_labelled_in_the_language_of_the_connection(
    account: Account, context: Context, shape: str, language: str, label: str
) -> None:
    account.control("POST", "switches", options_shape=shape)
    crm = connected(account, context, language=language)
    status = crm.describe("Leads").field("status")
    assert status is not None and status.type is FieldType.CHOICE
    assert [choice.label for choice in status.choices if choice.value == "New"] == [label]
    assert crm.describe("Leads").module.label == ("سرنخ" if language == "fa_IR" else "Leads")


def test_a_quote_keeps_its_line_items_as_they_are(crm: SarvConnector) -> None:
    lines = [{"product_id": "p-1", "qty": "2", "unit_id": "Branch"}]
    made = crm.create("AOS_Quotes", {"name": "Quote", "line_items": lines})
    assert made.values["line_items"] == lines
