"""What stands in a plan for the id of a record that is not there yet: by whom it refers, and which mapping makes it. PURE."""

from __future__ import annotations

from collections.abc import Callable

from connectors.types import JSON

PROMISED = "promised"  # in an entry's evidence: it holds promises, or held some


def promise(mapping: str, id: str, record: str) -> dict[str, JSON]:
    """Return what stands for the partner of the record with that id, which the mapping makes; or, where `record` exists already,
    links."""
    return {"made_by": mapping, "of": id, "record": record}


def is_promise(value: JSON) -> bool:
    """Say whether the value stands for a record that will be there."""
    return isinstance(value, dict) and value.keys() == {"made_by", "of", "record"}


def promises_in(value: JSON) -> list[dict[str, str]]:
    """Return the promises in a value, or in values: also those in the lines of a sales document."""
    if is_promise(value):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [found for part in parts for found in promises_in(part)]


def kept(value: JSON, partner: Callable[[str, str], JSON]) -> JSON:
    """Return the value with the id in place of each promise whose partner is known by now; `partner` is asked for the mapping and
    the id."""
    if is_promise(value):
        found = partner(value["made_by"], value["of"])
        return value if found is None else found
    if isinstance(value, dict):
        return {name: kept(part, partner) for name, part in value.items()}
    return [kept(part, partner) for part in value] if isinstance(value, list) else value
