"""What the simulated Really Simple Systems starts with: some people Vtiger has too, many it has not, and their companies."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

from connectors.sandbox.people import Person, companies, people, shared
from connectors.sandbox.reallysimple_schema import TABLES
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
    accounts = [
        sower.add(
            "accounts",
            c.modified,
            name=c.name,
            email=c.email,
            phone=c.phone,
            addresscity=c.city,
            type=sower.dice.choice(("Customer", "Prospect", None)),
        )
        for c in companies(count, seed, "reallysimple")
    ]
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
    dice = sower.dice
    for n, person in enumerate(crowd, 1):
        account, contact, when = dice.choice(accounts), dice.choice(contacts), person.modified
        ids = {"accountid": account, "contactid": contact}
        deal = sower.add("opportunities", when, name=f"Deal {n}: {person.last}", **ids, value=dice.choice((1000, 250.5, None)),
                         closedate="2026-12-31", probability=dice.choice((10, 50, 90)), status=dice.choice(("Open", "Won")))  # fmt: skip
        for line in range(dice.randrange(3)):
            sower.add(
                "opportunity_lines",
                when,
                opportunityid=deal,
                product=f"User Subscription {line}",
                quantity=30,
                unitprice=dice.choice((420, 19.99)),
            )
        sower.add("opportunityhistories", when, opportunityid=deal, opportunitystatus="Open", probability=10)
        sower.add(
            "activities",
            when,
            type=dice.choice(("Call", "Meeting")),
            date="2026-03-01 10:00:00",
            subject=f"Call {person.last}",
            status="Open",
            **ids,
        )
        sower.add("cases", when, subject=f"Case {n} <b>", status="Open", opened="2026-02-01 09:00:00", **ids)
        sower.add("documents", when, name=f"Document {n}", filename="offer & terms.pdf", **ids)
        campaign = sower.add("campaigns", when, name=f"Campaign {n}", type="Email", status="Planned", active=1)
        sower.add("campaignstages", when, campaignid=campaign, name="Invited", days=3)
        sower.add("campaigndetails", when, campaignid=campaign, stage="Invited", **ids)
