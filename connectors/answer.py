"""What a server said, before anybody knows what it means. The rule: an answer that cannot be understood says what came
instead, and whether it may still have changed something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import orjson
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from connectors.context import Call
from connectors.errors import ProtocolError, RateLimited, RetryLater, Unavailable
from connectors.types import JSON
from connectors.wording import text as _

BUSY = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list brought, and the server's time when it answered (None when it told no time)."""

    rows: list[dict[str, JSON]]
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said. `maybe_done` says whether an answer we cannot understand may still have changed something."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    maybe_done: bool = False

    @property
    def text(self) -> str:
        """Return the body as text; what is not UTF-8 becomes a replacement character."""
        return self.body.decode("utf-8", "replace")

    @property
    def at(self) -> datetime | None:
        """Return the server's own time, UTC, from its Date header; None when that is missing or cannot be read."""
        try:
            return parsedate_to_datetime(self.headers["Date"]).astimezone(UTC)
        except (KeyError, TypeError, ValueError):
            return None

    def json(self) -> JSON:
        """Return the body as JSON. Raises ProtocolError, saying what came instead."""
        try:
            return orjson.loads(self.body.removeprefix(b"\xef\xbb\xbf"))
        except orjson.JSONDecodeError as e:
            what = _("%(what)s instead of JSON (HTTP status %(status)s)", what=self._looks_like(), status=self.status)
            raise self.not_understood(what) from e

    def not_understood(self, what: str) -> ProtocolError:
        """Return the error for an answer that is not as documented; `what` completes “The server sent …”."""
        sentence = _("The server sent %(what)s.", what=what)
        return ProtocolError(sentence, code=str(self.status), maybe_done=self.maybe_done)

    def _looks_like(self) -> str:
        start = self.body[:200].lstrip().lower()
        if not start:
            return _("an empty answer")
        if start.startswith((b"<!doctype", b"<html")):
            return _("a web page")
        return _("cut-off or damaged data") if start.startswith((b"{", b"[")) else _("something else")


def busy(call: Call, answer: Answer) -> RetryLater | None:
    """Return the error for an answer that means “not now”, or None. Only a safe call's 502, 503 and 504 mean that."""
    if answer.status == 429:
        return RateLimited(_("The CRM asks us to slow down."), code="429", retry_after=retry_after(answer))
    if call.safe and answer.status in BUSY:
        sentence = _("The CRM's server is not available just now (HTTP status %(status)s).", status=answer.status)
        return Unavailable(sentence, code=str(answer.status), retry_after=retry_after(answer))
    return None


def retry_after(answer: Answer) -> float | None:
    """Return the seconds of the Retry-After header, given as seconds or as a date, or None."""
    text = answer.headers.get("Retry-After")
    try:
        return Retry().parse_retry_after(text) if text else None
    except HTTPError:
        return None
