"""What the simulated SarvCRM answers: the vendor's document, call by call, and what public clients saw besides."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.sarvcrm_server import Server, told


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with Sandbox(["sarvcrm"], records=0) as sandbox:
        server = Server(sandbox)
        yield server
        server.close()


@pytest.fixture
def crm(running: Server) -> Server:
    running.control("POST", "reset")
    running.sign_in()
    return running


def test_a_record_lives_as_the_document_says(crm: Server) -> None:
    created = crm.call(
        "POST", "Save", "Leads", {"first_name": "Joel", "last_name": "Miller", "lead_source": "Conference"}
    )
    assert (created.status_code, created.json()["status"]) == (201, 201)
    assert created.json()["message"] == ["The record has been created."]
    id = created.json()["data"]["id"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", id)
    before = crm.one("Leads", id)
    assert (before["full_name"], before["status"], before["type"]) == ("Joel Miller", "New", "Individual")
    crm.control("POST", "clock", shift_seconds=60, zone="Asia/Tehran")
    updated = crm.call("PUT", "Save", "Leads", {"title": "Boss"}, id=id)
    assert updated.json() == {"status": 200, "message": ["The record has been updated."], "data": {"id": id}}
    after = crm.one("Leads", id)
    assert {name for name in before if before[name] != after[name]} == {"title", "date_modified"}
    deleted = crm.call("DELETE", "Save", "Leads", id=id)
    assert deleted.json() == {"status": 200, "message": "The record has been deleted.", "data": []}
    assert crm.call("GET", "Retrieve", "Leads", id=id).status_code == 400
    assert id not in {record["id"] for record in crm.found("Leads")}


@pytest.mark.parametrize("verb", ["PUT", "DELETE", "GET"])
def test_a_record_that_is_not_there_is_neither_made_nor_found(crm: Server, verb: str) -> None:
    method = "Retrieve" if verb == "GET" else "Save"
    answer = crm.call(verb, method, "Leads", {"last_name": "x"} if verb == "PUT" else None, id="no-such-id")
    wanted = "Access to this object is denied since it has been deleted or does not exist."
    assert told(answer) == (400, wanted)
    assert answer.json()["data"] == []
    assert crm.found("Leads") == crm.found("Leads", "leads.deleted = 0")
    assert "x" not in {r["last_name"] for r in crm.found("Leads")}
