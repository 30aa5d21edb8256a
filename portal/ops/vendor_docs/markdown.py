"""Pieces of Markdown: rows of tables, links to headings, and words that must not turn into markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield a table and an empty line; nothing at all where there are no rows."""
    found = [row(*cells) for cells in rows]
    if found:
        names = tuple(heads)
        yield from (row(*names), "|---" * len(names) + "|", *found, "")


def row(*cells: str) -> str:
    """Return one row of a table."""
    return f"| {' | '.join(str(text).replace('|', chr(92) + '|') for text in cells)} |"


def code(names: Iterable[str]) -> str:
    """Return names as code, with commas between."""
    return ", ".join(f"`{name}`" for name in names)


def plain(text: str) -> str:
    """Return words as they are: what stands outside of code and would be read as a tag or as emphasis is kept from it."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([<*])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def anchor(heading: str) -> str:
    """Return the name by which a heading is linked to."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
