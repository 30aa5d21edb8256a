"""How the records of each side stood by their match key when a first plan was made, from the keys the plan itself went by. The
rule: a few queries, however many records there are."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

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


def matched(run: Run, mapping: Mapping | None) -> list[Standing]:
    """Return how both sides stood, left first, for the plan of a mapping's first run; nothing for any other run."""
    links = links_of(mapping) if mapping is not None and run.is_plan and run.kind == Run.Kind.SYNC else None
    if mapping is None or links is None:
        return []
    if Run.objects.filter(mapping=mapping.uuid, kind=Run.Kind.SYNC, state__in=_CARRIED_OUT).exists():
        return []
    targets = definition_of(mapping, run.mapping_version).targets
    holders = {side: _holders(mapping, links, side, side in targets) for side in SIDES}
    return [_standing(mapping, links, side, holders) for side in SIDES]


def _holders(mapping: Mapping, links: Links, side: Side, is_written: bool) -> QuerySet[MatchKey]:
    """Return who counts as holding a key: on a side that is only a source, such as pass its filter."""
    rows = MatchKey.objects.filter(mapping=mapping, mirror=links.mirrors[side])
    return rows if is_written else rows.filter(inside=True)


def _standing(mapping: Mapping, links: Links, side: Side, holders: dict[Side, QuerySet[MatchKey]]) -> Standing:
    rows = MatchKey.objects.filter(mapping=mapping, mirror=links.mirrors[side], inside=True)
    present = Copy.objects.filter(mirror=OuterRef("mirror"), record_id=OuterRef("record_id"), deleted=Copy.Deleted.NO)
    rows = rows.annotate(is_linked=_linked(links, side)).filter(Exists(present))
    others = holders[OTHER[side]].filter(key=OuterRef("key"))
    number = others.order_by().values("key").annotate(n=Count("pk")).values("n")
    free = rows.filter(is_linked=False).exclude(key="")
    told = free.annotate(
        doubled=Exists(holders[side].filter(key=OuterRef("key")).exclude(pk=OuterRef("pk"))),
        found=Coalesce(Subquery(number), 0),
        taken=Exists(others.filter(_linked(links, OTHER[side]))),
    ).aggregate(
        all=Count("pk"),
        one=Count("pk", filter=Q(doubled=False, found=1, taken=False)),
        none=Count("pk", filter=Q(doubled=False, found=0)),
    )
    connection, module = _where(mapping, side)
    linked = rows.filter(is_linked=True).count()
    without = rows.filter(is_linked=False, key="").count()
    return Standing(
        connection, module, linked, told["one"], told["none"], told["all"] - told["one"] - told["none"], without
    )


def _linked(links: Links, side: Side) -> Exists:
    return Exists(links.all().filter(**{links.column(side): OuterRef("record_id")}))


def _where(mapping: Mapping, side: Side) -> tuple[str, str]:
    if side == "left":
        return mapping.left_connection.name, mapping.left_module
    return mapping.right_connection.name, mapping.right_module
