"""The simulated SarvCRM's numbers, relationships, forms and files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.sarvcrm_server import Server, told

JOEL = {
    "type": "Mobile",
    "number": "09121111234",
    "phoneCode": "+98",
    "phoneFlag": "IR",
    "primary": 1,
    "sms": 1,
    "fax": 0,
}


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with Sandbox(["sarvcrm"], records=3) as sandbox:
        server = Server(sandbox)
        yield server
        server.close()


@pytest.fixture
def crm(running: Server) -> Server:
    running.control("POST", "reset")
    running.sign_in()
    return running


def form(crm: Server, module: str, pairs: Any, files: Any = None, method: str = "Save") -> Any:
    """Return what a form brings, as PHP's clients send it."""
    head, asked = {"Authorization": f"Bearer {crm.session}"}, {"method": method, "module": module}
    return crm.http.post(crm.address, params=asked, data=pairs, files=files, headers=head, timeout=10)


def test_numbers_are_text_or_objects_and_read_as_objects(crm: Server) -> None:
    id = crm.made("Leads", last_name="Miller", numbers=["02122225678", JOEL, "09123456789"])
    record = crm.one("Leads", id)
    assert [n["number"] for n in record["numbers"]] == ["02122225678", "09121111234", "09123456789"]
    assert record["numbers"][1] == JOEL
    assert [n["primary"] for n in record["numbers"]] == [0, 1, 0]
    assert (record["primary_number"], record["primary_number_raw"]) == ("09121111234", "+989121111234")
    assert (record["sms_number"], record["fax_number"]) == ("09121111234", "")
    crm.call("PUT", "Save", "Leads", {"numbers": ["02122225678"], "primary_number": "1"}, id=id)
    changed = crm.one("Leads", id)
    assert [(n["number"], n["primary"]) for n in changed["numbers"]] == [("02122225678", 1)]
    assert (changed["primary_number"], changed["sms_number"]) == ("02122225678", "")
    crm.call("PUT", "Save", "Leads", {"title": "x"}, id=id)
    assert crm.one("Leads", id)["numbers"] == changed["numbers"]
    crm.call("PUT", "Save", "Leads", {"numbers": []}, id=id)
    assert (crm.one("Leads", id)["numbers"], crm.one("Leads", id)["primary_number_raw"]) == ([], "")


@pytest.mark.parametrize("number", ["09121111234", "+98 912 111 1234", "00989121111234", "۰۹۱۲۱۱۱۱۲۳۴", "9121111234"])
def test_somebody_is_found_by_a_number_however_it_is_spelled(crm: Server, number: str) -> None:
    lead = crm.made("Leads", first_name="Joel", last_name="Miller", numbers=["021", JOEL])
    account = crm.made("Accounts", name="Firm", numbers=["+98-912-1111234"])
    found = crm.data("GET", "SearchByNumber", number=number)
    assert found == [
        {"module": "Accounts", "id": account, "name": "Firm"},
        {"module": "Leads", "id": lead, "name": "Joel Miller"},
    ]
    assert crm.data("GET", "SearchByNumber", "Leads", number=number) == found[1:]
    crm.call("DELETE", "Save", "Leads", id=lead)
    assert crm.data("GET", "SearchByNumber", "Leads", number=number) == []


def test_a_search_by_no_number_or_where_there_are_none_is_refused(crm: Server) -> None:
    assert crm.data("GET", "SearchByNumber", number="12345678") == []
    assert told(crm.call("GET", "SearchByNumber"))[0] == 400
    assert told(crm.call("GET", "SearchByNumber", "Tasks", number="1")) == (
        400,
        "This module does not support this feature.",
    )
    assert told(crm.call("GET", "SearchByNumber", "Nonsense", number="1"))[0] == 404


def names(crm: Server, module: str, id: str, field: str, **asked: Any) -> list[str]:
    return [r["name"] for r in crm.data("POST", "GetRelationship", module, asked, id=id, related_field=field)]


def test_the_records_that_point_at_one_are_its_related_ones(crm: Server) -> None:
    parent = crm.made("Accounts", name="Parent")
    for name in "CAB":
        crm.made("Contacts", last_name=name, account_id=parent)
    crm.made("Contacts", last_name="Other")
    assert sorted(names(crm, "Accounts", parent, "contacts")) == ["A", "B", "C"]
    assert names(crm, "Accounts", parent, "contacts", order_by="contacts.last_name DESC", limit=2, offset=1) == [
        "B",
        "A",
    ]
    assert names(crm, "Accounts", parent, "contacts", query="contacts.last_name > 'B'") == ["C"]
    got = crm.data("GET", "GetRelationship", "Accounts", id=parent, related_field="contacts", limit=1)
    assert (len(got), got[0]["account_name"]) == (1, "Parent")
    asked = {"select_fields": ["last_name"], "order_by": "contacts.last_name"}
    chosen = crm.data("POST", "GetRelationship", "Accounts", asked, id=parent, related_field="contacts")
    assert chosen == [{"last_name": name} for name in "ABC"]
    wrong = {"order_by": "accounts.date_entered"}
    text = crm.call("POST", "GetRelationship", "Accounts", wrong, id=parent, related_field="contacts").text
    assert "MySQL Error 1054" in text


def test_relationships_are_saved_by_id_or_with_more_and_seen_from_both_sides(crm: Server) -> None:
    bundle = crm.made("Product_Bundle", name="Bundle")
    one, two, three = (crm.made("AOS_Products", name=name) for name in ("One", "Two", "Three"))
    body = {
        "field_name": "products",
        "related_records": [one, {"id": two, "qty": 180, "unit_id": "Branch", "id_AS": 4}],
    }
    answer = crm.call("POST", "SaveRelationships", "Product_Bundle", body, id=bundle)
    assert answer.json() == {"status": 200, "message": "Created Successfully"}
    found = {
        r["name"]: r for r in crm.data("GET", "GetRelationship", "Product_Bundle", id=bundle, related_field="products")
    }
    assert set(found) == {"One", "Two"}
    assert (found["Two"]["qty"], found["Two"]["unit_id"], found["Two"]["id_AS"]) == (180, "Branch", 4)
    body["related_records"] = [three, {"id": two, "qty": 7}]
    crm.call("POST", "SaveRelationships", "Product_Bundle", body, id=bundle)
    again = {
        r["name"]: r for r in crm.data("GET", "GetRelationship", "Product_Bundle", id=bundle, related_field="products")
    }
    assert set(again) == {"One", "Two", "Three"}
    assert (again["Two"]["qty"], again["Two"]["unit_id"]) == (7, "Branch")
    quote = crm.made("AOS_Quotes", name="Quote")
    crm.call("POST", "SaveRelationships", "AOS_Quotes", {"field_name": "products", "related_records": [one]}, id=quote)
    assert names(crm, "AOS_Products", one, "aos_quotes") == ["Quote"]


def test_saving_relationships_may_replace_them(crm: Server) -> None:
    crm.control("POST", "switches", relations_replace=True)
    parent, quote = crm.made("Accounts", name="Parent"), crm.made("AOS_Quotes", name="Quote")
    people = [crm.made("Contacts", last_name=name) for name in "AB"]
    goods = [crm.made("AOS_Products", name=name) for name in "AB"]
    for n in (0, 1):
        crm.call(
            "POST",
            "SaveRelationships",
            "Accounts",
            {"field_name": "contacts", "related_records": [people[n]]},
            id=parent,
        )
        crm.call(
            "POST",
            "SaveRelationships",
            "AOS_Quotes",
            {"field_name": "products", "related_records": [goods[n]]},
            id=quote,
        )
    assert names(crm, "Accounts", parent, "contacts") == ["B"]
    assert names(crm, "AOS_Quotes", quote, "products") == ["B"]
    assert crm.one("Contacts", people[0])["account_id"] == ""


@pytest.mark.parametrize(
    ("module", "body", "begins"),
    [
        (
            "Accounts",
            {"field_name": "nosuch", "related_records": []},
            "This module does not support this relationship.",
        ),
        ("Deposits", {"field_name": "x", "related_records": []}, "This module does not support this feature."),
        ("Accounts", {"related_records": []}, "Please fill out the required fields"),
        ("Accounts", {"field_name": "contacts"}, "Please fill out the required fields"),
        ("Accounts", {"field_name": "contacts", "related_records": "x"}, "Type mismatch Error."),
        ("Accounts", {"field_name": "contacts", "related_records": [{"qty": 1}]}, "Type mismatch Error."),
        ("Accounts", {"field_name": "contacts", "related_records": ["nobody"]}, "Access to this object is denied"),
    ],
    ids=str,
)
def test_a_wrong_relationship_is_refused(crm: Server, module: str, body: dict[str, Any], begins: str) -> None:
    id = crm.found(module)[0]["id"]
    status, message = told(crm.call("POST", "SaveRelationships", module, body, id=id))
    assert (status, message.startswith(begins)) == (400, True)
    asked = {"id": id, "related_field": str(body.get("field_name"))}
    if body.get("field_name") != "contacts":
        assert told(crm.call("GET", "GetRelationship", module, **asked))[0] == 400
    assert told(crm.call("POST", "SaveRelationships", module, body, id="nobody"))[0] == 400


def test_quotes_start_with_products_and_their_quantity(crm: Server) -> None:
    quote = crm.found("AOS_Quotes")[0]["id"]
    lines = crm.data("GET", "GetRelationship", "AOS_Quotes", id=quote, related_field="products")
    assert len(lines) == 2
    assert all(1 <= line["qty"] < 200 for line in lines)


def test_a_form_is_read_as_php_reads_it(crm: Server) -> None:
    pairs = {"last_name": "Form & Co", "numbers[0][number]": "0911", "numbers[0][sms]": "1", "numbers[1]": "0912"}
    id = form(crm, "Leads", pairs).json()["data"]["id"]
    record = crm.one("Leads", id)
    assert [n["number"] for n in record["numbers"]] == ["0911", "0912"]
    assert (record["last_name"], record["sms_number"]) == ("Form & Co", "0911")
    asked = [
        ("selected_fields[]", "id"),
        ("selected_fields[]", "last_name"),
        ("limit", "1"),
        ("query", f"leads.id='{id}'"),
    ]
    assert form(crm, "Leads", asked, method="Retrieve").json()["data"] == [{"id": id, "last_name": "Form & Co"}]


def test_a_file_comes_in_multipart_and_goes_out_again(crm: Server) -> None:
    sent = {"filename": ("نامه.txt", b"\x00 letter", "text/plain")}
    answer = form(crm, "Documents", {"document_name": "Letter"}, sent)
    id = answer.json()["data"]["id"]
    assert crm.one("Documents", id)["filename"] == "نامه.txt"
    assert crm.data("GET", "GetResourceAttachment", "Documents", id=id) == {
        "filename": "نامه.txt",
        "filetype": "text/plain",
        "filesize": 8,
        "filecontents": "ACBsZXR0ZXI=",
    }
    bare = crm.made("Documents", document_name="Bare")
    assert told(crm.call("GET", "GetResourceAttachment", "Documents", id=bare)) == (
        404,
        "The desired file does not exist on the server.",
    )


def test_a_file_too_large_is_refused_and_nothing_kept(crm: Server) -> None:
    crm.control("POST", "switches", max_upload=10)
    before = crm.found("Documents")
    answer = form(crm, "Documents", {"document_name": "Big"}, {"filename": ("a", b"x" * 11)})
    assert told(answer) == (400, "Uploaded file is too large and exceeded the file size limit.")
    assert crm.found("Documents") == before
    assert form(crm, "Documents", {"document_name": "Fits"}, {"filename": ("a", b"x" * 10)}).status_code == 201


def test_the_calls_the_document_only_names_answer_something(crm: Server) -> None:
    case = crm.found("Cases")[0]["id"]
    assert crm.data("GET", "GetSurveyQuestions", "Cases", id=case)[0]["question"]
    assert told(crm.call("GET", "GetSurveyQuestions", "Tasks", id=case))[0] == 400
    made = crm.data("POST", "LeaveComment", "Cases", {"comment": "سلام <b>"}, id=case)["id"]
    note = crm.one("Notes", made)
    assert (note["description"], note["parent_type"], note["parent_id"]) == ("سلام <b>", "Cases", case)
    assert note["parent_name"] == crm.one("Cases", case)["name"]
    assert told(crm.call("POST", "LeaveComment", "Cases", {"comment": " "}, id=case))[0] == 400


def test_a_lookup_outlives_what_it_points_to(crm: Server) -> None:
    account = crm.made("Accounts", name="Gone")
    contact = crm.made("Contacts", last_name="x", account_id=account)
    crm.call("DELETE", "Save", "Accounts", id=account)
    assert crm.one("Contacts", contact)["account_id"] == account


def test_what_comes_next_comes_once_each(crm: Server) -> None:
    crm.control("POST", "switches", fail_next=["400/90", "2006 MySQL server has gone away"])
    assert told(crm.call("POST", "Retrieve", "Leads", {}))[0] == 400
    gone = crm.call("POST", "Retrieve", "Leads", {})
    assert gone.status_code == 200 and "MySQL Error 2006" in gone.text
    assert crm.found("Leads")


@pytest.mark.parametrize(("passed_over", "count"), [([], 1), (["offset"], 2), (["query"], 2), (["limit"], 1)])
def test_a_parameter_may_be_passed_over_in_silence(crm: Server, passed_over: list[str], count: int) -> None:
    firm = crm.made("Accounts", name="Firm", type="Individual")
    ids = [crm.made("Contacts", last_name=f"N{n}", account_id=firm) for n in range(3)]
    crm.control("POST", "switches", passes_over={"GetRelationship": passed_over})
    asked = {"query": f"contacts.id <> '{ids[0]}'", "order_by": "contacts.id", "limit": 2, "offset": 1}
    found = crm.data("POST", "GetRelationship", "Accounts", asked, id=firm, related_field="contacts")
    assert len(found) == count
    assert len(crm.found("Contacts", f"contacts.account_id = '{firm}'", limit=2)) == 2


def test_pages_may_be_cut_without_a_word(crm: Server) -> None:
    crm.control("POST", "switches", largest_page=2)
    assert len(crm.found("Leads")) == 2


def test_an_attachment_may_be_the_answer_itself(crm: Server) -> None:
    crm.control("POST", "switches", attachment_as="file")
    id = form(crm, "Notes", {"name": "x"}, {"filename": ("é.bin", b"\x00\xff", "image/png")}).json()["data"]["id"]
    answer = crm.call("GET", "GetResourceAttachment", "Notes", id=id)
    assert (answer.content, answer.headers["Content-Type"]) == (b"\x00\xff", "image/png")
    assert "%C3%A9.bin" in answer.headers["Content-Disposition"]
