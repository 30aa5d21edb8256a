"""Takes back that a record is never synced. The rule: as with joining, only while no run of the two modules is at work."""

from __future__ import annotations

from django.db.models import Q
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.ledger import write
from portal.ledger.lease import fenced
from portal.ledger.models import Entry
from portal.mappings.models import Mapping
from portal.sync.cases import SIDES
from portal.sync.keys import mark_holders_due
from portal.sync.models import Link
from portal.sync.relink import RelinkRefused, alone


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
