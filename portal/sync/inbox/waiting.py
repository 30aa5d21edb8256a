"""What waits for a person, across mappings: found, counted and narrowed. The rule: a fixed number of queries, however much waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Q, QuerySet

from portal.ledger.models import Entry
from portal.mappings.models import Mapping as MappingRow
from portal.sync.choices.choice import UNCLEAR
from portal.sync.choices.options import ALONE, GONE
from portal.sync.reasons import Reason, describe

DECIDE: Final = "decide"  # somebody has to choose
MEND: Final = "mend"  # somebody has to correct something; then it is tried again
_TO_DECIDE = (
    Q(reason__in=("both_changed", *ALONE)) | Q(reason__in=GONE, link_id__isnull=False)
) | Q(reason__in=UNCLEAR, action=Entry.Action.CREATE)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for: a part of what waits ("" for all of it), a mapping's name, a reason, words, one entry."""

    part: str = ""
    mapping: str = ""
    reason: str = ""
    words: str = ""
    entry: str = ""

    @classmethod
    def of(cls, params: Mapping[str, str]) -> Asked:
        """Return what these parameters ask for; what is not known among them asks for nothing."""
        part = params.get("part", "")
        told = {name: params.get(name, "").strip() for name in ("mapping", "reason", "entry")}
        return cls(part if part in (DECIDE, MEND) else "", words=params.get("q", "").strip(), **told)


@dataclass(frozen=True, slots=True)
class Group:
    """Entries of one mapping that wait for the same reason: how many, and about how many of them somebody chose already."""

    mapping: MappingRow
    code: str
    reason: Reason
    number: int
    chosen: int


def waiting(asked: Asked = Asked()) -> QuerySet[Entry]:
    """Return what waits and is asked for, by mapping and reason, oldest first."""
    mappings = MappingRow.objects.filter(name=asked.mapping) if asked.mapping else MappingRow.objects.all()
    found = Entry.objects.filter(
        superseded_by=None,
        undoes=None,
        state__in=Entry.WAITING,
        mapping__in=list(mappings.values_list("uuid", flat=True)),
    )
    if asked.entry:
        return found.filter(pk=int(asked.entry) if asked.entry.isdecimal() else 0)
    if asked.part:
        found = found.filter(_TO_DECIDE) if asked.part == DECIDE else found.exclude(_TO_DECIDE)
    if asked.reason:
        found = found.filter(reason=asked.reason)
    if asked.words:
        ids = Q(source_id=asked.words) | Q(record_id=asked.words)
        found = found.filter(Q(label__icontains=asked.words) | ids)
    return found.order_by("mapping", "reason", "pk")


def groups(entries: QuerySet[Entry]) -> list[Group]:
    """Return how these entries divide, the largest group first."""
    mappings = {row.uuid: row for row in MappingRow.objects.all()}
    chosen = Count("pk", filter=Q(decision__isnull=False))
    rows = entries.order_by().values_list("mapping", "reason").annotate(n=Count("pk"), chosen=chosen)
    found = [
        Group(mappings[mapping], reason, describe(reason), number, chosen)
        for mapping, reason, number, chosen in rows
        if mapping in mappings
    ]
    return sorted(found, key=lambda group: (-group.number, group.mapping.name, group.code))


def parts(asked: Asked) -> dict[str, int]:
    """Return how many entries each part holds, by what else is asked for."""
    found = waiting(Asked(mapping=asked.mapping, reason=asked.reason, words=asked.words)).order_by()
    counted = found.aggregate(all=Count("pk"), decide=Count("pk", filter=_TO_DECIDE))
    return {"": counted["all"], DECIDE: counted["decide"], MEND: counted["all"] - counted["decide"]}
