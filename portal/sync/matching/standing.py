"""How the records of each side stood by their match key when a first plan was made, from the keys the plan itself went by. The
rule: a few queries, however many records there are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Sum, When
from django.utils.translation import gettext as _

from portal.ledger.models import Run
from portal.mappings.models import Mapping
from portal.mappings.stored import definition_of
from portal.mappings.transform import OTHER, Side
from portal.records.models import Copy
from portal.sync.cases import SIDES
from portal.sync.links import Links, links_of
from portal.sync.models import MatchKey

_CARRIED_OUT = (Run.State.SUCCEEDED, Run.State.PARTLY_FAILED)


@dataclass(frozen=True, slots=True)
class Standing:
    """How many records of one side are linked, have one partner by the key, none, several (or one that is another's), or no
    key."""

    connection: str
    module: str
    linked: int
    one: int
    none: int
    several: int
    without: int

    @property
    def sentence(self) -> str:
        """Return it in words, for a shell."""
        text = _(
            "%(connection)s · %(module)s by the match key: %(one)d with one partner, %(none)d with none, %(several)d with"
            " several, %(without)d without a key, %(linked)d linked"
        )
        return text % asdict(self)


def matched(run: Run) -> list[Standing]:
    """Return how both sides stood, left first, for the plan of a mapping's first run; nothing for any other run."""
    if not (run.is_plan and run.kind == Run.Kind.SYNC and run.mapping):
        return []
    mapping = Mapping.objects.select_related("left_connection", "right_connection").filter(uuid=run.mapping).first()
    links = links_of(mapping) if mapping is not None else None
    if mapping is None or links is None:
        return []
    if Run.objects.filter(mapping=mapping.uuid, kind=Run.Kind.SYNC, state__in=_CARRIED_OUT).exists():
        return []
    targets = definition_of(mapping, run.mapping_version).targets
    rows = _rows(mapping, links)
    by_key = rows.exclude(key="").order_by().values("key").annotate(**_per_key(links, targets))
    present = rows.filter(_present(), inside=True)
    return [_standing(mapping, links, side, by_key, present) for side in SIDES]


def _rows(mapping: Mapping, links: Links) -> QuerySet[Any]:
    """Return the keys of both sides, each with whether its record is linked."""
    linked = [When(mirror=links.mirrors[side], then=Exists(links.of(side, OuterRef("record_id")))) for side in SIDES]
    rows = MatchKey.objects.filter(mapping=mapping, mirror__in=links.mirrors.values())
    return rows.annotate(is_linked=Case(*linked, default=False))


def _per_key(links: Links, targets: Collection[Side]) -> dict[str, Count]:
    """Return what is counted of each key: who holds it on either side (on one that is only a source, such as pass its filter),
    which of them are free, which linked."""
    counted: dict[str, Count] = {}
    for side in SIDES:
        here = Q(mirror=links.mirrors[side])
        counted[side] = Count("pk", filter=here if side in targets else here & Q(inside=True))
        counted[f"{side}_free"] = Count("pk", filter=here & Q(inside=True, is_linked=False))
        counted[f"{side}_linked"] = Count("pk", filter=here & Q(is_linked=True))
    return counted


def _standing(mapping: Mapping, links: Links, side: Side, by_key: QuerySet[Any], present: QuerySet[Any]) -> Standing:
    other, free = OTHER[side], f"{side}_free"
    alone, one = Q(**{side: 1, other: 0}), Q(**{side: 1, other: 1, f"{other}_linked": 0})
    told = by_key.aggregate(
        all=Sum(free, default=0),
        lonely=Sum(Case(When(alone, then=free), default=0), default=0),
        paired=Sum(Case(When(one, then=free), default=0), default=0),
    )
    several = told["all"] - told["paired"] - told["lonely"]
    rest = present.filter(mirror=links.mirrors[side]).aggregate(
        linked=Count("pk", filter=Q(is_linked=True)), without=Count("pk", filter=Q(is_linked=False, key=""))
    )
    return Standing(*_where(mapping, side), rest["linked"], told["paired"], told["lonely"], several, rest["without"])


def _present() -> Exists:
    """A deleted record has no key either, but nobody waits for it."""
    copies = Copy.objects.filter(mirror=OuterRef("mirror"), record_id=OuterRef("record_id"))
    return Exists(copies.filter(deleted=Copy.Deleted.NO))


def _where(mapping: Mapping, side: Side) -> tuple[str, str]:
    if side == "left":
        return mapping.left_connection.name, mapping.left_module
    return mapping.right_connection.name, mapping.right_module
