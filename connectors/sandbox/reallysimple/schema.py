"""The eleven objects of the simulated Really Simple Systems and one custom table: their fields, as the vendor's document and public clients know them.

The answer of /datadictionary is public nowhere; ours is a list of {"name", "label", "type", "required"}."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

JSON = Any
_KINDS = {
    "i": "integer", "n": "decimal", "s": "string", "t": "text", "d": "date", "m": "datetime", "b": "boolean",
    "l": "dropdown", "e": "email", "p": "phone", "u": "url",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """`target` is the object an id field points to. `empty` is how an unset value reads: null or ""."""

    name: str
    type: str
    required: bool
    editable: bool
    target: str
    empty: str | None

    @property
    def label(self) -> str:
        return self.name.replace("/", " / ").capitalize()


@dataclass(frozen=True, slots=True)
class Table:
    """`singular` names one record in the envelope and in the fields that point here (`accountid`)."""

    name: str
    singular: str
    fields: dict[str, Field]
    lists: dict[str, tuple[str, ...]]


# One line an object: name, singular, then fields as name:kind, with ! for required and * for empty text instead of null.
_OBJECTS = """
accounts account name:s! addressline:t addresscity:s* addresscounty/state:s* addresspostcode/zip:s* addresscountry:s* campaignid:i
 source:l* notes:t slaid:i phone:p website:u type:l sector:l email:e
activities activity type:l date:m allday:b priority:l status:l subject:s notes:t accountid:i contactid:i opportunityid:i caseid:i
contacts contact salutation:s* first:s* middle:s* last:s! email:e phone:p mobile:p direct:p jobtitle:s accountid:i! decisionmaker:b leftcompany:b
 hold:b leadscore:i notes:t source:l* addressline:t addresscity:s* addresscounty/state:s* addresspostcode/zip:s* addresscountry:s*
campaigns campaign name:s! type:l status:l active:b dripfeed:b members:i opportunities:i sales:n startdate:d
campaigndetails campaigndetail campaignid:i! contactid:i accountid:i stage:s
campaignstages campaignstage campaignid:i! name:s! days:i
cases case subject:s! status:l opened:m type:l caselevelid:i accountid:i! contactid:i notes:t
documents document name:s! filename:s accountid:i contactid:i opportunityid:i notes:t
opportunities opportunity name:s! accountid:i! contactid:i campaignid:i closedate:d forecast:b value:n nextstep:s probability:i repeat:b source:l*
 status:l notes:t
opportunityhistories opportunityhistory opportunityid:i! opportunitystatus:s probability:i forecast:b closedate:d value:n
opportunity_lines opportunityline opportunityid:i! product:s! quantity:n unitprice:n
policies policy name:s! accountid:i! premium:n startdate:d
"""
CUSTOM = frozenset({"policies"})  # a table of the account's own, there only when a switch says so
_LISTS = {
    "accounts": {"type": "Customer|Prospect|Supplier|Partner", "sector": "Design|Finance|Retail|Public & Charity|صنعت", "source": "Web|Referral|Exhibition"},
    "activities": {"type": "Call|Meeting|Task|Email", "priority": "High|Normal|Low", "status": "Open|Complete"},
    "contacts": {"source": "Web|Referral|Exhibition"},
    "campaigns": {"type": "Email|Post|Event", "status": "Planned|Running|Finished"},
    "cases": {"status": "Open|On hold|Closed", "type": "Question|Fault"},
    "opportunities": {"status": "Open|Won|Lost", "source": "Web|Referral|Exhibition"},
}  # fmt: skip
_COMMON = "ownerid:i createdby:i modifiedby:i createddate:m modifieddate:m"
_READ_ONLY = frozenset({"id", "createdby", "modifiedby", "createddate", "modifieddate"})


def _tables() -> dict[str, Table]:
    lines = [line.split() for line in _OBJECTS.replace("\n ", " ").strip().splitlines()]
    targets = {f"{singular}id": name for name, singular, *_ in lines}
    tables = {}
    for name, singular, *specs in lines:
        fields = {}
        for spec in ["id:i", *specs, *_COMMON.split()]:
            field, kind = spec.split(":")
            fields[field] = Field(
                field,
                _KINDS[kind[0]],
                "!" in kind,
                field not in _READ_ONLY,
                targets.get(field, ""),
                "" if "*" in kind else None,
            )
        lists = {field: tuple(values.split("|")) for field, values in _LISTS.get(name, {}).items()}
        tables[name] = Table(name, singular, fields, lists)
    return tables


TABLES = _tables()


def dictionary(table: Table) -> list[JSON]:
    """Return what /datadictionary/{object} answers."""
    return [{"name": f.name, "label": f.label, "type": f.type, "required": f.required} for f in table.fields.values()]


def list_names() -> dict[str, tuple[str, str]]:
    """Return the names PATCH /lookup/{list_name} knows ("accounttype"): list name → (object, field)."""
    return {table.singular + field: (name, field) for name, table in TABLES.items() for field in table.lists}
