"""Compares all records of both sides of a mapping as our copies have them: a fixed number of queries a batch, memory flat. The rule:
it only looks. What it finds is mended by the next run, which plans whatever differs from the checkpoint as always."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from django.db.models import Q

from connectors.types import JSON
from connectors.values import redact
from portal.ledger.models import Entry
from portal.mappings.transform import Side
from portal.sync.cases import Lone, Pair
from portal.sync.keys import Holders
from portal.sync.planning import Planning, Row, label_of
from portal.sync.previews.tally import cases_of
from portal.sync.reconciling.differences import EXPECTED, KINDS, Difference, Found, compare

LISTED = 500  # records that are not equal and kept one by one; the rest is counted
LONGEST = 200  # characters of a value that are kept
OPEN = (*Entry.WAITING, *Entry.UNSETTLED, Entry.State.AWAITING)


@dataclass(slots=True)
class Tally:
    """What was found so far: kind -> why -> records ("" is the why of equal ones), and the first that are not equal."""

    counts: dict[str, Counter[str]]
    listed: list[JSON]

    @classmethod
    def of(cls, counts: dict[str, dict[str, int]], listed: list[JSON]) -> Tally:
        """Return a tally that goes on from these."""
        return cls({kind: Counter(counts.get(kind, {})) for kind in KINDS}, list(listed))

    def note(self, found: Found, label: str, entry: Entry | None) -> None:
        """Count a record, and list it while there is room."""
        self.counts[found.kind][found.why] += 1
        if found.kind != "equal" and found.why not in EXPECTED and len(self.listed) < LISTED:
            self.listed.append(_as_json(found, label, entry))


def sums(counts: dict[str, dict[str, int]]) -> dict[str, int]:
    """Return kind -> records, and under "unexpected" those that are not equal though the mapping does not say so itself."""
    whole: dict[str, int] = {kind: sum(counts.get(kind, {}).values()) for kind in KINDS}
    odd = (n for kind in KINDS[1:] for why, n in counts.get(kind, {}).items() if why not in EXPECTED)
    return {**whole, "unexpected": sum(odd)}


def compare_batch(known: Planning, side: Side, copies: Iterable[Row], holders: Holders, tally: Tally) -> None:
    """Compare the records of a batch of one side with their partners, and count what came of it."""
    cases, terms = cases_of(known, side, copies, holders)
    found = [(case, one) for case in cases if (one := compare(case, side, terms)) is not None]
    waiting = _waiting(known, side, [(case, one) for case, one in found if one.kind != "equal"])
    altered = _stored_differently([case for case, one in found if one.kind == "differ"])
    for case, one in found:
        entry = waiting.get(_place(case, side))
        one = _told(one, altered.get(_link(case), frozenset()))
        label = label_of(known, side, case.seen if isinstance(case, Lone) else case.at(side))
        tally.note(replace(one, why=entry.state) if entry and one.kind != "equal" else one, label, entry)


def _told(found: Found, altered: Collection[str]) -> Found:
    """Return it with what our copies alone cannot tell: that a server once stored another value than was sent."""
    if not altered or found.kind != "differ":
        return found
    fields = tuple(
        replace(d, why="stored_differently") if d.why == "kept" and set(d.fields) & set(altered) else d
        for d in found.fields
    )
    return replace(
        found, fields=fields, why="stored_differently" if found.why == "kept" and fields != found.fields else found.why
    )


def _waiting(known: Planning, side: Side, found: list[tuple[Pair | Lone, Found]]) -> dict[tuple[str, object], Entry]:
    """Return what waits in the ledger about these: by link, or by the record where it has none."""
    places = [_place(case, side) for case, _one in found]
    links = [place for kind, place in places if kind == "link"]
    ids = [place for kind, place in places if kind == "record"]
    if not places:
        return {}
    here = Q(source_connection=known.connections[side], source_module=known.mirrors[side].module, source_id__in=ids)
    rows = Entry.objects.filter(
        Q(link_id__in=links) | here, mapping=known.mapping.uuid, superseded_by=None, state__in=OPEN
    )
    return {
        key: entry for entry in rows.order_by("-pk") for key in (("link", entry.link_id), ("record", entry.source_id))
    }


def _stored_differently(cases: Iterable[Pair | Lone]) -> dict[int, frozenset[str]]:
    """Return link -> the fields in which a server kept something else than it was sent, by the last entry that sent any."""
    links = [link for case in cases if (link := _link(case))]
    rows = Entry.objects.filter(link_id__in=links, state=Entry.State.STORED_DIFFERENTLY).order_by("pk") if links else ()
    return {entry.link_id: frozenset(entry.evidence.get("differs", ())) for entry in rows if entry.link_id}


def _place(case: Pair | Lone, side: Side) -> tuple[str, object]:
    return ("record", case.seen.id) if isinstance(case, Lone) else ("link", case.link)


def _link(case: Pair | Lone) -> int:
    return 0 if isinstance(case, Lone) else case.link or 0


def _as_json(found: Found, label: str, entry: Entry | None) -> JSON:
    return {
        "kind": found.kind,
        "why": found.why,
        "reason": entry.reason if entry else "",
        "left": found.left,
        "right": found.right,
        "label": label,
        "run": entry.run_id if entry else None,
        "fields": list(map(_field, found.fields)),
    }


def _field(difference: Difference) -> JSON:
    left, right = (
        redact({name: value}).get(name) for name, value in zip(difference.fields, difference.values, strict=True)
    )
    names = {"left_field": difference.fields[0], "right_field": difference.fields[1]}
    return {**names, "left": _short(left), "right": _short(right), "why": difference.why}


def _short(value: JSON) -> JSON:
    return f"{value[:LONGEST]}…" if isinstance(value, str) and len(value) > LONGEST else value


def steps(place: dict[str, str]) -> Iterator[tuple[Side, str]]:
    """Yield the sides that are left to compare, each with the id to go on behind."""
    at: Side = "right" if place.get("side") == "right" else "left"
    yield at, place.get("after", "")
    if at == "left":
        yield "right", ""
