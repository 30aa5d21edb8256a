"""Puts the pages of a match review together: what is to decide, who stays alone, doubles, what was said. The rule: a fixed
number of queries a page, and whoever has a partner by now is left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.functional import Promise

from portal.mappings.models import Mapping
from portal.mappings.transform import OTHER, Side
from portal.sync.cases import SIDES
from portal.sync.matching.decide import State, still_open
from portal.sync.matching.fields import Field, Looker, Shown
from portal.sync.matching.store import FOUND
from portal.sync.matching.words import in_words
from portal.sync.models import MatchCandidate, Preview, Unmatched
from portal.sync.planning import Planning

Why = Unmatched.Why


@dataclass(frozen=True, slots=True)
class PairLine:
    """Two records that may be one, from the point of view of the first."""

    pair: MatchCandidate
    one: Shown
    other: Shown
    reasons: Sequence[str | Promise]
    doubts: Sequence[str | Promise]
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class RecordLine:
    """A record without one sure partner, and its likeliest ones, surest first."""

    record: Unmatched
    shown: Shown
    pairs: tuple[PairLine, ...]


def unmatched(known: Planning, review: Preview, side: Side, show: str) -> QuerySet[Unmatched]:
    """Return the records of one side that a page lists: such as have candidates ("decide"), a key that gives them no partner
    and no candidate ("alone"), or no value in the match key ("without")."""
    link = known.links.of(side, OuterRef("record_id"))
    rows = Unmatched.objects.filter(~Exists(link), review=review, side=side)
    if show == "decide":
        return rows.filter(best__gt=0).order_by("-best", "pk")
    if show == "without":
        return rows.filter(why=Why.WITHOUT).order_by("pk")
    return rows.filter(~Q(why=Why.WITHOUT), best=0).order_by("pk")


def doubles(mapping: Mapping, side: Side) -> QuerySet[MatchCandidate]:
    """Return which records of one side look like doubles, the surest first."""
    rows = MatchCandidate.objects.filter(mapping=mapping, within=side, state=State.OPEN)
    return rows.order_by("-score", "pk")


def unlike(mapping: Mapping) -> QuerySet[MatchCandidate]:
    """Return whom the key makes one though the rest differs, the unlikeliest first."""
    return still_open(mapping, State.UNLIKE).order_by("score", "pk")


def said(mapping: Mapping) -> QuerySet[MatchCandidate]:
    """Return of which pairs a person said something, the latest first."""
    return MatchCandidate.objects.filter(mapping=mapping).exclude(state__in=FOUND).order_by("-decided_at", "pk")


def record_lines(known: Planning, side: Side, records: Sequence[Unmatched]) -> list[RecordLine]:
    """Return these records with their candidates."""
    column = f"{side}_id"
    rows = still_open(known.mapping).filter(**{f"{column}__in": [r.record_id for r in records]})
    by_record: dict[str, list[MatchCandidate]] = defaultdict(list)
    for pair in rows.order_by("-score", "pk"):
        by_record[getattr(pair, column)].append(pair)
    looker = Looker(known)
    found = [pair for pairs in by_record.values() for pair in pairs]
    looker.read({side: [r.record_id for r in records], OTHER[side]: [getattr(p, f"{OTHER[side]}_id") for p in found]})
    return [
        RecordLine(
            record,
            looker.shown(side, record.record_id),
            tuple(_line(looker, pair, side) for pair in by_record[record.record_id]),
        )
        for record in records
    ]


def pair_lines(known: Planning, pairs: Iterable[MatchCandidate]) -> list[PairLine]:
    """Return pairs as they are shown, the left record first."""
    found = list(pairs)
    ids: dict[Side, list[str]] = {"left": [], "right": []}
    for pair in found:
        for side, id in _ends(pair, "left"):
            ids[side].append(id)
    looker = Looker(known)
    looker.read(ids)
    return [_line(looker, pair, "left") for pair in found]


def _line(looker: Looker, pair: MatchCandidate, side: Side) -> PairLine:
    one, other = _ends(pair, side)
    return PairLine(
        pair,
        looker.shown(*one),
        looker.shown(*other),
        in_words(pair.reasons),
        in_words(pair.doubts),
        looker.fields(one, other),
    )


def _ends(pair: MatchCandidate, side: Side) -> tuple[tuple[Side, str], tuple[Side, str]]:
    """Return side and id of both records, that of `side` first."""
    if pair.within:
        within: Side = "left" if pair.within == "left" else "right"
        return (within, pair.left_id), (within, pair.right_id)
    ends: tuple[tuple[Side, str], tuple[Side, str]] = ("left", pair.left_id), ("right", pair.right_id)
    return ends if side == SIDES[0] else (ends[1], ends[0])
