"""What is different between two descriptions of a module. PURE: knows no Django, no database. The rule: only what is certain
is called a change; a list that did not come, or came short, says nothing about what was on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from connectors.types import Choice, FieldSchema, Module, ModuleSchema
from connectors.wording import text as _

LEAST = 0.5  # of the fields there were: an answer with fewer is not believed by itself


class Kind(StrEnum):
    """What may happen to a module or to one of its fields."""

    FIELD_GONE = "field_gone"
    FIELD_NEW = "field_new"  # information only
    TYPE_CHANGED = "type_changed"
    NOW_REQUIRED = "now_required"
    READ_ONLY = "read_only"
    SHORTER = "shorter"
    CHOICE_GONE = "choice_gone"
    CHOICE_NEW = "choice_new"
    MODULE_GONE = "module_gone"
    MODULE_READ_ONLY = "module_read_only"


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One change. `field` is "" where it is the module's; `label` is what a person calls it; `before` and `after` are words,
    of a choice its value."""

    kind: Kind
    field: str
    label: str
    before: str = ""
    after: str = ""

    @property
    def sentence(self) -> str:
        """Return what happened, for a person."""
        told = {"field": self.label, "before": self.before, "after": self.after}
        return _(_SENTENCES[self.kind], **told)


_SENTENCES = {
    Kind.FIELD_GONE: _("The field “%(field)s” is gone."),
    Kind.FIELD_NEW: _("The field “%(field)s” is new (%(after)s)."),
    Kind.TYPE_CHANGED: _("The field “%(field)s” was %(before)s and is %(after)s now."),
    Kind.NOW_REQUIRED: _("The field “%(field)s” must be filled now."),
    Kind.READ_ONLY: _("The field “%(field)s” can only be read now."),
    Kind.SHORTER: _("The field “%(field)s” took %(before)s characters and takes %(after)s now."),
    Kind.CHOICE_GONE: _("“%(before)s” is no choice of “%(field)s” any more."),
    Kind.CHOICE_NEW: _("“%(after)s” is a new choice of “%(field)s”."),
    Kind.MODULE_GONE: _("The module “%(field)s” is gone."),
    Kind.MODULE_READ_ONLY: _("“%(field)s” was %(before)s and is %(after)s now."),
}


def compare(before: ModuleSchema, after: ModuleSchema | None, *, believed: bool = False) -> list[SchemaChange]:
    """Return what changed, in the order of the fields; nothing where `after` is not whole, unless it is `believed` all the
    same. None says that the module is gone, which only a list of the modules can tell."""
    if after is None:
        return [SchemaChange(Kind.MODULE_GONE, "", before.module.label or before.module.name)]
    if not believed and not is_whole(before, after):
        return []
    return [*_module(before, after), *_fields(before, after)]


def is_whole(before: ModuleSchema, after: ModuleSchema) -> bool:
    """Say whether `after` can be all there is: an answer with no field, or with hardly any of the fields there were, is cut
    short or is what is left to a user who lost rights. It is never taken for “everything gone”."""
    kept = set(before.names) & set(after.names)
    return not before.fields or len(kept) >= len(set(before.names)) * LEAST


def completed(before: ModuleSchema, after: ModuleSchema) -> ModuleSchema:
    """Return `after` with the fields that only `before` has: where a CRM does not tell its fields and they are read off a record,
    one that the record does not carry is not gone."""
    missing = tuple(field for field in before.fields if after.field(field.name) is None)
    return replace(after, fields=(*after.fields, *missing))


def _module(before: ModuleSchema, after: ModuleSchema) -> Iterator[SchemaChange]:
    was, is_now = _able(before), _able(after)
    if not was <= is_now:
        label = after.module.label or after.module.name
        yield SchemaChange(Kind.MODULE_READ_ONLY, "", label, _deeds(was), _deeds(is_now))


def _able(schema: ModuleSchema) -> frozenset[str]:
    module = schema.module
    able = {"create": module.creatable, "update": module.updatable}
    return frozenset(deed for deed, may in able.items() if may)


def _deeds(able: frozenset[str]) -> str:
    if len(able) == 2:
        return _("open for new records and changes")
    words = {"create": _("open for new records only"), "update": _("open for changes only")}
    return next((words[deed] for deed in able), _("read only"))


def _fields(before: ModuleSchema, after: ModuleSchema) -> Iterator[SchemaChange]:
    now = {field.name: field for field in after.fields}
    was = {field.name: field for field in before.fields}
    for name, old in was.items():
        if name in now:
            yield from _field(old, now[name])
            yield from _lines(old, now[name])
        else:
            yield SchemaChange(Kind.FIELD_GONE, name, _called(old), _kind_of(old))
    for name, new in now.items():
        if name not in was:
            yield SchemaChange(Kind.FIELD_NEW, name, _called(new), "", _kind_of(new))
            if _must_be_given(new):
                yield SchemaChange(Kind.NOW_REQUIRED, name, _called(new))


def _lines(old: FieldSchema, new: FieldSchema) -> Iterator[SchemaChange]:
    """Yield what changed about the lines of a field, whose fields are called “lines.quantity”; nothing where none are told."""
    if old.lines and new.lines:
        lines = (ModuleSchema(Module(of.name, of.label), of.lines) for of in (old, new))
        for change in _fields(*lines):
            yield replace(change, field=f"{new.name}.{change.field}", label=f"{new.label}: {change.label}")


def _field(old: FieldSchema, new: FieldSchema) -> Iterator[SchemaChange]:
    name, label = new.name, _called(new)
    if _is_other_type(old, new):
        yield SchemaChange(Kind.TYPE_CHANGED, name, label, _kind_of(old), _kind_of(new))
    if _must_be_given(new) and not _must_be_given(old):
        yield SchemaChange(Kind.NOW_REQUIRED, name, label)
    if old.editable and not new.editable:
        yield SchemaChange(Kind.READ_ONLY, name, label)
    if old.max_length and new.max_length and new.max_length < old.max_length:
        yield SchemaChange(Kind.SHORTER, name, label, str(old.max_length), str(new.max_length))
    if old.choices and new.choices:  # where one list was not told, nothing is known of what is on it
        yield from _choices(label, name, old.choices, new.choices)


def _choices(label: str, name: str, old: tuple[Choice, ...], new: tuple[Choice, ...]) -> Iterator[SchemaChange]:
    was, now = dict.fromkeys(c.value for c in old), dict.fromkeys(c.value for c in new)
    yield from (SchemaChange(Kind.CHOICE_GONE, name, label, before=value) for value in was if value not in now)
    yield from (SchemaChange(Kind.CHOICE_NEW, name, label, after=value) for value in now if value not in was)


def _must_be_given(field: FieldSchema) -> bool:
    return field.required and field.editable and field.default is None


def _is_other_type(old: FieldSchema, new: FieldSchema) -> bool:
    refers = bool(old.refers_to and new.refers_to and set(old.refers_to) != set(new.refers_to))
    return old.type is not new.type or refers


def _kind_of(field: FieldSchema) -> str:
    return f"{field.type} → {', '.join(field.refers_to)}" if field.refers_to else str(field.type)


def _called(field: FieldSchema) -> str:
    return f"{field.label} ({field.name})" if field.label and field.label != field.name else field.name
