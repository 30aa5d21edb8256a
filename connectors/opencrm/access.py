"""Who we are at OpenCRM and which modules it has. The rule: one module that is refused is hidden; only when all are refused is it
the keys, or the API is not enabled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from connectors.errors import AccessDenied, ConfigError, QueryError
from connectors.lessons import Lessons
from connectors.opencrm.client import OpenCrmClient, Question
from connectors.opencrm.modules import MODULES, module
from connectors.opencrm.rows import Row, id_of
from connectors.paging import prefetch
from connectors.types import Identity, Owner
from connectors.wording import text as _

REFUSALS = (QueryError, AccessDenied)
READABLE, LACKING = "readable modules", "lacking modules"  # what is learned


def identity(client: OpenCrmClient, lessons: Lessons, zone: str) -> Identity:
    """Return whose system it is, and all modules but those that were refused when they were last asked."""
    refused = lessons.recent(LACKING)
    return Identity(
        account=urlsplit(client.root).hostname or "",
        user=_("Administrator (API)"),
        version="REST",
        modules=tuple(module(name) for name in MODULES if name not in refused),
        notes=tuple(notes(refused, zone)),
    )


def notes(refused: Sequence[str], zone: str) -> Iterator[str]:
    """Yield what a person should know: of the keys, of the time zone, of modules that are refused."""
    yield _("These API keys may read and change everything: whoever uses this connection can, too.")
    yield _(
        "OpenCRM does not tell the time zone of its server. Times that name none are read as %(zone)s: change the"
        " setting if they are wrong.",
        zone=zone,
    )
    if names := ", ".join(MODULES[name].label for name in MODULES if name in refused):
        yield _("Not in this OpenCRM, or not permitted: %(names)s.", names=names)


def readable(client: OpenCrmClient, lessons: Lessons, workers: int) -> list[str]:
    """Count each module's records and return the modules where that works. Raises AuthError, and what was said of the first
    where it works nowhere."""
    first, *rest = MODULES  # one alone, so that wrong keys are tried once and not fourteen times
    answers = [refusal(client, first), *prefetch(lambda name: refusal(client, name), rest, workers)]
    found = [name for name, error in zip(MODULES, answers, strict=True) if error is None]
    if not found and answers[0]:
        raise answers[0]
    lessons.replace(READABLE, *found)
    lessons.replace(LACKING, *(name for name in MODULES if name not in found))
    return found


def refusal(client: OpenCrmClient, name: str) -> ConfigError | QueryError | None:
    """Return what the server says instead of counting a module, None when it counts it. Raises AuthError."""
    try:
        client.count(name, Question())
    except REFUSALS as e:
        return e
    return None


def owners(client: OpenCrmClient) -> list[Owner]:
    """Return the users there are. What of them is like a password is not looked at."""
    rows = client.listing("user", Question(full=False)).rows
    return [
        Owner(id_of(row), label(row), active=str(row.get("status") or "Active").lower() == "active") for row in rows
    ]


def label(row: Row) -> str:
    """Return what a person reads for a user."""
    name = " ".join(str(row[part]) for part in ("first_name", "last_name") if row.get(part))
    return name or str(row.get("user_name") or row.get("email1") or id_of(row))
