"""Who has a phone number, by the keyword search the document shows for it. The rule: the server finds a number only as it is
spelled there ("spaces, brackets etc could all cause problems"), so it is asked for the last digits, which most spellings keep
together, then for the number as it was typed; and what it brings is compared here, digit by digit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from connectors.errors import QueryError
from connectors.opencrm.modules import MODULES
from connectors.opencrm.reading import Reader
from connectors.opencrm.rows import Row
from connectors.opencrm.schema import catalogued
from connectors.paging import prefetch
from connectors.spelling import ASCII_DIGITS
from connectors.types import FieldType, Record
from connectors.wording import text as _

LOOKS = 5  # pages of each list, of 200 records: a person waits
LAST = 4  # digits that stand together in most spellings
PHONED = tuple(name for name in MODULES if any(field.type is FieldType.PHONE for field in catalogued(name)))
ENOUGH = 7  # digits of a number without its country and area: fewer are compared whole


def having(modules: Iterable[Reader], text: str, workers: int) -> list[Record]:
    """Return the records of these modules that have that number in one of their phone fields; none for a text without digits.
    Raises QueryError when none was found and some list was too long to be looked through."""
    number = digits(text)
    if not number:
        return []
    readers, cut = list(modules), False
    typed = " ".join(text.translate(ASCII_DIGITS).split())
    for keywords in dict.fromkeys(([number[-LAST:]] if len(number) >= ENOUGH else []) + [typed, number]):
        lists = prefetch(lambda pages: pages.some(LOOKS), [r.pages(keywords=keywords) for r in readers], workers)
        brought = list(zip(readers, lists, strict=True))
        if found := [r for reader, (rows, whole) in brought for r in matching(reader, rows, number)]:
            return found
        cut = cut or not all(whole for reader, (rows, whole) in brought)
    if cut:
        raise QueryError(
            _("OpenCRM finds too many records by “%(text)s” to look through all: type more of it.", text=text[:40])
        )
    return []


def matching(reader: Reader, rows: Sequence[Row], number: str) -> list[Record]:
    """Return the rows that hold the number, as records."""
    records = reader.records(rows)
    names = [field.name for field in reader.schema.fields if field.type is FieldType.PHONE]
    return [
        record for record in records if any(is_same(digits(str(record.values.get(n) or "")), number) for n in names)
    ]


def digits(text: str) -> str:
    """Return a number's digits without what is dialled before it: "+44 (0)20 7946 0018", "020 7946 0018" -> "…2079460018"."""
    plain = text.translate(ASCII_DIGITS).replace("(0)", "")
    return re.sub(r"[^0-9]", "", plain).lstrip("0")


def is_same(one: str, other: str) -> bool:
    """Say whether two numbers are one, of which either may lack its country or area."""
    shorter, longer = sorted((one, other), key=len)
    return one == other or (len(shorter) >= ENOUGH and longer.endswith(shorter))
