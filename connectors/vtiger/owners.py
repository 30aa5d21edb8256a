"""Who can own records: users, whom only an administrator may list, and groups."""

from __future__ import annotations

from connectors.errors import AccessDenied, QueryError
from connectors.types import JSON, Owner
from connectors.vtiger.changes import read_range
from connectors.vtiger.reading import Reader

NAME = ("first_name", "last_name")


def users(reader: Reader) -> list[Owner] | None:
    """Return the users, or None when this user may not list them. Passwords and keys are not asked for (B13)."""
    try:
        rows = read_range(reader, (0, None), ("id", "user_name", "status", *NAME))
    except (AccessDenied, QueryError):
        return None
    return [Owner(str(row["id"]), _label(row), active=row.get("status") != "Inactive") for row in rows]


def groups(reader: Reader) -> list[Owner]:
    """Return the groups."""
    rows = read_range(reader, (0, None), ("id", "groupname"))
    return [Owner(str(row["id"]), str(row.get("groupname") or row["id"]), "group") for row in rows]


def _label(row: dict[str, JSON]) -> str:
    name = " ".join(str(row[part]) for part in NAME if row.get(part))
    return name or str(row.get("user_name") or row["id"])
