"""Who we are at Really Simple Systems and what we may see. The rule: one object that is refused is a matter of the price plan
or of permissions and is hidden; only when all are refused is it the access token."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from connectors.context import Context
from connectors.errors import AccessDenied, AuthError, ConfigError, NotInPlan, QueryError
from connectors.paging import prefetch
from connectors.reallysimple.client import ReallySimpleClient, expires_at
from connectors.reallysimple.schema import OBJECTS, module
from connectors.spelling import instant
from connectors.types import Identity
from connectors.wording import text as _

SOON = timedelta(days=30)
REFUSALS = (QueryError, NotInPlan, AccessDenied)
Refused = Mapping[str, ConfigError | QueryError]


def identity(client: ReallySimpleClient, objects: Sequence[str], context: Context, zone: str) -> Identity:
    """Return what the token tells of itself and which objects it may read. Raises AuthError when there are none."""
    readable, refused = probe(client, objects, context)
    runs_out = end_of_access(client)
    return Identity(
        account=urlsplit(client.root).hostname or "",
        version="API 4.0",
        expires_at=instant(runs_out) if runs_out else None,
        modules=tuple(module(name) for name in readable),
        notes=tuple(notes(refused, runs_out, context.clock.now(), zone)),
    )


def notes(refused: Refused, runs_out: datetime | None, now: datetime, zone: str) -> Iterator[str]:
    """Yield what a person should know: of the time zone, of objects that are refused, of a token that runs out soon."""
    yield _(
        "Really Simple Systems does not tell the time zone of its server. Its times are read as %(zone)s: change the"
        " setting if they are wrong.",
        zone=zone,
    )
    if names := [module(name).label for name in refused if name in OBJECTS]:
        yield _("Not in your price plan, or not permitted: %(names)s.", names=", ".join(names))
    if own := [name for name in refused if name not in OBJECTS]:
        yield _(
            "There is no custom table %(names)s, or it is not permitted: check the setting “Custom tables”.",
            names=", ".join(own),
        )
    if runs_out and runs_out - now < SOON:
        day = f"{runs_out:%Y-%m-%d}"
        yield _("The access token runs out on %(day)s: make a new one before.", day=day)


def end_of_access(client: ReallySimpleClient) -> datetime | None:
    """Return when a person must act again, UTC; None where that is not told or the portal renews the token by itself."""
    grant = client.tokens.grant()
    return expires_at(client.tokens.current()) if grant is None else grant.expires_at


def probe(client: ReallySimpleClient, objects: Sequence[str], context: Context) -> tuple[list[str], Refused]:
    """Ask each object for one record; return those that answer, and what each of the others said."""

    def ask(name: str) -> ConfigError | QueryError | None:
        try:
            client.listing(name, limit=1)
        except (AuthError, *REFUSALS) as e:
            return e
        return None

    client.tokens.current()  # whoever has to act for a token is told so once, not by each object
    answers = dict(zip(objects, prefetch(ask, objects, context.max_parallel), strict=True))
    refused = {name: error for name, error in answers.items() if error is not None}
    if len(refused) == len(objects):
        raise token_refused(refused, end_of_access(client), context.clock.now())
    return [name for name in objects if name not in refused], refused


def token_refused(refused: Refused, runs_out: datetime | None, now: datetime) -> AuthError:
    """Return the error for a token by which no object may be read, with the vendor's own words."""
    error = next((e for e in refused.values() if isinstance(e, AuthError)), next(iter(refused.values())))
    why = _("It refuses all objects: %(why)s.", why=error.vendor_message or _("without a reason"))
    if runs_out and runs_out <= now:
        why = _("It ran out on %(day)s.", day=f"{runs_out:%Y-%m-%d}")
    sentence = _(
        "Really Simple Systems does not accept this access token. %(why)s Make a new one and give it to the connection.",
        why=why,
    )
    return AuthError(sentence, code=error.code, vendor_message=error.vendor_message)
