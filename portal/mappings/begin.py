"""Begins a mapping with what can be said without asking a person: the ready one of its two modules. The rule: the mirrors are
looked at where there are any, and no CRM is asked but for its fields."""

from __future__ import annotations

from collections.abc import Mapping as Dict

from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.connections.models import Connection
from portal.connections.schema import module_schema
from portal.mappings.definition import Definition, SideName
from portal.mappings.editing import Editing
from portal.mappings.models import Mapping
from portal.mappings.ready import Ready, ready
from portal.mappings.table_save import save_table
from portal.ui.wording import portal_language


def begin(definition: Definition, connections: Dict[SideName, Connection], *, with_tables: bool = True) -> Ready:
    """Return the ready mapping of the definition's name, sides and direction. Raises ConnectorError where a CRM must be asked
    for its fields and does not answer."""
    modules: dict[SideName, str] = {"left": definition.left.module, "right": definition.right.module}
    schemas = {side: module_schema(connections[side], modules[side]) for side in modules}
    desk = Editing(Mapping(name=definition.name), definition, connections, schemas)
    profiles = {side: figures.profiles for side, figures in desk.figures.items()}
    left, right, direction = definition.left, definition.right, definition.direction
    return ready(left, right, schemas, profiles, desk.known, direction, name=definition.name, with_tables=with_tables)


def keep_tables(made: Ready, definition: Definition, *, user: User | None = None, actor: str = "") -> None:
    """Keep the value tables a ready mapping goes through, each with what it is for."""
    for one in made.tables:
        with portal_language():
            text = _("%(mapping)s: %(left)s – %(right)s")
        told = text % {"mapping": definition.name, "left": one.left, "right": one.right}
        save_table(None, one.table, told[:200], user=user, actor=actor)
