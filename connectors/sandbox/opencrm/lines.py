"""The product lines of the simulated OpenCRM's sales records (document, "Product Lines"): a line whose id is not sent again is
gone for ever, what the system calculates cannot be set, and this is the one place where values are checked."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import orjson

from connectors.sandbox.opencrm.crm import Crm
from connectors.sandbox.opencrm.errors import InvalidRecord
from connectors.sandbox.opencrm.schema import MODULES
from connectors.sandbox.opencrm.values import as_text, number, stored
from connectors.sandbox.store import Row

JSON = Any
Line = dict[str, str]
PRICES = ("listprice1", "listprice2", "listprice3", "listprice4", "listprice5")
COSTS = ("buyprice", "buyprice2", "buyprice3", "buyprice4", "buyprice5")
OWN_COLUMNS = tuple(f"prd_cf_{n}" for n in range(1, 11))
TAXES = {"Standard": 20, "Reduced": 5, "Zero": 0}
BANDS = {"A": 10, "B": 5}
CHOICES = {
    "category": ("Hardware", "Services", "Support & care"),
    "taxclass": tuple(TAXES),
    "supplytype": ("Stock", "Direct", "Service"),
    "commission_band": tuple(BANDS),
}
TEXTS = ("description", *CHOICES, *OWN_COLUMNS, "discount", "supplierid", "contract_term")
RETAINED = ("pricebookid", "saved_pricing_used", "saved_pricing_tier", "despatched_quantity", "remaining_quantity")
SETTABLE = frozenset({"linenumber", "quantity", *PRICES, *COSTS, *TEXTS})
_NUMERIC = re.compile(r"-?\d+(\.\d+)?")


def posted(crm: Crm, row: Row, products: JSON) -> list[Line]:
    """Return the record's lines after `products` (a list, or one as JSON text). Raises InvalidRecord and has changed nothing."""
    held = {line["lineid"]: line for line in row.hidden.get("products", [])}
    checked = [_checked(crm, n, item, held) for n, item in enumerate(_listed(products), 1)]
    lines = [_line(crm, n, sent, product, held) for n, (sent, product) in enumerate(checked, 1)]
    return sorted(lines, key=lambda line: (number(line["linenumber"]), int(line["lineid"])))


def totals(lines: list[Line]) -> dict[str, str]:
    """Return what the record itself shows of its lines."""
    net = sum((_net(line) for line in lines), Decimal(0))
    tax = sum((number(line["taxvalue"]) for line in lines), Decimal(0))
    return {"subtotal": _money(net), "tax_total": _money(tax), "total": _money(net + tax)}


def _listed(products: JSON) -> list[JSON]:
    try:
        found = orjson.loads(products) if isinstance(products, str) else products
    except ValueError as e:
        raise InvalidRecord("The products are not valid JSON") from e
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise InvalidRecord("The products are not a list of lines")
    return found


def _checked(crm: Crm, n: int, item: dict[str, JSON], held: dict[str, Line]) -> tuple[Line, Row]:
    """Return what is sent of one line, as text, and its product."""
    sent = {name: as_text(value) for name, value in item.items()}
    number_, product = sent.get("lineid", ""), crm.row(MODULES["product"], sent.get("productid"))
    if number_ != "0" and number_ not in held:
        raise InvalidRecord(f"Line {n}: lineid must be 0 or a line of this record")
    if product is None:
        raise InvalidRecord(f"Line {n}: productid must be an existing product")
    for name, choices in CHOICES.items():
        if sent.get(name) and sent[name] not in choices:
            raise InvalidRecord(f"Line {n}: invalid {name}")
    if sent.get("supplierid") and crm.row(MODULES["company"], sent["supplierid"]) is None:
        raise InvalidRecord(f"Line {n}: supplierid must be an existing company")
    _numbers(n, sent)
    return {name: sent[name] for name in SETTABLE | {"lineid"} if name in sent}, product


def _numbers(n: int, sent: Line) -> None:
    if sent.get("quantity") and not _NUMERIC.fullmatch(sent["quantity"]):
        raise InvalidRecord(f"Line {n}: quantity must be numeric")
    if sent.get("discount") and not _NUMERIC.fullmatch(sent["discount"].removesuffix("%")):
        raise InvalidRecord(f"Line {n}: discount must be a number or a percentage")
    if sent.get("contract_term") and not sent["contract_term"].isdecimal():
        raise InvalidRecord(f"Line {n}: contract_term must be an integer")


def _line(crm: Crm, n: int, sent: Line, product: Row, held: dict[str, Line]) -> Line:
    line = started(crm.next_id("lineid"), n, product) if sent["lineid"] == "0" else held[sent["lineid"]]
    if crm.switches["currencies"] == "zeroed":
        line = {**line, **dict.fromkeys((*PRICES[1:], *COSTS[1:]), "0.00")}
    return calculated({**line, **_kept(sent, line["lineid"])}, product)


def started(lineid: int, n: int, product: Row) -> Line:
    """Return a new line with its defaults: some are the product's, prices are not (nothing else is taken over)."""
    line = dict.fromkeys((*TEXTS, *RETAINED), "") | dict.fromkeys((*PRICES, *COSTS), "0.00")
    own = {
        "description": product.values.get("product_description"),
        "taxclass": product.values.get("taxclass"),
        "supplytype": product.values.get("prod_supplytype"),
        "commission_band": product.values.get("commission_band"),
    }
    defaults = {name: value or "" for name, value in own.items()}
    return {**line, **defaults, "lineid": str(lineid), "linenumber": str(n), "quantity": "1.0"}


def _kept(sent: Line, lineid: str) -> Line:
    """Return what the columns keep: prices with two places, quantities with one, the rest as texts."""
    found = {name: stored("text", value) for name, value in sent.items()}
    for name in {*PRICES, *COSTS} & set(sent):
        found[name] = _money(number(sent[name]))
    if "quantity" in sent:
        found["quantity"] = str(number(sent["quantity"]).quantize(Decimal("0.1"), ROUND_HALF_UP))
    return {**found, "lineid": lineid}


def calculated(line: Line, product: Row) -> Line:
    """Return the line with what the system works out itself."""
    net, cost = _net(line), number(line["quantity"]) * number(line["buyprice"])
    tax, commission = Decimal(TAXES.get(line["taxclass"], 0)), Decimal(BANDS.get(line["commission_band"], 0))
    return {
        **line,
        "productid": str(product.id),
        "productname": product.values.get("productname") or "",
        "minimummargin": product.values.get("minimummargin") or "",
        "maximumdiscount": product.values.get("maximumdiscount") or "",
        "taxpercent": _money(tax),
        "taxvalue": _money(net * tax / 100),
        "margin_percent": _money((net - cost) / net * 100 if net else Decimal(0)),
        "markup": _money((net - cost) / cost * 100 if cost else Decimal(0)),
        "commission_percent": _money(commission),
        "commmission_amount": _money(net * commission / 100),
    }


def _net(line: Line) -> Decimal:
    gross, discount = number(line["quantity"]) * number(line["listprice1"]), number(line["discount"])
    return gross * (1 - discount / 100) if line["discount"].endswith("%") else gross - discount


def _money(value: Decimal) -> str:
    return str(value.quantize(Decimal("0.01"), ROUND_HALF_UP))
