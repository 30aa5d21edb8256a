"""Comments and files of SarvCRM's records: notes that hang on them, and files fetched by the call that a person named."""

from __future__ import annotations

from email.message import Message

import pytest

from connectors.base import Connector
from connectors.context import Context
from connectors.errors import ProtocolError, RecordInvalid, RecordNotFound, Unsupported
from connectors.http import Answer
from connectors.sarvcrm.notes import content, note_on
from connectors.sarvcrm.schema import described
from connectors.types import FileContent
from tests.connectors.contract import CountingObserver
from tests.connectors.sandbox_client import Account
from tests.connectors.sarvcrm_account import SarvSeeder, account, connected, context, crm, observer, sandbox, seeder

__all__ = ["account", "observer", "context", "seeder", "crm", "sandbox"]  # fixtures

PDF = FileContent("گزارش 'x'.pdf", b"%PDF \x00\xff\n", "application/pdf")
NOWHERE = "00000000-0000-0000-0000-000000000000"


def test_a_file_is_added_as_a_note_on_the_record(crm: Connector, seeder: SarvSeeder) -> None:
    lead = seeder.put("With a file")
    told = crm.upload("Leads", lead, PDF)
    assert (told.name, told.size) == (PDF.name, 8)
    note = crm.get("Notes", told.id).values
    assert (note["filename"], note["parent_type"], note["parent_id"]) == (PDF.name, "Leads", lead)


def test_a_file_too_large_is_refused_here_or_there(
    account: Account, crm: Connector, seeder: SarvSeeder, observer: CountingObserver
) -> None:
    lead = seeder.put("With a file")
    crm.describe("Notes")
    account.control("POST", "switches", max_upload=10)
    with pytest.raises(RecordInvalid) as refused:
        crm.upload("Leads", lead, FileContent("a.txt", b"x" * 11))
    assert refused.value.code == "16"
    observer.calls.clear()
    with pytest.raises(RecordInvalid):
        crm.upload("Leads", lead, FileContent("a.txt", bytes(crm.capabilities.max_upload + 1)))
    assert not observer.calls


def test_nothing_is_added_to_a_record_that_is_not_there(account: Account, crm: Connector) -> None:
    with pytest.raises(RecordNotFound):
        crm.upload("Leads", NOWHERE, PDF)
    with pytest.raises(RecordNotFound):
        crm.comment("Leads", NOWHERE, "Called back")
    assert "create Notes" not in account.control("GET", "counters")["sarvcrm"]


def test_files_are_listed_whether_or_not_they_can_be_fetched(
    account: Account, crm: Connector, seeder: SarvSeeder, observer: CountingObserver
) -> None:
    lead = seeder.put("With files")
    told = {crm.upload("Leads", lead, FileContent(f"{n}.txt", b"a")).id: f"{n}.txt" for n in range(3)}
    crm.comment("Leads", lead, "A note without a file")
    account.control("POST", "switches", largest_page=2)
    assert {file.id: file.name for file in crm.files("Leads", lead)} == told
    with pytest.raises(RecordNotFound):
        crm.files("Leads", NOWHERE)
    observer.calls.clear()
    with pytest.raises(Unsupported, match="settings"):
        crm.download("Leads", lead, next(iter(told)))
    assert not observer.calls


@pytest.mark.parametrize("as_what", ["data", "file"])
def test_a_file_is_fetched_by_the_call_the_settings_name(
    account: Account, context: Context, seeder: SarvSeeder, as_what: str
) -> None:
    account.control("POST", "switches", attachment_as=as_what)
    crm = connected(account, context, attachment_call=" GetResourceAttachment ")
    lead = seeder.put("With a file")
    assert crm.download("Leads", lead, crm.upload("Leads", lead, PDF).id) == PDF
    without = seeder.mutate("create", "Notes", name="No file", parent_type="Leads", parent_id=lead)
    with pytest.raises(RecordNotFound):
        crm.download("Leads", lead, without)
    crm.close()


@pytest.mark.parametrize("told", [{}, [], "no base64?", {"content": 7}, {"filecontents": "a"}])
def test_an_answer_without_a_file_is_told(told: object) -> None:
    with pytest.raises(ProtocolError, match="no file"):
        content(Answer(200, Message(), b""), told, "1")


def test_an_empty_comment_is_refused_unsent(crm: Connector, seeder: SarvSeeder, observer: CountingObserver) -> None:
    lead = seeder.put("Silent")
    with pytest.raises(RecordInvalid):
        crm.comment("Leads", lead, " \n ")
    assert not any(call.writes for call in observer.calls)


def test_a_note_is_refused_where_the_server_tells_that_none_hangs_there() -> None:
    parent = {"type": "parent_type", "options": {"Accounts": "Accounts"}}
    schema = described(
        "Notes", {"id": {"type": "id"}, "parent_type": {"name": "parent_type", **parent}}, "en_US"
    ).schema
    assert note_on(schema, "Accounts", "1", "First line\nsecond")["name"] == "First line"
    with pytest.raises(RecordInvalid, match="no notes on Leads"):
        note_on(schema, "Leads", "1", "text")
