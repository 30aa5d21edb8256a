"""What shows each line of the vendors' documents: tests/connectors/documents holds, for each vendor, the lines in words (`.tsv`) and
the test, the place in the source or the reason that belongs to each (`.txt`). Knows no Django."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NOT = "not: "  # before the reason why a line cannot be shown


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a vendor's document: `kind` is "op", "param", "error" …, `item` its name, `told` what the document says of it,
    `shown` the places that show it ("file::name") or reasons ("not: …")."""

    id: str
    kind: str
    item: str
    told: str
    shown: tuple[str, ...]


def lines(folder: Path, vendor: str) -> list[Line]:
    """Return all lines of a vendor's document, in its order. Raises KeyError for one that nothing shows."""
    shown = dict(covered(folder, vendor))
    cells = [line.split("\t") for line in (folder / f"{vendor}.tsv").read_text().splitlines()]
    return [Line(row[0], row[1], row[2], row[3] if len(row) > 3 else "", tuple(shown[row[0]])) for row in cells]


def covered(folder: Path, vendor: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the id of each line of a vendor's document with what shows it."""
    for line in (folder / f"{vendor}.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            rows, *shown = (part.strip() for part in line.split("|"))
            yield from ((row, shown) for row in expanded(rows))


def expanded(rows: str) -> Iterator[str]:
    """Yield "RS-001", "RS-002" from "RS-001..RS-002"."""
    for span in rows.split(","):
        first, _, last = span.strip().partition("..")
        kind = first[:3]
        yield from (f"{kind}{n:03}" for n in range(int(first[3:]), int((last or first)[3:]) + 1))
