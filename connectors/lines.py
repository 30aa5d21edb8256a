"""The lines of a sales document. The rule: a value of a line is spelled as its own field says, as everywhere; what only the
server sets is never sent, and an error names the line by its number."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.errors import RecordInvalid
from connectors.types import JSON, FieldSchema
from connectors.wording import joined, said
from connectors.wording import text as _

Spell = Callable[[FieldSchema, JSON], JSON]


def decoded(field: FieldSchema, line: Mapping[str, JSON], decode: Spell) -> JSON:
    """Return a line with the values of the fields that are known of a line in their one spelling; others as they came."""
    return {**line, **{inner.name: decode(inner, line[inner.name]) for inner in field.lines if inner.name in line}}


def canonical(field: FieldSchema, value: JSON, spell: Spell) -> list[JSON]:
    """Return lines as a person or a mapping gave them in their one spelling. Raises ValueError naming line and field."""
    return [_spelled(number, field, line, spell) for number, line in enumerate(_checked(value), start=1)]


def encoded(field: FieldSchema, value: JSON, encode: Spell) -> list[JSON]:
    """Return lines as they are sent, without what only the server sets. Raises ValueError naming line and field."""
    fixed = {inner.name for inner in field.lines if not inner.editable}
    sent = [{name: part for name, part in line.items() if name not in fixed} for line in _checked(value)]
    return [_spelled(number, field, line, encode) for number, line in enumerate(sent, start=1)]


def _checked(value: JSON) -> list[Mapping[str, JSON]]:
    if not (isinstance(value, list) and all(isinstance(line, dict) for line in value)):
        raise ValueError(_("must be a list of objects"))
    return value


def _spelled(number: int, field: FieldSchema, line: Mapping[str, JSON], spell: Spell) -> JSON:
    made, wrong = dict(line), list[str]()
    for inner in (inner for inner in field.lines if inner.name in line):
        try:
            made[inner.name] = spell(inner, line[inner.name])
        except RecordInvalid as e:
            wrong += [_told(inner, why) for why in e.fields.values()]
        except ValueError as e:
            wrong.append(_told(inner, said(e)))
    if wrong:
        raise ValueError(_("holds, in line %(number)s, %(problems)s", number=number, problems=joined(_("; "), wrong)))
    return made


def _told(inner: FieldSchema, why: str) -> str:
    return _("“%(field)s” that %(problem)s", field=inner.label or inner.name, problem=why)
