"""References that lead in a circle: a record is made without one that may stay empty for a while, and gets it once its partner
exists; where all of a circle are required, none of its records can be the first. PURE, as `plan` is."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.types import JSON
from connectors.wording import text as _
from portal.mappings.transform import Side
from portal.sync.cases import Terms
from portal.sync.merge import is_written_once


def later(side: Side, awaiting: Mapping[str, JSON], terms: Terms, *, is_new: bool) -> dict[str, JSON]:
    """Return which of the fields that wait for a partner may follow: field -> the mapping and the id it waits for. One that is
    required may where the record is there already."""
    once = {rule.at(side) for rule in terms.definition.rules if is_written_once(rule)}
    return {
        name: waits
        for name, waits in awaiting.items()
        if waits["mapping"] in terms.circles and name not in once and not (is_new and _is_required(side, name, terms))
    }


def never(side: Side, awaiting: Mapping[str, JSON], terms: Terms) -> dict[str, str]:
    """Return which of the fields that wait for a partner wait for ever, unless somebody makes that one by hand: field -> why."""
    return {
        name: _(
            "“%(field)s” refers to the record %(id)s, and that, over “%(mapping)s”, to this one. Each would have to be there before"
            " the other, for the field is required: it can never go by itself.",
            field=name, id=str(waits["id"]), mapping=waits["mapping"],
        )
        for name, waits in awaiting.items()
        if waits["mapping"] in terms.stuck and _is_required(side, name, terms)
    }  # fmt: skip


def _is_required(side: Side, name: str, terms: Terms) -> bool:
    field = terms.places[side].schema.field(name)
    return field is not None and field.required
