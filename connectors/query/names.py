"""Which field a name means, and which operators a field takes. A wrong one is a QueryError that suggests the nearest."""

from __future__ import annotations

from difflib import get_close_matches

from connectors.errors import QueryError
from connectors.query.filters import Op
from connectors.query.folding import fold
from connectors.types import NUMBER_TYPES, TEXT_TYPES, FieldSchema, FieldType, ModuleSchema
from connectors.wording import text as _

ID_FIELD = FieldSchema(
    "id", "Id", FieldType.ID, editable=False
)  # every record has one, whether its schema tells or not
ID_TYPES = frozenset({FieldType.ID, FieldType.REFERENCE, FieldType.OWNER})
POINT_TYPES = frozenset({FieldType.DATE, FieldType.TIME, FieldType.DATETIME})

_EQUAL = frozenset({Op.EQ, Op.NE, Op.IN, Op.NOT_IN})
_RANGE = frozenset({Op.LT, Op.LE, Op.GT, Op.GE, Op.BETWEEN})
_PARTS = frozenset({Op.CONTAINS, Op.STARTS, Op.ENDS})
_EMPTY = frozenset({Op.EMPTY, Op.NOT_EMPTY})
OPERATORS: dict[FieldType, frozenset[Op]] = {
    **dict.fromkeys(TEXT_TYPES | ID_TYPES | {FieldType.CHOICE}, _EQUAL | _RANGE | _PARTS | _EMPTY),
    **dict.fromkeys(NUMBER_TYPES | POINT_TYPES, _EQUAL | _RANGE | _EMPTY),
    FieldType.BOOLEAN: _EQUAL | _EMPTY,
    FieldType.MULTICHOICE: _EQUAL | _EMPTY | {Op.CONTAINS},
    FieldType.LINES: _EMPTY,
    FieldType.JSON: _EMPTY,
}
UNSORTED = frozenset({FieldType.MULTICHOICE, FieldType.LINES, FieldType.JSON})


def find_field(name: str, schema: ModuleSchema, *, position: int | None = None) -> FieldSchema:
    """Return the field meant: by exact name, name in any case, `id modified created owner`, or label. Raises QueryError."""
    wanted, told = fold(name), name[:60]
    for found in (
        [f for f in schema.fields if f.name == name],
        [f for f in schema.fields if fold(f.name) == wanted],
        _pseudo(wanted, schema),
        [f for f in schema.fields if f.label and fold(f.label) == wanted],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(f.name for f in found)
            sentence = _("“%(name)s” may mean several fields: %(names)s. Write one of these.", name=told, names=names)
            raise QueryError(sentence, position=position)
    known = {fold(n): n for f in schema.fields for n in (f.label, f.name)}
    near = get_close_matches(wanted[:100], known, n=1, cutoff=0.5)
    sentence = _("There is no field “%(name)s” in %(module)s.", name=told, module=schema.module.label)
    if near:
        hint = _("Did you mean “%(name)s”?", name=known[near[0]])
        sentence = _("%(sentence)s %(hint)s", sentence=sentence, hint=hint)
    raise QueryError(sentence, position=position)


def _pseudo(wanted: str, schema: ModuleSchema) -> list[FieldSchema]:
    special = {"modified": schema.modified_field, "created": schema.created_field, "owner": schema.owner_field}
    if wanted == "id":
        return [next((f for f in schema.fields if f.type is FieldType.ID), ID_FIELD)]
    return [f for f in schema.fields if f.name == special.get(wanted)]


def check_operator(field: FieldSchema, op: Op, *, position: int | None = None) -> None:
    """Raise QueryError when that type of field does not take that operator, naming those it takes."""
    if op not in OPERATORS[field.type]:
        able = ", ".join(str(o) for o in Op if o in OPERATORS[field.type])
        sentence = _(
            "“%(op)s” cannot be asked of “%(field)s”, a %(type)s field. It takes: %(able)s.",
            op=op, field=field.name, type=field.type, able=able,
        )  # fmt: skip
        raise QueryError(sentence, position=position)


def check_sortable(field: FieldSchema, *, position: int | None = None) -> None:
    """Raise QueryError for a field whose values have no order."""
    if field.type in UNSORTED:
        sentence = _("“%(field)s”, a %(type)s field, cannot be sorted by.", field=field.name, type=field.type)
        raise QueryError(sentence, position=position)


def find_exact(name: str, schema: ModuleSchema) -> FieldSchema:
    """Return the field of exactly that name; "id" is always there. Raises QueryError."""
    found = schema.field(name) or (ID_FIELD if name == ID_FIELD.name else None)
    if found is None:
        near = find_field(name, schema)  # raises, with a suggestion, unless it is only spelt differently
        sentence = _("There is no field “%(name)s” in %(module)s.", name=name, module=schema.module.label)
        hint = _("Did you mean “%(name)s”?", name=near.name)
        raise QueryError(_("%(sentence)s %(hint)s", sentence=sentence, hint=hint))
    return found
