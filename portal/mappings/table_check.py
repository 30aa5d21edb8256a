"""What is wrong with a value table, and what a person should know of its rows. PURE. The rule: blanks around a value mean nothing
and are taken away, so that no value misses its row by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from connectors.wording import text as _
from portal.mappings.definition import SideName
from portal.mappings.tables import Table

MOST_ROWS = 5_000
LONGEST = 500  # characters of a value
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing for which a table is refused. `row` counts from 0, None for the table itself; `place` is the column or the
    side it is about."""

    place: str
    text: str
    row: int | None = None


def tidied(table: Table) -> Table:
    """Return the table as it is kept: without blanks around values and without empty rows."""
    pairs = ((left.strip(), right.strip()) for left, right in table.pairs)
    return replace(
        table,
        pairs=tuple(pair for pair in pairs if any(pair)),
        default_left=table.default_left.strip(),
        default_right=table.default_right.strip(),
    )


def flaws(table: Table) -> list[Flaw]:
    """Return why the table cannot be kept; nothing where it can."""
    if len(table.pairs) > MOST_ROWS:
        told = _(
            "It has %(count)s rows, more than the %(most)s a value table may have. Where so many values differ, an expression or a linked record does better.",
            count=str(len(table.pairs)),
            most=str(MOST_ROWS),
        )
        return [Flaw("values", told)]
    found = [
        Flaw(side, trouble, number)
        for number, pair in enumerate(table.pairs)
        for side, value in zip(("left", "right"), pair, strict=True)
        if (trouble := _trouble(value))
    ]
    defaults = {"default_left": table.default_left, "default_right": table.default_right}
    found += [Flaw(name, trouble) for name, value in defaults.items() if (trouble := _trouble(value))]
    if table.unlisted == "default" and not any(defaults.values()):
        found.append(Flaw("default_right", _("Say the default, on one side at least.")))
    return found


def remarks(pairs: Pairs) -> dict[int, list[str]]:
    """Return row -> what a person should know of it: it says what a row above says, another row above counts in its place, or
    a value becomes empty. Rows count from 0 here, and from 1 in the words."""
    found: dict[int, list[str]] = {}
    first: dict[tuple[SideName, str], int] = {}
    for number, (left, right) in enumerate(pairs):
        said = _doubles(number, left, right, first, pairs)
        if not left or not right:
            full = left or right
            said.append(_("“%(value)s” becomes empty on the other side", value=full))
        if said:
            found[number] = said
    return found


def _doubles(number: int, left: str, right: str, first: dict[tuple[SideName, str], int], pairs: Pairs) -> list[str]:
    at = {"left": first.setdefault(("left", left), number), "right": first.setdefault(("right", right), number)}
    above = {side: row for side, row in at.items() if row != number and (left if side == "left" else right)}
    if number != at["left"] and tuple(pairs[at["left"]]) == (left, right):
        return [_("the same as row %(row)s", row=str(at["left"] + 1))]
    said = {
        "left": _("from left to right row %(row)s counts", row=str(at["left"] + 1)),
        "right": _("from right to left row %(row)s counts", row=str(at["right"] + 1)),
    }
    return [said[side] for side in above]


def _trouble(value: str) -> str:
    if len(value) > LONGEST:
        return _("longer than %(most)s characters.", most=str(LONGEST))
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
        return _("holds a line break or another character that no pick list has.")
    return ""
