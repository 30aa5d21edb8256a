"""Product lines: OpenCRM deletes for ever the line it is not sent, so that none is ever left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.context import Context
from connectors.errors import RecordInvalid
from connectors.opencrm.connector import OpenCrmConnector
from connectors.opencrm.lines import CHECKS, READ_ONLY, exactly, merged
from connectors.opencrm.schema import LINE_FIELDS, schema
from connectors.values import canonical_number as number
from tests.connectors.contract import CountingObserver
from tests.connectors.opencrm_account import RULES, account, connected, observer, sandbox
from tests.connectors.sandbox_client import Account

__all__ = ["account", "observer", "sandbox"]  # fixtures

SALES = ("quote", "salesorder", "invoice", "purchaseorder")
STORED = [
    {"lineid": "5", "productid": "9", "quantity": "1.0", "listprice1": "420.00", "listprice2": "3.00", "taxpercent": "20.00"},
    {"lineid": "6", "productid": "9", "quantity": "2.0", "listprice1": "10.00", "productname": "Pump"},
]  # fmt: skip


@pytest.fixture
def crm(account: Account, observer: CountingObserver) -> Iterator[OpenCrmConnector]:
    crm = connected(account, Context(observer=observer, network=RULES))
    yield crm
    crm.close()


def a_sale(account: Account, module: str) -> tuple[str, list[dict[str, Any]]]:
    """Return a sales record that has lines, and these as the server keeps them."""
    for record in account.control("GET", "records", module=module):
        if len(record["values"].get("products") or []) > 1:
            return record["id"], record["values"]["products"]
    raise AssertionError(f"no {module} has two lines")


# What is sent


def test_a_change_of_one_line_sends_all_of_them_with_all_they_hold() -> None:
    sent = merged(STORED, [{"lineid": "6", "quantity": "3"}])
    assert sent == [
        {"lineid": "5", "productid": "9", "quantity": "1.0", "listprice1": "420.00", "listprice2": "3.00"},
        {"lineid": "6", "productid": "9", "quantity": "3", "listprice1": "10.00"},
    ]


def test_a_whole_list_keeps_lines_of_the_same_product_and_removes_the_others() -> None:
    stored = [{"lineid": "5", "productid": "9"}, {"lineid": "6", "productid": "10"}, {"lineid": "7", "productid": "9"}]
    assert exactly(stored, [{"productid": "12"}, {"productid": "9", "quantity": "3"}]) == [
        {"productid": "12", "lineid": "0", "linenumber": "1"},
        {"productid": "9", "quantity": "3", "lineid": "5", "linenumber": "2"},
        {"lineid": "6", "remove": True},
        {"lineid": "7", "remove": True},
    ]


def test_all_that_can_be_set_of_a_line_is_described() -> None:
    assert {field.name for field in LINE_FIELDS} == CHECKS.keys() - {"lineid", "linenumber"}


def test_a_record_has_exactly_the_lines_of_a_whole_list(account: Account, crm: OpenCrmConnector) -> None:
    id, before = a_sale(account, "invoice")
    product = account.control("GET", "records", module="product")[0]["id"]
    wanted = [{"productid": product, "quantity": "4"}, {"productid": before[0]["productid"], "quantity": "7"}]
    crm.update("invoice", id, crm.with_whole_lines("invoice", id, {"products": wanted}))
    after = crm.get("invoice", id).values["products"]
    assert [(line["productid"], line["quantity"]) for line in after] == [
        (w["productid"], w["quantity"]) for w in wanted
    ]


def test_a_new_line_comes_after_those_there_are() -> None:
    sent = merged(STORED, [{"productid": "12", "quantity": 1.5}])
    assert [line["lineid"] for line in sent] == ["5", "6", "0"]
    assert sent[-1] == {"productid": "12", "quantity": "1.5", "lineid": "0"}


def test_a_line_goes_only_when_a_person_says_so() -> None:
    assert [line["lineid"] for line in merged(STORED, [{"lineid": "5", "remove": True}])] == ["6"]
    assert [line["lineid"] for line in merged(STORED, [{"lineid": "5", "remove": False}])] == ["5", "6"]
    assert [line["lineid"] for line in merged(STORED, [])] == ["5", "6"]


@pytest.mark.parametrize("module", SALES)
def test_the_field_says_how_a_line_is_deleted_and_that_others_stay(module: str) -> None:
    field = schema(module, [], {}).field("products")
    assert field is not None and '{"lineid": "12", "remove": true}' in field.help and "stay as they are" in field.help


def test_an_emptied_value_is_sent_as_empty() -> None:
    assert merged(STORED, [{"lineid": "5", "listprice2": None}])[0]["listprice2"] == ""


@given(
    st.lists(st.integers(1, 30), unique=True, max_size=8),
    st.lists(st.integers(1, 30), unique=True, max_size=8),
    st.integers(0, 3),
)
def test_no_line_is_ever_left_out(stored: list[int], changed: list[int], new: int) -> None:
    have = [{"lineid": str(id), "productid": "9", "taxvalue": "1.00"} for id in stored]
    change = [{"lineid": str(id), "quantity": "2"} for id in changed if id in stored]
    sent = merged(have, [*change, *[{"productid": "9"}] * new])
    assert [line["lineid"] for line in sent] == [*map(str, stored), *["0"] * new]
    assert all(set(line) <= set(CHECKS) for line in sent)


@pytest.mark.parametrize("name", sorted(READ_ONLY))
def test_what_cannot_be_set_is_never_sent_and_refused_when_it_differs(name: str) -> None:
    stored = [{"lineid": "5", "productid": "9", name: "1.00"}]
    assert merged(stored, [{"lineid": "5", name: "1.00", "quantity": "2"}]) == [
        {"lineid": "5", "productid": "9", "quantity": "2"}
    ]
    with pytest.raises(RecordInvalid, match=name):
        merged(stored, [{"lineid": "5", name: "2.00"}])


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ({"quantity": "1"}, "needs a productid"),
        ({"lineid": "7", "productid": "9"}, "no line 7"),
        ({"productid": "abc"}, "productid"),
        ({"productid": "9", "quantity": "1.25"}, "quantity"),
        ({"productid": "9", "quantity": "many"}, "quantity"),
        ({"productid": "9", "quantity": True}, "quantity"),
        ({"productid": "9", "contract_term": "1.5"}, "contract_term"),
        ({"productid": "9", "discount": "10 per cent"}, "discount"),
        ({"productid": "9", "discount": "1,5%"}, "discount"),
        ({"productid": "9", "listprice3": "1,200.00"}, "listprice3"),
        ({"productid": "9", "buyprice5": "€5"}, "buyprice5"),
        ({"productid": "9", "supplierid": "Acme"}, "supplierid"),
        ({"productid": "9", "description": "NUL \x00"}, "description"),
        ({"productid": "9", "prd_cf_11": "x"}, "prd_cf_11"),
        ({"productid": "9", "linenumber": "first"}, "linenumber"),
        ({"productid": "9", "remove": True}, "cannot be removed"),
    ],
)
def test_a_line_that_does_not_fit_is_refused(line: dict[str, Any], problem: str) -> None:
    with pytest.raises(RecordInvalid, match=problem) as caught:
        merged(STORED, [line])
    assert set(caught.value.fields) == {"products"}


def test_a_line_given_twice_is_refused() -> None:
    with pytest.raises(RecordInvalid, match="twice"):
        merged(STORED, [{"lineid": "5", "quantity": "1"}, {"lineid": "5", "quantity": "2"}])


def test_every_field_of_the_document_that_can_be_set_is_taken() -> None:
    values = {
        "description": "x",
        "category": "Hardware",
        "taxclass": "Standard",
        "supplytype": "Stock",
        "discount": "10%",
    }
    numbers = {f"listprice{n}": "1.5" for n in range(1, 6)} | {f"buyprice{n}": "2" for n in ("", 2, 3, 4, 5)}
    own = {f"prd_cf_{n}": "y" for n in range(1, 11)}
    line = {
        "lineid": "5", "productid": "9", "linenumber": "3", "quantity": "1.5", "supplierid": "4", "contract_term": "12",
        "commission_band": "A", **values, **numbers, **own,
    }  # fmt: skip
    assert set(line) == set(CHECKS)
    assert merged(STORED[:1], [line]) == [line]


# At a server


@pytest.mark.parametrize("module", SALES)
@pytest.mark.parametrize("reply", ["inside", "beside"])
def test_a_changed_line_leaves_the_others_as_they_were(
    account: Account, crm: OpenCrmConnector, module: str, reply: str
) -> None:
    account.control("POST", "switches", sales_reply=reply)
    id, before = a_sale(account, module)
    changed = crm.update(module, id, {"products": [{"lineid": before[-1]["lineid"], "quantity": "7"}]})
    after = changed.values["products"]
    assert [line["lineid"] for line in after] == [line["lineid"] for line in before]
    assert [line["quantity"] for line in after] == [*(number(line["quantity"]) for line in before[:-1]), "7"]
    assert [line["listprice1"] for line in after] == [number(line["listprice1"]) for line in before]


def test_prices_in_other_currencies_survive_a_server_that_zeroes_what_is_not_sent(
    account: Account, crm: OpenCrmConnector
) -> None:
    id, before = a_sale(account, "quote")
    crm.update("quote", id, {"products": [{"lineid": before[0]["lineid"], "listprice2": "99.5", "buyprice3": "7"}]})
    account.control("POST", "switches", currencies="zeroed")
    crm.update("quote", id, {"products": [{"lineid": before[1]["lineid"], "quantity": "2"}]})
    line = crm.get("quote", id).values["products"][0]
    assert (line["listprice2"], line["buyprice3"]) == ("99.5", "7")


def test_lines_are_not_touched_by_a_change_of_the_record_alone(
    account: Account, crm: OpenCrmConnector, observer: CountingObserver
) -> None:
    id, before = a_sale(account, "invoice")
    crm.describe("invoice")
    observer.calls.clear()
    changed = crm.update("invoice", id, {"subject": "New subject"})
    assert [line["lineid"] for line in changed.values["products"]] == [line["lineid"] for line in before]
    assert [call.operation for call in observer.calls] == ["edit_invoice", "get_invoice"]


def test_a_sale_is_made_with_its_lines(account: Account, crm: OpenCrmConnector) -> None:
    product = account.control("GET", "records", module="product")[0]["id"]
    line = {"productid": product, "quantity": "2.5", "listprice1": "10"}
    values = {"subject": "Offer", "assigned_user_id": "1", "products": [line, line]}
    made = crm.create("quote", values)
    assert [(line["quantity"], line["listprice1"]) for line in made.values["products"]] == [("2.5", "10")] * 2
    assert crm.get("quote", made.id).values["subtotal"] == "50"


def test_the_lines_of_a_record_cannot_be_emptied(account: Account, crm: OpenCrmConnector) -> None:
    id, before = a_sale(account, "quote")
    for nothing in (None, []):
        with pytest.raises(RecordInvalid, match="remove"):
            crm.update("quote", id, {"products": nothing})
    assert len(crm.get("quote", id).values["products"]) == len(before)


def test_an_edit_by_name_keeps_the_lines_too(account: Account, crm: OpenCrmConnector) -> None:
    id, before = a_sale(account, "quote")
    record = {"products": [{"lineid": before[0]["lineid"], "quantity": "4"}]}
    assert crm.call("edit_quote", {"crmid": id, "record": record}) == id
    assert len(crm.get("quote", id).values["products"]) == len(before)


def test_a_line_the_server_refuses_is_told_in_its_words(account: Account, crm: OpenCrmConnector) -> None:
    id, before = a_sale(account, "quote")
    with pytest.raises(RecordInvalid, match="productid must be an existing product"):
        crm.update("quote", id, {"products": [{"productid": "999999"}]})
    assert len(crm.get("quote", id).values["products"]) == len(before)
