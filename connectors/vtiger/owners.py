"""Who can own records: users, whom only an administrator may list, and groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connectors.errors import AccessDenied, QueryError, RecordInvalid
from connectors.types import Owner
from connectors.vtiger.client import VtigerClient
from connectors.vtiger.ranges import Span, read_range
from connectors.vtiger.reading import Reader
from connectors.vtiger.rows import Row, id_of
from connectors.wording import text as _

NAME = ("first_name", "last_name")


class Owners:
    """The owners there are. What was listed once is remembered, to refuse owners who do not exist."""

    def __init__(self, client: VtigerClient, reader: Callable[[str], Reader]) -> None:
        self._client = client
        self._reader = reader
        self._known: frozenset[str] | None = None  # empty where not all of them can be listed

    def everyone(self) -> list[Owner]:
        """Return users and groups, those of them that may be listed, and ourselves."""
        users, groups = self._users(), self._groups()
        found = [*(users or [Owner(self._client.user_id(), self._client.username)]), *(groups or [])]
        self._known = frozenset(owner.id for owner in found) if users and groups is not None else frozenset()
        return found

    def check(self, field: str, id: str) -> None:
        """Raise RecordInvalid for an owner who does not exist. With one the server answers "Sorry!", and stores a record
        that spoils whole pages for others (A3, G13)."""
        if not id or id == self._client.user_id():
            return
        if self._known is None:
            self.everyone()
        if self._known and id not in self._known:
            problem = _("is no user or group of this CRM")
            sentence = _("The owner %(id)s %(problem)s. Nothing was sent.", id=id, problem=problem)
            raise RecordInvalid(sentence, fields={field: problem})

    def _users(self) -> Sequence[Owner]:
        """Return the users, none when we may not list them. Passwords and keys are not asked for (B13)."""
        try:
            rows = read_range(self._reader("Users"), Span(0), ("id", "user_name", "status", *NAME))
        except (AccessDenied, QueryError):
            return ()
        return [Owner(id_of(row), _label(row), active=row.get("status") != "Inactive") for row in rows]

    def _groups(self) -> Sequence[Owner] | None:
        """Return the groups, None when we may not list them."""
        try:
            rows = read_range(self._reader("Groups"), Span(0), ("id", "groupname"))
        except (AccessDenied, QueryError):
            return None
        return [Owner(id_of(row), str(row.get("groupname") or id_of(row)), "group") for row in rows]


def _label(row: Row) -> str:
    name = " ".join(str(row[part]) for part in NAME if row.get(part))
    return name or str(row.get("user_name") or id_of(row))
