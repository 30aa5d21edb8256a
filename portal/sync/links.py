"""Which records are one, read and written from a mapping's point of view. The rule: a link's own left side is the mirror
with the smaller number, so that every mapping of the two modules finds the same one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from connectors.types import JSON
from portal.mappings.models import Mapping as MappingRow
from portal.mappings.transform import Side
from portal.records.models import Mirror
from portal.sync.cases import OTHER
from portal.sync.models import Base, Link

BaseValues = Mapping[str, tuple[JSON, JSON]]


@dataclass(frozen=True, slots=True)
class Links:
    """The links between a mapping's two mirrors."""

    mirrors: Mapping[Side, Mirror]

    def column(self, side: Side) -> str:
        """Return the link's column that holds the ids of this side of the mapping."""
        return "left_id" if self.mirrors[side].pk < self.mirrors[OTHER[side]].pk else "right_id"

    def id_at(self, link: Link, side: Side) -> str:
        """Return the id of that side's record; "" while it is being created."""
        return str(getattr(link, self.column(side)))

    def all(self) -> QuerySet[Link]:
        """Return every link between the two mirrors."""
        first, second = sorted(mirror.pk for mirror in self.mirrors.values())
        return Link.objects.filter(left_mirror=first, right_mirror=second)

    def find(self, side: Side, ids: Collection[str]) -> dict[str, Link]:
        """Return id -> link for the records of one side that have one, in whatever state."""
        column = self.column(side)
        found = self.all().filter(**{f"{column}__in": ids}).exclude(**{column: ""}) if ids else ()  # as its index says
        return {self.id_at(link, side): link for link in found}

    def taken(self, side: Side, ids: Collection[str]) -> frozenset[str]:
        """Return which of these records have a link."""
        return frozenset(self.find(side, ids))

    def of(self, side: Side, id: Any) -> QuerySet[Link]:
        """Return the link of a record of that side, for a query about many: `id` is an OuterRef."""
        column = self.column(side)
        return self.all().filter(**{column: id}).exclude(**{column: ""})  # as its index says

    def make(self, ids: Mapping[Side, str], entry: int | None, state: str = Link.State.LINKED) -> Link:
        """Return a new link, not saved yet; an id of "" is a create under way, no entry a person's word."""
        first, second = sorted(mirror.pk for mirror in self.mirrors.values())
        columns = {self.column(side): id for side, id in ids.items()}
        return Link(left_mirror_id=first, right_mirror_id=second, state=state, made_by_entry=entry, **columns)


def links_of(mapping: MappingRow) -> Links | None:
    """Return the links of the mapping's two modules; None while one of them was never read."""
    ends: dict[Side, tuple[int, str]] = {
        "left": (mapping.left_connection_id, mapping.left_module),
        "right": (mapping.right_connection_id, mapping.right_module),
    }
    found = {side: Mirror.objects.filter(connection=pk, module=module).first() for side, (pk, module) in ends.items()}
    mirrors = {side: mirror for side, mirror in found.items() if mirror is not None}
    return Links(mirrors) if len(mirrors) == len(ends) else None


def drop_pending(links: Iterable[int]) -> None:
    """Forget links whose create surely did not happen."""
    Link.objects.filter(Q(left_id="") | Q(right_id=""), pk__in=list(links), state=Link.State.PENDING).delete()


def retire(links: Iterable[int]) -> None:
    """Have these pairs neither made, deleted nor matched again until a person says so."""
    Link.objects.filter(pk__in=list(links)).update(state=Link.State.RETIRED)


def read_bases(mapping: MappingRow, links: Collection[int]) -> dict[int, dict[str, JSON]]:
    """Return link -> rule uuid -> [left, right]."""
    rows = Base.objects.filter(mapping=mapping, link__in=links) if links else Base.objects.none()
    return dict(rows.values_list("link_id", "values"))


def drop_bases(links: Iterable[int]) -> None:
    """Forget what was agreed on about these pairs, by whichever mapping: one of the two is no more."""
    Base.objects.filter(link__in=list(links)).delete()


def write_bases(mapping: MappingRow, agreed: Mapping[int, BaseValues]) -> None:
    """Merge what was agreed on into the bases of these links; other rules keep what they had."""
    if not agreed:
        return
    known = read_bases(mapping, list(agreed))
    Base.objects.bulk_create(
        [
            Base(link_id=link, mapping=mapping, values={**known.get(link, {}), **values})
            for link, values in agreed.items()
        ],
        update_conflicts=True,
        unique_fields=["link", "mapping"],
        update_fields=["values"],
    )
