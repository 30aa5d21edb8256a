"""What holds of Vtiger's connector and of Simply CRM's alike, by each of its APIs: faults are told as what they mean, nothing is
written twice, and custom modules, relations and lists are whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from connectors.errors import (
    ConfigError,
    ConnectorError,
    ProtocolError,
    QueryError,
    RateLimited,
    RecordNotFound,
    Unavailable,
)
from connectors.query import Order, Query, parse
from connectors.vtiger.connector import VtigerConnector
from tests.connectors.contract import CountingObserver, read_all
from tests.connectors.custom_modules import GUARANTEES, UNLISTED
from tests.connectors.vtiger_family import Way, built, crm, observer, way

__all__ = ["built", "crm", "observer", "way"]  # fixtures
NEVER = 0  # times a fault is met: every time
# fault, its parameters, what a read raises (None: it succeeds), what a write raises, whether it may have been done
FAULTS: list[tuple[str, dict[str, int], type[ConnectorError] | None, type[ConnectorError] | None, bool | None]] = [
    ("http_500", {"times": NEVER}, Unavailable, Unavailable, True),
    ("http_502_html", {"times": NEVER}, Unavailable, Unavailable, True),
    ("http_502_html", {}, None, Unavailable, True),
    ("rate_limited", {"times": NEVER, "retry_after": 60}, RateLimited, RateLimited, None),
    ("rate_limited", {"retry_after": 0}, None, RateLimited, None),
    ("cut_before", {}, None, Unavailable, True),
    ("cut_after", {}, None, Unavailable, True),
    ("truncated_json", {"times": NEVER}, ProtocolError, ProtocolError, True),
    ("empty_body", {"times": NEVER}, ProtocolError, ProtocolError, True),
    ("session_expired", {}, None, None, None),
    ("php_warnings", {}, None, None, None),
]
APPLIED = frozenset({"cut_after", "truncated_json", "empty_body", "session_expired", "php_warnings"})


def outcome(deed: Callable[[], object]) -> ConnectorError | None:
    """Return what the deed raised."""
    try:
        deed()
    except ConnectorError as e:
        return e
    return None


@pytest.mark.parametrize(("fault", "params", "read", "write", "maybe_done"), FAULTS, ids=str)
def test_a_fault_is_told_as_what_it_means_for_reading_and_for_writing(
    way: Way,
    crm: VtigerConnector,
    fault: str,
    params: dict[str, int],
    read: type[ConnectorError] | None,
    write: type[ConnectorError] | None,
    maybe_done: bool | None,
) -> None:
    contact = crm.read("Contacts", Query(limit=1)).records[0].id
    deeds = writes(crm, contact)
    way.account.fault(fault, way.operation("query"), **params)
    error = outcome(lambda: crm.read("Contacts", Query(limit=5)))
    assert type(error) is (read or type(None)) and not getattr(error, "maybe_done", False)
    for deed, write_it in deeds.items():
        way.account.control("DELETE", "faults")
        way.account.fault(fault, way.operation(deed), **params)
        error = outcome(write_it)
        assert type(error) is (write or type(None)), deed
        assert getattr(error, "maybe_done", None) is maybe_done
    assert happened(way, contact) == (int(fault in APPLIED),) * 3  # in no case twice


def writes(crm: VtigerConnector, contact: str) -> dict[str, Callable[[], object]]:
    """Return what is written, when all that is to be known for it is known."""
    crm.owners()
    crm.describe("ModComments")
    return {
        "create": lambda: crm.create("Contacts", {"lastname": "Once"}),
        "comment": lambda: crm.comment("Contacts", contact, "Once"),
        "delete": lambda: crm.delete("Contacts", contact),
    }


def happened(way: Way, contact: str) -> tuple[int, int, int]:
    """Return how often each of the three was done, as the server keeps it."""
    made = [r for r in way.account.records("Contacts") if r["values"]["lastname"] == "Once"]
    said = [r for r in way.account.records("ModComments") if r["values"]["commentcontent"] == "Once"]
    gone = contact not in {record["id"] for record in way.account.records("Contacts")}
    return len(made), len(said), int(gone)


@pytest.mark.parametrize("id", ["12x2' or '1'='1", "12", "x", "", "12x2x1", "abc"])
def test_what_is_no_id_is_not_sent(crm: VtigerConnector, observer: CountingObserver, id: str) -> None:
    observer.calls.clear()
    for deed in (
        lambda: crm.get("Contacts", id),
        lambda: crm.delete("Contacts", id),
        lambda: crm.update("Contacts", id, {"lastname": "x"}),
    ):
        with pytest.raises(RecordNotFound):
            deed()
    assert not observer.calls


def test_overlapping_pages_bring_every_record_once(way: Way, crm: VtigerConnector) -> None:
    way.account.fault("overlapping_page", way.operation("query"), times=NEVER, rows=3)
    found = [record.id for record in read_all(crm, "Contacts", Query(limit=7))]
    assert len(found) == len(set(found)) == 60
    assert sorted(id for page in crm.ids("Contacts") for id in page) == sorted(found)


def test_a_list_goes_on_past_rows_this_user_may_not_see(way: Way, crm: VtigerConnector) -> None:
    ids = way.account.crowd(190)
    way.account.switch(unseen={"Contacts": ids[10:240]})
    for limit in (7, 100):
        found = [record.id for record in read_all(crm, "Contacts", Query(limit=limit))]
        assert found == ids[:10] + ids[240:]


# Custom modules, relations


@pytest.mark.parametrize("name", ["Zemanatha", "Makhfi"])
def test_a_custom_module_is_read_and_written_like_any_other_listed_or_named(
    way: Way, observer: CountingObserver, name: str
) -> None:
    way.account.switch(custom_modules=[GUARANTEES, UNLISTED])
    crm = way.connect(observer, extra_modules="Makhfi")
    schema = crm.describe(name)
    owner = crm.create("Accounts", {"accountname": "شرکت"}).id
    values = {"onvan": "الف «۱»", "cf_1201": "بسته", "cf_1203": "12.5", "cf_1205": owner}
    made = crm.create(name, values)
    assert values.items() <= crm.get(name, made.id).values.items()
    cursor = list(crm.changes(name, None))[-1].cursor
    assert crm.update(name, made.id, {"cf_1201": "open"}).values["cf_1201"] == "open"
    assert made.id in {change.id for page in crm.changes(name, cursor) for change in page.changes}
    found = crm.read(name, Query(parse('cf_1201 = "open" and onvan contains "الف"', schema))).records
    assert [record.id for record in found] == [made.id] == [id for page in crm.ids(name) for id in page]
    crm.delete(name, made.id)
    assert not crm.read(name, Query()).records


def test_modules_fields_and_choices_keep_their_labels_in_any_language(way: Way, observer: CountingObserver) -> None:
    way.account.switch(custom_modules=[GUARANTEES, UNLISTED])
    crm = way.connect(observer, extra_modules="Makhfi, Nirgends, Contacts, Organizations")
    names = [module.name for module in crm.modules()]
    assert len(names) == len(set(names))  # one that is listed, by its name or its label, is no second one
    listed = {module.name: module.label for module in crm.modules()}
    assert (listed["Zemanatha"], listed["Makhfi"]) == ("ضمانت‌نامه‌ها", "مخفی") and "Nirgends" not in listed
    assert "Makhfi" not in {module.name for module in way.connect(observer).modules()}
    assert any("Nirgends" in note and "Makhfi" not in note for note in crm.check().notes)
    schema = crm.describe("Zemanatha")
    fields = {field.name: field for field in schema.fields}
    assert [fields[n].label for n in ("onvan", "cf_1201", "cf_1203", "cf_1205")] == [
        "عنوان", "وضعیت", "Größe & Länge", "顧客",
    ]  # fmt: skip
    assert [(c.value, c.label) for c in fields["cf_1201"].choices] == [("open", "در جریان"), ("بسته", "بسته‌شده")]
    if crm.capabilities.views:  # the mobile API is open, which tells sections
        assert fields["onvan"].section == "ضمانت‌نامه‌ها Information"
    with pytest.raises(ConfigError, match="cannot be the name of a module"):
        way.connect(observer, extra_modules="../x")


def related(crm: VtigerConnector, parent: str, query: Query) -> tuple[list[str], list[int | None]]:
    """Return the ids of the contacts that hang on a firm, page after page, and the totals the pages tell."""
    page = crm.related("Accounts", parent, "Contacts", query)
    found, totals = [record.id for record in page.records], [page.total]
    while page.next_cursor is not None:
        page = crm.related("Accounts", parent, "Contacts", replace(query, cursor=page.next_cursor))
        assert len(page.records) <= query.limit
        found, totals = [*found, *(record.id for record in page.records)], [*totals, page.total]
    return found, totals


def test_a_relation_of_more_than_a_hundred_records_is_whole(way: Way, crm: VtigerConnector) -> None:
    parent, other = (way.account.mutate("create", "Accounts", accountname=name) for name in ("Parent", "Other"))
    before = {record["id"] for record in way.account.records("Contacts")}
    ids = set(way.account.crowd(130, account_id=parent)) - before
    way.account.crowd(5, account_id=other)
    for order in ((), (Order("lastname"),), (Order("lastname", True),)):
        found, totals = related(crm, parent, Query(order=order, limit=50))
        assert len(found) == len(set(found)) == totals[0] == 130 and set(found) == ids
    some, _totals = related(crm, parent, Query(parse('lastname ends with "7"', crm.describe("Contacts")), limit=5))
    assert len(some) == len(set(some)) == 13 and set(some) < ids


def test_a_place_in_a_relation_leads_nowhere_else(way: Way, crm: VtigerConnector) -> None:
    parent = way.account.mutate("create", "Accounts", accountname="Parent")
    for field in ("lastname", "contact_id", "no_such_field"):
        with pytest.raises(QueryError, match="place in the list is not known"):
            crm.related("Accounts", parent, "Contacts", Query(cursor=f"{field}/vtiger after 12x1"))


def test_more_files_than_the_server_tells_are_an_error_and_no_part(way: Way, crm: VtigerConnector) -> None:
    if not crm.capabilities.files:
        pytest.skip("cannot: files")
    contact = crm.create("Contacts", {"lastname": "Collector"}).id
    row = {"notes_title": "A file", "filename": "a.txt", "filelocationtype": "I", "filestatus": "1"}
    papers = way.account.create_all("Documents", [row] * 100)
    for paper in papers[1:]:
        crm.link("Contacts", contact, "Documents", paper)
    assert len(crm.files("Contacts", contact)) == 99
    crm.link("Contacts", contact, "Documents", papers[0])
    with pytest.raises(QueryError, match="only the first 100 records of Documents"):
        crm.files("Contacts", contact)


def test_a_relation_of_which_the_server_tells_a_part_is_an_error_and_no_part(way: Way, crm: VtigerConnector) -> None:
    if not crm.capabilities.link:
        pytest.skip("relations come page by page")
    contact = crm.create("Contacts", {"lastname": "Buyer"}).id
    for number in range(100):
        product = way.account.mutate("create", "Products", productname=f"Widget {number}")
        crm.link("Contacts", contact, "Products", product)
    with pytest.raises(QueryError, match="only the first 100 records of Products"):
        crm.related("Contacts", contact, "Products", Query())
