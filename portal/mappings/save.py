"""The one writer of mappings. The rule: every save that changes what a mapping says is a new version and a draft; runs go by
the live version, which is made live by itself; rules keep their uuid over versions."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Mapping as Dict
from dataclasses import replace

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.connections.models import Connection
from portal.mappings.definition import Definition, Rule
from portal.mappings.models import FieldRule, Mapping, MappingVersion, ValueTable
from portal.mappings.seen import Overtaken
from portal.mappings.stored import definition_of, newest
from portal.ui.wording import portal_language

# Called with each saved mapping, inside its transaction: `sync` keeps the schedule in step by this.
after_save: list[Callable[[Mapping], None]] = []
# Asked of a name that a mapping shall get: a sentence that says who else has it, or "". Apps above have names that a person types
# in the same place.
name_of_another: list[Callable[[str], str]] = []


class NameTaken(ValueError):
    """Something else has the name; the message says what."""


def why_taken(name: str, mapping: Mapping | None = None) -> str:
    """Return why the mapping (None: a new one) cannot have this name; "" where it can."""
    if Mapping.objects.filter(name=name).exclude(pk=mapping.pk if mapping and mapping.pk else 0).exists():
        return _("Another mapping has this name.")
    return next((why for ask in name_of_another if (why := ask(name))), "")


def save_mapping(definition: Definition, *, user: User | None, actor: str, note: str = "") -> Mapping:
    """Save the mapping under its name, make it live, and return it. Writes nothing where it already says so. The caller has
    checked it."""
    with transaction.atomic():
        mapping = Mapping.objects.select_for_update().filter(name=definition.name).first()
        mapping = save_draft(mapping, definition, user=user, actor=actor, note=note)
        make_live(mapping, by=actor)
    return mapping


def save_draft(
    mapping: Mapping | None,
    definition: Definition,
    *,
    user: User | None,
    actor: str,
    note: str = "",
    unless: Callable[[Mapping], bool] = lambda mapping: False,
) -> Mapping:
    """Save what the mapping shall say as its newest version, live or not as it was, and return it; None makes a new one.

    Name and schedule are the mapping's own and hold at once. A mapping that already says so gets no new version. Raises
    NameTaken; and Overtaken, with nothing saved, where `unless` holds of the mapping as it is now.
    """
    with transaction.atomic():
        mapping = mapping or Mapping()
        if mapping.pk:  # what else was done to it since it was read, as a pause, stays
            mapping.refresh_from_db(from_queryset=Mapping.objects.select_for_update())
            if unless(mapping):
                raise Overtaken
        old = definition_of(mapping, newest(mapping)) if mapping.pk and newest(mapping) else None
        _put_head(mapping, definition)
        mapping.save()
        if old is None or _said(old) != _said(definition):
            _add_version(mapping, definition, old, user, actor, note)
        for tell in after_save:
            tell(mapping)
    return mapping


def save_heads(definitions: Iterable[Definition]) -> None:
    """Have a row for each of these mappings, so that their rules may name each other whichever is saved first. Only in the
    transaction that saves them."""
    known = set(Mapping.objects.values_list("name", flat=True))
    for definition in definitions:
        if definition.name not in known:
            head = Mapping()
            _put_head(head, definition)
            head.save()


def says(mapping: Mapping, definition: Definition) -> bool:
    """Say whether the mapping's live version says this already, schedule included."""
    if not mapping.is_live:
        return False
    now = definition_of(mapping)
    return _said(now) == _said(definition) and now.schedule == definition.schedule


def make_live(mapping: Mapping, *, by: str) -> None:
    """Have runs go by the newest version from now on; one that goes on keeps the version it began with."""
    number = newest(mapping)
    if number == mapping.version:
        return
    with transaction.atomic():
        mapping.version = number
        mapping.save(update_fields=["version", "updated_at"])
        mapping.versions.filter(number=number).update(live_at=timezone.now(), live_by=by[:150])
        for tell in after_save:
            tell(mapping)


def drop_draft(mapping: Mapping) -> None:
    """Forget what was saved since the live version. Only for a mapping that has one."""
    mapping.versions.filter(number__gt=mapping.version).delete()


def restore(mapping: Mapping, number: int, *, user: User | None, actor: str) -> Mapping:
    """Save what the mapping said in that version as its newest draft. Raises MappingVersion.DoesNotExist."""
    old, now = definition_of(mapping, number), definition_of(mapping, newest(mapping))
    wanted = replace(old, name=now.name, schedule=now.schedule)
    with portal_language():
        note = _("as in version %(number)d") % {"number": number}
    return save_draft(mapping, wanted, user=user, actor=actor, note=note)


def pause_mapping(mapping: Mapping, paused: bool, who: str, *, reason: str = "") -> None:
    """Pause or resume a whole mapping, and its schedule with it; it says what it said. `who` is "" where nobody did it, but
    something that `reason` tells. A run that is at work ends: `sync` is told with `after_save`."""
    mapping.state = Mapping.State.PAUSED if paused else Mapping.State.ACTIVE
    with portal_language():
        by = _("by %(who)s") % {"who": who} if who else ""
        why = _("%(reason)s, %(by)s") % {"reason": reason, "by": by} if reason and by else reason or by
    mapping.paused_reason = why[:200] if paused else ""
    with transaction.atomic():
        mapping.save(update_fields=["state", "paused_reason", "updated_at"])
        for tell in after_save:
            tell(mapping)


def _said(definition: Definition) -> Definition:
    """What makes a new version: everything but name, schedule and the uuids of rules."""
    rules = tuple(replace(rule, uuid="") for rule in definition.rules)
    return replace(definition, name="", schedule=type(definition.schedule)(), rules=rules)


def _put_head(mapping: Mapping, definition: Definition) -> None:
    if mapping.name != definition.name and (why := why_taken(definition.name, mapping)):
        raise NameTaken(why)
    mapping.name = definition.name
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
        number=newest(mapping) + 1,
        direction=definition.direction,
        match=[{"left": left, "right": right} for left, right in definition.match],
        left_filter=definition.left.filter,
        right_filter=definition.right.filter,
        conflict_policy=definition.conflict_policy,
        delete_policy=definition.delete_policy,
        leaving=definition.leaving,
        left_marker=definition.marker[0],
        right_marker=definition.marker[1],
        guards=None if definition.guards is None else dict(definition.guards),
        author=user,
        actor=actor,
        note=note[:200],
    )
    _add_rules(version, definition, old.rules if old else ())


def _add_rules(version: MappingVersion, definition: Definition, known: Sequence[Rule]) -> None:
    rules = definition.rules
    outer = FieldRule.objects.bulk_create(_rows(version, rules, [_uuid_of(rule, known) for rule in rules]))
    pairs = [(row, inner) for row, rule in zip(outer, rules, strict=True) for inner in rule.lines]
    rows = _rows(version, [inner for _row, inner in pairs], [uuid.uuid4() for _pair in pairs])
    for row, (of, _inner) in zip(rows, pairs, strict=True):
        row.outer = of
    FieldRule.objects.bulk_create(rows)


def _rows(version: MappingVersion, rules: Sequence[Rule], uuids: Sequence[uuid.UUID]) -> list[FieldRule]:
    mappings = dict(Mapping.objects.values_list("name", "uuid"))
    tables = dict(ValueTable.objects.values_list("name", "uuid"))
    return [
        FieldRule(
            version=version,
            uuid=given,
            position=position,
            linked=_uuid(rule.mapping, mappings),
            table=_uuid(rule.table, tables),
            **{name: getattr(rule, name) for name in RULE_COLUMNS},
        )
        for position, (rule, given) in enumerate(zip(rules, uuids, strict=True))
    ]


def _uuid(name: str, known: Dict[str, uuid.UUID]) -> uuid.UUID | None:
    """Return whose name it is. What was deleted meanwhile goes by its number still. Raises ValueError for anything else."""
    return (known.get(name) or uuid.UUID(name)) if name else None


RULE_COLUMNS = (
    "source", "left", "right", "value", "expression", "direction", "only_on_create", "may_clear", "policy", "compare",
)  # fmt: skip


def _uuid_of(rule: Rule, old: Sequence[Rule]) -> uuid.UUID:
    """Return the uuid of the old rule for the same two fields. One that was given other fields counts as new: what was
    agreed on for the old ones says nothing about these."""
    known = {(r.left, r.right): r.uuid for r in old}
    given = "" if rule.uuid in known.values() else rule.uuid
    return uuid.UUID(known.get((rule.left, rule.right)) or given or str(uuid.uuid4()))
