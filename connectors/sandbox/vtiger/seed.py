"""What the simulated Vtiger starts with: users and groups as recorded, and invented records, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from connectors.sandbox.people import Company, Person, companies, letters, people, shared
from connectors.sandbox.store import Row, Store
from connectors.sandbox.vtiger.crm import data, int_cast, modules, number_prefix
from connectors.sandbox.vtiger.values import empty_values, stored
from connectors.sandbox.vtiger.write import label

JSON = Any
_SOURCES = ("", "Cold Call", "Web Site", "Employee", "Partner", "Trade Show")


class _Sower:
    """Makes rows with ids of one growing number range."""

    def __init__(self, seed: int, group: str) -> None:
        self.seed = seed
        self.dice = random.Random(f"{seed}:{group}")
        self.rows: list[Row] = []
        self.counts: dict[str, int] = {}

    def add(self, name: str, when: datetime, /, **values: JSON) -> str:
        """Make one record and return its webservice id."""
        module = modules()[name]
        moment = when.strftime("%Y-%m-%d %H:%M:%S")
        row = Row(name, len(self.rows) + 1, empty_values(module))
        row.values.update(
            createdtime=moment, modifiedtime=moment, assigned_user_id="19x1", modifiedby="19x1", source="CRM"
        )
        if number := module.number_field:
            self.counts[name] = self.counts.get(name, 0) + 1
            row.values[number] = f"{number_prefix(module)}{self.counts[name]}"
        for field, value in values.items():
            kept = module.fields[field].type in ("reference", "owner")
            row.values[field] = value if kept else stored(module.fields[field], value)
        row.hidden["label"] = label(module, row.values)
        self.rows.append(row)
        return f"{module.prefix}x{row.id}"


def sow(store: Store, records: int, seed: int, group: str = "vtiger") -> None:
    """Fill an empty store: `records` Accounts, Contacts and Leads each, a tenth of that of the rest (five at least).

    `group` names whose people and keys they are, so that two servers of this kind hold different ones.
    """
    sower, own = _Sower(seed, group), "" if group == "vtiger" else f"{group}-"
    accounts = [_account(sower, c) for c in companies(records, seed, group)]
    known = shared(records, seed)
    everyone = (known + people(max(0, records - len(known)), seed, group))[:records]
    contacts = [_contact(sower, p, accounts, n) for n, p in enumerate(everyone)]
    for n, person in enumerate(people(records, seed, f"{own}leads")):
        _lead(sower, person, n)
    if accounts:
        _rest(sower, accounts, contacts, people(max(5, records // 10), seed, f"{own}rest"))
    store.save([*_fixed(seed, group), *sower.rows])
    store.note("crmid", len(sower.rows))
    for name, count in sower.counts.items():
        store.note(f"number:{name}", count)


def _fixed(seed: int, group: str) -> Iterator[Row]:
    """Yield the rows that are no invented records: users, groups, currency, folders."""
    for name, rows in data()["rows"].items():
        for recorded in rows:
            values = {k: v for k, v in recorded.items() if k != "id"}
            number = int_cast(recorded["id"].partition("x")[2])
            if name == "Users":
                yield from _users(values, number, seed, group)
            else:
                yield Row(name, number, values)


def _users(admin: dict[str, JSON], number: int, seed: int, group: str) -> Iterator[Row]:
    others = {number: ("admin", "on", "Active"), 6: ("sales", "off", "Active"), 7: ("inactive1", "off", "Inactive")}
    for user, (name, is_admin, status) in others.items():
        own = {"user_name": name, "is_admin": is_admin, "status": status, "email1": f"{name}@example.test"}
        yield Row("Users", user, {**admin, **own, "accesskey": letters(seed, f"{group}:{name}", 16)})


def _account(sower: _Sower, company: Company) -> str:
    return sower.add(
        "Accounts",
        company.modified,
        accountname=company.name,
        email1=company.email,
        phone=company.phone,
        bill_city=company.city,
        employees=sower.dice.randrange(1, 900),
        annual_revenue=sower.dice.randrange(10**4, 10**7),
        accounttype=sower.dice.choice(("Customer", "Prospect", "Partner", "")),
    )


def _contact(sower: _Sower, person: Person, accounts: list[str], n: int) -> str:
    dice = sower.dice
    return sower.add(
        "Contacts",
        person.modified,
        **_named(person),
        title=person.title,
        birthday=person.birthday,
        mailingcity=person.city,
        account_id=dice.choice(accounts) if accounts and dice.random() < 0.7 else "",
        assigned_user_id=dice.choice(("19x1", "19x1", "19x1", "19x6", "20x2")),
        donotcall="1" if n % 11 == 3 else "0",
        cf_901=dice.choice(("", "Alpha", "Alpha |##| R&D", "Gamma, with comma |##| گروه")),
        cf_903=dice.choice(("", "1234.56", "99.9")),
        cf_909=dice.choice(("", "2026-02-03")),
        cf_921=dice.choice(("", "Gold", "Silver")),
    )


def _named(person: Person) -> dict[str, JSON]:
    return {
        "firstname": person.first,
        "lastname": person.last,
        "email": person.email,
        "phone": person.phone,
        "mobile": person.mobile,
        "description": person.notes,
    }


def _lead(sower: _Sower, person: Person, n: int) -> None:
    sower.add(
        "Leads",
        person.modified,
        **_named(person),
        designation=person.title,
        city=person.city,
        company=f"Lead Co {n}",
        leadsource=sower.dice.choice(_SOURCES),
        leadstatus=sower.dice.choice(("", "Hot", "Cold", "Qualified")),
        annualrevenue=sower.dice.choice(("", "1000", "25000.50")),
    )


def _rest(sower: _Sower, accounts: list[str], contacts: list[str], crowd: list[Person]) -> None:
    for n, person in enumerate(crowd, 1):
        account, contact = sower.dice.choice(accounts), sower.dice.choice(contacts)
        _sales(sower, person, n, account, contact)
        _work(sower, person, n, account, contact)


def _sales(sower: _Sower, person: Person, n: int, account: str, contact: str) -> None:
    dice, when = sower.dice, person.modified
    deal = {"potentialname": f"Deal {n}: {person.last}", "amount": dice.randrange(100, 90_000), "related_to": account}
    deal |= {"closingdate": f"2026-{dice.randrange(1, 13):02}-15", "probability": dice.choice((10, 50, 90))}
    stage = dice.choice(("Prospecting", "Qualification", "Closed Won"))
    sower.add("Potentials", when, **deal, sales_stage=stage, contact_id=contact)
    product = {"productname": f"Widget {n} & Co", "unit_price": dice.randrange(1, 999), "qtyinstock": 10}
    sower.add("Products", when, **product, discontinued="1")
    ticket = {"ticket_title": f"Ticket {n}: {person.title or 'no title'}", "description": person.notes}
    ticket |= {"ticketstatus": dice.choice(("Open", "Closed")), "ticketpriorities": dice.choice(("Low", "High"))}
    sower.add("HelpDesk", when, **ticket, contact_id=contact, parent_id=account)


def _work(sower: _Sower, person: Person, n: int, account: str, contact: str) -> None:
    when, day = person.modified, f"2026-03-{sower.dice.randrange(1, 29):02}"
    start = {"date_start": day, "time_start": "10:00:00", "due_date": "2026-03-30", "contact_id": contact}
    sower.add("Calendar", when, subject=f"Task {n}", taskstatus="Not Started", activitytype="Task", **start)
    event = {
        "subject": f"Meet & greet {n}",
        "eventstatus": "Planned",
        "activitytype": "Meeting",
        "time_end": "11:00:00",
    }
    sower.add("Events", when, **event, **start, duration_hours=1, duration_minutes="0", parent_id=account)
    document = {"notes_title": f"Document {n}", "notecontent": person.notes, "filelocationtype": "I"}
    sower.add("Documents", when, **document, folderid="22x1")
    sower.add("ModComments", when, commentcontent=f"Comment {n} <b>& more</b>", related_to=contact, creator="19x1")
