"""A person's word on which records are one. The rule: it is given while no run of the two modules is at work, it never takes
a record from a living partner, and whoever it concerns is planned again by the next run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from django.db import IntegrityError
from django.db.models import Q
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.ledger import lease, write
from portal.ledger.lease import Held, fenced
from portal.ledger.models import Entry
from portal.mappings.models import Mapping as MappingRow
from portal.mappings.transform import OTHER, Side
from portal.records.models import Copy
from portal.sync.cases import SIDES
from portal.sync.keys import mark_holders_due
from portal.sync.links import Links, links_of
from portal.sync.models import Link

PATIENCE = 3.0  # seconds that a person waits for a run to end its slice
BATCH = 500
_CARRIED = (Entry.State.SENT, Entry.State.UNKNOWN, Entry.State.DONE, Entry.State.STORED_DIFFERENTLY)
Ids = Mapping[Side, str]


class RelinkRefused(Exception):
    """The records cannot be joined or parted; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Which pairs are one now, and which could not be made so, each with why: (left id, right id, reason)."""

    links: tuple[Link, ...]
    refused: tuple[tuple[str, str, str], ...]


def join(mapping: MappingRow, left_id: str, right_id: str, *, user: User | None, actor: str) -> Link:
    """Say that these two records are one, and return their link; values are merged by the next run, not here. Raises
    RelinkRefused where one of them is unknown, deleted or another's partner, or while a run is at work."""
    done = join_all(mapping, [(left_id, right_id)], user=user, actor=actor)
    for _left, _right, why in done.refused:
        raise RelinkRefused(why)
    return done.links[0]


def join_all(
    mapping: MappingRow, pairs: Sequence[tuple[str, str]], *, user: User | None, actor: str, least: int | None = None
) -> Joined:
    """Say of many pairs of a left and a right id that they are one. What cannot be joined is told; the others are. `least`
    is the score from which on they were accepted at once, for the audit trail. Raises RelinkRefused while a run is at work."""
    links, refused = [], []
    with alone(mapping) as (held, mappings, known):
        for start in range(0, len(pairs), BATCH):
            batch: list[Ids] = [{"left": left, "right": right} for left, right in pairs[start : start + BATCH]]
            for each in held:
                each.outlast(each.seconds / 2)
            with fenced(held[0]):
                made, reasons = unite(known, mappings, batch)
                free = [ids for ids, reason in zip(batch, reasons, strict=True) if not reason]
                _note(mapping, free, user, actor, least)
            links += made
            refused += [(i["left"], i["right"], reason) for i, reason in zip(batch, reasons, strict=True) if reason]
    return Joined(tuple(links), tuple(refused))


def part(mapping: MappingRow, link: Link, *, user: User | None, actor: str) -> None:
    """Take back that two records are one. Raises RelinkRefused once anything was carried over between them, where no person
    had said it, or while a run is at work."""
    with alone(mapping) as (held, mappings, known):
        ids: Ids = {side: known.id_at(link, side) for side in SIDES}
        with fenced(held[0]):
            if link.made_by_entry is not None:
                raise RelinkRefused(_("A run found them by their match key: correct the key of one of them."))
            if Entry.objects.filter(link_id=link.pk, state__in=_CARRIED).exists():
                raise RelinkRefused(_("Values were carried over between them since: undo that run instead."))
            known.all().filter(pk=link.pk).delete()
            _plan_again(mappings, known, [ids])
            write.audit(user, "part_records", mapping, {"left": ids["left"], "right": ids["right"]}, actor=actor)


def unite(known: Links, mappings: list[MappingRow], pairs: Sequence[Ids]) -> tuple[list[Link], list[str]]:
    """Link these pairs and have them planned again; return the links, and for each pair why it could not be linked ("" for
    one that was). Only under the lease of a mapping, inside a transaction. Raises IntegrityError where another one was first."""
    reasons = _obstacles(known, pairs)
    free = [ids for ids, reason in zip(pairs, reasons, strict=True) if not reason]
    made = _link(known, free)
    _plan_again(mappings, known, free)
    return made, reasons


@contextmanager
def alone(mapping: MappingRow) -> Iterator[tuple[list[Held], list[MappingRow], Links]]:
    """Hold the lease of every mapping of the two modules; yield the leases, those mappings, and their links."""
    links, mappings = links_of(mapping), mappings_of(mapping)
    if links is None:
        raise RelinkRefused(_("“%(name)s” has not been read yet: nothing is known of its records.") % {"name": mapping})
    with ExitStack() as leases:
        held = []
        for each in mappings:
            held.append(_take(each))
            leases.callback(held[-1].release)
        try:
            yield held, mappings, links
        except IntegrityError as e:  # a person said so of one of them in another window this very moment
            text = _("One of these records got a partner this very moment. Look again.")
            raise RelinkRefused(text) from e


def _take(mapping: MappingRow) -> Held:
    until = time.monotonic() + PATIENCE
    while (held := lease.take(f"mapping:{mapping.uuid}")) is None:
        if time.monotonic() > until:
            text = _("“%(name)s” is being carried out just now. Stop it or let it end first; nothing was changed.")
            raise RelinkRefused(text % {"name": mapping.name})
        time.sleep(0.1)
    return held


def mappings_of(mapping: MappingRow) -> list[MappingRow]:
    """Return every mapping of the two modules, always in the same order: they share their links."""
    ends = [(mapping.left_connection_id, mapping.left_module), (mapping.right_connection_id, mapping.right_module)]
    here, turned = (
        Q(left_connection=one[0], left_module=one[1], right_connection=other[0], right_module=other[1])
        for one, other in (ends, ends[::-1])
    )
    return list(MappingRow.objects.filter(here | turned).order_by("pk"))


def _obstacles(known: Links, pairs: Sequence[Ids]) -> list[str]:
    """Return for each pair why it cannot be joined; "" for one that can. A link to a record that is no more gives way."""
    links = {side: known.find(side, [ids[side] for ids in pairs]) for side in SIDES}
    partners = {side: [known.id_at(link, side) for link in links[OTHER[side]].values()] for side in SIDES}
    here = {side: present(known, side, [*(ids[side] for ids in pairs), *partners[side]]) for side in SIDES}
    taken: dict[Side, set[str]] = {"left": set(), "right": set()}
    reasons, gone = [], []
    for ids in pairs:
        reason = next((text for side in SIDES if (text := _obstacle(known, side, ids, links[side], here))), "")
        if not reason and any(ids[side] in taken[side] for side in SIDES):
            reason = _("It was joined with another record just now.")
        if not reason:
            for side in SIDES:
                taken[side].add(ids[side])
            gone += [links[side][ids[side]].pk for side in SIDES if ids[side] in links[side]]
        reasons.append(reason)
    known.all().filter(pk__in=gone).delete()
    return reasons


def _obstacle(
    known: Links, side: Side, ids: Ids, links: Mapping[str, Link], here: Mapping[Side, frozenset[str]]
) -> str:
    id, about = ids[side], {"id": ids[side]}
    if id not in here[side]:
        return _("The record “%(id)s” is not there any more.") % about
    link = links.get(id)
    partner = known.id_at(link, OTHER[side]) if link else ""
    if link is None or (link.state != Link.State.PENDING and partner not in here[OTHER[side]]):
        return ""
    if link.state == Link.State.PENDING:
        return _("The partner of “%(id)s” is just being made: let the run end first.") % about
    if partner == ids[OTHER[side]]:
        return "" if link.state == Link.State.RETIRED else _("The two are one already.")
    return _("“%(id)s” is the partner of “%(other)s” already.") % {**about, "other": partner}


def present(known: Links, side: Side, ids: Sequence[str]) -> frozenset[str]:
    """Return which of these records are there, as far as our copies know."""
    rows = Copy.objects.filter(mirror=known.mirrors[side], record_id__in=set(ids) - {""}, deleted=Copy.Deleted.NO)
    return frozenset(rows.values_list("record_id", flat=True))


def _link(known: Links, pairs: Sequence[Ids]) -> list[Link]:
    return Link.objects.bulk_create([known.make(ids, None) for ids in pairs])


def _plan_again(mappings: list[MappingRow], known: Links, pairs: Sequence[Ids]) -> None:
    for side in SIDES if pairs else ():
        mark_holders_due(mappings, known.mirrors[side], [ids[side] for ids in pairs])


def _note(mapping: MappingRow, pairs: Sequence[Ids], user: User | None, actor: str, least: int | None) -> None:
    if pairs:
        told = {"pairs": [[ids["left"], ids["right"]] for ids in pairs], **({"least": least} if least else {})}
        write.audit(user, "join_records", mapping, told, actor=actor)
