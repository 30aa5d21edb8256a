"""What a person may want to know about a filter that is right all the same."""

from __future__ import annotations

from connectors.query.filters import Condition, Filter, Op, conditions
from connectors.query.names import find_exact
from connectors.types import FieldType, ModuleSchema
from connectors.wording import text as _

_WHOLE = {Op.EQ, Op.NE, Op.IN, Op.NOT_IN}  # these compare with whole values, the others with any text
MOST = 10  # choices named


def unlisted(filter: Filter | None, schema: ModuleSchema) -> list[str]:
    """Return a sentence for each value that the CRM's list of choices does not name: it was taken from the list while records
    still hold it, or it is mistyped."""
    return [sentence for condition in conditions(filter) for sentence in _about(condition, schema)]


def _about(condition: Condition, schema: ModuleSchema) -> list[str]:
    field = find_exact(condition.field, schema)
    whole = _WHOLE | ({Op.CONTAINS} if field.type is FieldType.MULTICHOICE else set())
    if field.type not in {FieldType.CHOICE, FieldType.MULTICHOICE} or not field.choices or condition.op not in whole:
        return []
    known = {choice.value for choice in field.choices}
    names = ", ".join(c.value for c in field.choices[:MOST]) + (", …" if len(field.choices) > MOST else "")
    return [
        _(
            "“%(value)s” is none of the choices of “%(field)s” (%(names)s). It is looked for as it is written.",
            value=str(value),
            field=field.name,
            names=names,
        )
        for value in condition.values
        if value not in known
    ]
