"""The relations between modules, and the records that hang on another. The rule: what is read of a relation is whole, or it is an
error, though the server tells a hundred records and no more (C2, D18)."""

from __future__ import annotations

from connectors.errors import QueryError
from connectors.types import JSON
from connectors.vtiger.client import VtigerClient
from connectors.vtiger.ranges import Span, read_range
from connectors.vtiger.reading import Reader
from connectors.vtiger.rows import Row
from connectors.vtiger.vtql import PAGE, one_of
from connectors.wording import text as _


class Relations:
    """What the modules of one server are related to, asked once each."""

    def __init__(self, client: VtigerClient) -> None:
        self._client = client
        self._known: dict[str, dict[str, JSON]] = {}

    def label(self, module: str, relation: str) -> str:
        """Return the label of the relation that leads from a module to another. Raises QueryError."""
        if module not in self._known:
            self._known[module] = self._client.relatedtypes(module).get("information") or {}
        known = self._known[module]
        for label, told in known.items():
            if relation in (told.get("name"), label):
                return label
        names = ", ".join(known) or _("none")
        told = _("%(module)s has no relation “%(name)s”. It has: %(names)s.", module=module, name=relation, names=names)
        raise QueryError(told)


def all_related(other: Reader, module: str, id: str, rows: list[Row]) -> list[Row]:
    """Return the rows of a relation of which the first hundred came, when they hang on the record by a field that can be asked
    for. Raises QueryError for other relations."""
    for field in other.schema.fields:
        if module in field.refers_to and all(row.get(field.name) == id for row in rows):
            return read_range(other, Span(0), groups=((one_of(field.name, [id]),),))
    sentence = _(
        "The server tells only the first %(most)s records of %(module)s that hang on %(id)s, and no field leads to the others.",
        most=PAGE,
        module=other.module,
        id=id,
    )
    raise QueryError(sentence)
