"""The three shapes in which the mobile API sends a record, made the flat one of the webservice; and the way back.

Flat with references as {"value", "label"}; grouped in blocks of fields; a row of a list with a bare number as its id. The
rule: what an answer did not carry stays absent (facts §2, §6; vtiger-facts G5–G9).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from connectors.types import JSON
from connectors.vtiger.rows import Row

# Where a purifier of HTML would bite; as escapes it sees nothing, and JSON reads them as what they are (G9).
BITTEN = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def plain(value: JSON) -> JSON:
    """Return a value as the webservice spells it: of a reference its id, "" for nothing."""
    if isinstance(value, dict) and "value" in value:
        value = value["value"]
    return "" if value is None else value


def label(value: JSON) -> str:
    """Return what a person reads of a reference or owner, "" where the answer told none."""
    return str(value.get("label") or "") if isinstance(value, dict) else ""


def flat(record: Mapping[str, JSON]) -> Row:
    """Return a record of any of the shapes as one flat row."""
    row: Row = {name: plain(value) for name, value in record.items() if name not in ("blocks", "labelFields")}
    return row | {str(field["name"]): plain(field.get("value")) for _block, field in fields(record)}


def fields(record: Mapping[str, JSON]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (label of the block, field) for every field of a grouped record; blocks may be empty."""
    for block in record.get("blocks") or []:
        if isinstance(block, dict):
            for field in block.get("fields") or []:
                if isinstance(field, dict) and field.get("name"):
                    yield str(block.get("label") or ""), field


def sections(record: Mapping[str, JSON]) -> dict[str, str]:
    """Return field name → label of its block."""
    return {str(field["name"]): block.rstrip(": ") for block, field in fields(record)}


def asked(rows: list[Row], statement: str) -> list[Row]:
    """Return the rows of a query with the columns it asked for: the server adds references nobody asked for, as null."""
    columns = statement[len("SELECT ") :].partition(" FROM ")[0].split(",")
    names = {column.strip() for column in columns} | {"id"}
    return [{name: plain(value) for name, value in row.items() if "*" in names or name in names} for row in rows]


def as_values(element: JSON) -> str:
    """Return the JSON of `values`, say, in which no character is left that the server's purifier would cut or encode."""
    text = orjson.dumps(element).decode()
    for character, escape in BITTEN.items():
        text = text.replace(character, escape)
    return text


def number(id: str) -> str:
    """Return the second part of an id: deleting wants it bare (G10)."""
    return id.partition("x")[2]
