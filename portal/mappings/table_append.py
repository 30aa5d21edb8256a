"""Adds to a CRM's own list what a value table needs there. The rule: a person presses the button, having seen which values go into
which list; it is in the audit trail before it is sent, and no record is sent with a value that the list does not have yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.errors import ConnectorError
from portal.accounts.models import User
from portal.connections.access import open_connector
from portal.connections.additions import read_list
from portal.connections.models import Connection
from portal.ledger import write
from portal.mappings.definition import SideName
from portal.mappings.known import appends_choices
from portal.mappings.models import ValueTable
from portal.mappings.table_uses import Place, Use
from portal.mappings.table_values import End
from portal.mappings.tables import Table
from portal.mappings.transform import LISTS


@dataclass(frozen=True, slots=True)
class Lacking:
    """The list of a field, and the values it has to get before records can be carried over."""

    place: Place
    label: str
    values: tuple[str, ...]


def lacking(table: Table, ends: Sequence[tuple[End | None, End | None]], uses: Sequence[Use] = ()) -> list[Lacking]:
    """Return what is to be added to which lists, where the table says so and the CRM can: what its rows lead to, and what
    records at the other side hold, or may hold where nobody counted, that stands in no row. Lists that none of the uses, if there are any, writes stay out."""
    if table.unlisted != "append":
        return []
    written = {place for use in uses for place in use.written}
    found: dict[Place, Lacking] = {}
    for left, right in ends:
        pairs: tuple[tuple[SideName, End | None, End | None], ...] = (("right", left, right), ("left", right, left))
        for side, origin, target in pairs:
            if target is None or (written and target.place not in written) or not _takes_entries(target):
                continue
            old = found.get(target.place)
            values = dict.fromkeys((*(old.values if old else ()), *_wanted(table, side, origin, target)))
            if values:
                found[target.place] = Lacking(target.place, target.field.label or target.place.field, tuple(values))
    return list(found.values())


def append(row: ValueTable, place: Place, values: Sequence[str], *, user: User) -> None:
    """Add the values to the list of the field, then read the list anew; what waited for it is planned again by the next run.
    Raises ConnectorError."""
    connection = Connection.objects.get(name=place.connection)
    told = {"table": row.name, "module": place.module, "field": place.field, "values": list(values)}
    entry = write.audit(user, "add_to_list", connection, told)
    with open_connector(connection, purpose="person") as crm:
        try:
            crm.append_choices(place.module, place.field, list(values))
        except ConnectorError as e:
            write.conclude(entry, "unknown" if getattr(e, "maybe_done", False) else "refused")
            raise
        write.conclude(entry, "done")
        read_list(connection, place.module, crm, [(place.field, value) for value in values])
    row.save(update_fields=["updated_at"])


def _takes_entries(target: End) -> bool:
    connection = Connection.objects.filter(name=target.place.connection).first()
    return connection is not None and target.field.type in LISTS and appends_choices(connection)


def _wanted(table: Table, side: SideName, origin: End | None, target: End) -> list[str]:
    """Return what the list lacks of what may be sent into it."""
    listed = {choice.value for choice in target.field.choices}
    rows = [pair[1 if side == "right" else 0] for pair in table.pairs]
    offered = origin.offered if origin else []
    held = [one.value for one in offered if one.records != 0 and not table.knows(one.value, side)]
    return [value for value in (*rows, *held) if value and value not in listed]
