"""What Simply CRM's connector does beside the contract: two APIs and what each is missing, sections, filters, comments,
deletions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import Connector
from connectors.context import Context
from connectors.errors import ConfigError, QueryError, RecordInvalid, RecordNotFound, Unavailable, Unsupported
from connectors.query import Query
from connectors.sandbox.server import Sandbox
from connectors.simplycrm.connector import SimplyCrmConnector
from connectors.types import Change
from tests.connectors.contract import CountingObserver
from tests.connectors.simplycrm_account import KEY, PASSWORD, RULES, Simply, account, crm, mobile, observer, sandbox

__all__ = ["account", "crm", "mobile", "observer", "sandbox"]  # fixtures

# Who and what is there


def test_the_check_tells_version_zone_and_what_is_missing(account: Simply) -> None:
    account.control("POST", "clock", shift_seconds=0, zone="Asia/Tehran")
    both, by_key, by_password = (
        account.connect(Context(network=RULES), *without).check() for without in ((), (PASSWORD,), (KEY,))
    )
    assert [told.version for told in (both, by_key, by_password)] == ["7.1.0"] * 3
    assert [told.time_zone for told in (both, by_key, by_password)] == ["Asia/Tehran", "", "Asia/Tehran"]
    assert {told.user for told in (both, by_key, by_password)} == {"admin"}
    missing = [[note for note in told.notes if note.startswith("Without")] for told in (both, by_key, by_password)]
    assert [len(notes) for notes in missing] == [0, 1, 1]
    assert "the password" in missing[1][0] and "the access key" in missing[2][0]
    assert any("does not tell the time zone" in note for note in by_key.notes)


def test_both_apis_describe_the_same_module_alike(crm: SimplyCrmConnector, mobile: SimplyCrmConnector) -> None:
    one, other = crm.describe("Contacts"), mobile.describe("Contacts")
    assert one.names == other.names and one.label_fields == other.label_fields
    assert [f.type for f in one.fields] == [f.type for f in other.fields]
    assert one.field("assigned_user_id") == other.field("assigned_user_id")


def test_the_blocks_of_a_record_are_the_sections_of_its_fields(account: Simply, crm: SimplyCrmConnector) -> None:
    schema = crm.describe("Contacts")
    sections = {f.name: f.section for f in schema.fields}
    assert sections["lastname"] == "Contact Information"
    assert sections["description"] == "Description Information"
    assert sections["mailingcity"] == "Address Information"
    assert {s for name, s in sections.items() if name.startswith("cf_")} == {"Custom Information"}
    without = account.connect(Context(network=RULES), PASSWORD).describe("Contacts")
    assert {f.section for f in without.fields} == {""} and without.names == schema.names


def test_a_server_that_cannot_tell_sections_still_describes_the_module(account: Simply) -> None:
    account.fault("http_500", "mobile.fetchRecordWithGrouping", times=0)
    schema = account.connect(Context(network=RULES)).describe("Contacts")
    assert schema.field("lastname") and {f.section for f in schema.fields} == {""}


def test_where_there_is_no_empty_form_any_record_tells_the_sections(account: Simply) -> None:
    account.fault("http_500", "mobile.fetchRecordWithGrouping", contains="x0", times=0)
    field = account.connect(Context(network=RULES)).describe("Contacts").field("lastname")
    assert field and field.section == "Contact Information"


def test_parts_of_the_screen_are_no_modules_and_a_module_is_found_by_its_label(mobile: SimplyCrmConnector) -> None:
    names = {module.name for module in mobile.modules()}
    assert "Contacts" in names and not {"CustomQuickCreate", "ProcessBar"} & names
    labels = {module.label: module.name for module in mobile.modules()}
    label = next(label for label, name in labels.items() if label != name)
    assert mobile.describe(label).module.name == labels[label]
    assert mobile.describe("FAQ").module.name == "Faq"
    with pytest.raises(QueryError, match="no module"):
        mobile.describe("Nothing")


def test_saved_filters_are_listed_once_each(crm: SimplyCrmConnector) -> None:
    views = crm.views("Contacts")
    assert len({view.id for view in views}) == len(views) >= 2
    assert "All" in {view.label for view in views}


def test_owners_are_the_same_by_both_apis(crm: SimplyCrmConnector, mobile: SimplyCrmConnector) -> None:
    active = {(o.id, o.kind) for o in crm.owners() if o.active}
    assert {(o.id, o.kind) for o in mobile.owners()} == active
    with pytest.raises(RecordInvalid) as refusal:
        mobile.create("Contacts", {"lastname": "Nobody's", "assigned_user_id": "19x9999"})
    assert list(refusal.value.fields) == ["assigned_user_id"]


# Reading and writing by the mobile API


def test_where_groups_may_not_be_listed_the_users_are_and_anybody_may_own_a_record(account: Simply) -> None:
    account.switch(query_entities_only=True)
    crm = account.connect(Context(network=RULES), "password")
    found = crm.owners()
    assert found and not [owner for owner in found if owner.kind == "group"]
    group = next(iter(account.control("GET", "records", module="Groups")))["id"]
    assert crm.create("Contacts", {"lastname": "Ito", "assigned_user_id": group}).values["assigned_user_id"] == group


def test_both_apis_read_the_same_records(crm: SimplyCrmConnector, mobile: SimplyCrmConnector) -> None:
    read = [{r.id: dict(r.values) for r in c.read("Contacts", Query(limit=100)).records} for c in (crm, mobile)]
    assert read[0] == read[1] and len(read[0]) == 60
    id = next(iter(read[0]))
    assert crm.get("Contacts", id) == mobile.get("Contacts", id)


@pytest.mark.parametrize("without", [(KEY,), ()], ids=["mobile", "both"])
@pytest.mark.parametrize(
    "text",
    ["a <b", "I <3 you", "1 < 2 & 3 > 2", "<b>z</b>", "a<b>c", "&lt;b&gt; &amp;", "<!-- x -->", "</p>", 'q" \\ \' %', "«گیومه» ک‌ی"],
)  # fmt: skip
def test_what_a_purifier_would_bite_arrives_whole(account: Simply, without: tuple[str, ...], text: str) -> None:
    crm = account.connect(Context(network=RULES), *without)
    made = crm.create("Contacts", {"lastname": "Purified", "description": text, "title": text[:40]})
    assert (made.values["description"], made.values["title"]) == (text, text[:40])
    assert account.values("Contacts", made.id)["description"] == text
    changed = crm.update("Contacts", made.id, {"description": f"{text} again"})
    assert changed.values["description"] == crm.get("Contacts", made.id).values["description"] == f"{text} again"


@settings(max_examples=40)
@given(text=st.text(st.sampled_from("<>&;/!-ab \"'\\éی"), min_size=1, max_size=40).filter(lambda text: text.strip()))
def test_any_text_of_awkward_characters_comes_back_as_it_was_given(sandbox: Sandbox, text: str) -> None:
    account = Simply(sandbox)
    crm = account.connect(Context(network=RULES), KEY)
    id = crm.read("Contacts", Query(limit=1)).records[0].id
    assert crm.update("Contacts", id, {"description": text}).values["description"] == text
    assert crm.get("Contacts", id).values["description"] == text
    crm.close()
    account.close()


def test_a_record_is_deleted_by_its_number_only_in_its_own_module(account: Simply, mobile: SimplyCrmConnector) -> None:
    contact, account_id = (mobile.read(module, Query(limit=1)).records[0].id for module in ("Contacts", "Accounts"))
    number = contact.partition("x")[2]
    foreign = f"{account_id.partition('x')[0]}x{number}"
    with pytest.raises(RecordNotFound):
        mobile.delete("Accounts", foreign)
    assert account.asked()["mobile.deleteRecords"] == 0
    assert mobile.get("Contacts", contact).id == contact
    mobile.delete("Contacts", contact)
    with pytest.raises(RecordNotFound):
        mobile.delete("Contacts", contact)
    assert account.asked()["mobile.deleteRecords"] == 1


@pytest.mark.parametrize("without", [(KEY,), (PASSWORD,), ()], ids=["mobile", "webservice", "both"])
def test_a_comment_is_kept_with_its_record(account: Simply, without: tuple[str, ...]) -> None:
    crm = account.connect(Context(network=RULES), *without)
    contact = crm.create("Contacts", {"lastname": "Ito"}).id
    crm.comment("Contacts", contact, "Called & <b>")
    kept = account.control("GET", "records", module="ModComments")[-1]["values"]
    assert (kept["commentcontent"], kept["related_to"]) == ("Called & <b>", contact)
    with pytest.raises(RecordNotFound):
        crm.comment("Contacts", "4x999999", "Hello?")


def test_related_records_are_read_to_the_last_page(account: Simply, mobile: SimplyCrmConnector) -> None:
    parent = account.mutate("create", "Accounts", accountname="Parent")
    children = {account.mutate("create", "Contacts", lastname=f"Child {n}", account_id=parent) for n in range(120)}
    found: list[str] = []
    query: Query | None = Query(limit=50)
    while query:
        page = mobile.related("Accounts", parent, "Contacts", query)
        found += [record.id for record in page.records]
        query = Query(limit=50, cursor=page.next_cursor) if page.next_cursor else None
    assert len(found) == 120 and set(found) == children
    assert mobile.related("Accounts", parent, "HelpDesk", Query()).records == ()
    with pytest.raises(QueryError):
        mobile.related("Accounts", parent, "Nonsense", Query())


def test_what_only_the_webservice_can_do_is_refused_without_a_request(
    mobile: SimplyCrmConnector, observer: CountingObserver
) -> None:
    for deed in (
        lambda: mobile.link("Contacts", "4x1", "Products", "6x1"),
        lambda: mobile.files("Contacts", "4x1"),
        lambda: mobile.download("Contacts", "4x1", "7x1"),
    ):
        with pytest.raises(Unsupported, match="access key"):
            deed()
    for operation, params in {
        "retrieve": {"id": "4x1"},
        "call": {"operation": "listtypes", "verb": "GET"},
        "convertlead": {"leadId": "2x1", "entities": {}},
    }.items():
        with pytest.raises(ConfigError, match="only with the user's access key, which this connection lacks"):
            mobile.call(operation, params)
    assert not observer.calls


# What changed


def gone(crm: Connector, module: str, cursor: str) -> tuple[set[str], str]:
    """Return the ids told as deleted since the cursor, and the cursor after it."""
    pages = list(crm.changes(module, cursor))
    found: list[Change] = [change for page in pages for change in page.changes if change.gone]
    return {change.id for change in found}, pages[-1].cursor


@pytest.mark.parametrize("without", [(KEY,), ()], ids=["mobile", "both"])
def test_deletions_of_everybodys_records_are_told(account: Simply, without: tuple[str, ...]) -> None:
    crm = account.connect(Context(network=RULES), *without)
    theirs = account.mutate("create", "Contacts", lastname="Theirs", assigned_user_id="19x6")
    cursor = list(crm.changes("Contacts", None))[-1].cursor
    account.mutate("delete", "Contacts", theirs)
    found, cursor = gone(crm, "Contacts", cursor)
    assert found == {theirs}
    account.control("POST", "clock", shift_seconds=60)
    later = account.mutate("create", "Contacts", lastname="Later")
    pages = list(crm.changes("Contacts", cursor))
    assert later in {change.id for page in pages for change in page.changes}


def test_a_server_that_cannot_tell_deletions_still_tells_changes(account: Simply, crm: SimplyCrmConnector) -> None:
    account.fault("http_500", "mobile.syncModuleRecords", times=0)
    cursor = list(crm.changes("Contacts", None))[-1].cursor
    made = account.mutate("create", "Contacts", lastname="New")
    pages = list(crm.changes("Contacts", cursor))
    assert made in {change.id for page in pages for change in page.changes}
    assert account.asked()["mobile.syncModuleRecords"] == 1  # asked once, not with each delta


def test_a_cursor_outlives_the_password(account: Simply, crm: SimplyCrmConnector) -> None:
    cursor = list(crm.changes("Contacts", None))[-1].cursor
    made = account.mutate("create", "Contacts", lastname="New")
    for without in ((PASSWORD,), (KEY,)):
        other = account.connect(Context(network=RULES), *without)
        assert made in {change.id for page in other.changes("Contacts", cursor) for change in page.changes}
    with pytest.raises(QueryError):
        list(crm.changes("Contacts", "nonsense"))


# What each API is asked


def test_with_the_access_key_records_are_read_and_written_without_the_mobile_api(
    account: Simply, crm: SimplyCrmConnector
) -> None:
    made = crm.create("Contacts", {"lastname": "Ito"}).id
    crm.update("Contacts", made, {"lastname": "Sato"})
    assert crm.read("Contacts", Query(limit=5)).records
    assert not [name for name in account.asked() if name.startswith("mobile.")]


def test_what_the_server_cannot_count_is_counted_by_reading(account: Simply, mobile: SimplyCrmConnector) -> None:
    assert mobile.client.counts and next(mobile.changes("Contacts", None)).total == 60
    account.fault("http_500", "mobile.query", contains="count(*)", times=0)
    other = account.connect(Context(network=RULES), KEY)
    assert next(other.changes("Contacts", None)).total == 60 and not other.client.counts
    assert len([change for page in other.changes("Contacts", None) for change in page.changes]) == 60
    account.fault("http_502_html", "mobile.query", times=0)
    with pytest.raises(Unavailable):
        next(other.changes("Contacts", None))


def test_what_the_server_neither_counts_nor_shows_hides_no_other_record(
    account: Simply, mobile: SimplyCrmConnector
) -> None:
    account.fault("http_500", "mobile.query", contains="count(*)", times=0)
    ids = [record["id"] for record in account.control("GET", "records", module="Contacts")]
    account.switch(unseen={"Contacts": ids[::2]})
    assert next(mobile.changes("Contacts", None)).total == 30
    assert [record.id for record in mobile.read("Contacts", Query(limit=100)).records] == ids[1::2]


@pytest.mark.parametrize("without", [(), ("access_key",), ("password",)])
def test_lines_come_with_every_reading_whatever_opens_the_account(account: Simply, without: tuple[str, ...]) -> None:
    crm = account.connect(Context(observer=CountingObserver(), network=RULES), *without)
    product = account.mutate("create", "Products", productname="Widget")
    given = {"subject": "I1", "account_id": account.mutate("create", "Accounts", accountname="Acme")}
    streets = {"bill_street": "s", "ship_street": "s"}
    lines = [{"productid": product, "quantity": number} for number in ("2", "3.50")]
    made = crm.create("Invoice", {**given, **streets, "LineItems": lines})
    crm.update("Invoice", made.id, {"LineItems": lines[1:]})
    [found] = [c.record for page in crm.changes("Invoice", None) for c in page.changes if c.id == made.id and c.record]
    assert [(line["productid"], line["quantity"]) for line in found.values["LineItems"]] == [(product, "3.5")]
