"""Sends a sample of both mirrors there and back in thought, before a mapping of both ways goes live: no CRM is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

from connectors.errors import ConnectorError
from connectors.types import ModuleSchema, Values
from portal.connections.access import open_connector
from portal.connections.models import Connection
from portal.mappings.definition import Definition
from portal.mappings.findings import Finding, Schemas
from portal.mappings.means import means_of
from portal.mappings.round_trip import Stored, check_round_trip
from portal.mappings.transform import OTHER, Place, Side


def lost_on_the_way(
    definition: Definition,
    connections: Mapping[Side, Connection],
    schemas: Schemas,
    samples: Mapping[Side, Sequence[Values]],
) -> list[Finding]:
    """Return which rules have values that do not come back as they were; nothing for a mapping of one way."""
    if not any(len(definition.targets_of(rule)) == len(OTHER) for rule in definition.rules):
        return []
    places = {side: _place(schemas[side], connections[side]) for side in OTHER}
    means = replace(means_of(definition, places), partner=lambda mapping, side, id: id)  # a link leads back
    with ExitStack() as opened:
        stored = {side: _stored(opened, connection) for side, connection in connections.items()}
        return list(check_round_trip(definition, samples, means, stored))


def _place(schema: ModuleSchema, connection: Connection) -> Place:
    config = connection.settings
    return Place(schema, config.get("time_zone") or "UTC", config.get("region") or "GB", appends=True)


def _stored(opened: ExitStack, connection: Connection) -> Stored:
    """Return how that CRM spells a value and reads it again; where the connection cannot be opened as it is, as it stands."""
    try:
        crm = opened.enter_context(open_connector(connection, purpose="person"))
    except ConnectorError:  # its own page says what is wrong
        return lambda field, value: value
    return crm.stored_as
