"""Deletions, which the mobile API tells of everybody's records (the webservice only of our own). The rule: they are a gain, never
a condition: what changed comes as at Vtiger, and the sweep of all ids finds what is not told here.

The cursor holds Vtiger's and beside it the server's own token, whose unit is not ours to trust (facts §2, vtiger-facts G11).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import orjson

from connectors.errors import AccessDenied, ProtocolError, QueryError, Unavailable, Unsupported
from connectors.simplycrm.client import MobileClient
from connectors.types import Change, ChangePage, Cursor
from connectors.vtiger import changes as vtiger
from connectors.vtiger.reading import Reader

OVERLAP = 2  # seconds: what is deleted in the token's own second, after the call, is never told otherwise
NOT_TOLD = (AccessDenied, QueryError, ProtocolError, Unsupported)


@dataclass(frozen=True, slots=True)
class Mark:
    """A cursor taken apart. `token` is None before it was asked for and "" where this module's deletions are not told."""

    token: str | None = None
    rest: Cursor | None = None

    def text(self) -> Cursor:
        """Return the mark as the opaque text that is kept."""
        return orjson.dumps(asdict(self)).decode()


def parse(cursor: Cursor | None) -> Mark:
    """Return the parts of a cursor; one of Vtiger's alone is all rest."""
    try:
        found = orjson.loads(cursor) if cursor else {}
        return Mark(**found) if "rest" in found else Mark(rest=cursor)
    except (orjson.JSONDecodeError, TypeError):
        return Mark(rest=cursor)  # Vtiger's connector says that it is none


def begun(mobile: MobileClient, module: str, mark: Mark) -> Mark:
    """Return the mark with the server's newest token, where it has none yet, before anything is read."""
    if mark.token is not None:
        return mark
    told = asked(mobile, module, "")
    return replace(mark, token=told[0] if told else "")


def is_delta(mark: Mark) -> bool:
    """Say whether the first reading is over."""
    return mark.rest is not None and vtiger.Place.of(mark.rest).read is None


def deleted(mobile: MobileClient, reader: Reader, mark: Mark) -> tuple[Mark, tuple[Change, ...]]:
    """Return what was deleted since the mark, and the mark after it."""
    if not mark.token:
        return mark, ()
    told = asked(mobile, reader.module, earlier(mark.token))
    if told is None:
        return replace(mark, token=""), ()
    token, gone = told
    later = newer(token, mark.token)
    own = [id for id in gone if reader.described.owns(id)]  # the calendar's tell of events too
    return replace(mark, token=later), tuple(Change(id) for id in own)


def asked(mobile: MobileClient, module: str, token: str) -> tuple[str, list[str]] | None:
    """Return the newest token and the ids deleted, both of which are on the first page; None where they are not told."""
    try:
        told = mobile.sync_module_records(module, token)
    except Unavailable as e:
        if e.code != "500":
            raise
        return None
    except NOT_TOLD:
        return None
    return str(told.get("nextSyncToken") or ""), [str(id) for id in told.get("deleted") or []]


def newer(token: str, last: str) -> str:
    """Return the later of two tokens; the new one where they are no numbers."""
    return last if token.isdecimal() and last.isdecimal() and int(token) < int(last) else token or last


def earlier(token: str) -> str:
    """Return a token a little before that one, where it is seconds."""
    return str(int(token) - OVERLAP) if token.isdecimal() and len(token) == 10 else token


def marked(pages: Iterator[ChangePage], mark: Mark) -> Iterator[ChangePage]:
    """Yield Vtiger's pages with our cursors."""
    for page in pages:
        yield replace(page, cursor=replace(mark, rest=page.cursor).text())
