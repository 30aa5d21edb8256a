"""What the simulated Really Simple Systems starts with: some people Vtiger has too, many it has not, and their companies."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

from connectors.sandbox.people import Company, Person, companies, people, shared
from connectors.sandbox.reallysimple.schema import TABLES
from connectors.sandbox.store import Row, Store

JSON = Any
OWNER = 90505
FIRST_IDS = {"accounts": 1001, "contacts": 20001, "opportunities": 3001}


class _Sower:
    def __init__(self, seed: int) -> None:
        self.dice = random.Random(f"{seed}:reallysimple")
        self.rows: list[Row] = []
        self.next: dict[str, int] = {}

    def add(self, name: str, when: datetime, /, **values: JSON) -> int:
        number = self.next.get(name, FIRST_IDS.get(name, 1))
        self.next[name] = number + 1
        moment = when.strftime("%Y-%m-%d %H:%M:%S")
        self.rows.append(Row(name, number, {**blank(name), **values, "createddate": moment, "modifieddate": moment}))
        return number


def blank(name: str) -> dict[str, JSON]:
    """Return the values of a record nobody has filled in."""
    fields = TABLES[name].fields.values()
    values: dict[str, JSON] = {f.name: 0 if f.type == "boolean" else f.empty for f in fields if f.name != "id"}
    return {**values, "ownerid": OWNER, "createdby": OWNER, "modifiedby": OWNER}


def sow(store: Store, records: int, seed: int) -> None:
    """Fill an empty store: a third of `records` accounts and contacts (three at least), fewer of the rest. Half of the people
    shared with the simulated Vtiger are among the contacts; account 1001 always exists."""
    sower, count = _Sower(seed), max(3, records // 3)
    accounts = [_account(sower, c) for c in companies(count, seed, "reallysimple")]
    known = shared(records, seed)
    known = known[: max(1, len(known) // 2)]
    everyone = known + people(count - len(known), seed, "reallysimple")
    contacts = [_contact(sower, p, accounts) for p in everyone]
    _rest(sower, accounts, contacts, people(max(3, records // 10), seed, "rest"))
    store.save(sower.rows)
    for name in TABLES:
        store.note(f"next:{name}", sower.next.get(name, FIRST_IDS.get(name, 1)))
    store.note(
        "lookups", {f"{name}/{field}": list(values) for name, t in TABLES.items() for field, values in t.lists.items()}
    )


def _account(sower: _Sower, company: Company) -> int:
    return sower.add(
        "accounts",
        company.modified,
        name=company.name,
        email=company.email,
        phone=company.phone,
        addresscity=company.city,
        type=sower.dice.choice(("Customer", "Prospect", None)),
    )


def _contact(sower: _Sower, person: Person, accounts: list[int]) -> int:
    dice = sower.dice
    return sower.add(
        "contacts",
        person.modified,
        first=person.first,
        last=person.last,
        email=(person.email.upper() if dice.random() < 0.1 else person.email) or None,
        phone=person.phone or None,
        mobile=person.mobile or None,
        jobtitle=person.title or None,
        addresscity=person.city,
        notes=person.notes or None,
        accountid=dice.choice(accounts),
        decisionmaker=dice.choice((0, 0, 1)),
        leadscore=dice.choice((None, 0, 10, 55)),
    )


def _rest(sower: _Sower, accounts: list[int], contacts: list[int], crowd: list[Person]) -> None:
    for n, person in enumerate(crowd, 1):
        ids = {"accountid": sower.dice.choice(accounts), "contactid": sower.dice.choice(contacts)}
        _sales(sower, person, n, ids)
        _work(sower, person, n, ids)


def _sales(sower: _Sower, person: Person, n: int, ids: dict[str, int]) -> None:
    dice, when = sower.dice, person.modified
    deal = {"name": f"Deal {n}: {person.last}", "value": dice.choice((1000, 250.5, None)), "closedate": "2026-12-31"}
    deal |= {"probability": dice.choice((10, 50, 90)), "status": dice.choice(("Open", "Won"))}
    number = sower.add("opportunities", when, **deal, **ids)
    for line in range(dice.randrange(3)):
        sold = {"product": f"User Subscription {line}", "quantity": 30, "unitprice": dice.choice((420, 19.99))}
        sower.add("opportunity_lines", when, opportunityid=number, **sold)
    sower.add("opportunityhistories", when, opportunityid=number, opportunitystatus="Open", probability=10)
    campaign = sower.add("campaigns", when, name=f"Campaign {n}", type="Email", status="Planned", active=1)
    sower.add("campaignstages", when, campaignid=campaign, name="Invited", days=3)
    sower.add("campaigndetails", when, campaignid=campaign, stage="Invited", **ids)


def _work(sower: _Sower, person: Person, n: int, ids: dict[str, int]) -> None:
    when, kind = person.modified, sower.dice.choice(("Call", "Meeting"))
    activity = {"type": kind, "date": "2026-03-01 10:00:00", "subject": f"{kind} {person.last}", "status": "Open"}
    sower.add("activities", when, **activity, **ids)
    sower.add("cases", when, subject=f"Case {n} <b>", status="Open", opened="2026-02-01 09:00:00", **ids)
    sower.add("documents", when, name=f"Document {n}", filename="offer & terms.pdf", **ids)
