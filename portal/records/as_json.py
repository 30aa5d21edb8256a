"""A record as commands print it and read it: the contract of the issue, and values typed by the module's fields."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.utils.translation import gettext as _

from connectors.query.names import find_exact
from connectors.spelling import canonical
from connectors.types import JSON, ModuleSchema, Record
from connectors.values import strip_secrets
from portal.ui.command import WrongUse, parse_pairs
from portal.ui.wording import translated


def record_as_json(record: Record, fields: Iterable[str] | None = None) -> JSON:
    """Return {"id", "module", "values", "modified"}; of the values only `fields`, where they are given."""
    values = strip_secrets(record.values)
    if fields is not None:
        values = {name: values.get(name) for name in fields}
    return {"id": record.id, "module": record.module, "values": values, "modified": record.modified}


def values_of(pairs: Iterable[str], schema: ModuleSchema) -> dict[str, JSON]:
    """Return canonical values of "field=text" arguments; "field=" clears. A date-time without offset is local in TIME_ZONE.

    Raises WrongUse naming the field whose text cannot be read, QueryError for a field that does not exist.
    """
    values: dict[str, JSON] = {}
    for name, written in parse_pairs(pairs):
        field = find_exact(name, schema)
        try:
            values[field.name] = canonical(field, written, settings.TIME_ZONE)
        except ValueError as e:
            text = _("“%(name)s” %(problem)s. Nothing was sent.")
            raise WrongUse(text % {"name": name, "problem": translated(e)}) from e
    return values
