"""Whether a new record is there already. The rule: OpenCRM compares nothing (document, "Data Validity / Integrity"), so what a
person makes is looked up first by what tells records of its kind apart; what a sync makes was looked up by its mapping's key.

Where a name does not work in a query string the list itself is looked through, up to LOOKS times what a page may cost; of a
longer one a person is told that it was not looked through, and how to make the record all the same.
"""

from __future__ import annotations

from dataclasses import replace

from connectors.errors import Duplicate, QueryError
from connectors.opencrm.modules import MODULES
from connectors.opencrm.reading import Reader
from connectors.query import And, Condition, Op, Query
from connectors.types import JSON, ModuleSchema, Record, Values
from connectors.wording import joined
from connectors.wording import text as _

LOOKS = 5  # pages of ours, each of at most ten of the server's: 10,000 records


def refuse_twin(reader: Reader, values: Values) -> None:
    """Raise Duplicate, naming it, when there is a record with the key of these canonical values; none of them is sent."""
    key = key_of(reader.schema, values)
    found = first(reader, Query(And(tuple(equal(name, values.get(name)) for name in key)), limit=1)) if key else None
    if found is None:
        return
    described, kind = reader.schema, MODULES[reader.module]
    fields = [field.label for name in key if (field := described.field(name)) and values.get(name) is not None]
    raise Duplicate(
        _(
            "OpenCRM has a record of %(module)s with the same %(fields)s: %(id)s (%(label)s). Nothing was sent. Change that one; to"
            " make a second one all the same, carry out the operation “%(operation)s”.",
            module=kind.label,
            fields=joined(_(", "), fields),
            id=found.id,
            label=" ".join(str(found.values[name]) for name in described.label_fields if found.values.get(name)),
            operation=kind.edits[0],
        ),
        code=found.id,
    )


def key_of(described: ModuleSchema, values: Values) -> tuple[str, ...]:
    """Return the fields by which these values are looked up, those this server has; none where they name no key."""
    keys = ([name for name in key if described.field(name)] for key in MODULES[described.module.name].keys)
    return next((tuple(key) for key in keys if key and values.get(key[0]) is not None), ())


def equal(name: str, value: JSON) -> Condition:
    """Return the condition that a field holds this value; None: nothing."""
    return Condition(name, Op.EMPTY) if value is None else Condition(name, Op.EQ, (value,))


def first(reader: Reader, query: Query) -> Record | None:
    """Return the first record a query finds, however many pages it takes up to LOOKS. Raises QueryError when there are more."""
    for _look in range(LOOKS):
        page = reader.page(query)
        if page.records:
            return page.records[0]
        if page.next_cursor is None:
            return None
        query = replace(query, cursor=page.next_cursor)
    kind = MODULES[reader.module]
    raise QueryError(
        _(
            "OpenCRM has more records of %(module)s than can be looked through for one like this: whether it is there already is"
            " not known. Nothing was sent. Look there; to make it all the same, carry out the operation “%(operation)s”.",
            module=kind.label,
            operation=kind.edits[0],
        )
    )
