"""What the values of each field look like: how full, how different, which most often. PURE: knows no Django, no database. The
rule: however many records are looked at, what is remembered of a field stays small; and nothing is told of a password.

Which values are remembered does not hang on luck: the same records in any order have the same samples.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from heapq import heappush, heapreplace

from connectors.query import fold
from connectors.types import JSON, NUMBER_TYPES, FieldSchema, FieldType, ModuleSchema, Values
from connectors.values import is_secret_field

COUNTED = 1_000  # different values of a field that are counted
SHOWN = 30  # of those, the most frequent ones that are kept
SAMPLES = 5
SKETCHED = 128
CUT = 200  # characters: a longer text is no entry of a pick list and no key
_HASHES = 2.0**64
_MOMENTS = frozenset({FieldType.DATE, FieldType.TIME, FieldType.DATETIME})  # their canonical texts sort as they are
_PUNCTUATION = re.compile(r"[\W_]+")
_NUMBER_OF_A_PHONE = re.compile(r"[+\d\s()./-]{7,}")


@dataclass(frozen=True, slots=True)
class FieldProfile:
    """What was seen of one field in `records` records.

    `distinct` is exact up to COUNTED, an estimate when `many`; `unique` is the share of the different values that one record
    alone holds; `frequent` are the most frequent values with their counts, most first; `longest` is in characters; `smallest`
    and `largest` are of numbers, dates and times. `sketch` are the smallest hashes of the values, by which two fields are
    compared without keeping all of them.
    """

    name: str
    records: int = 0
    filled: int = 0
    distinct: int = 0
    many: bool = False
    unique: float = 0.0
    frequent: tuple[tuple[JSON, int], ...] = ()
    samples: tuple[JSON, ...] = ()
    longest: int = 0
    smallest: str | None = None
    largest: str | None = None
    sketch: tuple[int, ...] = ()

    @property
    def fill(self) -> float:
        """Return the share of records that hold something, 0 to 1."""
        return self.filled / self.records if self.records else 0.0

    def overlap(self, other: FieldProfile) -> float:
        """Return which share of the poorer field's values the other has too, about, 0 to 1; 0 where either is empty."""
        one, two = _set(self.sketch), _set(other.sketch)
        shared = one & two
        if not shared:
            return 0.0
        if not (self.many or other.many) and max(len(one), len(two)) < SKETCHED:
            return len(shared) / min(len(one), len(two))
        fair = sorted(one | two)[:SKETCHED]  # a sample of what either holds
        both = sum(h in shared for h in fair) / len(fair)
        together = (SKETCHED - 1) * _HASHES / fair[-1] if len(fair) == SKETCHED else len(fair)
        return min(1.0, both * together / max(1, min(self.distinct, other.distinct)))


def profile(records: Iterable[Values], schema: ModuleSchema) -> dict[str, FieldProfile]:
    """Return field name -> what was seen of it, for every field but password-like ones. Reads the records once."""
    tallies = [_Tally(f) for f in schema.fields if not is_secret_field(f.name)]
    number = 0
    for values in records:
        number += 1
        for tally in tallies:
            value = values.get(tally.name)
            if value is not None:
                tally.add(value)
    return {tally.name: tally.told(number) for tally in tallies}


def comparable(value: JSON) -> str:
    """Return a value as two CRMs can be compared by it: folded, without punctuation; a phone by its last nine digits, which
    it has with its country's code and without."""
    text = fold(str(value)).strip()
    plain = _PUNCTUATION.sub("", text)
    return plain[-9:] if _NUMBER_OF_A_PHONE.fullmatch(text) else plain or text


@lru_cache(maxsize=1_024)  # each field is compared with all of another module
def _set(sketch: tuple[int, ...]) -> frozenset[int]:
    return frozenset(sketch)


@dataclass(slots=True)
class _Tally:
    """What is remembered of one field while records go by."""

    schema: FieldSchema
    name: str = ""
    filled: int = 0
    many: bool = False
    counts: dict[JSON, int] = field(default_factory=dict)
    heap: list[tuple[int, JSON]] = field(
        default_factory=list
    )  # (-hash, value): the largest of the smallest hashes first
    hashes: set[int] = field(default_factory=set)
    longest: int = 0
    ends: tuple[tuple[float | str, str], tuple[float | str, str]] | None = None

    def __post_init__(self) -> None:
        self.name = self.schema.name

    def add(self, value: JSON) -> None:
        """Count one record's value, which is not None."""
        self.filled += 1
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, str | bool):
                if part in self.counts:  # quick, and true of most
                    self.counts[part] += 1
                else:
                    self._meet(part)

    def _meet(self, value: str | bool) -> None:
        """Take note of a value not counted so far."""
        text = str(value)
        self.longest = max(self.longest, len(text) if isinstance(value, str) else 0)
        self._stretch(text)
        if len(text) > CUT:
            self.many = True
            return
        if len(self.counts) < COUNTED:
            self.counts[value] = 1
        else:
            self.many = True
        self._sketch(value)

    def _sketch(self, value: str | bool) -> None:
        hashed = int.from_bytes(blake2b(comparable(value).encode("utf-8", "replace"), digest_size=8).digest())
        if hashed in self.hashes:
            return
        if len(self.heap) < SKETCHED:
            heappush(self.heap, (-hashed, value))
        elif hashed < -self.heap[0][0]:
            self.hashes.discard(-heapreplace(self.heap, (-hashed, value))[0])
        else:
            return
        self.hashes.add(hashed)

    def _stretch(self, text: str) -> None:
        if self.schema.type in NUMBER_TYPES:
            try:
                end: tuple[float | str, str] = (float(text), text)
            except ValueError:  # kept as it came, though it is none
                return
        elif self.schema.type in _MOMENTS:
            end = (text, text)
        else:
            return
        self.ends = (end, end) if self.ends is None else (min(self.ends[0], end), max(self.ends[1], end))

    def told(self, records: int) -> FieldProfile:
        """Return what was seen."""
        by_hash = sorted((-negative, value) for negative, value in self.heap)
        frequent = sorted(self.counts.items(), key=lambda pair: (-pair[1], str(pair[0])))
        return FieldProfile(
            name=self.name,
            records=records,
            filled=self.filled,
            distinct=self._distinct(),
            many=self.many,
            unique=sum(n == 1 for n in self.counts.values()) / len(self.counts) if self.counts else 0.0,
            frequent=tuple(frequent[:SHOWN]),
            samples=tuple(value for _, value in by_hash[:SAMPLES]),
            longest=self.longest,
            smallest=self.ends[0][1] if self.ends else None,
            largest=self.ends[1][1] if self.ends else None,
            sketch=tuple(hashed for hashed, _ in by_hash),
        )

    def _distinct(self) -> int:
        if not self.many or len(self.heap) < SKETCHED:
            return len(self.counts)
        return max(len(self.counts), round((SKETCHED - 1) * _HASHES / -self.heap[0][0]))
