"""Has a run taken back. The rule: an undo is a run of its own over the same ledger, and what cannot be taken back is refused
with the reason before anything is asked of a CRM."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.ledger import write
from portal.ledger.models import AuditEntry, Entry, Run
from portal.mappings.models import Mapping
from portal.sync.run import SyncRefused, end_waiting, enqueue_slice
from portal.sync.undo.load import entries_of, writes_of

KINDS = (Run.Kind.SYNC, Run.Kind.UNDO)


def request_undo(
    run: Run,
    *,
    actor: str,
    user: User | None = None,
    trigger: str = "",
    plan_only: bool = False,
    keep_created: bool = False,
    enqueue: bool = True,
) -> Run:
    """Return a new queued run that takes this one back, or the one that is doing so already. A plan of it that waits for
    approval is replaced.

    `plan_only` has it stop at its plan; `keep_created`, delete nothing. `enqueue` hands it to the qcluster; without, the
    caller carries it out. Raises SyncRefused.
    """
    refuse_undo(run)
    for part in parts_of(run):
        end_waiting(mapping_of(part), Run.Kind.UNDO)
    how: dict[str, Any] = {"user": user, "trigger": trigger, "plan_only": plan_only, "keep_created": keep_created}
    undo = _start(run, actor, how) if run.sync_set is None else _start_set(run, actor, how)
    if (undo.undoes_id, undo.plan_only, undo.keep_created) != (run.pk, plan_only, keep_created):
        text = _("Run %(undone)s is just being taken back by run %(run)d: let that end first.")
        raise SyncRefused(text % {"undone": undo.undoes_id, "run": undo.pk})
    write.audit(user, "undo_run", run, {"by": undo.pk}, actor=actor)
    if enqueue:
        transaction.on_commit(lambda: enqueue_slice(undo))
    return undo


def _start(run: Run, actor: str, how: dict[str, Any]) -> Run:
    mapping = mapping_of(run)
    which: dict[str, Any] = {"mapping_name": mapping.name, "mapping_version": mapping.version, "undoes": run}
    return write.start_run(Run.Kind.UNDO, actor=actor, mapping=mapping.uuid, **which, **how)


def _start_set(run: Run, actor: str, how: dict[str, Any]) -> Run:
    """Begin the undo of a set's run with all of its parts, or with none."""
    under_way = run.undone_by.filter(state__in=Run.OPEN).first()
    if under_way is not None:
        return under_way
    which: dict[str, Any] = {"sync_set": run.sync_set, "mapping_name": run.mapping_name, "undoes": run}
    with transaction.atomic():
        lead = write.start_run(Run.Kind.UNDO, actor=actor, **which, **how)
        for part in parts_of(run):
            undo = _start(part, actor, {**how, "parent": lead})
            if undo.parent_id != lead.pk:
                text = _("A run of “%(name)s” is just being taken back (run %(run)d): let that end first.")
                raise SyncRefused(text % {"name": part.mapping_name, "run": undo.pk})
    return lead


def parts_of(run: Run) -> list[Run]:
    """Return what is taken back with this run, in the order in which it is: itself, or of a sync set's run each part that
    wrote anything, the last one first."""
    if run.sync_set is None:
        return [run]
    return [part for part in run.children.order_by("-pk") if has_writes(part)]


def mapping_of(run: Run) -> Mapping:
    """Return the mapping the run carried out. Raises SyncRefused where there is none, or no more."""
    mapping = Mapping.objects.filter(uuid=run.mapping).first() if run.mapping else None
    if mapping is None and run.mapping:
        raise SyncRefused(_("The mapping of run %(run)d is no more.") % {"run": run.pk})
    if mapping is None or run.kind not in KINDS:
        text = _("Run %(run)d is of the kind “%(kind)s”, which cannot be taken back: correct the record itself.")
        raise SyncRefused(text % {"run": run.pk, "kind": run.get_kind_display()})
    return mapping


def refuse_undo(run: Run) -> None:
    """Raise SyncRefused for a run that cannot be taken back as it stands."""
    about: dict[str, Any] = {"run": run.pk}
    parts = [(part, mapping_of(part)) for part in parts_of(run)]
    if run.is_plan:
        raise SyncRefused(_("Run %(run)d is a plan: nothing was sent, so there is nothing to take back.") % about)
    if run.state == Run.State.AWAITING_APPROVAL:
        raise SyncRefused(_("Run %(run)d still waits for approval: approve the rest or stop it first.") % about)
    if run.state in Run.OPEN:
        raise SyncRefused(_("Run %(run)d is still going on: stop it or let it end first.") % about)
    if not has_writes(run):
        raise SyncRefused(_("Run %(run)d wrote nothing: there is nothing to take back.") % about)
    for part, mapping in parts:
        _refuse_mapping(part, mapping)


def refuse_to_go_on(undo: Run, mapping: Mapping) -> None:
    """Raise SyncRefused for the plan of an undo that cannot be carried out any more."""
    if undo.undoes is None:
        raise SyncRefused(_("What run %(run)d should take back is not kept any more.") % {"run": undo.pk})
    _refuse_mapping(undo.undoes, mapping)


def _refuse_mapping(run: Run, mapping: Mapping) -> None:
    if not mapping.is_live:
        raise SyncRefused(_("“%(name)s” is not live: make it live first.") % {"name": mapping.name})
    _refuse_elsewhere(run, mapping)
    syncing = Run.objects.filter(mapping=mapping.uuid, kind=Run.Kind.SYNC, state__in=Run.OPEN).first()
    if syncing is not None:
        text = _("“%(name)s” is being carried out just now (run %(run)d): stop that or let it end first.")
        raise SyncRefused(text % {"name": mapping.name, "run": syncing.pk})


def has_writes(run: Run) -> bool:
    """Say whether the run wrote anything, as far as is known."""
    unknown = entries_of(run).filter(state__in=(Entry.State.SENT, Entry.State.UNKNOWN))
    return writes_of(run).exists() or unknown.exists()


def _refuse_elsewhere(run: Run, mapping: Mapping) -> None:
    """The ids of what was written mean nothing in another CRM, nor in other modules."""
    sides = {mapping.left_connection_id: mapping.left_connection, mapping.right_connection_id: mapping.right_connection}
    ids = [str(pk) for pk in sides]
    moved = AuditEntry.objects.filter(action="other_crm", object_type="connections.connection", object_id__in=ids)
    if (changed := moved.filter(at__gt=run.created_at).order_by("pk").last()) is not None:
        text = _("“%(connection)s” leads to another CRM since run %(run)d: its records are out of reach.")
        raise SyncRefused(text % {"connection": sides[int(changed.object_id)], "run": run.pk})
    left = Q(connection=mapping.left_connection_id, module=mapping.left_module)
    right = Q(connection=mapping.right_connection_id, module=mapping.right_module)
    if writes_of(run).exclude(left | right).exists():
        text = _("“%(name)s” joins other modules now than when run %(run)d wrote: its records are out of reach.")
        raise SyncRefused(text % {"name": mapping.name, "run": run.pk})
