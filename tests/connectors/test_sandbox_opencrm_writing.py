"""What the simulated OpenCRM keeps of what is sent, the shapes of its answers to edits, product lines, links and campaigns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.server import Sandbox
from tests.connectors.opencrm_server import OpenCrm

JSON = Any
EDITS = [
    "activity", "asset", "company", "contact", "contact_custom1", "contact_custom2", "contracts", "lead", "opportunity", "product",
    "project", "ticket", "quote", "salesorder", "invoice", "purchaseorder",
]  # fmt: skip


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


def stored(crm: OpenCrm, module: str, number: JSON) -> dict[str, JSON]:
    kept = crm.control("GET", "records", module=module)
    return next(r["values"] for r in kept if r["id"] == str(number))


@pytest.mark.parametrize("name", EDITS)
def test_every_edit_creates_with_crmid_0_and_changes_with_another(crm: OpenCrm, name: str) -> None:
    module = name.removesuffix("_custom1").removesuffix("_custom2").removesuffix("s")
    number = crm.make(name, description="first")
    assert crm.ask(f"edit_{name}", crmid=number, description="second") == number
    values = stored(crm, module, number)
    assert (values["description"], values["smownerid"]) == ("second", "1")


def test_of_two_names_for_one_edit_one_is_unknown(crm: OpenCrm) -> None:
    pairs = (("edit_helpdesk", "edit_ticket"), ("edit_contract", "edit_contracts"))
    for unknown, known in pairs:
        answer = crm.send(unknown, {"crmid": 0})
        assert (answer.status_code, answer.json()) == (404, {"error": "Unknown method"})
        assert crm.ask(known, crmid=0) > 1001
    crm.switch(absent=[known for _, known in pairs], absent_status=200)
    for known, unknown in pairs:
        assert crm.ask(unknown, crmid=0) == {"error": "Unknown method"}
        assert crm.ask(known, crmid=0) > 1001


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("number", lambda n: n),
        ("text", str),
        ("record_id", lambda n: {"record_id": str(n)}),
        ("id", lambda n: {"id": n}),
        ("crmid", lambda n: {"crmid": n}),
    ],
)
def test_an_edit_s_reply_has_several_shapes(crm: OpenCrm, shape: str, expected: Any) -> None:
    number = crm.make("lead", lastname="x")
    crm.switch(edit_reply=shape)
    assert crm.ask("edit_lead", crmid=number, lastname="y") == expected(number)


def test_the_shapes_may_change_from_record_to_record(crm: OpenCrm) -> None:
    crm.switch(edit_reply="mixed")
    replies = [crm.ask("edit_lead", crmid=0) for _ in range(5)]
    kinds = {next(iter(r)) if isinstance(r, dict) else type(r).__name__ for r in replies}
    assert kinds == {"int", "str", "record_id", "id", "crmid"}


@pytest.mark.parametrize(
    ("crmid", "message"),
    [
        (None, "No crmid was given"),
        ("", "No crmid was given"),
        ("12x5", "No crmid was given"),
        ("424242", "Record 424242 does not exist in Leads"),
        ("1001", "Record 1001 does not exist in Leads"),
    ],
)
def test_an_edit_of_nothing_answers_a_sentence(crm: OpenCrm, crmid: str | None, message: str) -> None:
    before = crm.control("GET", "records", module="lead")
    given = {"lastname": "x"} if crmid is None else {"lastname": "x", "crmid": crmid}
    assert crm.ask("edit_lead", **given) == message
    crm.switch(edit_error="plain")
    assert crm.send("edit_lead", given).text == message
    crm.switch(edit_error="object")
    assert crm.ask("edit_lead", **given) == {"error": message}
    assert crm.control("GET", "records", module="lead") == before


def test_what_is_not_sent_stays_and_what_is_sent_empty_is_blank(crm: OpenCrm) -> None:
    number = crm.make("contact", firstname="A", title="CEO", birthday="1990-04-08", accountid=1001, cf_903="7")
    crm.ask("edit_contact", crmid=number, title="", birthday="", accountid="", cf_903="")
    read = crm.ask("get_contact", crmid=number)
    assert [read[name] for name in ("firstname", "title", "birthday", "accountid", "cf_903")] == ["A", "", "", "", ""]
    untouched = crm.ask("get_contact", crmid=crm.make("contact", lastname="B"))
    assert [untouched[name] for name in ("title", "birthday", "accountid", "cf_903")] == ["", None, None, None]


@pytest.mark.parametrize(
    ("module", "name", "sent", "kept"),
    [
        ("opportunity", "amount", "1234.56", "1234.56"),
        ("opportunity", "amount", "1,234.56", "1.00"),
        ("opportunity", "amount", "1234,56", "1234.00"),
        ("opportunity", "amount", "£5", "0.00"),
        ("opportunity", "amount", "0.005", "0.01"),
        ("opportunity", "probability", "4x", "4"),
        ("opportunity", "probability", "4.7", "5"),
        ("opportunity", "probability", "99999999999", "2147483647"),
        ("opportunity", "probability", "9" * 40, "2147483647"),
        ("opportunity", "accountid", "Acme", "0"),
        ("contact", "do_not_email", "1", "1"),
        ("contact", "do_not_email", "true", "0"),
        ("contact", "do_not_email", "on", "0"),
        ("contact", "do_not_email", "500", "127"),
        ("contact", "birthday", "2026-02-03", "2026-02-03"),
        ("contact", "birthday", "2026/02/03", "2026-02-03"),
        ("contact", "birthday", "20260203", "2026-02-03"),
        ("contact", "birthday", "2026-02-03T10:20:30Z", "2026-02-03"),
        ("contact", "birthday", "03-02-2026", "0000-00-00"),
        ("contact", "birthday", "2026-02-30", "0000-00-00"),
        ("contact", "birthday", "soon", "0000-00-00"),
        ("activity", "date_start", "2026-02-03 10:20", "2026-02-03 10:20:00"),
        ("activity", "date_start", "2026-02-03T10:20:30+03:30", "2026-02-03 10:20:30"),
        ("activity", "date_start", "2026-02-03", "2026-02-03 00:00:00"),
        ("activity", "date_start", "later", "0000-00-00 00:00:00"),
        ("contact", "email", "no mail at all", "no mail at all"),
        ("contact", "title", "x" * 300, "x" * 255),
        ("contact", "description", "ی" * 3000, "ی" * 3000),
        ("contact", "description", 'a <b>&amp; "q" \\ \t\n\'', 'a <b>&amp; "q" \\ \t\n\''),
        ("contact", "smownerid", "9999", "9999"),
        ("contact", "lastname", "  x ", "  x "),
    ],
)
def test_the_columns_keep_what_they_can(crm: OpenCrm, module: str, name: str, sent: str, kept: str) -> None:
    number = crm.make(module, **{name: sent})
    assert stored(crm, module, number)[name] == kept


@pytest.mark.parametrize(("sent", "kept"), [(True, "1"), (False, "0"), (None, ""), (7.25, "7.25"), ([1], "Array")])
def test_json_values_become_text_as_php_makes_it(crm: OpenCrm, sent: JSON, kept: str) -> None:
    given = {**crm.keys, "crmid": 0, "title": sent}
    number = crm.http.post(f"{crm.url}/api/rest/edit_contact", json=given, timeout=10).json()
    assert stored(crm, "contact", number)["title"] == kept


def test_zeros_that_stand_for_no_date_are_shown_as_they_are(crm: OpenCrm) -> None:
    number = crm.make("contact", birthday="soon")
    assert crm.ask("get_contact", crmid=number, dateOverride="c")["birthday"] == "0000-00-00"


def test_unknown_names_and_the_system_s_own_are_passed_over(crm: OpenCrm) -> None:
    given = {
        "nosuch": "1",
        "cf_999": "1",
        "module": "Contacts",
        "modifiedtime": "2001-01-01 00:00:00",
        "createdtime": "",
    }
    values = stored(crm, "contact", crm.make("contact", lastname="x", **given))
    assert {"nosuch", "cf_999", "module", "crmid", "key", "passkey"}.isdisjoint(values)
    assert values["modifiedtime"] == values["createdtime"] > "2020"


def test_nothing_is_required_and_nothing_is_compared(crm: OpenCrm) -> None:
    first, second = crm.make("contact", email="same@x.example"), crm.make("contact", email="same@x.example")
    nobody = crm.ask("edit_contact", crmid=0)
    assert len({first, second, nobody}) == 3
    assert crm.ask("get_contact", crmid=nobody)["smownerid"] == "0"


def test_ids_are_one_sequence_for_all_modules_and_never_used_again(crm: OpenCrm) -> None:
    first = crm.make("contact")
    crm.change("delete", "contact", id=str(first))
    assert [crm.make("company"), crm.make("contact")] == [first + 1, first + 2]


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


def test_records_are_linked_and_the_parent_s_id_comes_back(crm: OpenCrm) -> None:
    contact = crm.make("contact")
    assert crm.ask("edit_record_link", parent_id=1001, child_id=contact) == 1001
    assert [r["values"] for r in crm.control("GET", "records", module="record_links")] == [
        {"parent_id": "1001", "child_id": str(contact)}
    ]
    for given in ({"parent_id": 1001}, {"parent_id": 1001, "child_id": 424242}):
        assert crm.ask("edit_record_link", **given) == {"error": "child_id is not a record"}
    assert crm.ask("edit_record_link", child_id=contact) == {"error": "parent_id is not a record"}


def test_a_record_joins_a_campaign_with_success_or_a_sentence(crm: OpenCrm) -> None:
    campaign = crm.change("create", "campaign", values={"campaignname": "C"})["id"]
    contact = crm.make("contact")
    more = {"relationship": "Target", "status": "Sent", "probability": "50"}
    assert crm.ask("add_to_campaign", campaignid=campaign, recordid=contact, **more) == "Success"
    (member,) = crm.control("GET", "records", module="campaign_members")
    assert member["values"] == {"campaignid": campaign, "recordid": str(contact), **more}
    assert crm.ask("add_to_campaign", campaignid=1001, recordid=contact) == "Campaign not found"
    assert crm.ask("add_to_campaign", campaignid=campaign) == "recordid is not a record"


def test_what_a_portal_user_signs_in_with_is_read_like_any_field() -> None:
    with Sandbox(["opencrm"], records=60) as sandbox:
        crm = OpenCrm(sandbox)
        users = [row for row in crm.ask("get_contact_list_full") if row["portal"] == "1"]
        crm.close()
    assert users
    assert all(row["password"].startswith("portal-") for row in users)
