"""Lines of sales documents at Vtiger: told by the copy's pull and by a single read, written as a whole, never taken for none."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.context import Context
from connectors.errors import RecordInvalid
from connectors.types import Record
from connectors.vtiger.connector import VtigerConnector
from tests.connectors.contract import CountingObserver
from tests.connectors.vtiger_account import RULES, VtigerAccount, account, sandbox

__all__ = ["account", "sandbox"]  # fixtures


@pytest.fixture
def crm(account: VtigerAccount) -> VtigerConnector:
    return account.connect(Context(observer=CountingObserver(), network=RULES))


@pytest.fixture
def products(account: VtigerAccount) -> list[str]:
    return [account.mutate("create", "Products", productname=name) for name in ("Widget", "Gadget")]


def invoice(account: VtigerAccount, crm: VtigerConnector, *lines: dict[str, Any]) -> Record:
    acme = account.mutate("create", "Accounts", accountname="Acme")
    given = {"subject": "I1", "account_id": acme, "bill_street": "s", "ship_street": "s"}
    return crm.create("Invoice", {**given, "LineItems": list(lines)})


def line(product: str, quantity: str = "1", **more: str) -> dict[str, str]:
    return {"productid": product, "quantity": quantity, "listprice": "9.5", **more}


def read(crm: VtigerConnector, id: str) -> list[tuple[str, str]]:
    """Return the lines as a pull brings them."""
    found = [c.record for page in crm.changes("Invoice", None) for c in page.changes if c.id == id and c.record]
    return [(one["productid"], one["quantity"]) for one in found[0].values["LineItems"] or ()]


def test_the_fields_of_a_line_are_those_the_server_describes(crm: VtigerConnector) -> None:
    lines = crm.describe("Invoice").field("LineItems")
    assert lines is not None
    fields = {f.name: f for f in lines.lines}
    assert fields["productid"].required and fields["productid"].refers_to == ("Products", "Services")
    assert fields["quantity"].required and fields["discount_percent"].editable
    assert not any(fields[name].editable for name in ("id", "sequence_no")) and "parent_id" not in fields
    assert not crm.describe("Contacts").field("LineItems")


def test_a_server_that_does_not_describe_lines_has_the_usual_fields(
    account: VtigerAccount, crm: VtigerConnector
) -> None:
    account.switch(denied=["LineItem"])
    lines = crm.describe("Invoice").field("LineItems")
    assert lines is not None and [f.name for f in lines.lines][:3] == ["productid", "quantity", "listprice"]


def test_a_pull_brings_the_lines_in_their_order_by_one_more_call_a_page(
    account: VtigerAccount, crm: VtigerConnector, products: list[str]
) -> None:
    made = invoice(account, crm, line(products[1], "2"), line(products[0], "3.5"))
    before = account.asked()
    assert read(crm, made.id) == [(products[1], "2"), (products[0], "3.5")]
    assert account.asked()["retrieve"] == before["retrieve"]
    [found] = crm.get_many("Invoice", [made.id])
    assert [one["productid"] for one in found.values["LineItems"]] == [products[1], products[0]]


def test_a_list_is_written_as_a_whole(account: VtigerAccount, crm: VtigerConnector, products: list[str]) -> None:
    made = invoice(account, crm, line(products[0], "1"), line(products[1], "2"))
    stored = crm.update("Invoice", made.id, {"LineItems": [line(products[1], "4")]})
    assert [(one["productid"], one["quantity"]) for one in stored.values["LineItems"]] == [(products[1], "4")]
    assert read(crm, made.id) == [(products[1], "4")]


def test_the_answer_to_a_write_holds_the_lines_as_a_pull_brings_them(
    account: VtigerAccount, crm: VtigerConnector, products: list[str]
) -> None:
    made = invoice(account, crm, line(products[0], "1.50", comment="c & d"))
    pulled = [c.record for page in crm.changes("Invoice", None) for c in page.changes if c.id == made.id and c.record]
    assert made.values["LineItems"] == pulled[0].values["LineItems"] == crm.get("Invoice", made.id).values["LineItems"]


def test_what_the_server_sets_of_a_line_is_not_sent(
    account: VtigerAccount, crm: VtigerConnector, products: list[str]
) -> None:
    made = invoice(account, crm, line(products[0]), line(products[1]))
    turned = list(reversed(made.values["LineItems"]))
    crm.update("Invoice", made.id, {"LineItems": turned})
    assert [product for product, _q in read(crm, made.id)] == [products[1], products[0]]


def test_an_empty_list_is_refused_because_the_server_would_pass_over_it(
    account: VtigerAccount, crm: VtigerConnector, products: list[str]
) -> None:
    made = invoice(account, crm, line(products[0]))
    with pytest.raises(RecordInvalid, match="one line at least"):
        crm.update("Invoice", made.id, {"LineItems": []})
    assert len(read(crm, made.id)) == 1


def test_a_wrong_value_is_refused_with_the_number_of_its_line(
    account: VtigerAccount, crm: VtigerConnector, products: list[str]
) -> None:
    with pytest.raises(RecordInvalid, match="in line 2, “quantity” that is not a number"):
        invoice(account, crm, line(products[0]), line(products[1], "many"))


@pytest.mark.parametrize("missing", ["no line is told", "one of two is missing", "lines may not be asked"])
def test_lines_that_did_not_come_for_certain_are_never_taken_for_none(
    account: VtigerAccount, crm: VtigerConnector, products: list[str], missing: str
) -> None:
    made = invoice(account, crm, line(products[0], "1"), line(products[1], "2"))
    items = [record for record in account.records("LineItem") if record["values"]["parent_id"] == made.id]
    if missing == "lines may not be asked":
        account.switch(denied=["LineItem"])
    else:
        account.switch(unseen={"LineItem": [item["id"] for item in (items if "no" in missing[:2] else items[:1])]})
    assert read(crm, made.id) == [(products[0], "1"), (products[1], "2")]


def test_a_delta_by_what_is_remembered_of_the_module_brings_lines_in_the_same_spelling(
    account: VtigerAccount, crm: VtigerConnector, products: list[str]
) -> None:
    made = invoice(account, crm, line(products[0], "1.50"))
    cursor = [page.cursor for page in crm.changes("Invoice", None)][-1]
    crm.update("Invoice", made.id, {"LineItems": [line(products[1], "2.50", discount_percent="10")]})
    later = account.connect(crm.context)
    found = [
        c.record for page in later.changes("Invoice", cursor) for c in page.changes if c.id == made.id and c.record
    ]
    assert found[-1].values["LineItems"] == later.get("Invoice", made.id).values["LineItems"]
    assert found[-1].values["LineItems"][0]["quantity"] == "2.5"
    assert account.asked()["describe"] == 2 + 2  # Invoice and LineItem, once each connector: the second for `get` alone
