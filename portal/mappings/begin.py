"""Begins a mapping with what can be said without asking a person: the ready one of its two modules. The rule: the mirrors are
looked at where there are any, and no CRM is asked but for its fields."""

from __future__ import annotations

from collections.abc import Mapping as Dict

from portal.connections.models import Connection
from portal.connections.schema import module_schema
from portal.mappings.definition import Definition, SideName
from portal.mappings.editing import Editing
from portal.mappings.models import Mapping
from portal.mappings.ready import Ready, ready


def begin(definition: Definition, connections: Dict[SideName, Connection]) -> Ready:
    """Return the ready mapping of the definition's name, sides and direction. Raises ConnectorError where a CRM must be asked
    for its fields and does not answer."""
    modules: dict[SideName, str] = {"left": definition.left.module, "right": definition.right.module}
    schemas = {side: module_schema(connections[side], modules[side]) for side in modules}
    desk = Editing(Mapping(name=definition.name), definition, connections, schemas)
    profiles = {side: figures.profiles for side, figures in desk.figures.items()}
    left, right, direction = definition.left, definition.right, definition.direction
    return ready(left, right, schemas, profiles, desk.known, direction, name=definition.name)
