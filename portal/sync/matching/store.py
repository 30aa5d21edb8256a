"""Keeps what reviews found and what people said of it: the one writer of MatchCandidate and Unmatched. The rule: what was
found stays until another review has ended, what a person said stays for good."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import Max
from django.utils import timezone

from portal.ledger.lease import Held, fenced
from portal.mappings.models import Mapping
from portal.sync.matching.index import Listed
from portal.sync.matching.scores import Scored
from portal.sync.models import MatchCandidate, Preview, Unmatched

State = MatchCandidate.State
FOUND = (State.OPEN, State.UNLIKE)  # by a review; the others are a person's word
BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Found:
    """Two records that may be one."""

    left: str
    right: str
    scored: Scored


def store_found(
    held: Held | None, review: Preview, within: str, pairs: Iterable[Found], state: str = State.OPEN
) -> None:
    """Store pairs that a review found and of which no person said anything, or renew what is known of them."""
    rows = [
        MatchCandidate(
            mapping_id=review.mapping_id,
            within=within,
            left_id=pair.left,
            right_id=pair.right,
            score=pair.scored.score,
            reasons=list(pair.scored.reasons),
            doubts=list(pair.scored.doubts),
            state=state,
            review=review,
        )
        for pair in pairs
    ]
    with fenced(held):
        MatchCandidate.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["mapping", "within", "left_id", "right_id"],
            update_fields=["score", "reasons", "doubts", "state", "review"],
        )


def store_unmatched(held: Held | None, review: Preview, side: str, listed: Iterable[Listed]) -> None:
    """Store records that a review found without one sure partner."""
    rows = [Unmatched(review=review, side=side, record_id=r.id, label=r.label, why=r.why, best=r.best) for r in listed]
    with fenced(held):
        Unmatched.objects.bulk_create(rows)


def finish(held: Held | None, review: Preview) -> None:
    """Drop what earlier reviews of the mapping found and this one did not."""
    with fenced(held):
        found = MatchCandidate.objects.filter(mapping=review.mapping_id, state__in=FOUND)
        found.exclude(review=review).delete()
        rows = Preview.objects.filter(mapping=review.mapping_id, kind=Preview.Kind.MATCHES)
        rows.exclude(pk=review.pk).delete()


def said_of(mapping: Mapping, within: str, left: Collection[str]) -> set[tuple[str, str]]:
    """Return the pairs of these left records of which a person said that they are not the same."""
    rows = MatchCandidate.objects.filter(mapping=mapping, within=within, left_id__in=left, state=State.REJECTED)
    return set(rows.values_list("left_id", "right_id"))


def say(pairs: Iterable[MatchCandidate], state: str, actor: str) -> None:
    """Write down what a person said of these pairs."""
    found, now = list(pairs), timezone.now()
    for start in range(0, len(found), BATCH):
        rows = MatchCandidate.objects.filter(pk__in=[pair.pk for pair in found[start : start + BATCH]])
        rows.update(state=state, decided_by=actor[:150], decided_at=now)
    for pair in found:
        pair.state, pair.decided_by, pair.decided_at = state, actor[:150], now


def say_nothing(pair: MatchCandidate) -> None:
    """Take back what a person said of a pair."""
    pair.state, pair.decided_by, pair.decided_at = State.OPEN, "", None
    pair.save(update_fields=["state", "decided_by", "decided_at"])


def renew_best(pair: MatchCandidate) -> None:
    """Say of both records of a pair anew how sure the likeliest partner is that they have left."""
    open_ones = MatchCandidate.objects.filter(mapping=pair.mapping, within="", state=State.OPEN)
    for side, id in (("left", pair.left_id), ("right", pair.right_id)) if not pair.within else ():
        best = open_ones.filter(**{f"{side}_id": id}).aggregate(best=Max("score"))["best"] or 0
        rows = Unmatched.objects.filter(review__mapping=pair.mapping, side=side, record_id=id)
        rows.update(best=best)


def forget(mappings: Collection[Mapping]) -> None:
    """Forget all that was found and said of these mappings' records: the ids are another CRM's from now on."""
    MatchCandidate.objects.filter(mapping__in=mappings).delete()
    Preview.objects.filter(mapping__in=mappings, kind=Preview.Kind.MATCHES).delete()
