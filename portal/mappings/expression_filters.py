"""What a filter of expressions is and how it is carried out: what it takes, what its argument may be, what it costs. The
rules: nothing stays nothing, a list is done item by item, and a filter that cannot go on says why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from connectors.types import JSON
from connectors.wording import said
from connectors.wording import text as _
from portal.mappings.expression_values import (
    LONGEST,
    Evaluation,
    ExpressionError,
    Given,
    cut,
    is_nothing,
    one_text,
    shown,
    size,
)

REQUIRED: Final = object()
Reader = Callable[[JSON], Any]


def counted(flat: int = 0, each: int = 1) -> Callable[[JSON], int]:
    """Return what tells the work of a filter: so much for each call, so much for each character."""
    return lambda value: flat + each * size(value)


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter. `does` (value, argument, given) returns the new value, or raises ValueError with what goes on after "which".

    `takes`: "text" and "item" are called for each item of a list, with its text or with the item itself; "value" for the
    whole value. `reads` makes the argument of what was written, None where there is none; `absent` stands for one left out.
    `work` says how much one call of it is, in the units of `Evaluation.spend`.
    """

    does: Callable[[Any, Any, Given], JSON]
    reads: Reader | None = None
    absent: JSON = REQUIRED
    takes: Literal["text", "item", "value"] = "text"
    even_nothing: bool = False
    fixed: bool = False  # the argument must stand in the expression itself, not in a field
    work: Callable[[JSON], int] = size


@dataclass(frozen=True, slots=True)
class Step:
    """A filter with its argument, as it stands in an expression. `argument` is what `reads` returned."""

    name: str
    filter: Filter

    def apply(self, value: JSON, argument: Any, evaluation: Evaluation) -> JSON:
        """Return what the filter makes of the value. Raises ExpressionError."""
        if isinstance(value, list) and self.filter.takes != "value":
            evaluation.spend(size(value), value)
            made = [self.apply(part, argument, evaluation) for part in value]
            return [part for part in made if part is not None]
        if is_nothing(value) and not self.filter.even_nothing:
            return None
        try:
            taken = one_text(value) if self.filter.takes == "text" else value
            evaluation.spend(self.filter.work(taken) + _size_of_argument(argument), value)
            made = self.filter.does(taken, argument, evaluation.given)
            if size(made) > LONGEST:
                raise ValueError(_("becomes longer than %(limit)s characters", limit=LONGEST))
        except ExpressionError:
            raise
        except ValueError as e:
            raise self.refused(value, e, evaluation) from e
        evaluation.spend(size(made), value)
        return made

    def read(self, argument: JSON, evaluation: Evaluation) -> Any:
        """Return the argument that a field holds, as the filter wants it. Raises ExpressionError."""
        assert self.filter.reads is not None
        try:
            return self.filter.reads(argument)
        except ValueError as e:
            told = _("“%(expression)s”: the filter “%(filter)s” was told to use %(value)s, which %(problem)s.", expression=cut(evaluation.text), filter=self.name, value=shown(argument), problem=said(e))  # fmt: skip
            raise ExpressionError(told) from e

    def refused(self, value: JSON, error: ValueError, evaluation: Evaluation) -> ExpressionError:
        """Return the error that says what was wrong with which value."""
        told = _("“%(expression)s”: the filter “%(filter)s” was given %(value)s, which %(problem)s.", expression=cut(evaluation.text), filter=self.name, value=shown(value), problem=said(error))  # fmt: skip
        return ExpressionError(told)


def _size_of_argument(argument: Any) -> int:
    return size(argument) if isinstance(argument, str | list | dict) else 0


def anything(argument: JSON) -> JSON:
    """Read any argument, a list too."""
    return argument


def a_text(argument: JSON) -> str:
    """Read an argument that is text."""
    return one_text(argument)


def whole(least: int, most: int) -> Reader:
    """Return what reads an argument that is a whole number between these."""

    def read(argument: JSON) -> int:
        text = one_text(argument).strip()
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 9 and least <= int(text) <= most):
            raise ValueError(_("is not a whole number from %(least)s to %(most)s", least=least, most=most))
        return int(text)

    return read
