"""Forgets what a mapping's two sides agreed on and how far it was carried out, so that all is planned again. The rule: links and
ledger stay, nothing is sent by it, and until a person approved a plan made after it every run stops at its plan."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.ledger import lease, write
from portal.ledger.lease import fenced
from portal.ledger.models import Entry, Run
from portal.mappings.models import Mapping
from portal.sync.models import Base, Checkpoint
from portal.sync.run import SyncRefused


@dataclass(frozen=True, slots=True)
class Kept:
    """What a mapping keeps: pairs with something agreed on (which a reset forgets), and records that wait (which it leaves)."""

    agreed: int
    waiting: int


def kept_of(mapping: Mapping) -> Kept:
    """Return what there is to forget, and what would stay."""
    waiting = Entry.objects.filter(mapping=mapping.uuid, superseded_by=None, state__in=Entry.WAITING)
    return Kept(Base.objects.filter(mapping=mapping).count(), waiting.count())


def reset(mapping: Mapping, *, user: User | None, actor: str) -> Kept:
    """Forget it, and return what was forgotten and what stayed. Raises SyncRefused while a run of it is open."""
    held = lease.take(f"mapping:{mapping.uuid}")
    busy = Run.objects.filter(mapping=mapping.uuid, state__in=Run.OPEN)
    try:
        if held is None or busy.exists():
            text = _("“%(name)s” is being carried out just now. Pause it or let it end first; nothing was forgotten.")
            raise SyncRefused(text % {"name": mapping.name})
        with fenced(held):
            kept = kept_of(mapping)
            write.audit(user, "reset_mapping", mapping, {"pairs": kept.agreed}, actor=actor)
            Base.objects.filter(mapping=mapping).delete()
            Checkpoint.objects.filter(mapping=mapping).update(version=0, keyed=0, reset_at=timezone.now())
    finally:
        if held is not None:
            held.release()
    return kept
