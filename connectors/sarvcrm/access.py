"""Who we are at SarvCRM and what we may see. The rule: no call lists the modules (facts §6), so each is asked for its fields, but
only for the list of modules: a test of the connection asks one. One that is refused is hidden; when all are, it is the login.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

from connectors.errors import AccessDenied, ConnectorError, ProtocolError, QueryError, Unsupported
from connectors.lessons import Lessons
from connectors.paging import prefetch
from connectors.sarvcrm.client import Question, SarvClient
from connectors.sarvcrm.modules import USERS, module, table
from connectors.sarvcrm.pushdown import literal
from connectors.sarvcrm.related import RelatedReader
from connectors.sarvcrm.rows import Row, id_of
from connectors.types import Identity, Owner
from connectors.wording import text as _

REFUSALS = (QueryError, AccessDenied, Unsupported, ProtocolError)
NAMES = ("id", "name", "full_name", "first_name", "last_name", "user_name", "status")
READABLE, LACKING = "readable modules", "lacking modules"  # what is learned
Describe = Callable[[str], object]


def identity(client: SarvClient, keys: Sequence[str], lessons: Lessons, language: str, zone: str) -> Identity:
    """Return who logged in, and all modules but those that were refused when they were last asked."""
    refused = lessons.recent(LACKING)
    zone_note = _(
        "SarvCRM does not tell the time zone of its server. Times that name no zone are read as %(zone)s.", zone=zone
    )
    return Identity(
        account=f"{client.account.utype} ({urlsplit(client.root).hostname or ''})",
        user=own_name(client),
        version="API 5",
        modules=tuple(module(key, language) for key in keys if key not in refused),
        notes=(zone_note, *notes(keys, refused, lessons.recent(READABLE), language)),
    )


def notes(keys: Sequence[str], refused: Sequence[str], readable: Sequence[str], language: str) -> Iterator[str]:
    """Yield what is to be said of the modules: which were refused, and whether some were not tried."""
    names = ", ".join(module(key, language).label for key in keys if key in refused)
    if names:
        yield _("Not on this server, or not permitted: %(names)s.", names=names)
    if not {*refused, *readable}.issuperset(keys):
        yield _(
            "SarvCRM has no call that lists its modules, so all that may be there are shown. One that is not on this server, "
            "or that this user may not see, says so when it is opened."
        )


def own_name(client: SarvClient) -> str:
    """Return the name of the user we are, the login name where users cannot be read (facts §1.4, "Get me")."""
    login = client.account.username
    try:
        query = f"{table(USERS)}.user_name = {literal(login.lower())}"
        found = client.listing(USERS, Question(query, fields=NAMES, limit=1)).rows
    except (*REFUSALS, ValueError):
        return login
    return label(found[0]) if found else login


def prove(describe: Describe, keys: Sequence[str]) -> None:
    """Ask one module after the other until one answers. Raises AccessDenied when none does, and what is wrong with the
    connection."""
    answers = []
    for key in keys:
        answers.append(refusal(describe, key))
        if answers[-1] is None:
            return
    raise nothing_to_see(answers)


def readable(describe: Describe, keys: Sequence[str], lessons: Lessons, workers: int) -> list[str]:
    """Ask each module for its fields and return those that have some. Raises AccessDenied when there are none."""
    answers = list(prefetch(lambda key: refusal(describe, key), keys, workers))
    found = [key for key, error in zip(keys, answers, strict=True) if error is None]
    if not found:
        raise nothing_to_see(answers)
    lessons.replace(READABLE, *found)
    lessons.replace(LACKING, *(key for key in keys if key not in found))
    return found


def refusal(describe: Describe, key: str) -> ConnectorError | None:
    """Return what a module says instead of its fields, None when it tells them. A broken answer is asked for once more."""
    for _attempt in (1, 2):
        error: ConnectorError | None = None
        try:
            describe(key)
        except REFUSALS as e:
            error = e
        if not isinstance(error, ProtocolError):
            break
    return error


def nothing_to_see(answers: Sequence[ConnectorError | None]) -> AccessDenied:
    """Return the error for a user whom every module refused."""
    first = next(error for error in answers if error is not None)
    sentence = _("SarvCRM shows this user none of its modules. The first answer was: %(why)s", why=first.message)
    return AccessDenied(sentence, code=first.code, vendor_message=first.vendor_message)


def owners(users: RelatedReader) -> list[Owner]:
    """Return the users there are. Passwords are not asked for."""
    found = {id_of(row): row for page in users.walk(fields=NAMES) for row in page.rows}
    return [Owner(id, label(row), active=row.get("status") != "Inactive") for id, row in found.items()]


def label(row: Row) -> str:
    """Return what a person reads for a user."""
    parts = " ".join(str(row[part]) for part in ("first_name", "last_name") if row.get(part))
    return str(row.get("full_name") or parts or row.get("name") or row.get("user_name") or row["id"])
