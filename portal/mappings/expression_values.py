"""What an expression may see of a record, and how much it may do with it. The rule: plain JSON goes in and comes out, copied,
and every piece of work is paid for in advance out of a fixed sum, so that no expression runs long or grows large."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connectors.spelling import as_text
from connectors.types import JSON
from connectors.wording import said
from connectors.wording import text as _

LONGEST = 100_000  # characters of a result, of each filter's too
DEEPEST = 20  # lists and objects within each other
WORK = 2_000_000  # a unit is some 30 ns on a slow processor, so that 200 ms are never reached: see the tests
_ITEM = 20  # what a list's item costs beside its characters
_STEP = 100  # what a step costs, however short the value
_LARGEST = 10**60  # no CRM has larger numbers, and Python refuses to write those of 4,300 digits


class ExpressionError(ValueError):
    """An expression that cannot be understood, or not be carried out for this record: one sentence for a person."""


class Number(str):
    """A number written without quotes in an expression: text like every number, but compared as a number."""

    __slots__ = ()


def _no_tables(table: str, value: JSON) -> JSON:
    raise ValueError(_("is not in the value table “%(table)s”, which does not exist", table=table))


@dataclass(frozen=True, slots=True)
class Given:
    """What an expression may use besides the record: the IANA zone of the side's people, the region of its phone numbers,
    and the value tables. `lookup` (table, value) raises ValueError saying why for what is not in the table."""

    zone: str = "UTC"
    region: str = "GB"
    lookup: Callable[[str, JSON], JSON] = _no_tables


class Evaluation:
    """One expression carried out for one record: what it sees, and the work it may still do. Lives for one call only."""

    __slots__ = ("_left", "given", "names", "text", "values")

    def __init__(self, text: str, values: Mapping[str, JSON], given: Given) -> None:
        self.text = text
        self.values = values
        self.given = given
        self.names: dict[str, JSON] = {}  # of {% with %}
        self._left = WORK

    def spend(self, work: int, value: JSON) -> None:
        """Take this much from what may still be done. Raises ExpressionError when it is used up."""
        self._left -= work + _STEP
        if self._left < 0:
            told = _("“%(expression)s” has too much to do with %(value)s: use fewer filters or shorter values.", expression=cut(self.text), value=shown(value))  # fmt: skip
            raise ExpressionError(told)

    def field(self, name: str) -> JSON:
        """Return a copy of what the record holds in the field, None where it holds nothing."""
        value = self.values.get(name)
        try:
            return self.copied(value)
        except ExpressionError:
            raise
        except ValueError as e:
            told = _("“%(expression)s”: the field “%(field)s” holds %(value)s, which %(problem)s.", expression=cut(self.text), field=cut(name), value=shown(value), problem=said(e))  # fmt: skip
            raise ExpressionError(told) from e

    def copied(self, value: JSON, depth: int = 0) -> JSON:
        """Return a copy made of nothing but plain JSON: what is done to it leaves the record as it is. Raises ValueError."""
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, str):
            return str(value)
        if isinstance(value, int) and abs(value) < _LARGEST:
            return value
        if depth == DEEPEST:
            raise ValueError(_("is nested too deeply"))
        if isinstance(value, list | tuple):
            self.spend(_ITEM * len(value), value)
            return [self.copied(part, depth + 1) for part in value]
        if isinstance(value, dict):
            self.spend(_ITEM * len(value), value)
            return {name: self.copied(part, depth + 1) for name, part in value.items() if isinstance(name, str)}
        raise ValueError(_("is of a kind that expressions cannot use"))

    def written(self, value: JSON) -> str:
        """Return a value as it stands within other text."""
        self.spend(size(value), value)
        return text_of(value)

    def result(self, value: JSON) -> JSON:
        """Return what the whole expression becomes: nothing but blanks is nothing. Raises ExpressionError."""
        if size(value) > LONGEST:
            told = _("“%(expression)s” becomes longer than %(limit)s characters: %(value)s.", expression=cut(self.text), limit=LONGEST, value=shown(value))  # fmt: skip
            raise ExpressionError(told)
        if isinstance(value, str):
            return str(value) if value.strip() else None
        return value


def is_nothing(value: JSON) -> bool:
    """Say whether a value is empty: None, no characters but blanks, no items. False and 0 are something."""
    return value is None or (isinstance(value, str) and not value.strip()) or value in ([], {})


def size(value: JSON) -> int:
    """Return how large a value is, in characters and what is as much work."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(_ITEM + size(part) for part in value)
    if isinstance(value, dict):
        return sum(_ITEM + len(name) + size(part) for name, part in value.items())
    return _ITEM


def text_of(value: JSON) -> str:
    """Return any value as people read it: a list's items with commas between them, objects as JSON."""
    if value is None:
        return ""
    if isinstance(value, list) and not any(isinstance(part, list | dict) for part in value):
        return ", ".join(text_of(part) for part in value if not is_nothing(part))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else as_text(value)


def one_text(value: JSON) -> str:
    """Return one value as text. Raises ValueError for a list or an object."""
    if isinstance(value, list | dict):
        raise ValueError(_("is not one text but several values"))
    return text_of(value)


def cut(text: str) -> str:
    """Return at most 60 characters of a text, for a message."""
    return text if len(text) <= 60 else text[:60] + "…"


def shown(value: JSON) -> str:
    """Return a value for a message: at most 60 characters, whatever it is."""
    if value is None:
        return _("nothing")
    if isinstance(value, str):
        return f"“{cut(value)}”"
    try:
        return f"“{cut(reprlib.repr(value))}”"
    except ValueError:  # Python does not write out a number of more than 4,300 digits
        return f"“{type(value).__name__}”"
