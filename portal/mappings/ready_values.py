"""Whether what one field holds can be carried into another, before a record fails by it. PURE: knows no Django, no database, no
vendor. The rule: what is known of the values is tried as a run would; what is not known is not hoped for."""

from __future__ import annotations

from connectors.types import JSON, NUMBER_TYPES, TEXT_TYPES, FieldSchema, FieldType
from connectors.wording import text as _
from portal.mappings.convert import convert
from portal.records.profile import FieldProfile

_SHOWN = 5
_STRICT = NUMBER_TYPES | {FieldType.BOOLEAN, FieldType.DATE, FieldType.TIME, FieldType.DATETIME}
_CHOICES = frozenset({FieldType.CHOICE, FieldType.MULTICHOICE})


def why_not(origin: FieldSchema, target: FieldSchema, seen: FieldProfile | None) -> str:
    """Return why a rule between the two would make records fail; "" where nothing speaks for that. `seen` is what the origin's
    mirror holds, None where there is none."""
    if lost := [value for value in known_values(origin, seen) if not _fits(value, origin, target)]:
        named = ", ".join(f"“{value}”" for value in lost[:_SHOWN]) + (", …" if len(lost) > _SHOWN else "")
        if target.choices:
            return _("no choice of “%(field)s” is called %(values)s: make a value table", field=target.label, values=named)  # fmt: skip
        return _("“%(field)s” does not take %(values)s", field=target.label, values=named)
    if _may_fail(origin, target) and not (seen and seen.filled):
        return _("not everything fits “%(field)s”, and no record was read that shows what there is", field=target.label)
    if seen and target.max_length and seen.longest > target.max_length and not target.required:
        most, longest = str(target.max_length), str(seen.longest)
        return _("“%(field)s” takes %(most)s characters, and there are %(longest)s", field=target.label, most=most, longest=longest)  # fmt: skip
    return ""


def known_values(origin: FieldSchema, seen: FieldProfile | None) -> list[JSON]:
    """Return every value that is known to come: the pick list's own, and what records hold."""
    if origin.type is FieldType.BOOLEAN:
        return [True, False]
    listed = [choice.value for choice in origin.choices]
    return list(dict.fromkeys([*listed, *(value for value, _n in (seen.frequent if seen else ()))]))


def _fits(value: JSON, origin: FieldSchema, target: FieldSchema) -> bool:
    if target.required and target.type in TEXT_TYPES and origin.type in TEXT_TYPES:
        return True  # a name that is too long is refused by itself; without the rule no record could be made
    try:
        convert([value] if origin.type is FieldType.MULTICHOICE else value, origin, target)
    except ValueError:
        return False
    return True


def _may_fail(origin: FieldSchema, target: FieldSchema) -> bool:
    """Say whether values nobody has seen might not fit."""
    if target.type in _CHOICES and target.choices and origin.type is not FieldType.BOOLEAN:
        return not origin.choices or (origin.type is FieldType.MULTICHOICE and target.type is FieldType.CHOICE)
    if target.type is FieldType.INTEGER and origin.type in NUMBER_TYPES - {FieldType.INTEGER}:
        return True
    return target.type in _STRICT and origin.type in TEXT_TYPES | _CHOICES and not origin.choices
