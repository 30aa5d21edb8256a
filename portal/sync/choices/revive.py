"""Takes back that a record is never synced. The rule: as with joining, only while no run of the two modules is at work."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.ledger import write
from portal.ledger.lease import fenced
from portal.ledger.models import Entry, Run
from portal.mappings.models import Mapping
from portal.sync.cases import SIDES
from portal.sync.choices.relink import RelinkRefused, alone, present
from portal.sync.keys import mark_holders_due
from portal.sync.links import Links
from portal.sync.models import Link

BATCH = 500


def revive(entry: Entry, *, user: User | None, actor: str) -> None:
    """Have the record of an entry synced again that a person's choice about it retired. Raises RelinkRefused."""
    mapping = Mapping.objects.filter(uuid=str(entry.mapping)).first()
    if mapping is None:
        raise RelinkRefused(_("The mapping is no more."))
    with alone(mapping) as (held, mappings, known), fenced(held[0]):
        ours = Q(pk=entry.link_id) if entry.link_id else Q(made_by_entry=entry.pk)
        link = known.all().filter(ours, state=Link.State.RETIRED).first()
        if link is None:
            raise RelinkRefused(_("“%(name)s” is synced again already.") % {"name": entry.label or entry.source_id})
        ids = {side: known.id_at(link, side) for side in SIDES}
        if all(ids.values()):
            Link.objects.filter(pk=link.pk).update(state=Link.State.LINKED)
        else:
            link.delete()
        for side in SIDES:
            mark_holders_due(mappings, known.mirrors[side], [ids[side]] if ids[side] else [])
        write.audit(user, "revive_record", mapping, {"left": ids["left"], "right": ids["right"]}, actor=actor)


def revive_undone(undo: Run, *, entry: int | None = None, user: User | None, actor: str) -> int:
    """Have what an undo left resting synced again, all of it or what one entry is about; return how many pairs. One whose
    records both live goes on; of any other what is left counts as new. Raises RelinkRefused."""
    mapping = Mapping.objects.filter(uuid=undo.mapping).first() if undo.mapping else None
    if mapping is None:
        raise RelinkRefused(_("The mapping is no more."))
    entries = Entry.objects.filter(run=undo, undoes__isnull=False, link_id__isnull=False)
    entries = entries if entry is None else entries.filter(pk=entry)
    revived = 0
    if not entries.exists():
        return revived
    with alone(mapping) as (held, mappings, known), fenced(held[0]):
        resting = known.all().filter(state=Link.State.RETIRED, pk__in=entries.values("link_id")).order_by("pk")
        while links := list(resting[:BATCH]):
            _go_on(known, mappings, links)
            revived += len(links)
        write.audit(user, "revive_record", undo, {"pairs": revived}, actor=actor)
    return revived


def _go_on(known: Links, mappings: list[Mapping], links: Sequence[Link]) -> None:
    ids = {side: [known.id_at(link, side) for link in links] for side in SIDES}
    here = {side: present(known, side, ids[side]) for side in SIDES}
    whole = [link.pk for link in links if all(known.id_at(link, side) in here[side] for side in SIDES)]
    known.all().filter(pk__in=whole).update(state=Link.State.LINKED)
    known.all().filter(pk__in={link.pk for link in links} - set(whole)).delete()
    for side in SIDES:
        mark_holders_due(mappings, known.mirrors[side], [id for id in ids[side] if id])
