"""What a connector is handed by whoever uses it: sessions, memory, an observer, the clock, the network rules. Protocols,
so that the portal can keep them in a database and a test in a dict."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol

from connectors.types import JSON


@dataclass(frozen=True, slots=True)
class Call:
    """One request about to be sent. `operation` is the vendor's name for it. `safe`: repeating it does no harm (declared
    by the client, never taken from the HTTP verb). `writes`: it changes something in the CRM. `patient` ones wait until
    there is a place for them; one that is not is refused at once, since its caller has answers to read meanwhile."""

    operation: str
    method: str
    safe: bool
    writes: bool = False
    patient: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended. `status` is 0 when no answer came; `error` is the class name of what was raised, or ""."""

    status: int
    ms: float
    sent_bytes: int = 0
    received_bytes: int = 0
    error: str = ""


class Observer(Protocol):
    """Is told of every single request, retries included; the one place that may forbid it."""

    def before(self, call: Call) -> None:
        """May raise ReadOnly or BudgetSpent, and then no request is made."""

    def after(self, call: Call, outcome: Outcome) -> None:
        """Called exactly once for each `before` that returned. Never sees a secret."""


class SessionStore(Protocol):
    """Where session tokens live, shared by all processes. `slot` tells apart several sessions of one connection."""

    def get(self, slot: str) -> str | None:
        """Return the token kept, or None."""

    def put(self, slot: str, token: str) -> None:
        """Keep this token."""

    def drop(self, slot: str, token: str) -> None:
        """Forget the token if it is still this one (somebody else may have logged in again already)."""

    def login(self) -> AbstractContextManager[None]:
        """Hold while logging in: one login at a time per connection, over all processes and machines."""


class Learned(Protocol):
    """What a tolerant client found out about this server ("sync works": false). Small, never secret."""

    def get(self, name: str) -> JSON:
        """Return what was learned, or None."""

    def set(self, name: str, value: JSON) -> None:
        """Remember it."""


class Clock(Protocol):
    """Time, so that a test can hold it."""

    def now(self) -> datetime:
        """Return the time now, aware, UTC."""

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


@dataclass(frozen=True, slots=True)
class NetworkRules:
    """Where a connection may go. Loopback, link-local, private and metadata ranges are refused unless a network here
    names them; plain http is allowed inside them, or everywhere with `allow_http`. `ca_bundle` is a path or ""."""

    allowed_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    allow_http: bool = False
    ca_bundle: str = ""
    deadline: float = 30.0  # seconds for one call, retries and body included
    max_response: int = 32 * 1024 * 1024  # bytes


class SystemClock:
    """The real clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class SilentObserver:
    """Lets everything through and tells nobody."""

    def before(self, call: Call) -> None:
        pass

    def after(self, call: Call, outcome: Outcome) -> None:
        pass


@dataclass
class MemorySessions:
    """Sessions of this process only."""

    tokens: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, slot: str) -> str | None:
        return self.tokens.get(slot)

    def put(self, slot: str, token: str) -> None:
        self.tokens[slot] = token

    def drop(self, slot: str, token: str) -> None:
        if self.tokens.get(slot) == token:
            del self.tokens[slot]

    @contextmanager
    def login(self) -> Iterator[None]:
        with self.lock:
            yield


@dataclass
class MemoryLearned:
    """What this process learned."""

    facts: dict[str, JSON] = field(default_factory=dict)

    def get(self, name: str) -> JSON:
        return self.facts.get(name)

    def set(self, name: str, value: JSON) -> None:
        self.facts[name] = value


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a connector needs from outside. The defaults keep all of it in this process."""

    sessions: SessionStore = field(default_factory=MemorySessions)
    learned: Learned = field(default_factory=MemoryLearned)
    observer: Observer = field(default_factory=SilentObserver)
    clock: Clock = field(default_factory=SystemClock)
    network: NetworkRules = field(default_factory=NetworkRules)
    max_parallel: int = 4
