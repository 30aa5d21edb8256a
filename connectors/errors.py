"""Everything that can go wrong with a CRM, sorted by what the caller should do about it.

    ConnectorError
    ├── ConfigError     stop; a person must fix the connection
    │   ├── AuthError         the credentials are refused
    │   ├── AccessDenied      logged in, but not allowed this
    │   ├── LockedOut         the account is locked; trying again makes it worse
    │   ├── NotInPlan         the vendor's price plan lacks it
    │   ├── HostRefused       the address is one we do not connect to
    │   └── ReadOnly          this connection may not be written to
    ├── RetryLater      stop; try the run again later
    │   ├── RateLimited       the vendor says slow down (.retry_after seconds)
    │   ├── Unavailable       no usable answer (.maybe_done: a write may have happened)
    │   └── BudgetSpent       our own call budget is used up (.retry_after seconds)
    ├── RecordError     skip this record, go on
    │   ├── RecordInvalid     the values are refused (.fields: name -> why)
    │   ├── RecordNotFound
    │   ├── RecordConflict    changed by somebody else meanwhile
    │   └── Duplicate         the vendor forbids a second one
    ├── QueryError      the filter, order or parameters ask for something that is not there
    ├── Unsupported     the vendor cannot; nothing was changed
    └── ProtocolError   we do not understand the answer: a bug, or their API changed (.maybe_done)

No message ever holds a secret. `code` and `vendor_message` are the vendor's own words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal


class ConnectorError(Exception):
    """The root. `str()` is one sentence for a person; `code`/`vendor_message` are the vendor's own words."""

    def __init__(self, message: str, *, code: str = "", vendor_message: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.vendor_message = vendor_message


class ConfigError(ConnectorError):
    """Stop; a person must fix the connection."""


class AuthError(ConfigError):
    """The credentials are refused."""


class AccessDenied(ConfigError):
    """Logged in, but this is not allowed."""


class LockedOut(ConfigError):
    """The account is locked; trying again makes it worse."""


class NotInPlan(ConfigError):
    """The vendor's price plan, or this account's modules, lack it."""


class HostRefused(ConfigError):
    """The address is one this portal does not connect to (host guard), or plain http is not allowed there."""


class ReadOnly(ConfigError):
    """This connection may not be written to until a person allows it."""


class RetryLater(ConnectorError):
    """Stop; try the whole run again later. `retry_after` is seconds, or None when nobody said."""

    def __init__(
        self, message: str, *, code: str = "", vendor_message: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message, code=code, vendor_message=vendor_message)
        self.retry_after = retry_after


class RateLimited(RetryLater):
    """The vendor asks us to slow down."""


class BudgetSpent(RetryLater):
    """Our own limit of calls for this connection is reached."""


class Unavailable(RetryLater):
    """No usable answer. `maybe_done` is true when a write may have happened all the same."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        vendor_message: str = "",
        retry_after: float | None = None,
        maybe_done: bool = False,
    ) -> None:
        super().__init__(message, code=code, vendor_message=vendor_message, retry_after=retry_after)
        self.maybe_done = maybe_done


class RecordError(ConnectorError):
    """Skip this record, go on with the others."""


class RecordInvalid(RecordError):
    """The values are refused. `fields` says which, and why; empty when the vendor did not tell."""

    def __init__(
        self, message: str, *, code: str = "", vendor_message: str = "", fields: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, code=code, vendor_message=vendor_message)
        self.fields: dict[str, str] = dict(fields or {})


class RecordNotFound(RecordError):
    """There is no such record, or it was deleted."""


class RecordConflict(RecordError):
    """Somebody else changed the record meanwhile."""


class Duplicate(RecordError):
    """The vendor forbids a second record like this one."""


class QueryError(ConnectorError):
    """A filter, an order or an operation's parameters ask for something that is not there. `position` is a 0-based offset into the text, or None."""

    def __init__(self, message: str, *, position: int | None = None, code: str = "", vendor_message: str = "") -> None:
        super().__init__(message, code=code, vendor_message=vendor_message)
        self.position = position


class Unsupported(ConnectorError):
    """The vendor cannot do this; nothing was changed."""


class ProtocolError(ConnectorError):
    """We do not understand the answer. `maybe_done` is true when a write may have happened all the same."""

    def __init__(self, message: str, *, code: str = "", vendor_message: str = "", maybe_done: bool = False) -> None:
        super().__init__(message, code=code, vendor_message=vendor_message)
        self.maybe_done = maybe_done


When = Literal["", "reading", "writing", "a record", "logging in"]


@dataclass(frozen=True, slots=True)
class ErrorMeaning:
    """One line of what a server's refusals mean: what it says ("" for nothing, or anything), `when` if it counts only then ("a
    record": one was named), and the `error` it is to us. A connector's table of them is what its pages tell and tests hold."""

    status: int
    code: str
    message: str
    error: Callable[..., ConnectorError]
    when: When = ""


# What every CRM's answers mean before a vendor's own table is asked.
OF_EVERY_CRM = (
    ErrorMeaning(0, "", "no answer, or one that breaks off", Unavailable),
    ErrorMeaning(0, "", "a certificate that is not trusted", ConfigError),
    ErrorMeaning(
        0, "HOST_REFUSED", "an address outside the public internet, or a redirect to another host", HostRefused
    ),
    ErrorMeaning(429, "", "", RateLimited),
    ErrorMeaning(502, "", "", Unavailable, "reading"),
    ErrorMeaning(503, "", "", Unavailable, "reading"),
    ErrorMeaning(504, "", "", Unavailable, "reading"),
    ErrorMeaning(200, "TOO_LARGE", "an answer larger than 32 MB", ProtocolError),
    ErrorMeaning(200, "", "a web page or damaged data instead of the documented form", ProtocolError),
)
