"""SarvCRM's document against the simulated server: every module, both languages, and links with values."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.base import Connector
from connectors.context import Context
from connectors.query import Condition, Op, Query
from connectors.sandbox.server import Sandbox
from connectors.sarvcrm.modules import module, table
from tests.connectors.sandbox_client import Account
from tests.connectors.sarvcrm_account import RULES, account, connected
from tests.connectors.sarvcrm_samples import BUNDLED, ROWS

__all__ = ["account"]  # fixtures


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(("sarvcrm",), records=10, seed=3) as running:
        yield running


@pytest.fixture
def crm(account: Account) -> Iterator[Connector]:
    crm = connected(account, Context(network=RULES), extra_modules="Product_Bundle")
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
