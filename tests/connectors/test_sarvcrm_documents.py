"""SarvCRM's document against the simulated server: every module, both languages, and its samples kept whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.base import Connector
from connectors.context import Call, Context
from connectors.errors import RecordNotFound
from connectors.query import Condition, Op, Query
from connectors.sandbox.server import Sandbox
from connectors.sarvcrm.modules import module, table
from connectors.types import FieldType
from tests.connectors.contract import CountingObserver
from tests.connectors.sandbox_client import Account
from tests.connectors.sarvcrm_account import RULES, SarvSeeder, connected
from tests.connectors.sarvcrm_samples import BUNDLED, LEAD, PHONE, ROWS


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("sarvcrm",), records=10, seed=3) as running:
        yield running


@pytest.fixture
def account(sandbox: Sandbox) -> Iterator[Account]:
    fresh = Account(sandbox, "sarvcrm")
    fresh.control("POST", "reset")
    yield fresh
    fresh.close()


@pytest.fixture
def observer() -> CountingObserver:
    return CountingObserver()


@pytest.fixture
def crm(account: Account, observer: CountingObserver) -> Iterator[Connector]:
    crm = connected(account, Context(network=RULES, observer=observer), extra_modules="Product_Bundle")
    yield crm
    crm.close()


@pytest.mark.parametrize(("key", "persian", "english"), ROWS, ids=[row[0] for row in ROWS])
def test_a_documented_module_is_offered_labelled_and_asked_by_its_own_table(
    crm: Connector, key: str, persian: str, english: str
) -> None:
    assert (module(key, "fa_IR").label, module(key, "en_US").label) == (persian, english)
    assert table(key) == ("accounts" if key == "Vendors" else key.lower())
    records = crm.read(key, Query(limit=3)).records
    wanted = Query(Condition("id", Op.IN, (records[0].id, records[-1].id)))
    assert {r.id for r in crm.read(key, wanted).records} == {records[0].id, records[-1].id}
    owned = crm.describe(key).owner_field == "assigned_user_id"
    assert owned is (key not in ("Communications", "Communications_Template"))


@pytest.mark.parametrize(("language", "label", "status"), [("fa_IR", "سرنخ", "وضعیت"), ("en_US", "Leads", "Status")])
def test_the_language_of_the_connection_names_modules_and_fields(
    account: Account, language: str, label: str, status: str
) -> None:
    crm = connected(account, Context(network=RULES), language=language)
    identity, told = crm.check(), crm.describe("Leads").field("status")
    assert identity.version == "API 5" and told is not None and told.label == status
    assert [m.name for m in identity.modules] == [row[0] for row in ROWS]
    assert next(m.label for m in identity.modules if m.name == "Leads") == label
    crm.close()


def test_the_lead_of_the_document_is_kept_whole_and_changed(account: Account, crm: Connector) -> None:
    made = crm.create("Leads", LEAD)
    plain = {name: value for name, value in LEAD.items() if name != "numbers"}
    assert plain.items() <= made.values.items()
    numbers = made.values["numbers"]
    assert numbers[0] == {**PHONE, "primary": True, "sms": True, "fax": False}
    assert [number["number"] for number in numbers] == ["09121111234", "02122225678", "09123456789"]
    assert SarvSeeder(account).stored("Leads", made.id)["numbers"][0] == PHONE
    changed = crm.update("Leads", made.id, {"status": "Converted", "numbers": [*numbers, "0211"]})
    assert (changed.values["status"], len(changed.values["numbers"])) == ("Converted", 4)
    assert changed.values["numbers"][:3] == numbers
    crm.delete("Leads", made.id)
    with pytest.raises(RecordNotFound):
        crm.get("Leads", made.id)


@pytest.mark.parametrize("number", ["09121111234", "+98 912 111 1234", "۰۹۱۲۱۱۱۱۲۳۴"])
def test_who_has_a_number_is_found_in_every_module(crm: Connector, number: str) -> None:
    lead = crm.create("Leads", {**LEAD, "numbers": [PHONE]})
    found = crm.find_by("phone", number)
    assert [(r.module, r.id, r.values) for r in found] == [("Leads", lead.id, {"name": "Joel Miller"})]


@pytest.mark.parametrize("replacing", [False, True])
def test_a_link_joins_those_there_are_whether_the_server_adds_or_replaces(
    account: Account, crm: Connector, replacing: bool
) -> None:
    account.control("POST", "switches", relations_replace=replacing)
    quote = crm.create("AOS_Quotes", {"name": "Quote"}).id
    goods = [crm.create("AOS_Products", {"name": name}).id for name in ("One", "Two")]
    for good in (*goods, goods[0]):
        crm.link("AOS_Quotes", quote, "AOS_Products", good)
    assert {r.id for r in crm.related("AOS_Quotes", quote, "AOS_Products", Query()).records} == {*goods}


def test_records_are_linked_by_id_or_with_more_as_in_the_sample(crm: Connector) -> None:
    bundle = crm.create("Product_Bundle", {"name": "Bundle"}).id
    one, two = (crm.create("AOS_Products", {"name": name}).id for name in ("One", "Two"))
    asked = {"module": "Product_Bundle", "id": bundle}
    records = [one, {**BUNDLED, "id": two}]
    assert crm.call("save_relationships", {**asked, "field_name": "products", "related_records": records}) == {}
    paged = {**asked, "related_field": "products", "order_by": "date_entered", "limit": 1}
    found = [row for at in (0, 1, 2) for row in crm.call("get_relationship", {**paged, "offset": at})]
    carried = {row["name"]: [row.get(name) for name in ("qty", "unit_id", "id_AS")] for row in found}
    assert carried == {"One": [None, None, None], "Two": [180, "Branch", 4]}


def test_a_quote_keeps_line_items_as_they_were_given(crm: Connector) -> None:
    items = [{"product_id": "a", "product_qty": "2", "name": "<b>"}, {"product_id": "b", "discount": None}]
    own = crm.describe("AOS_Quotes").field("line_items")
    assert own is not None and own.type is FieldType.JSON and own.editable
    assert crm.create("AOS_Quotes", {"name": "Quote", "line_items": items}).values["line_items"] == items


def test_a_call_the_document_only_names_can_be_made_and_is_sent_once(
    crm: Connector, observer: CountingObserver
) -> None:
    case = crm.create("Cases", {"name": "Case"}).id
    params = {"module": "Cases", "id": case}
    asked = {"method": "GetSurveyQuestions", "verb": "GET", "params": params}
    assert crm.call("call", asked)[0]["question"]
    sent = {"method": "LeaveComment", "verb": "POST", "params": params, "body": {"comment": "سلام"}}
    note = crm.call("call", sent)["id"]
    assert crm.get("Notes", note).values["description"] == "سلام"
    assert [c for c in observer.calls if c.operation == "call"] == [
        Call("call", "GET", safe=False, writes=True),
        Call("call", "POST", safe=False, writes=True),
    ]
