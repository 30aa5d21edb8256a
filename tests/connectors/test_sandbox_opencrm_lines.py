"""The product lines of the simulated OpenCRM's sales records: defaults, calculations, what is kept, what is gone for ever."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.opencrm_server import OpenCrm

JSON = Any


@pytest.fixture(scope="module")
def running() -> Iterator[OpenCrm]:
    with Sandbox(["opencrm"], records=0) as sandbox:
        account = OpenCrm(sandbox)
        yield account
        account.close()


@pytest.fixture
def crm(running: OpenCrm) -> OpenCrm:
    running.control("POST", "reset")
    return running


def product(crm: OpenCrm, **more: JSON) -> int:
    values = {"productname": "Pump", "product_description": "Blue", "taxclass": "Standard", "prod_supplytype": "Stock"}
    return crm.make("product", **values, commission_band="A", unit_price="50", minimummargin="5", **more)


def sold(crm: OpenCrm, *items: JSON, quote: int = 0, name: str = "quote") -> JSON:
    return crm.ask(f"edit_{name}", crmid=quote, subject="Sale", products=json.dumps(items))


def lines(crm: OpenCrm, quote: int, name: str = "quote") -> list[dict[str, str]]:
    return crm.ask(f"get_{name}", crmid=quote)["products"]


@pytest.mark.parametrize("name", ["quote", "salesorder", "invoice", "purchaseorder"])
def test_a_new_line_takes_few_defaults_from_its_product(crm: OpenCrm, name: str) -> None:
    pump = product(crm)
    quote = sold(crm, {"lineid": 0, "productid": pump}, name=name)
    (line,) = lines(crm, quote, name)
    wanted = {
        "productid": str(pump), "productname": "Pump", "linenumber": "1", "quantity": "1.0", "description": "Blue", "taxclass": "Standard",
        "supplytype": "Stock", "commission_band": "A", "minimummargin": "5.00", "maximumdiscount": "", "listprice1": "0.00",
        "buyprice": "0.00", "listprice5": "0.00", "discount": "", "pricebookid": "",
    }  # fmt: skip
    assert {key: line[key] for key in wanted} == wanted
    assert int(line["lineid"]) > 0


def test_lines_and_totals_are_calculated(crm: OpenCrm) -> None:
    pump = product(crm)
    first = {"lineid": 0, "productid": pump, "quantity": "3", "listprice1": "100", "buyprice": "60", "discount": "10%"}
    second = {"lineid": 0, "productid": pump, "listprice1": "50", "discount": "5", "taxclass": "Zero"}
    quote = sold(crm, first, second)
    read = crm.ask("get_quote", crmid=quote)
    names = ("taxpercent", "taxvalue", "margin_percent", "markup", "commission_percent", "commmission_amount")
    assert [read["products"][0][n] for n in names] == ["20.00", "54.00", "33.33", "50.00", "10.00", "27.00"]
    assert [read[n] for n in ("subtotal", "tax_total", "total")] == ["315.00", "54.00", "369.00"]
    crm.ask("edit_quote", crmid=quote, total="1", subtotal="1")
    assert crm.ask("get_quote", crmid=quote)["total"] == "369.00"


def test_a_line_not_sent_again_is_gone_for_ever(crm: OpenCrm) -> None:
    pump = product(crm)
    new = {"lineid": "0", "productid": pump}
    quote = sold(crm, *({**new, "description": d} for d in "abcd"))
    a, b, c, d = (line["lineid"] for line in lines(crm, quote))
    sold(crm, *({"lineid": n, "productid": pump} for n in (a, b, c)), {**new, "description": "e"}, quote=quote)
    assert [line["description"] for line in lines(crm, quote)] == list("abce")
    assert (
        sold(crm, {"lineid": d, "productid": pump}, quote=quote) == "Line 1: lineid must be 0 or a line of this record"
    )
    again = sold(crm, {**new, "description": "f"}, quote=quote)
    assert (again, [line["description"] for line in lines(crm, quote)]) == (quote, ["f"])
    assert int(lines(crm, quote)[0]["lineid"]) > int(d)


def test_without_products_the_lines_stay_and_with_none_they_go(crm: OpenCrm) -> None:
    quote = sold(crm, {"lineid": 0, "productid": product(crm)})
    before = lines(crm, quote)
    crm.ask("edit_quote", crmid=quote, subject="Other")
    assert crm.ask("edit_quote", crmid=quote, products="") == quote
    assert lines(crm, quote) == before != []
    crm.ask("edit_quote", crmid=quote, products="[]")
    assert lines(crm, quote) == []


def test_an_amended_line_keeps_what_is_not_sent(crm: OpenCrm) -> None:
    pump = product(crm)
    start = {
        "lineid": 0,
        "productid": pump,
        "listprice1": "100",
        "listprice2": "90",
        "prd_cf_3": "x",
        "category": "Hardware",
    }
    quote = sold(crm, start)
    (line,) = lines(crm, quote)
    sold(crm, {"lineid": line["lineid"], "productid": pump, "quantity": "2"}, quote=quote)
    (after,) = lines(crm, quote)
    assert {k for k in line if line[k] != after[k]} == {"quantity", "taxvalue", "commmission_amount"}
    crm.switch(currencies="zeroed")
    sold(crm, {"lineid": line["lineid"], "productid": pump}, quote=quote)
    assert [lines(crm, quote)[0][n] for n in ("listprice1", "listprice2")] == ["100.00", "0.00"]


def test_read_only_line_fields_are_passed_over(crm: OpenCrm) -> None:
    names = (
        "minimummargin", "maximumdiscount", "taxpercent", "taxvalue", "margin_percent", "markup", "commission_percent",
        "commmission_amount", "pricebookid", "saved_pricing_used", "saved_pricing_tier", "despatched_quantity", "remaining_quantity",
        "productname",
    )  # fmt: skip
    quote = crm.control("GET", "records", module="quote")[0]
    before = quote["values"]["products"]
    changed = [{"lineid": p["lineid"], "productid": p["productid"], **dict.fromkeys(names, "77")} for p in before]
    sold(crm, *changed, quote=int(quote["id"]))
    assert lines(crm, int(quote["id"])) == before
    assert (before[0]["pricebookid"], before[0]["remaining_quantity"]) == ("3", "1.0")


def test_lines_are_ordered_by_number_and_quantities_have_one_place(crm: OpenCrm) -> None:
    pump = product(crm)
    items = [{"lineid": 0, "productid": pump, "linenumber": n, "quantity": q} for n, q in ((10, "2.26"), (9, "0.5"))]
    quote = sold(crm, *items)
    assert [(p["linenumber"], p["quantity"]) for p in lines(crm, quote)] == [("9", "0.5"), ("10", "2.3")]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"lineid": None}, "Line 2: lineid must be 0 or a line of this record"),
        ({"lineid": 999}, "Line 2: lineid must be 0 or a line of this record"),
        ({"productid": None}, "Line 2: productid must be an existing product"),
        ({"productid": 1001}, "Line 2: productid must be an existing product"),
        ({"category": "Nonsense"}, "Line 2: invalid category"),
        ({"taxclass": "Nonsense"}, "Line 2: invalid taxclass"),
        ({"supplytype": "Nonsense"}, "Line 2: invalid supplytype"),
        ({"commission_band": "Z"}, "Line 2: invalid commission_band"),
        ({"supplierid": 424242}, "Line 2: supplierid must be an existing company"),
        ({"quantity": "two"}, "Line 2: quantity must be numeric"),
        ({"discount": "ten"}, "Line 2: discount must be a number or a percentage"),
        ({"contract_term": "1.5"}, "Line 2: contract_term must be an integer"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_stored(crm: OpenCrm, wrong: dict[str, JSON], message: str) -> None:
    pump = product(crm)
    right = {"lineid": 0, "productid": pump, "discount": "2.5", "contract_term": "12", "supplierid": 1001}
    quote = sold(crm, right)
    before = crm.control("GET", "records", module="quote")
    assert sold(crm, right, {**right, **wrong}, quote=quote) == message
    assert crm.control("GET", "records", module="quote") == before


def test_a_deleted_product_can_be_sold_no_more(crm: OpenCrm) -> None:
    pump = product(crm)
    crm.change("delete", "product", id=str(pump))
    assert sold(crm, {"lineid": 0, "productid": pump}) == "Line 1: productid must be an existing product"


@pytest.mark.parametrize(
    ("products", "message"),
    [
        ("[{", "The products are not valid JSON"),
        ("{}", "The products are not a list of lines"),
        ("[1]", "The products are not a list of lines"),
    ],
)
def test_products_that_are_no_list_are_refused(crm: OpenCrm, products: str, message: str) -> None:
    assert crm.ask("edit_quote", crmid=0, products=products) == message


def test_a_whole_sale_may_be_posted_as_json(crm: OpenCrm) -> None:
    item = {"lineid": "0", "linenumber": "1", "productid": product(crm), "listprice1": "200000"}
    body = {**crm.keys, "code": "111111", "crmid": "0", "module": "Quotes", "subject": "A new one", "products": [item]}
    quote = crm.http.post(f"{crm.url}/api/rest/edit_quote", json=body, timeout=10).json()
    read = crm.ask("get_quote", crmid=quote)
    assert (read["subject"], read["products"][0]["listprice1"]) == ("A new one", "200000.00")


def test_lines_may_stand_beside_the_record_as_in_the_document(crm: OpenCrm) -> None:
    quote = sold(crm, {"lineid": 0, "productid": product(crm)})
    crm.switch(sales_reply="beside")
    text = crm.send("get_quote", {"crmid": quote}).text
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)
    assert text.startswith('"products": [{')
    assert json.loads(text.partition("],\n")[2])["record_id"] == str(quote)
    assert crm.ask("get_quote", crmid=424242) == {"error": "Record not found"}


def test_lists_of_sales_have_no_lines(crm: OpenCrm) -> None:
    for name in ("get_quote_list", "get_quote_list_full"):
        assert all("products" not in row for row in crm.ask(name))
