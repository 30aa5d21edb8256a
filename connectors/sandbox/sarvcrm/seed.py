"""What the simulated SarvCRM starts with: accounts, contacts and leads in the number asked for, a tenth of the rest, four users."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from connectors.sandbox.people import Company, Person, companies, letters, people, shared
from connectors.sandbox.sarvcrm.crm import ADMIN, Crm, complete, new_id
from connectors.sandbox.sarvcrm.relations import LINKS
from connectors.sandbox.sarvcrm.schema import MODULES, Field, Module
from connectors.sandbox.store import Row

JSON = Any
STAMP = "%Y-%m-%d %H:%M:%S"
MAIN = ("Accounts", "Contacts", "Leads")
# user name, first name, last name, administrator, hidden marks
USERS: tuple[tuple[str, str, str, str, dict[str, JSON]], ...] = (
    ("admin", "مدیر", "سیستم", "1", {}),
    ("api", "Sara", "Karimi", "0", {}),
    ("portal", "Portal", "User", "0", {"portal": True}),
    ("newcomer", "Not", "Configured", "0", {"new": True}),
)


class _Sower:
    def __init__(self, crm: Crm, seed: int) -> None:
        self.crm, self.seed = crm, seed
        self.dice = random.Random(f"{seed}:sarvcrm")
        self.rows: dict[str, list[Row]] = {}
        self.next = 1

    def add(self, name: str, when: datetime, /, **values: JSON) -> Row:
        module, moment = MODULES[name], when.strftime(STAMP)
        user = self._user()
        by = {"created_by": user, "modified_user_id": user, "date_entered": moment, "date_modified": moment}
        owner = {"assigned_user_id": user} if "assigned_user_id" in module.fields else {}
        presets = {f.name: f.default for f in module.fields.values() if f.default}
        row = Row(name, self.next, {"id": new_id(self.seed, self.next), **by, **owner, **presets, **values})
        complete(module, row.values)
        self.next += 1
        self.rows.setdefault(name, []).append(row)
        return row

    def _user(self) -> str:
        return str(self.dice.choice(self.rows["Users"][:2]).values["id"]) if "Users" in self.rows else ADMIN

    def some(self, name: str) -> str | None:
        """Return the id of one of the module's records, sometimes none."""
        rows = self.rows.get(name)
        return str(self.dice.choice(rows).values["id"]) if rows and self.dice.random() < 0.8 else None


def sow(crm: Crm, records: int, seed: int) -> None:
    """Fill an empty store. Half of the people shared with the other simulated servers are among the contacts, half among the
    leads; of the other modules there are a tenth of `records`, three at least."""
    sower = _Sower(crm, seed)
    _users(sower)
    few = people(max(3, records // 10), seed, "sarvcrm-rest")
    for person in few:
        _filled(sower, MODULES["Campaigns"], person)
    for company in companies(records, seed, "sarvcrm"):
        _account(sower, company)
    known = shared(records, seed)[:records]
    half = len(known) // 2
    for name, friends in (("Contacts", known[half:]), ("Leads", known[:half])):
        for person in friends + people(records - len(friends), seed, f"sarvcrm-{name.lower()}"):
            _person(sower, name, person)
    for module in MODULES.values():
        for person in few if module.name not in (*MAIN, "Users", "Campaigns") else ():
            _filled(sower, module, person)
    _links(sower)
    crm.store.note("next", sower.next)
    crm.store.save(row for rows in sower.rows.values() for row in rows)


def _users(sower: _Sower) -> None:
    for n, (name, first, last, admin, marks) in enumerate(USERS):
        when = datetime(2024, 1, 1, 8, n)
        row = sower.add("Users", when, user_name=name, first_name=first, last_name=last, is_admin=admin)
        row.values.update(email1=f"{name}@crm.example.com", user_hash=letters(sower.seed, f"hash:{name}", 34))
        row.values["id"] = ADMIN if name == "admin" else row.values["id"]
        row.hidden = marks


def _account(sower: _Sower, company: Company) -> None:
    dice = sower.dice
    sower.add(
        "Accounts",
        company.modified,
        name=company.name,
        id_AS=str(sower.next),
        email1=company.email,
        billing_address_city=company.city,
        account_type=dice.choice(("Customer", "Partner", None)),
        industry=dice.choice(("IT", "Retail", "", None)),
        credit_limit=dice.choice(("1000", "250.5", "0", None)),
        employees=dice.choice(("3", "250", None)),
        tags=dice.choice(("^VIP^", "^VIP^,^Export^", None)),
        numbers=[company.phone] if company.phone else [],
        parent_id=sower.some("Accounts") if dice.random() < 0.2 else None,
        assigned_portal_user_hash=letters(sower.seed, f"hash:{company.name}", 34),
    )


def _person(sower: _Sower, name: str, person: Person) -> None:
    dice, mobile = sower.dice, {"type": "Mobile", "number": person.mobile, "sms": 1}
    sower.add(
        name,
        person.modified,
        first_name=person.first or None,
        last_name=person.last,
        email1=(person.email.upper() if dice.random() < 0.1 else person.email) or None,
        title=person.title or None,
        primary_address_city=person.city,
        birthdate=person.birthday or None,
        description=person.notes or dice.choice(("", None)),
        lead_source=dice.choice(("Web Site", "Conference", None)),
        interests=dice.choice(("^Sales^", "^Sales^,^News^", None)),
        account_id=sower.some("Accounts"),
        campaign_id=sower.some("Campaigns"),
        numbers=[person.phone] * bool(person.phone) + [mobile] * bool(person.mobile),
        **_only_of(dice, name),
    )


def _only_of(dice: random.Random, name: str) -> dict[str, JSON]:
    if name == "Contacts":
        return {"do_not_call": dice.choice(("0", "1"))}
    own = {"score": dice.choice((None, "0", "10", "55")), "opportunity_amount": dice.choice((None, "99.95", "1200"))}
    return {**own, "status": dice.choice(("New", "New", "Converted", "Expired"))}


def _filled(sower: _Sower, module: Module, person: Person) -> None:
    """Add a record of any module with something in most of its fields."""
    values = {f.name: _value(sower, f, person) for f in module.fields.values() if f.editable}
    title = module.labels[sower.dice.choice(("en_US", "fa_IR"))]
    own = {"name": f"{title}: {person.last}", "description": person.notes or None}
    own |= {name: own["name"] for name in ("document_name",) if name in module.fields}
    if "parent_type" in values:
        values["parent_id"] = sower.some("Contacts")
        values["parent_type"] = "Contacts" if values["parent_id"] else None
    values.pop("assigned_user_id", None)
    sower.add(module.name, person.modified, **{**values, **own})


def _links(sower: _Sower) -> None:
    """Join each opportunity with contacts and each quote with products, of which it has some pieces."""
    for name, others in (("Opportunities", "Contacts"), ("AOS_Quotes", "AOS_Products")):
        for row in sower.rows[name]:
            for other in sower.dice.sample(sower.rows.get(others, []), min(2, len(sower.rows.get(others, [])))):
                ends = {"one": [name, row.values["id"]], "other": [others, other.values["id"]]}
                more = {"qty": sower.dice.randrange(1, 200)} if others == "AOS_Products" else {}
                sower.rows.setdefault(LINKS, []).append(Row(LINKS, sower.next, {**ends, "more": more}))
                sower.next += 1


def _value(sower: _Sower, field: Field, person: Person) -> JSON:
    dice, kind = sower.dice, field.type
    if field.choices:
        chosen = field.default or dice.choice(field.choices)
        return f"^{chosen}^" if kind == "multienum" else chosen
    if kind == "id":
        return sower.some(field.target)
    moment = person.modified + timedelta(days=dice.randrange(300), minutes=dice.randrange(600))
    plain: dict[str, JSON] = {
        **dict.fromkeys(("datetime", "datetimecombo"), moment.strftime(STAMP)),
        "date": moment.strftime("%Y-%m-%d"),
        "time": moment.strftime("%H:%M:%S"),
        "email": person.email,
        "phone": person.phone,
        "base": [],
        "file": "offer & terms.pdf",
        "linkable": "https://example.com/?a=1&b=2",
    }
    if kind in plain:
        return plain[kind] or None
    if kind in ("int", "integer", "currency", "decimal"):
        return str(dice.randrange(100)) + (dice.choice(("", ".5")) if kind in ("currency", "decimal") else "")
    if kind in ("bool", "boolean", "tinyinit"):
        return dice.choice("01")
    return dice.choice((person.city, person.title, None))
