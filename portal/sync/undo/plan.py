"""What to do with one record to take a run back. PURE: the run's writes, our copy and its history in, a deed or the reason
why the record is left as it is out. The rule: a record is touched only if it still holds what the run left in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from connectors.types import JSON, FieldSchema, ModuleSchema, Values
from connectors.values import is_secret_field
from portal.mappings.compare import same
from portal.mappings.transform import ABSENT
from portal.sync.cases import Seen

LEFT, UPDATE, CREATE, DELETE = "", "update", "create", "delete"  # `Undo.kind`
EDITS = "edits"  # where an entry keeps `Undo.differs`
WAITS = "refers_to_deleted"  # the reason of what is looked at once more when other records were made again
GONE_ALREADY, CAME_BACK = "gone_already", "came_back"  # nothing has to be sent, but the link must not act again


@dataclass(frozen=True, slots=True)
class Deed:
    """One write of the run that was done: the record's fields before it, what was sent, what the server then held."""

    action: str
    before: Values = field(default_factory=dict)
    intended: Values = field(default_factory=dict)
    stored: Values = field(default_factory=dict)

    def left_in(self, name: str) -> JSON:
        """Return what the write left in that field: what was sent, where the answer did not tell."""
        return self.stored.get(name, self.intended.get(name, ABSENT))


@dataclass(frozen=True, slots=True)
class Case:
    """One record that the run wrote. `deeds` are all its writes, newest first; `now` is our copy; `edits` are the fields that
    changed since the run made it, [before, after]; `is_touched` says that somebody else than our own runs changed any;
    `has_twin`, that another record there holds its match key by now; `is_alone`, that its partner is no more.

    `moved` says of reference fields of a deleted record what became of whom they led to: its new id, "" where it is no more,
    None where a run deleted it that may be taken back too."""

    deeds: Sequence[Deed]
    now: Seen | None
    edits: Mapping[str, JSON] = field(default_factory=dict)
    is_touched: bool = False
    has_twin: bool = False
    is_alone: bool = False
    moved: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Means:
    """The module as it is described now, the region of its phones, how each field is compared, and whether records that the
    run made are to stay."""

    schema: ModuleSchema
    region: str = "GB"
    compare: Mapping[str, str] = field(default_factory=dict)
    keep_created: bool = False

    def alike(self, name: str, one: JSON, other: JSON) -> bool:
        """Say whether two values of a field mean the same."""
        return same(one, other, self.compare.get(name, ""), (self.region, self.region))


@dataclass(frozen=True, slots=True)
class Undo:
    """What to do: `kind` with `values`; "skip" where nothing is to be sent but the pair is not to be carried on; LEFT for a
    record that is left as it is. `reason` says why not, `differs` field by field: what was stored, is now, was before."""

    kind: str
    values: Mapping[str, JSON] = field(default_factory=dict)
    reason: str = ""
    differs: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)


def decide(case: Case, means: Means) -> Undo:
    """Return what takes the run's writes to one record back."""
    newest, oldest = case.deeds[0], case.deeds[-1]
    if any(deed.action not in (CREATE, UPDATE, DELETE) for deed in case.deeds):
        return Undo(LEFT, reason="cannot_undo")
    if oldest.action == CREATE:
        return _undo_create(case, means)
    if newest.action == DELETE:
        return _undo_delete(case, means)
    return _undo_update(case, means)


def _undo_create(case: Case, means: Means) -> Undo:
    if case.now is None:
        return Undo(LEFT, reason="no_copy")
    if case.now.deleted:
        return Undo("skip", reason=GONE_ALREADY)
    if means.keep_created:
        return Undo(LEFT, reason="kept_as_asked")
    if case.is_touched or _edits(case, means):
        return Undo(LEFT, reason="edited_since", differs=_edits(case, means))
    if not means.schema.module.deletable:
        return Undo(LEFT, reason="cannot_delete")
    return Undo(DELETE)


def _undo_delete(case: Case, means: Means) -> Undo:
    """Make the record again from what it held; older writes of the run to it are taken back with it."""
    if case.now is not None and not case.now.deleted:
        return Undo("skip" if case.is_alone else LEFT, reason=CAME_BACK)
    held = case.deeds[0].before
    if not held:
        return Undo(LEFT, reason="nothing_kept")
    if not means.schema.module.creatable:
        return Undo(LEFT, reason="cannot_create")
    if case.has_twin:
        return Undo(LEFT, reason="has_twin")
    if None in case.moved.values():
        return Undo(LEFT, reason=WAITS)
    older = (
        _undo_update(replace(case, deeds=case.deeds[1:], now=Seen("", held)), means) if len(case.deeds) > 1 else None
    )
    held = {**held, **(older.values if older else {}), **{name: new or None for name, new in case.moved.items()}}
    return Undo(CREATE, {f.name: held[f.name] for f in means.schema.fields if _is_made(f, held)})


def _is_made(f: FieldSchema, held: Values) -> bool:
    return f.editable and held.get(f.name) is not None and not is_secret_field(f.name)


def _undo_update(case: Case, means: Means) -> Undo:
    if not case.deeds or case.now is None:
        return Undo(LEFT, reason="no_copy")
    if case.now.deleted:
        return Undo(LEFT, reason="gone_since")
    names = dict.fromkeys(name for deed in case.deeds for name in deed.intended)
    wanted = {name: _before(case.deeds, name) for name in names}
    if unknown := [name for name in names if wanted[name] is ABSENT or is_secret_field(name)]:
        return Undo(LEFT, reason="nothing_kept", differs={name: {} for name in unknown})
    now = case.now.values
    other = {name: value for name, value in wanted.items() if not means.alike(name, now.get(name, ABSENT), value)}
    if not other:
        return Undo(LEFT, reason="as_before")
    if differs := {name: told for name in other if (told := _differs(case, name, wanted[name], means))}:
        return Undo(LEFT, reason="edited_since", differs=differs)
    if any((f := means.schema.field(name)) is None or not f.editable for name in other):
        return Undo(LEFT, reason="field_gone")
    if not means.schema.module.updatable:
        return Undo(LEFT, reason="cannot_update")
    return Undo(UPDATE, other)


def _before(deeds: Sequence[Deed], name: str) -> JSON:
    """Return what the field held before the first of these writes to it; ABSENT where nobody kept it."""
    oldest = next(deed for deed in reversed(deeds) if name in deed.intended)
    return oldest.before.get(name, ABSENT)


def _differs(case: Case, name: str, before: JSON, means: Means) -> dict[str, JSON]:
    """Return what was stored, is now and was before, where the field does not hold any more what the run left in it."""
    left = next(deed for deed in case.deeds if name in deed.intended).left_in(name)
    assert case.now is not None
    now = case.now.values.get(name, ABSENT)
    if means.alike(name, left, now):
        return {}
    return {"stored": left, "now": None if now is ABSENT else now, "before": before}


def _edits(case: Case, means: Means) -> dict[str, dict[str, JSON]]:
    """Return what became of the fields people fill in; what was changed and changed back is as it was."""
    fields = {f.name for f in means.schema.fields if f.editable}
    changed = {name: p for name, p in case.edits.items() if name in fields and not means.alike(name, *p)}
    return {name: {"stored": pair[0], "now": pair[1], "before": None} for name, pair in changed.items()}
