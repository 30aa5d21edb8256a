"""Who we are at SarvCRM and what we may see. The rule: no call lists the modules (facts §6), so each is asked for its fields;
one that is refused is hidden, only when all are refused it is the login."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from connectors.context import Context
from connectors.errors import AccessDenied, ConfigError, ConnectorError, ProtocolError, QueryError, Unsupported
from connectors.paging import prefetch
from connectors.query import Condition, Op
from connectors.sarvcrm.client import Question, Row, SarvClient
from connectors.sarvcrm.modules import USERS, module, table
from connectors.sarvcrm.pushdown import literal
from connectors.types import Identity, Owner
from connectors.wording import text as _

REFUSALS = (QueryError, AccessDenied, Unsupported, ProtocolError)
NAMES = ("id", "name", "full_name", "first_name", "last_name", "user_name", "status")
MOST_USERS = 5000
Refused = Mapping[str, ConnectorError]


def identity(client: SarvClient, readable: Sequence[str], refused: Refused, language: str, zone: str) -> Identity:
    """Return who logged in and which modules were found."""
    notes = [
        _(
            "SarvCRM does not tell the time zone of its server. Times that name no zone are read as %(zone)s.",
            zone=zone,
        )
    ]
    if refused:
        names = ", ".join(module(key, language).label for key in refused)
        notes.append(_("Not on this server, or not permitted: %(names)s.", names=names))
    return Identity(
        account=f"{client.account.utype} ({urlsplit(client.endpoint).hostname or ''})",
        user=own_name(client),
        version="API 5",
        modules=tuple(module(key, language) for key in readable),
        notes=tuple(notes),
    )


def own_name(client: SarvClient) -> str:
    """Return the name of the user we are, the login name where users cannot be read (facts §1.4, "Get me")."""
    login = client.account.username
    try:
        query = f"{table(USERS)}.user_name = {literal(login.lower())}"
        found = client.listing(USERS, Question(query, fields=NAMES, limit=1)).rows
    except (*REFUSALS, ConfigError, ValueError):
        return login
    return label(found[0]) if found else login


def probe(
    describe: Callable[[str], object], keys: Sequence[str], context: Context
) -> tuple[list[str], dict[str, ConnectorError]]:
    """Ask each module for its fields; return those that have some, and what each of the others said. Raises AccessDenied
    when there are none."""

    def ask(key: str) -> ConnectorError | None:
        try:
            describe(key)
        except REFUSALS as e:
            return e
        return None

    answers = dict(zip(keys, prefetch(ask, keys, context.max_parallel), strict=True))
    refused = {key: error for key, error in answers.items() if error is not None}
    if len(refused) == len(keys):
        error = next(iter(refused.values()))
        sentence = _("SarvCRM shows this user none of its modules. The first answer was: %(why)s", why=error.message)
        raise AccessDenied(sentence, code=error.code, vendor_message=error.vendor_message)
    return [key for key in keys if key not in refused], refused


def owners(client: SarvClient, page: int) -> list[Owner]:
    """Return the users there are. Passwords are not asked for."""
    found: list[Row] = []
    while len(found) < MOST_USERS:
        last = str(found[-1]["id"]) if found else ""
        beyond = f"{table(USERS)}.id > {literal(last)}" if last else ""
        rows = client.listing(USERS, Question(beyond, f"{table(USERS)}.id ASC", NAMES, page)).rows
        fresh = [row for row in rows if row.get("id") and str(row["id"]) != last]
        if not fresh:
            break
        found += fresh
    return [Owner(str(row["id"]), label(row), active=row.get("status") != "Inactive") for row in found]


def label(row: Row) -> str:
    """Return what a person reads for a user."""
    parts = " ".join(str(row[part]) for part in ("first_name", "last_name") if row.get(part))
    return str(row.get("full_name") or parts or row.get("name") or row.get("user_name") or row["id"])


def by_id(ids: Sequence[str]) -> Condition:
    """Return the filter for these records."""
    return Condition("id", Op.IN, tuple(ids))


def module_keys(text: str, known: Sequence[str]) -> list[str]:
    """Return the keys a person named besides the known ones. Raises ConfigError for what cannot be one."""
    names = [name.strip() for name in text.replace("\n", ",").split(",") if name.strip()]
    wrong = [name for name in names if not (name.isascii() and name.isidentifier())]
    if wrong:
        sentence = _("“%(name)s” cannot be the key of a module. Write keys such as: Product_Bundle.", name=wrong[0])
        raise ConfigError(sentence)
    return [name for name in dict.fromkeys(names) if name not in known]
