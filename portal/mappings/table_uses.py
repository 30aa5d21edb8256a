"""Which mappings use a value table, and between which fields it stands: as their live version says, or their newest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import F, Max, Q

from portal.mappings.expression import ExpressionError, tables_of
from portal.mappings.models import FieldRule, ValueTable


@dataclass(frozen=True, slots=True)
class Place:
    """A field of a module of a connection, by their names."""

    connection: str
    module: str
    field: str

    def __str__(self) -> str:
        return f"{self.connection}/{self.module}/{self.field}"


@dataclass(frozen=True, slots=True)
class Use:
    """One rule that goes through the table. `left` and `right` are None for an expression, which names no two fields and
    knows the table by its name alone; `written` are those of the two that the rule writes."""

    mapping: str
    left: Place | None = None
    right: Place | None = None
    written: tuple[Place, ...] = ()

    @property
    def by_name(self) -> bool:
        """Say whether the use is lost where the table gets another name."""
        return self.left is None


def uses_of_all() -> dict[str, list[Use]]:
    """Return name of a table -> its uses, in the order of mappings and rules. Names without a table can be among them."""
    names = dict(ValueTable.objects.values_list("uuid", "name"))
    found: dict[str, list[Use]] = {}
    for rule in _rules():
        for name, use in _uses(rule, names.get(rule.table, "") if rule.table else ""):
            if use not in found.setdefault(name, []):
                found[name].append(use)
    return found


def uses_of(name: str) -> list[Use]:
    """Return the uses of one table."""
    return uses_of_all().get(name, [])


def _rules() -> Iterator[FieldRule]:
    mapping = "version__mapping"
    rules = FieldRule.objects.filter(Q(table__isnull=False) | ~Q(expression=""))
    rules = rules.annotate(newest=Max(f"{mapping}__versions__number")).filter(
        Q(version__number=F(f"{mapping}__version")) | Q(version__number=F("newest"))
    )
    about = (mapping, f"{mapping}__left_connection", f"{mapping}__right_connection")
    yield from rules.select_related(*about).order_by(f"{mapping}__name", "position")


def _uses(rule: FieldRule, name: str) -> Iterator[tuple[str, Use]]:
    mapping = rule.version.mapping
    if name:
        left = Place(mapping.left_connection.name, mapping.left_module, rule.left)
        right = Place(mapping.right_connection.name, mapping.right_module, rule.right)
        into = {"left-to-right": (right,), "right-to-left": (left,)}
        written = into.get(rule.direction) or into.get(rule.version.direction) or (left, right)
        yield name, Use(mapping.name, left, right, written)
    if rule.expression:
        try:
            for looked_up in sorted(tables_of(rule.expression)):
                yield looked_up, Use(mapping.name)
        except ExpressionError:  # said by the check of the mapping
            return
