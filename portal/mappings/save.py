"""The one writer of mappings: every save that changes what a mapping says is a new version; rules keep their uuid."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.connections.models import Connection
from portal.mappings.definition import Definition, Rule, Schedule, Side
from portal.mappings.models import FieldRule, Mapping, MappingVersion
from portal.ui.wording import portal_language

# Called with each saved mapping, inside its transaction: `sync` keeps the schedule in step by this.
after_save: list[Callable[[Mapping], None]] = []


def save_mapping(definition: Definition, *, user: User | None, actor: str, note: str = "") -> Mapping:
    """Save the mapping under its name and return it. Writes nothing where it already says so. The caller has checked it."""
    with transaction.atomic():
        mapping = Mapping.objects.select_for_update().filter(name=definition.name).first()
        mapping = mapping or Mapping(name=definition.name)
        old = definition_of(mapping) if mapping.version else None
        _put_head(mapping, definition)
        if old is None or _said(old) != _said(definition):
            mapping.version += 1
            mapping.save()
            _add_version(mapping, definition, old, user, actor, note)
        else:
            mapping.save()
        for tell in after_save:
            tell(mapping)
    return mapping


def pause_mapping(mapping: Mapping, paused: bool, who: str, *, reason: str = "") -> None:
    """Pause or resume a whole mapping, and its schedule with it; it says what it said. `reason`: why, where nobody did."""
    mapping.state = Mapping.State.PAUSED if paused else Mapping.State.ACTIVE
    with portal_language():
        by = _("by %(who)s") % {"who": who}
    mapping.paused_reason = (reason or by)[:200] if paused else ""
    with transaction.atomic():
        mapping.save(update_fields=["state", "paused_reason", "updated_at"])
        for tell in after_save:
            tell(mapping)


def definition_of(mapping: Mapping, number: int | None = None) -> Definition:
    """Return what the mapping says, in its live version or the one of that number. Raises MappingVersion.DoesNotExist."""
    version = mapping.versions.get(number=number or mapping.version)
    return Definition(
        name=mapping.name,
        left=Side(mapping.left_connection.name, mapping.left_module, version.left_filter),
        right=Side(mapping.right_connection.name, mapping.right_module, version.right_filter),
        direction=version.direction,
        match=tuple((pair["left"], pair["right"]) for pair in version.match),
        rules=tuple(_rule_of(row) for row in version.rules.all()),
        guards=version.guards,
        schedule=Schedule(mapping.every_minutes, mapping.cron, mapping.schedule_paused),
        conflict_policy=version.conflict_policy,
        delete_policy=version.delete_policy,
    )


def _rule_of(row: FieldRule) -> Rule:
    return Rule(
        left=row.left,
        right=row.right,
        source=row.source,
        value=row.value,
        direction=row.direction,
        only_on_create=row.only_on_create,
        may_clear=row.may_clear,
        policy=row.policy,
        uuid=str(row.uuid),
    )


def _said(definition: Definition) -> tuple[Any, ...]:
    """What makes a new version: everything but name, schedule and the uuids of rules."""
    d = definition
    rules = tuple(
        (r.left, r.right, r.source, r.value, r.direction, r.only_on_create, r.may_clear, r.policy) for r in d.rules
    )
    return d.left, d.right, d.direction, d.match, rules, d.guards, d.conflict_policy, d.delete_policy


def _put_head(mapping: Mapping, definition: Definition) -> None:
    mapping.left_connection = Connection.objects.get(name=definition.left.connection)
    mapping.right_connection = Connection.objects.get(name=definition.right.connection)
    mapping.left_module, mapping.right_module = definition.left.module, definition.right.module
    mapping.every_minutes = definition.schedule.minutes
    mapping.cron, mapping.schedule_paused = definition.schedule.cron, definition.schedule.paused


def _add_version(
    mapping: Mapping, definition: Definition, old: Definition | None, user: User | None, actor: str, note: str
) -> None:
    version = MappingVersion.objects.create(
        mapping=mapping,
        number=mapping.version,
        direction=definition.direction,
        match=[{"left": left, "right": right} for left, right in definition.match],
        left_filter=definition.left.filter,
        right_filter=definition.right.filter,
        conflict_policy=definition.conflict_policy,
        delete_policy=definition.delete_policy,
        guards=None if definition.guards is None else dict(definition.guards),
        author=user,
        actor=actor,
        note=note,
    )
    known = old.rules if old else ()
    FieldRule.objects.bulk_create(_rule_row(version, n, rule, known) for n, rule in enumerate(definition.rules))


def _rule_row(version: MappingVersion, position: int, rule: Rule, old: Sequence[Rule]) -> FieldRule:
    return FieldRule(
        version=version,
        uuid=_uuid_of(rule, old),
        position=position,
        source=rule.source,
        left=rule.left,
        right=rule.right,
        value=rule.value,
        direction=rule.direction,
        only_on_create=rule.only_on_create,
        may_clear=rule.may_clear,
        policy=rule.policy,
    )


def _uuid_of(rule: Rule, old: Sequence[Rule]) -> uuid.UUID:
    """Return the uuid of the old rule for the same two fields. One that was given other fields counts as new: what was
    agreed on for the old ones says nothing about these."""
    known = {(r.left, r.right): r.uuid for r in old}
    given = "" if rule.uuid in known.values() else rule.uuid
    return uuid.UUID(known.get((rule.left, rule.right)) or given or str(uuid.uuid4()))
