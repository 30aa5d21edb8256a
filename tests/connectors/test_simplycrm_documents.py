"""What Simply CRM's document says item by item and no other test asks: the query language, every module read, the spelling of
every type, the parameters of every operation, and what some modules keep back."""

from __future__ import annotations

import pytest

from connectors.base import find_operation
from connectors.context import Context, MemoryLearned
from connectors.errors import AccessDenied, ConnectorError, ProtocolError, QueryError
from connectors.query import Query
from connectors.simplycrm.answers import failure
from connectors.simplycrm.codec import DATE_FORMAT, SimplyCodec
from connectors.simplycrm.connector import SimplyCrmConnector
from connectors.types import JSON
from connectors.vtiger.answers import SessionGone, rows
from connectors.vtiger.schema import field_schema
from tests.connectors.sandbox_phone import MODULES
from tests.connectors.simplycrm_account import KEY, PASSWORD, RULES, Simply, account, crm, mobile, observer, sandbox

__all__ = ["account", "crm", "mobile", "observer", "sandbox"]  # fixtures
APIS = ("query", "mobile.query")

# The query language

CLAUSES = [
    ("lastname", "WHERE department = 'Doc' AND title < '2'", ["A"]),
    ("lastname", "WHERE department = 'Doc' AND title > '2'", ["C"]),
    ("lastname", "WHERE department = 'Doc' AND title <= '2'", ["A", "B"]),
    ("lastname", "WHERE department = 'Doc' AND title >= '2'", ["B", "C"]),
    ("lastname", "WHERE department = 'Doc' AND title = '2'", ["B"]),
    ("lastname", "WHERE department = 'Doc' AND title != '2'", ["A", "C"]),
    ("lastname", "WHERE department = 'Doc' AND title IN ('1','3')", ["A", "C"]),
    ("lastname", "WHERE department LIKE 'Do_' AND lastname LIKE '%b%'", ["B"]),
    ("lastname", "WHERE lastname = 'A' AND department = 'Doc' OR lastname = 'C' AND department = 'Doc'", ["A", "C"]),
    ("*", "WHERE department = 'Doc' ORDER BY department, title DESC", ["C", "B", "A"]),
    ("lastname, title", "WHERE department = 'Doc' ORDER BY title LIMIT 1, 1", ["B"]),
    ("lastname", "WHERE department = 'Doc' ORDER BY title LIMIT 2", ["A", "B"]),
]  # fmt: skip


@pytest.fixture
def three(account: Simply) -> None:
    """Three contacts of one department."""
    for name, title in (("A", "1"), ("B", "2"), ("C", "3")):
        account.mutate("create", "Contacts", lastname=name, title=title, department="Doc")


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("api", APIS)
def test_every_clause_of_the_query_language_is_understood(crm: SimplyCrmConnector, api: str) -> None:
    for columns, clauses, names in CLAUSES:
        found = crm.call(api, {"query": f"SELECT {columns} FROM Contacts {clauses};"})
        told = [row["lastname"] for row in found]
        assert (told if "ORDER" in clauses else sorted(told)) == names, clauses
    count = crm.call(api, {"query": "SELECT count(*) FROM Contacts WHERE department = 'Doc';"})
    assert [row["count"] for row in count] == ["3"]


def test_a_query_brings_a_hundred_records_at_most_and_a_limit_the_next(
    account: Simply, crm: SimplyCrmConnector
) -> None:
    for number in range(60):
        account.mutate("create", "Contacts", lastname=f"N{number}")
    first = crm.call("query", {"query": "SELECT id FROM Contacts ORDER BY id;"})
    more = crm.call("query", {"query": "SELECT id FROM Contacts ORDER BY id LIMIT 100, 1000;"})
    assert (len(first), len(more), len({row["id"] for row in first + more})) == (100, 20, 120)


@pytest.mark.parametrize("api", APIS)
def test_what_the_query_language_has_not_is_an_error_or_finds_nothing(crm: SimplyCrmConnector, api: str) -> None:
    for wrong in ("Contacts, Accounts", "Contacts WHERE (lastname = 'a')", "Contacts WHERE nosuch = '1'", "Nope"):
        try:
            assert crm.call(api, {"query": f"SELECT id FROM {wrong};"}) == []
        except ConnectorError as e:
            assert isinstance(e, QueryError | AccessDenied) and e.code


# Modules

READ = [*MODULES, "FAQ", "Events", "Users", "Groups", "Currency", "DocumentFolders"]


@pytest.mark.parametrize("name", READ)
def test_a_documented_module_is_described_and_read_by_both_apis(
    crm: SimplyCrmConnector, mobile: SimplyCrmConnector, name: str
) -> None:
    for one in (crm, mobile):
        schema = one.describe(name)
        assert schema.module.name.lower() == name.lower() and schema.field("id")
        records = one.read(name, Query(limit=3)).records
        prefix = one.client.describe(schema.module.name)["idPrefix"]
        assert {record.id.partition("x")[0] for record in records} <= {prefix}


@pytest.mark.parametrize(
    ("shown", "meant"),
    [
        ("Projects", "Project"), ("Project Tasks", "ProjectTask"), ("projectmilestone", "ProjectMilestone"),
        ("Organizations", "Accounts"), ("Comments", "ModComments"), ("Tickets", "HelpDesk"),
    ],
)  # fmt: skip
def test_a_module_may_be_called_by_the_label_the_document_shows(
    crm: SimplyCrmConnector, mobile: SimplyCrmConnector, shown: str, meant: str
) -> None:
    assert crm.describe(shown).module.name == mobile.describe(shown).module.name == meant


def test_the_documents_other_spelling_of_a_module_leads_to_the_right_one(crm: SimplyCrmConnector) -> None:
    for written, meant in (("ProjectTasks", "ProjectTask"), ("ProjectMilestones", "ProjectMilestone")):
        with pytest.raises(QueryError, match=f"mean one of: {meant}"):
            crm.describe(written)


@pytest.mark.parametrize("module", ["Groups", "Currency"])
def test_a_server_that_queries_entities_only_says_so_and_is_not_asked_in_vain_again(
    account: Simply, crm: SimplyCrmConnector, module: str
) -> None:
    account.switch(query_entities_only=True)
    with pytest.raises(AccessDenied) as refusal:
        crm.read(module, Query(limit=3))
    assert refusal.value.code == "ACCESS_DENIED" and account.asked()["query"] == 1


def test_what_sync_does_not_tell_of_is_found_by_reading(account: Simply) -> None:
    for without in ((PASSWORD,), (KEY,), ()):
        one = account.connect(Context(network=RULES), *without)
        one.check()
        for module in ("Users", "Groups", "Currency"):
            told = {change.id for page in one.changes(module, None) for change in page.changes}
            assert told == {record.id for record in one.read(module, Query(limit=100)).records} != set()


# Types

VALUES: list[tuple[str, JSON, JSON, JSON]] = [  # type, as the server writes it, our value, as it is sent
    ("picklist", "Held", "Held", "Held"),
    ("multipicklist", "A |##| B", ["A", "B"], "A |##| B"),
    ("reference", "12x5", "12x5", "12x5"),
    ("owner", "19x1", "19x1", "19x1"),
    ("datetime", "2013-05-26 15:39:57", "2013-05-26T15:39:57Z", "2013-05-26 15:39:57"),
    ("date", "2013-05-27", "2013-05-27", "2013-05-27"),
    ("date", "27-05-2013", "2013-05-27", "2013-05-27"),
    ("time", "15:40", "15:40:00", "15:40:00"),
    ("text", "line 1\nline 2", "line 1\nline 2", "line 1\nline 2"),
    ("string", "Call Smith", "Call Smith", "Call Smith"),
    ("boolean", "1", True, "1"),
    ("boolean", "0", False, "0"),
    ("boolean", "true", True, "1"),
    ("boolean", "false", False, "0"),
    ("integer", "7", "7", "7"),
    ("double", "1.50", "1.5", "1.5"),
    ("decimal", "1.50", "1.5", "1.5"),
    ("email", "a@x.test", "a@x.test", "a@x.test"),
    ("phone", "+49 30 1", "+49 30 1", "+49 30 1"),
    ("url", "x.test/a", "x.test/a", "x.test/a"),
    ("skype", "ann.lee", "ann.lee", "ann.lee"),
]


@pytest.mark.parametrize(("kind", "wire", "value", "sent"), VALUES)
def test_a_value_of_every_documented_type_is_read_and_written(kind: str, wire: JSON, value: JSON, sent: JSON) -> None:
    learned = MemoryLearned()
    learned.set(DATE_FORMAT, "dd-mm-yyyy")
    codec = SimplyCodec("UTC", learned)
    field = field_schema({"name": "a", "label": "A", "editable": True, "type": {"name": kind}}, codec)
    assert (codec.decode(field, wire), codec.encode(field, value)) == (value, sent)
    assert codec.decode(field, "") is None


# Operations and parameters

PARAMETERS = {
    "create": {"element", "elementType"},
    "retrieve": {"id"},
    "update": {"element"},
    "delete": {"id"},
    "sync": {"modifiedTime", "elementType"},
    "query": {"query"},
    "describe": {"elementType"},
    "mobile.fetchModuleFilters": {"module"},
    "mobile.filterDetailsWithCount": {"filterid"},
    "mobile.alertDetailsWithMessage": {"alertid"},
    "mobile.listModuleRecords": {"module", "searchText", "searchField", "page"},
    "mobile.fetchRecord": {"record"},
    "mobile.fetchRecordWithGrouping": {"record"},
    "mobile.fetchRecordsWithGrouping": {"ids", "alertid", "module"},
    "mobile.describe": {"module"},
    "mobile.saveRecord": {"module", "record", "values"},
    "mobile.syncModuleRecords": {"module", "syncToken", "mode", "page"},
    "mobile.query": {"query", "page"},
    "mobile.relatedRecordsWithGrouping": {"record", "relatedmodule", "page"},
    "mobile.deleteRecords": {"record"},
    "mobile.addRecordComment": {"related_to", "commentcontent"},
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_documented_parameter_can_be_given(name: str) -> None:
    declared = {operation.name: operation for operation in SimplyCrmConnector.operations}
    assert {parameter.name for parameter in declared[name].parameters} >= PARAMETERS[name]


@pytest.mark.parametrize(
    "name", ["getchallenge", "login", "extendsession", "mobile.login", "mobile.loginAndFetchModules"]
)
def test_user_name_key_and_password_are_those_of_the_connection(crm: SimplyCrmConnector, name: str) -> None:
    assert find_operation(crm, name).parameters == ()
    with pytest.raises(QueryError, match="username"):
        crm.call(name, {"username": "somebody"})
    assert crm.call(name, {})


def test_a_list_is_searched_and_has_pages(account: Simply, crm: SimplyCrmConnector) -> None:
    def listed(**params: JSON) -> list[str]:
        told = crm.call("mobile.listModuleRecords", {"module": "Contacts", **params})
        return [str(row["id"]).rpartition("x")[2] for row in told["records"]]

    pages = [listed(page=page) for page in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [20, 20, 20, 0]
    assert len({number for page in pages for number in page}) == 60 and listed() == pages[0]
    made = account.mutate("create", "Contacts", lastname="Quitsch", email="q@needle.test").partition("x")[2]
    assert listed(searchText="quitsch") == listed(searchField=["email", "c", "needle"]) == [made]


def test_changes_are_listed_by_token_page_and_owner(account: Simply, crm: SimplyCrmConnector) -> None:
    def synced(**params: JSON) -> tuple[JSON, set[str], JSON]:
        told = crm.call("mobile.syncModuleRecords", {"module": "Contacts", **params})
        return told["nextSyncToken"], {record["id"] for record in told["updated"]}, told["deleted"]

    token, everybody, _deleted = synced(mode="PUBLIC")
    _token, own, _deleted = synced(mode="PRIVATE")
    assert own < everybody == synced()[1] and len(everybody) == 60
    assert synced(page=1)[1] == set()
    theirs, gone = sorted(everybody - own)[0], sorted(own)[0]
    account.mutate("update", "Contacts", theirs, title="new")
    account.mutate("delete", "Contacts", gone)
    assert synced(syncToken=str(token))[1:] == ({theirs}, [gone])
    assert synced(syncToken=str(token), mode="PRIVATE")[1] == set()


def test_records_are_asked_for_by_their_ids_or_by_an_alert(crm: SimplyCrmConnector) -> None:
    tickets = [record.id for record in crm.read("HelpDesk", Query(limit=2)).records]
    params: dict[str, JSON] = {"module": "HelpDesk", "ids": tickets}
    by_id = crm.call("mobile.fetchRecordsWithGrouping", params)
    assert [record["id"] for record in by_id] == tickets and by_id[0]["blocks"][0]["label"] == "Ticket Information"
    by_alert = crm.call("mobile.fetchRecordsWithGrouping", {**params, "alertid": "1"})
    message = crm.call("mobile.alertDetailsWithMessage", {"alertid": "1"})["message"]
    assert str(len(by_alert)) == message and {r["id"].partition("x")[0] for r in by_alert} == {"9"}


@pytest.mark.parametrize("code", [1501, "1501"])
def test_a_lost_session_is_known_by_its_number_however_it_is_written(code: int | str) -> None:
    error: dict[str, JSON] = {"code": code, "message": "Login required"}
    assert type(failure("Simply CRM", "describe", "describe", error, maybe_done=False)) is SessionGone


def test_no_records_may_be_written_as_null() -> None:
    assert rows("query", None) == rows("query", []) == []
    with pytest.raises(ProtocolError):
        rows("query", "none")


# What some modules keep back


def test_custom_fields_come_with_changes_though_sync_leaves_them_out(
    account: Simply, mobile: SimplyCrmConnector
) -> None:
    cursor = list(mobile.changes("Contacts", None))[-1].cursor
    made = account.mutate("create", "Contacts", lastname="Gold", cf_921="Gold")
    found = {change.id: change.record for page in mobile.changes("Contacts", cursor) for change in page.changes}
    record = found[made]
    assert record is not None and record.values["cf_921"] == "Gold"


def test_pictures_are_no_fields_and_what_is_not_told_of_a_document_is_absent(
    crm: SimplyCrmConnector, mobile: SimplyCrmConnector
) -> None:
    for one in (crm, mobile):
        assert "imagename" not in one.describe("Contacts").names
        assert any("Pictures of contacts" in note for note in one.check().notes)
    made = crm.create("Documents", {"notes_title": "Offer"}).id
    told, less = crm.get("Documents", made).values, mobile.get("Documents", made).values
    assert "filesize" in told and "filesize" not in less
    assert {name: told[name] for name in less} == dict(less)


def test_comments_of_a_ticket_are_read_from_their_own_module(
    crm: SimplyCrmConnector, mobile: SimplyCrmConnector
) -> None:
    ticket = crm.read("HelpDesk", Query(limit=1)).records[0].id
    crm.comment("HelpDesk", ticket, "Seen")
    for one in (crm, mobile):
        comments = one.related("HelpDesk", ticket, "ModComments", Query()).records
        assert [comment.values["commentcontent"] for comment in comments] == ["Seen"]
