"""What the portal can do with a CRM, what it cannot, and where that ends, in words, from what the connector declares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields

from django.conf import settings

from connectors.base import Connector
from connectors.context import NetworkRules
from connectors.types import Capabilities

CAPABILITIES_SOURCE = settings.BASE_DIR / "connectors" / "types.py"
MB = 2**20
# Each capability in words, and what is done where there is none.
ABLE = {
    "create": ("create records", ""),
    "update": ("change records", ""),
    "delete": ("delete records", ""),
    "describes_itself": ("ask which modules and fields there are", "those below are known, and a person may name more"),
    "counts": ("count records without reading them", "counting means reading"),
    "shows_stored": (
        "show in the answer to a write how it was stored",
        "the record is read once more; what somebody changed in between is left to a person",
    ),
    "tells_gone": ("be told what was deleted", "the portal finds it by comparing all ids"),
    "changes_since": ("read only what changed since the last time", "everything is read again"),
    "lists_owners": ("list users and groups", "owners are shown by their ids"),
    "views": ("use filters saved in the CRM", ""),
    "related": ("list what hangs on a record", "a filter on the field that names the record finds it"),
    "link": ("link two records", ""),
    "unlink": ("undo a link", ""),
    "comment": ("add a comment to a record", ""),
    "files": ("list and download files", ""),
    "upload": ("add files", ""),
    "find_by_phone": (
        "find who has a phone number, however it is spelt",
        "a filter finds it as it is spelt in the CRM",
    ),
    "appends_choices": ("add entries to a pick list", ""),
    "parallel_pages": ("fetch several pages of a list at the same time", ""),
    "webhooks": ("be told of changes by the CRM at once", "the portal asks for them by a schedule"),
}
NUMBERS = ("page_size", "max_upload", "create_calls", "update_calls", "delete_calls")  # told among the limits


def abilities(kind: type[Connector]) -> Iterator[str]:
    """Yield what can be done, and what cannot."""
    names = [field.name for field in fields(Capabilities) if field.name not in NUMBERS]
    can = [ABLE[name][0] for name in names if getattr(kind.capabilities, name)]
    can += ["be allowed in by a person at the CRM's own pages, without a pasted key"] * (kind.oauth is not None)
    cannot = [ABLE[name] for name in names if not getattr(kind.capabilities, name)]
    yield f"**It can** {'; '.join(can)}.\n"
    if cannot:
        yield "**It cannot**\n"
        yield from (f"* {deed}{f': {instead}' if instead else ''}" for deed, instead in cannot)
        yield ""
    yield "[The table of all CRMs](../capabilities.md) compares them."


def limits(kind: type[Connector]) -> Iterator[str]:
    """Yield how much at once, how large and how long."""
    able, rules = kind.capabilities, NetworkRules()
    yield f"* A call brings {able.page_size} records at most; longer lists take several."
    yield f"* A file may have {able.max_upload // MB} MB." if able.max_upload else "* Files cannot be sent."
    costs = [
        f"{deed} {number}"
        for deed, number in (
            ("create", able.create_calls),
            ("change", able.update_calls),
            ("delete", able.delete_calls),
        )
        if number
    ]
    yield f"* Calls that a record costs: {', '.join(costs)}."
    yield from (f"* What it stores may differ from what it is sent: {alteration.what}." for alteration in kind.alters)
    yield f"* A call is given up after {rules.deadline:.0f} seconds, an answer after {rules.max_response // MB} MB."
    yield "* Calls a minute, a day and at the same time are limited on the connection's page, where you want it."


def questions() -> dict[str, str]:
    """Return capability -> its question, as it stands beside the flag."""
    found = re.findall(r"^    (\w+): (?:bool|int) = \w+  # (.+)$", CAPABILITIES_SOURCE.read_text(), re.MULTILINE)
    return dict(found)


def cell(value: bool | int) -> str:
    """Return a capability as it stands in a table."""
    if isinstance(value, bool):
        return "yes" if value else "–"
    return str(value) if value else "–"
