"""A person's word for a plan that waits. The rule: it holds for what was shown and for nothing else: both sides are pulled
and every record planned once more, and what is new or changed since waits again."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.ledger import write
from portal.ledger.models import Entry, Run
from portal.mappings.models import Mapping
from portal.sync.entries import APPROVED
from portal.sync.lead import lead_of
from portal.sync.run import SyncRefused, enqueue_slice, refuse
from portal.sync.slice import count
from portal.sync.undo.start import refuse_to_go_on


def approve(run: Run, *, actor: str, user: User | None = None, enqueue: bool = True) -> Run:
    """Have the run go on with what it stopped at, and return it; a sync set's with all of its parts. `enqueue` hands it to the
    qcluster; without, the caller carries it out. Raises SyncRefused where it waits no longer, is itself a part, or a mapping
    cannot be run."""
    if (lead := lead_of(run)) != run:
        text = _("Run %(run)d is a part of run %(lead)d: approve that one, which holds for all of it.")
        raise SyncRefused(text % {"run": run.pk, "lead": lead.pk})
    parts = [run] if run.sync_set is None else list(run.children.filter(state=Run.State.AWAITING_APPROVAL))
    mappings = [_mapping_of(part) for part in parts]
    try:
        with transaction.atomic():
            if run.sync_set is not None:
                _take(run, user)
            shown = sum(_open(part, mapping, user) for part, mapping in zip(parts, mappings, strict=True))
            write.audit(user, "approve_run", run, {"entries": shown}, actor=actor)
    except IntegrityError as e:  # run_one_open_sync
        text = _("“%(name)s” is being carried out by another run just now.")
        raise SyncRefused(text % {"name": run.mapping_name}) from e
    run.refresh_from_db()
    if enqueue:
        transaction.on_commit(lambda: enqueue_slice(run))
    return run


def _mapping_of(run: Run) -> Mapping:
    mapping = Mapping.objects.filter(uuid=str(run.mapping)).first()
    if mapping is None:
        raise SyncRefused(_("The mapping of run %(run)d is no more.") % {"run": run.pk})
    refuse_to_go_on(run, mapping) if run.kind == Run.Kind.UNDO else refuse(mapping)
    return mapping


def _open(run: Run, mapping: Mapping, user: User | None) -> int:
    """Have the run of one mapping go on; return how many entries were approved."""
    _take(run, user, mapping_version=mapping.version)
    waiting = Entry.objects.filter(run=run, state=Entry.State.AWAITING, superseded_by=None)
    shown = waiting.count()
    write.move(None, waiting, Entry.State.AWAITING, reason=APPROVED)
    return shown


def _take(run: Run, user: User | None, **as_now: int) -> None:
    """Open the run again, once. It goes on with the mapping as it is now: what another version planned is not the same."""
    taken = write.reopen_run(
        run,
        Run.State.AWAITING_APPROVAL,
        approved_by=user,
        approved_at=timezone.now(),
        counts=count(run),  # from now on what was done, no longer what would be
        **as_now,
    )
    if not taken:
        run.refresh_from_db()
        text = _("Run %(run)d waits no longer for approval: it is %(state)s. Nothing was done.")
        raise SyncRefused(text % {"run": run.pk, "state": run.get_state_display()})
