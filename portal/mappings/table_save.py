"""The one writer of value tables. The rule: rules know a table by its uuid, which a new name does not change; a table that a
mapping needs is not deleted."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.utils.translation import gettext as _

from connectors.types import JSON
from portal.accounts.models import User
from portal.ledger import write
from portal.mappings.means import table_of
from portal.mappings.models import ValuePair, ValueTable
from portal.mappings.table_check import flaws, tidied
from portal.mappings.table_uses import uses_of
from portal.mappings.tables import Table
from portal.ui.wording import translated

# Called with each saved table, inside its transaction: what is told of the mappings that use it may be over.
after_table_save: list[Callable[[ValueTable], None]] = []


class TableInUse(Exception):
    """Mappings need the table as it is; the message names them."""

    def __init__(self, message: str, mappings: list[str]) -> None:
        super().__init__(message)
        self.mappings = mappings


def save_table(
    row: ValueTable | None, table: Table, description: str = "", *, user: User | None = None, actor: str = ""
) -> tuple[ValueTable, str]:
    """Keep the table, as a new one for None; return its row and "created", "updated" or "unchanged". Raises ValueError for a
    table that has `flaws`, TableInUse where it shall have another name and an expression looks it up by this one."""
    table, description = tidied(table), description.strip()
    if found := flaws(table):
        raise ValueError(translated(found[0].text))
    with transaction.atomic():
        old = ValueTable.objects.select_for_update().get(pk=row.pk) if row else None
        before = table_of(old) if old else None
        if old and before == table and old.description == description:
            return old, "unchanged"
        if before and before.name != table.name:
            _refuse_new_name(before.name)
        saved = old or ValueTable()
        _put(saved, table, description, pairs=before is None or before.pairs != table.pairs)
        deed = "change_value_table" if old else "add_value_table"
        write.audit(user, deed, saved, _differences(before, table), actor=actor)
        for tell in after_table_save:
            tell(saved)
    return saved, "updated" if old else "created"


def delete_table(row: ValueTable, *, user: User | None = None, actor: str = "") -> None:
    """Delete the table. Raises TableInUse while the live or the newest version of a mapping goes through it."""
    with transaction.atomic():
        if needed_by := _mappings(row.name):
            text = _("“%(name)s” cannot be deleted: the mappings %(mappings)s use it.")
            raise TableInUse(text % {"name": row.name, "mappings": ", ".join(needed_by)}, needed_by)
        write.audit(user, "delete_value_table", row, {"rows": row.pairs.count()}, actor=actor)
        row.delete()


def _put(row: ValueTable, table: Table, description: str, *, pairs: bool) -> None:
    row.name, row.description, row.unlisted = table.name, description, table.unlisted
    row.default_left, row.default_right = table.default_left, table.default_right
    row.save()
    if pairs:
        row.pairs.all().delete()
        ValuePair.objects.bulk_create(
            ValuePair(table=row, position=at, left=left, right=right) for at, (left, right) in enumerate(table.pairs)
        )


def _refuse_new_name(name: str) -> None:
    if named := _mappings(name, by_name=True):
        text = _("Expressions look up “%(name)s” by this name, in %(mappings)s. Change them first, or keep the name.")
        raise TableInUse(text % {"name": name, "mappings": ", ".join(named)}, named)


def _mappings(name: str, *, by_name: bool = False) -> list[str]:
    return list(dict.fromkeys(use.mapping for use in uses_of(name) if use.by_name or not by_name))


def _differences(before: Table | None, table: Table) -> dict[str, JSON]:
    """What the audit trail says: what is different, and how many rows came and went; the values themselves stay here."""
    if before is None:
        return {"rows": len(table.pairs), "unlisted": table.unlisted}
    old, new = set(before.pairs), set(table.pairs)
    said: dict[str, JSON] = {"rows_added": len(new - old), "rows_removed": len(old - new)}
    for name in ("name", "unlisted", "default_left", "default_right"):
        if getattr(before, name) != getattr(table, name):
            said[name] = [getattr(before, name), getattr(table, name)]
    return said
