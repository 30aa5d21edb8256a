"""The filters of numbers. The rule: numbers are text and decimals, never floats, so that no cent is lost; what could be read
in two ways is read in the one that the expression names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Context, Decimal

from connectors.spelling import ARABIC_DIGITS, ASCII_DIGITS, NOT_A_NUMBER, PERSIAN_DIGITS, canonical_number
from connectors.types import JSON
from connectors.wording import text as _
from portal.mappings.expression_filters import Filter, a_text, counted, whole
from portal.mappings.expression_values import Given, one_text

_MOST_DIGITS = 60  # twice as many are exact in _EXACT, as a product needs
_EXACT = Context(prec=200, rounding=ROUND_HALF_UP)
_PLACES_OF_A_QUOTIENT = 20
_TO_PERSIAN = str.maketrans("0123456789" + ARABIC_DIGITS, PERSIAN_DIGITS * 2)
_GROUPED = {
    ".": re.compile(r"([+-]?[0-9]{1,3}(,[0-9]{3})+|[+-]?[0-9]*)(\.[0-9]*)?", re.ASCII),
    ",": re.compile(r"([+-]?[0-9]{1,3}(\.[0-9]{3})+|[+-]?[0-9]*)(,[0-9]*)?", re.ASCII),
}


def number_of(value: JSON) -> Decimal:
    """Return the number that a canonical text says, in any digits. Raises ValueError."""
    text = one_text(value)
    if len(text) > 2 * _MOST_DIGITS:
        raise ValueError(_("has more than %(count)s digits", count=_MOST_DIGITS))
    number = canonical_number(text)
    if len(number) > _MOST_DIGITS:
        raise ValueError(_("has more than %(count)s digits", count=_MOST_DIGITS))
    return Decimal(number)


def _told(number: Decimal) -> str:
    return canonical_number(format(number, "f"))


def _sign_of(argument: JSON) -> str:
    sign = one_text(argument).strip()
    if sign not in _GROUPED:
        raise ValueError(_("is not the sign before the decimals, which is “.” or “,”"))
    return sign


def _number(value: str, sign: str, _given: Given) -> str:
    if len(value) > 4 * _MOST_DIGITS:
        raise ValueError(NOT_A_NUMBER)
    # ٫ is a decimal sign and ٬ stands between thousands wherever they are written; blanks, apostrophes and currencies say nothing.
    plain = value.translate(ASCII_DIGITS).translate({ord("٫"): sign, ord("٬"): None, ord("−"): "-", ord("٪"): "%"})
    plain = "".join(c for c in plain if not (c.isspace() or c in "'’_" or unicodedata.category(c) == "Sc"))
    plain = plain.removesuffix("%")
    if not _GROUPED[sign].fullmatch(plain):
        example = "1,234.50" if sign == "." else "1.234,50"
        raise ValueError(_("is not a number such as %(example)s", example=example))
    thousands = "," if sign == "." else "."
    return _told(number_of(plain.replace(thousands, "").replace(sign, ".")))


def _round(value: str, places: int, _given: Given) -> str:
    return _told(number_of(value).quantize(Decimal(1).scaleb(-places), context=_EXACT))


def _calculated(calculate: Callable[[Decimal, Decimal], Decimal]) -> Filter:
    return Filter(lambda value, other, given: _told(calculate(number_of(value), other)), number_of, work=counted(500))


def _divided(value: Decimal, by: Decimal) -> Decimal:
    if by == 0:
        raise ValueError(_("cannot be divided by 0"))
    return _EXACT.divide(value, by).quantize(Decimal(1).scaleb(-_PLACES_OF_A_QUOTIENT), context=_EXACT)


def _thousands(value: str, separator: str, _given: Given) -> str:
    return format(number_of(value), ",f").replace(",", separator)


FILTERS: Mapping[str, Filter] = {
    "number": Filter(_number, _sign_of, absent=".", work=counted(3_000)),
    "round": Filter(_round, whole(0, 20), absent="0", work=counted(500)),
    "plus": _calculated(_EXACT.add),
    "minus": _calculated(_EXACT.subtract),
    "multiply": _calculated(_EXACT.multiply),
    "divide": _calculated(_divided),
    "thousands": Filter(_thousands, a_text, absent=",", work=counted(500)),
    "digits": Filter(lambda value, argument, given: value.translate(ASCII_DIGITS), work=counted(each=8)),
    "persian_digits": Filter(lambda value, argument, given: value.translate(_TO_PERSIAN), work=counted(each=8)),
}
