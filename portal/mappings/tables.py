"""Value tables: which value of one CRM is which of the other, both ways. PURE. The rule: a value that stands in no row is
never guessed; what then happens is said in the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from connectors.query import fold
from connectors.types import JSON
from connectors.wording import text as _
from portal.mappings.definition import SideName

UNLISTED = ("error", "keep", "default", "append")


@dataclass(frozen=True, slots=True)
class Table:
    """A value table. `pairs` are (left, right) values in the order of its rows; where a value stands in several rows the
    first counts. `unlisted` (UNLISTED) says what becomes of a value in none: an error of its record, kept as it is,
    `default_left`/`default_right`, or appended to the target's own list."""

    name: str
    pairs: tuple[tuple[str, str], ...]
    unlisted: str = "error"
    default_left: str = ""
    default_right: str = ""
    _found: Mapping[SideName, Mapping[str, str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_found", {"right": _index(self.pairs), "left": _index((b, a) for a, b in self.pairs)})

    def look_up(self, value: JSON, target: SideName) -> JSON:
        """Return what the value is on the target's side, item by item for a list; None for nothing. Raises ValueError."""
        if isinstance(value, list):
            return [self.look_up(part, target) for part in value]
        return None if value is None else self._one(as_text(value), target)

    def knows(self, value: JSON, target: SideName) -> bool:
        """Say whether the value stands in a row."""
        return self._row(as_text(value), target) is not None

    def unlisted_of(self, value: JSON, target: SideName) -> list[str]:
        """Return which of the values (several for a list) stand in no row."""
        parts = value if isinstance(value, list) else [value]
        return [as_text(part) for part in parts if part is not None and not self.knows(part, target)]

    def _one(self, value: str, target: SideName) -> JSON:
        found = self._row(value, target)
        if found is not None:
            return found or None
        if self.unlisted in ("keep", "append"):
            return value
        if self.unlisted == "default":
            return (self.default_left if target == "left" else self.default_right) or None
        raise ValueError(_("stands in no row of the value table “%(name)s”", name=self.name))

    def _row(self, value: str, target: SideName) -> str | None:
        rows = self._found[target]
        return rows.get(value, rows.get(fold(value)))


def _index(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return value -> partner: exactly as written first, else whatever the case and the script of digits and letters."""
    exact: dict[str, str] = {}
    folded: dict[str, str] = {}
    for value, partner in pairs:
        exact.setdefault(value, partner)
        folded.setdefault(fold(value), partner)
    return {**folded, **exact}


def as_text(value: JSON) -> str:
    """Return a value as a table spells it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
