"""Documents (YAML, JSON) that describe value tables, read as strictly as those of mappings."""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext as _

from connectors.types import JSON
from portal.mappings.document import BadDocument, list_of, mapping_of, one_of, text_of
from portal.mappings.table_check import flaws, tidied
from portal.mappings.tables import UNLISTED, Table
from portal.ui.wording import translated

TABLE_KEYS = ("name", "description", "unlisted", "default_left", "default_right", "values")
NAME = re.compile(r"[-\w]{1,100}")  # what the model's slug field takes


def read_table(document: JSON, place: str) -> tuple[Table, str]:
    """Return the value table that a document describes, and what it is for. `values` are {left: …, right: …}, one a row, or an
    object of left values and their right ones. Raises BadDocument with the place of what is wrong."""
    found = mapping_of(document, place, TABLE_KEYS, ("name",))
    name = text_of(found["name"], f"{place}.name")
    if not NAME.fullmatch(name):
        text = _("“%(name)s” is no name: letters, digits, “-” and “_” only, 100 at most.") % {"name": name}
        raise BadDocument(f"{place}.name", text)
    said = {key: text_of(found.get(key) or "", f"{place}.{key}") for key in ("default_left", "default_right")}
    unlisted = one_of(found.get("unlisted", "error"), f"{place}.unlisted", UNLISTED)
    table = Table(name, _read_values(found.get("values"), f"{place}.values"), unlisted, **said)
    for flaw in flaws(tidied(table)):
        row = "" if flaw.row is None else f"values[{flaw.row}]."
        raise BadDocument(f"{place}.{row}{flaw.place}", translated(flaw.text))
    return tidied(table), _read_description(found.get("description") or "", f"{place}.description")


def _read_description(document: JSON, place: str) -> str:
    text = text_of(document, place).strip()
    if len(text) > 200:
        raise BadDocument(place, _("longer than 200 characters."))
    return text


def _read_values(document: JSON, place: str) -> tuple[tuple[str, str], ...]:
    if isinstance(document, dict):
        return tuple((_value(key, place), _value(value, f"{place}.{key}")) for key, value in document.items())
    return tuple(_read_pair(pair, f"{place}[{number}]") for number, pair in enumerate(list_of(document, place)))


def _read_pair(document: JSON, place: str) -> tuple[str, str]:
    found: dict[str, Any] = mapping_of(document, place, ("left", "right"))
    left, right = (_value(found.get(side), f"{place}.{side}") for side in ("left", "right"))
    if not left.strip() and not right.strip():
        raise BadDocument(place, _("both sides are empty."))
    return left, right


def _value(value: JSON, place: str) -> str:
    """Return the value. A number or a yes is refused, as YAML may have read something else than what stands there."""
    if value is not None and not isinstance(value, str):
        text = _("expected text: write it between quotation marks, or it is read as a number, a date or a yes.")
        raise BadDocument(place, text)
    return value or ""
