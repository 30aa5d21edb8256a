"""Asks the CRMs again how their modules are described: once a day, and when a person wants it. The rule: only an answer says
what changed; a CRM that cannot be asked, or tells hardly anything, leaves all as it was."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from django.conf import settings
from django_q.tasks import async_task

from connectors.base import Connector
from connectors.errors import AccessDenied, ConnectorError, NotInPlan, ProtocolError, QueryError, Unsupported
from portal.connections.access import open_connector
from portal.connections.limits import Purpose
from portal.connections.models import Connection
from portal.connections.schema import drift_of, kept_schema, refresh, unsettled_modules
from portal.connections.schema_diff import SchemaChange

log = logging.getLogger(__name__)
DAILY = 24 * 60  # minutes
FIRST = ""  # before all modules
OF_ONE_MODULE = (AccessDenied, NotInPlan, ProtocolError, QueryError, Unsupported)  # say nothing about the next one
# Apps above tell which modules of a connection they use: only these are read again.
in_use: list[Callable[[Connection], Iterable[str]]] = []


@dataclass(frozen=True, slots=True)
class Reread:
    """A module read again: what is different since all was well. `fields` is None for a module that is gone; `doubted`: how
    many fields an answer held that was not believed; `error`: why this module could not be read."""

    module: str
    fields: int | None
    changes: tuple[SchemaChange, ...] = ()
    doubted: int | None = None
    error: ConnectorError | None = None


@dataclass(slots=True)
class Reading:
    """How far the reading of a connection's modules came; `last`: the module to go on behind, None when nothing is left."""

    done: list[Reread] = field(default_factory=list)
    last: str | None = None


def modules_in_use(connection: Connection) -> list[str]:
    """Return the modules that are used here, and those with a change that is not over, in the order of their names."""
    return sorted({module for tell in in_use for module in tell(connection)} | set(unsettled_modules(connection)))


def daily() -> int:
    """Have every connection's modules read again, each connection by a task of its own; return how many. Run by the schedule."""
    found = [c.pk for c in Connection.objects.order_by("pk") if modules_in_use(c)]
    for pk in found:
        go_on(pk, FIRST)
    return len(found)


def go_on(pk: int, after: str) -> None:
    """Have the modules behind `after` read in the background."""
    async_task("portal.connections.reread.read_in_background", pk, after, group="refresh_schema")


def read_in_background(pk: int, after: str = FIRST) -> str:
    """Read a connection's modules for a slice, and enqueue the next if there is more; return what came of it."""
    connection = Connection.objects.filter(pk=pk).first()
    if connection is None:
        return ""
    try:
        came = read(connection, after=after, purpose="sync", seconds=settings.SLICE_SECONDS)
    except ConnectorError as e:  # it is asked again tomorrow; a run that needs it says so in its own words
        log.warning("The fields of connection %s could not be read again: %s", pk, type(e).__name__)
        return type(e).__name__
    if came.last is not None:
        go_on(pk, came.last)
    for one in came.done:
        if one.error is not None:
            log.warning("%s of connection %s could not be described: %s", one.module, pk, type(one.error).__name__)
    return ", ".join(one.module for one in came.done if one.error is None)


def read(
    connection: Connection,
    *,
    modules: Iterable[str] | None = None,
    after: str = FIRST,
    purpose: Purpose = "person",
    seconds: float | None = None,
    believed: bool = False,
) -> Reading:
    """Read these modules again, else those in use behind `after`, for about so many seconds. Raises ConnectorError; what
    came before is kept."""
    wanted = list(modules) if modules is not None else [m for m in modules_in_use(connection) if m > after]
    ends_at = None if seconds is None else time.monotonic() + seconds
    came = Reading()
    if not wanted:
        return came
    with open_connector(connection, purpose=purpose) as crm:
        for one in _each(connection, crm, wanted, believed):
            came.done.append(one)
            if ends_at is not None and time.monotonic() >= ends_at and one.module != wanted[-1]:
                came.last = one.module
                break
    return came


def _each(connection: Connection, crm: Connector, modules: Iterable[str], believed: bool) -> Iterator[Reread]:
    for module in modules:
        try:
            refresh(connection, module, crm, believed=believed)
        except OF_ONE_MODULE as e:
            drift = drift_of(connection, module)
            gone = drift is not None and drift.after is None
            yield _said(connection, module) if gone else Reread(module, None, error=e)
        else:
            yield _said(connection, module)


def _said(connection: Connection, module: str) -> Reread:
    """Return what is kept of the module now, and how that differs."""
    kept, drift = kept_schema(connection, module), drift_of(connection, module)
    fields = None if kept is None else len(kept.fields)
    return Reread(module, fields, tuple(drift.changes) if drift else (), drift.doubted if drift else None)
