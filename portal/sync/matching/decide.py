"""What a person says of records that may be one, one by one or of many at once. The rule: at once only such pairs are accepted
as nobody else is nearly as likely for; what is accepted becomes a link, what is refused is not asked again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Window
from django.db.models.functions import Lag, Lead

from portal.accounts.models import User
from portal.ledger import write
from portal.mappings.models import Mapping
from portal.sync.cases import SIDES
from portal.sync.choices.relink import join, join_all, part
from portal.sync.links import links_of
from portal.sync.matching import store as match_store
from portal.sync.models import Link, MatchCandidate

APART = 10  # points by which the next likeliest partner of either record must be behind
State = MatchCandidate.State


@dataclass(frozen=True, slots=True)
class Accepted:
    """How many pairs were accepted, and of those that could not be, why: (left id, right id, reason)."""

    number: int
    refused: tuple[tuple[str, str, str], ...]


def still_open(mapping: Mapping, state: str = State.OPEN) -> QuerySet[MatchCandidate]:
    """Return the pairs of both sides that wait for a person, or of another state: such as have a partner by now are left out."""
    rows = MatchCandidate.objects.filter(mapping=mapping, within="", state=state)
    links = links_of(mapping)
    if links is None:
        return rows.none()
    left, right = links.of("left", OuterRef("left_id")), links.of("right", OuterRef("right_id"))
    return rows.filter(~Exists(left), ~Exists(right))


def clear(mapping: Mapping, at_least: int) -> list[MatchCandidate]:
    """Return the pairs that may be accepted at once, surest first: so sure, and neither record has another partner nearly as
    likely."""
    near = {
        f"{where}_{side}": Window(neighbour("score"), partition_by=f"{side}_id", order_by=["-score", "pk"])
        for side in SIDES
        for where, neighbour in (("before", Lag), ("behind", Lead))
    }
    first: Any = still_open(mapping).annotate(**near).filter(Q(before_left=None) & Q(before_right=None))
    apart = (row for row in first if row.score - max(row.behind_left or 0, row.behind_right or 0) >= APART)
    return sorted((row for row in apart if row.score >= at_least), key=lambda row: (-row.score, row.pk))


def numbers_above(mapping: Mapping, thresholds: Iterable[int]) -> list[tuple[int, int]]:
    """Return for each threshold how many pairs would be accepted at once, in one query."""
    thresholds = list(thresholds)
    scores = Counter(pair.score for pair in clear(mapping, min(thresholds)))
    return [(least, sum(n for score, n in scores.items() if score >= least)) for least in thresholds]


def accept(pair: MatchCandidate, *, user: User | None, actor: str) -> Link:
    """Say that the two are one. Raises RelinkRefused."""
    link = join(pair.mapping, pair.left_id, pair.right_id, user=user, actor=actor)
    match_store.say([pair], State.ACCEPTED, actor)
    return link


def accept_above(mapping: Mapping, least: int, *, user: User | None, actor: str) -> Accepted:
    """Say of all clear pairs from that score on that they are one. Raises RelinkRefused while a run is at work."""
    pairs = clear(mapping, least)
    ids = [(pair.left_id, pair.right_id) for pair in pairs]
    done = join_all(mapping, ids, user=user, actor=actor, least=least)
    refused = {(left, right) for left, right, _why in done.refused}
    match_store.say([p for p in pairs if (p.left_id, p.right_id) not in refused], State.ACCEPTED, actor)
    return Accepted(len(done.links), done.refused)


def reject(pairs: Iterable[MatchCandidate], *, user: User | None, actor: str) -> None:
    """Say that these are not the same, once and for all reviews to come."""
    for pair in list(pairs):
        match_store.say([pair], State.REJECTED, actor)
        _note("reject_match", pair, user, actor)
        match_store.renew_best(pair)


def take_back(pair: MatchCandidate, *, user: User | None, actor: str) -> None:
    """Take back what was said of a pair. Raises RelinkRefused where values were carried over since."""
    if pair.state == State.ACCEPTED and (link := _link(pair)) is not None:
        part(pair.mapping, link, user=user, actor=actor)
    elif pair.state == State.REJECTED:
        _note("take_back_match", pair, user, actor)
    match_store.say_nothing(pair)
    match_store.renew_best(pair)


def _link(pair: MatchCandidate) -> Link | None:
    links = links_of(pair.mapping)
    link = links.find("left", [pair.left_id]).get(pair.left_id) if links else None
    return link if links and link and links.id_at(link, "right") == pair.right_id else None


def _note(action: str, pair: MatchCandidate, user: User | None, actor: str) -> None:
    about = {"within": pair.within} if pair.within else {}
    write.audit(user, action, pair.mapping, {"left": pair.left_id, "right": pair.right_id, **about}, actor=actor)
