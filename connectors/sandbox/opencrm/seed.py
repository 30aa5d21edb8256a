"""What the simulated OpenCRM starts with: some people the other simulated CRMs have too, many they have not, and the work done
for them."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

from connectors.sandbox.opencrm import lines
from connectors.sandbox.opencrm.schema import FIRST_ID, MODULES
from connectors.sandbox.opencrm.values import stored
from connectors.sandbox.people import Company, Person, companies, people, shared
from connectors.sandbox.store import Row, Store

JSON = Any
USERS = (
    (1, "admin", "", "Administrator", "Active", "on"),
    (5, "sara", "سارا", "کریمی", "Active", "off"),
    (6, "liam", "Liam", "O'Brien", "Active", "off"),
    (9, "gone", "Renée", "Dupont", "Inactive", "off"),
)


class Sower:
    """Makes rows; records of all modules share one sequence of ids, as they share the table crmentity."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(f"{seed}:opencrm")
        self.rows: list[Row] = []
        self.next, self.next_line = FIRST_ID, 1

    def add(self, name: str, when: datetime, /, **values: JSON) -> int:
        row = Row(name, self.next, {**blank(name), **kept(name, values)})
        moment = when.strftime("%Y-%m-%d %H:%M:%S")
        owner = str(self.dice.choice((1, 1, 5, 6)))
        row.values.update(createdtime=moment, modifiedtime=moment, smownerid=owner)
        self.rows.append(row)
        self.next += 1
        return row.id


def blank(name: str) -> dict[str, str | None]:
    """Return the columns of a record nobody has filled in: numbers and dates are NULL, texts are empty, nobody owns it."""
    columns = MODULES[name].columns.values()
    empty = {c.name: "" if c.kind in ("string", "text") else "0" if c.kind == "boolean" else None for c in columns}
    return {**empty, "smownerid": "0"} if "smownerid" in empty else empty


def kept(name: str, values: dict[str, JSON]) -> dict[str, str | None]:
    """Return the values as the columns keep them; None stays NULL."""
    columns = MODULES[name].columns
    return {k: None if v is None else stored(columns[k].kind, v) for k, v in values.items()}


def sow(store: Store, records: int, seed: int) -> None:
    """Fill an empty store: a third of `records` companies and contacts (three at least), fewer of the rest. Half of the people
    shared with the other simulated CRMs are among the contacts; company 1001 always exists."""
    sower, count = Sower(seed), max(3, records // 3)
    firms = [_company(sower, c) for c in companies(count, seed, "opencrm")]
    known = shared(records, seed)
    known = known[: max(1, len(known) // 2)]
    everyone = known + people(count - len(known), seed, "opencrm")
    contacts = [_contact(sower, n, p, firms) for n, p in enumerate(everyone)]
    crowd = people(max(3, records // 10), seed, "opencrm-leads")
    for n, person in enumerate(crowd, 1):
        ids = {"accountid": sower.dice.choice(firms), "contactid": sower.dice.choice(contacts)}
        _lead(sower, person)
        _work(sower, person, n, ids)
        _sales(sower, person, n, ids, _product(sower, person, n))
    store.save([*_users(), *sower.rows])
    store.note("crmid", sower.next)
    store.note("lineid", sower.next_line)


def _users() -> list[Row]:
    names = ("user_name", "first_name", "last_name", "status", "is_admin")
    return [
        Row(
            "user",
            number,
            {**blank("user"), **dict(zip(names, values, strict=True)), "email1": f"{values[0]}@crm.example.com"},
        )
        for number, *values in USERS
    ]


def _company(sower: Sower, company: Company) -> int:
    return sower.add(
        "company",
        company.modified,
        accountname=company.name,
        email1=company.email,
        phone=company.phone,
        city=company.city,
        account_type=sower.dice.choice(("Customer", "Prospect", "")),
        credit_limit=sower.dice.choice((None, "1000", "2500.5")),
        majoraccount=sower.dice.choice(("0", "1")),
    )


def _contact(sower: Sower, n: int, person: Person, firms: list[int]) -> int:
    dice = sower.dice
    number = sower.add(
        "contact",
        person.modified,
        firstname=person.first,
        lastname=person.last,
        email=person.email.upper() if dice.random() < 0.1 else person.email,
        phone=person.phone,
        mobile=person.mobile,
        title=person.title,
        mailingcity=person.city,
        birthday=person.birthday or None,
        description=person.notes,
        accountid=dice.choice(firms),
        do_not_email=dice.choice(("0", "0", "1")),
        cf_903=dice.choice((None, "0", "55")),
    )
    if n % 20 == 3:  # a portal user: what the CRM keeps of it is read like any field (facts §7)
        sower.rows[-1].values.update(portal="1", login=person.email, password=f"portal-{number}")
    return number


def _lead(sower: Sower, person: Person) -> None:
    sower.add(
        "lead",
        person.modified,
        firstname=person.first,
        lastname=person.last,
        company=f"{person.last} & Co",
        email=person.email,
        phone=person.phone,
        city=person.city,
        description=person.notes,
        leadstatus=sower.dice.choice(("New", "Contacted", "")),
        leadsource=sower.dice.choice(("Web", "Referral")),
    )


def _work(sower: Sower, person: Person, n: int, ids: dict[str, int]) -> None:
    when, dice = person.modified, sower.dice
    call = f"{dice.choice(('Call', 'Meeting'))} {person.last}"
    company, contact = ids["accountid"], ids["contactid"]
    sower.add(
        "activity", when, subject=call, taskstatus="Not Started", date_start="2026-03-01 10:00", contact_id=contact
    )
    stage = {"sales_stage": dice.choice(("Prospecting", "Closed Won")), "closingdate": "2026-12-31"}
    sower.add("opportunity", when, potentialname=f"Deal {n} <b>", amount=dice.choice(("1000", None)), **stage, **ids)
    sower.add("project", when, name=f"Project {n}", projectnum=f"P{n:04}", startdate="2026-01-15", **ids)
    sower.add("ticket", when, title=f"Ticket {n}: it's “broken”", status="Open", priority="High", contactid=contact)
    sower.add("contract", when, contractname=f"Contract {n}", status="Active", start_date="2026-02-01", **ids)
    sower.add("asset", when, assetname=f"Pump {n}", serialno=f"SN-{n:05}", accountid=company)
    sower.add("campaign", when, campaignname=f"Campaign {n}", campaignstatus="Active")


def _product(sower: Sower, person: Person, n: int) -> Row:
    """Return a product; what is sold are records of the same number."""
    dice, price = sower.dice, ("19.99", "420", "1200.50")[n % 3]
    terms = {"taxclass": dice.choice(("Standard", "Reduced")), "prod_supplytype": "Stock", "commission_band": "A"}
    about = {"productcode": f"P-{n:04}", "product_description": f"Pumps & more, no. {n}", "manufacturer": person.last}
    prices = {"unit_price": price, "buy_price": "10", "minimummargin": "5", "maximumdiscount": "20"}
    sower.add("product", person.modified, productname=f"Pump “{n}”", **about, **prices, **terms)
    return sower.rows[-1]


def _sales(sower: Sower, person: Person, n: int, ids: dict[str, int], product: Row) -> None:
    """Add a quote, a sales order, an invoice and a purchase order of one to three lines each."""
    for name, stage in (
        ("quote", "quotestage"),
        ("salesorder", "sostatus"),
        ("invoice", "invoicestatus"),
        ("purchaseorder", "postatus"),
    ):
        firm = "vendorid" if name == "purchaseorder" else "accountid"
        more = {stage: "Created", firm: ids["accountid"], "contactid": ids["contactid"], "def_currency": "GBP"}
        sower.add(name, person.modified, subject=f"{name.capitalize()} {n} for {person.last}", **more)
        held = [_line(sower, k, product) for k in range(1, sower.dice.randrange(2, 5))]
        sower.rows[-1].hidden["products"] = held
        sower.rows[-1].values.update(lines.totals(held))


def _line(sower: Sower, k: int, product: Row) -> lines.Line:
    line = lines.started(sower.next_line, k, product)
    sower.next_line += 1
    sold = {"listprice1": product.values["unit_price"] or "0.00", "buyprice": "10.00", "category": "Hardware"}
    kept_ones = {"pricebookid": "3", "despatched_quantity": "0", "remaining_quantity": line["quantity"]}
    return lines.calculated({**line, **sold, **kept_ones}, product)
