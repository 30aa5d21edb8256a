"""Reads what mappings say as it is stored: the live version, or any other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Mapping as Dict
from dataclasses import replace
from uuid import UUID

from django.db.models import Max

from portal.mappings.definition import Definition, Rule, Schedule, Side
from portal.mappings.models import FieldRule, Mapping, MappingVersion, ValueTable


def definition_of(mapping: Mapping, number: int | None = None) -> Definition:
    """Return what the mapping says, in its live version or the one of that number. Raises MappingVersion.DoesNotExist."""
    version = mapping.versions.get(number=mapping.version if number is None else number)
    return Definition(
        name=mapping.name,
        left=Side(mapping.left_connection.name, mapping.left_module, version.left_filter),
        right=Side(mapping.right_connection.name, mapping.right_module, version.right_filter),
        direction=version.direction,
        match=tuple((pair["left"], pair["right"]) for pair in version.match),
        rules=_rules_of(version),
        guards=version.guards,
        schedule=Schedule(mapping.every_minutes, mapping.cron, mapping.schedule_paused),
        conflict_policy=version.conflict_policy,
        delete_policy=version.delete_policy,
        leaving=version.leaving,
        marker=(version.left_marker, version.right_marker),
    )


def newest(mapping: Mapping) -> int:
    """Return the number of the newest version, live or draft; 0 when it says nothing yet."""
    return int(mapping.versions.aggregate(most=Max("number"))["most"] or 0)


def directions(mappings: Iterable[Mapping]) -> dict[int, str]:
    """Return mapping's primary key -> which way it goes: in its live version, in its draft where none is live."""
    found: dict[int, str] = {}
    live = {mapping.pk: mapping.version for mapping in mappings}
    rows = MappingVersion.objects.filter(mapping__in=live).order_by("number")
    for pk, number, direction in rows.values_list("mapping", "number", "direction"):
        if pk not in found or number <= live[pk]:
            found[pk] = direction
    return found


def draft_of(mapping: Mapping) -> MappingVersion | None:
    """Return the newest version where it is not live yet."""
    return mapping.versions.filter(number__gt=mapping.version).first()


def _rules_of(version: MappingVersion) -> tuple[Rule, ...]:
    rows = list(version.rules.all())
    linked = _names(Mapping.objects.all(), {row.linked for row in rows if row.linked})
    tables = _names(ValueTable.objects.all(), {row.table for row in rows if row.table})
    inner: dict[int, list[Rule]] = defaultdict(list)
    for row in rows:
        if row.outer_id is not None:
            inner[row.outer_id].append(replace(_rule_of(row, linked, tables), uuid=""))
    outer = [row for row in rows if row.outer_id is None]
    return tuple(replace(_rule_of(row, linked, tables), lines=tuple(inner[row.pk])) for row in outer)


def _rule_of(row: FieldRule, linked: Dict[UUID, str], tables: Dict[UUID, str]) -> Rule:
    return Rule(
        left=row.left,
        right=row.right,
        source=row.source,
        value=row.value,
        expression=row.expression,
        mapping=_name(row.linked, linked),
        table=_name(row.table, tables),
        direction=row.direction,
        only_on_create=row.only_on_create,
        may_clear=row.may_clear,
        policy=row.policy,
        compare=row.compare,
        uuid=str(row.uuid),
    )


def _names(rows: object, wanted: set[UUID]) -> dict[UUID, str]:
    """Return uuid -> name of those that exist; no query where nothing is wanted."""
    return dict(rows.filter(uuid__in=wanted).values_list("uuid", "name")) if wanted else {}  # type: ignore[attr-defined]


def _name(wanted: UUID | None, names: Dict[UUID, str]) -> str:
    """Return the name by which it is known now; its number where it was deleted, so that the check says that it is gone."""
    return names.get(wanted, str(wanted)) if wanted else ""
