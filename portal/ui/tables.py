"""Tables that look and work like Django's change list, for rows that are no models of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.safestring import SafeString


@dataclass(frozen=True, slots=True)
class Header:
    """A column's head. `url` sorts by it, "" where it cannot; `direction` is "ascending", "descending" or ""."""

    text: Any
    url: str = ""
    direction: str = ""
    number: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A line: `url` opens it and stands behind the first cell."""

    url: str
    cells: tuple[tuple[SafeString | str, str], ...]  # what is shown, and the CSS class of the cell


def query(params: Mapping[str, str], **changes: str) -> str:
    """Return "?…" with these changes; an empty value is left out, so that addresses stay short."""
    made = QueryDict(mutable=True)
    made.update({name: value for name, value in {**params, **changes}.items() if value})
    return f"?{made.urlencode()}"
