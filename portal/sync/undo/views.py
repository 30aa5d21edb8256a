"""The screens by which a run is taken back: what that does to which records, asked before a plan of it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from connectors.errors import ConnectorError
from connectors.types import JSON
from portal.ledger.models import Entry, Run
from portal.sync.choices.relink import RelinkRefused
from portal.sync.choices.revive import revive_undone
from portal.sync.models import Link
from portal.sync.reasons import TAKES_BACK, describe
from portal.sync.run import SyncRefused
from portal.sync.undo.edit import EditUndo, look, undo_edit
from portal.sync.undo.load import writes_of
from portal.sync.undo.start import KINDS, has_writes, refuse_undo, request_undo
from portal.ui.wording import translated

KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Undoing:
    """What a run's page says of taking runs back: whether this one can be, by which it was or is being, and which it takes
    back itself; `is_part`: of the undo of a sync set's run, with which it is approved."""

    offered: bool
    undone_by: tuple[Run, ...] = ()
    undoes: Run | None = None
    is_part: bool = False


def undoing(run: Run) -> Undoing:
    """Return what the page of this run says of taking it back."""
    kinds = (*KINDS, Run.Kind.EDIT)
    by = tuple(run.undone_by.order_by("pk")) if run.kind in kinds else ()
    offered = run.kind in kinds and run.state in Run.ENDED and has_writes(run)
    if run.kind != Run.Kind.UNDO:
        return Undoing(offered, by, run.undoes)
    return Undoing(offered, by, run.undoes, run.parent_id is not None)


@require_http_methods(["GET", "POST"])
@permission_required("ledger.add_run", raise_exception=True)
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what taking this run back would do; pressed, have its plan made and show that."""
    run = get_object_or_404(Run, pk=pk)
    edit: EditUndo | None = None
    try:
        if request.method == "POST":
            return redirect("sync:run", _begin(request, run).pk)
        if run.kind == Run.Kind.EDIT:
            edit = look(run)
        else:
            refuse_undo(run)
        refused = ""
    except (SyncRefused, ConnectorError) as e:
        refused = translated(e)
        if request.method == "POST":
            messages.error(request, refused)
            return redirect("sync:run", run.pk)
    writes = writes_of(run).filter(superseded_by=None).order_by().values_list("action").annotate(n=Count("pk"))
    title = _("Take run #%(run)d back") % {"run": run.pk}
    about = {"run": run, "refused": refused, "counts": dict(writes), "title": title}
    if edit is not None:
        why = describe(edit.undo.reason) if edit.undo.reason else TAKES_BACK[edit.undo.kind]
        about |= {"entry": edit.entry, "undo": edit.undo, "why": why, "fields": _fields(edit)}
    return render(request, "sync/undo.html", {**admin.site.each_context(request), **about})


def _fields(edit: EditUndo) -> list[tuple[str, JSON, JSON]]:
    """Return (name, what the edit left, what it becomes) of each field."""
    left = {**edit.entry.intended, **edit.entry.stored}
    return [(name, left.get(name), value) for name, value in edit.undo.values.items()]


def _begin(request: HttpRequest, run: Run) -> Run:
    """Return the run to show: the plan, or what took an edit back, which is one record and was shown on the page."""
    if run.kind == Run.Kind.EDIT:
        return undo_edit(run, user=request.user, actor=request.user.get_username())  # type: ignore[arg-type]
    return request_undo(
        run,
        user=request.user,  # type: ignore[arg-type]
        actor=request.user.get_username(),
        trigger="button",
        plan_only=True,
        keep_created=request.POST.get("created") == KEEP,
    )


@require_POST
@permission_required("ledger.change_run", raise_exception=True)
def sync_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the records that this undo left resting synced again: all, or what one entry is about."""
    run = get_object_or_404(Run, pk=pk, kind=Run.Kind.UNDO)
    entry = request.POST.get("entry", "")
    who: dict[str, Any] = {"user": request.user, "actor": request.user.get_username()}
    parts = run.children.order_by("pk") if run.sync_set else [run]
    try:
        revived = sum(revive_undone(part, entry=int(entry) if entry.isdecimal() else None, **who) for part in parts)
    except RelinkRefused as e:
        messages.warning(request, str(e))
        return redirect("sync:run", run.pk)
    text = ngettext(
        "%(count)d record is synced again: the next run plans it.",
        "%(count)d records are synced again: the next run plans them.",
        revived,
    )
    messages.success(request, text % {"count": revived})
    return redirect("sync:run", run.pk)


def resting(run: Run, entries: Sequence[Entry]) -> frozenset[int]:
    """Return which of these entries of an undo are about records that are not synced since."""
    if run.kind != Run.Kind.UNDO:
        return frozenset()
    links = {entry.link_id for entry in entries if entry.link_id}
    retired = set(Link.objects.filter(pk__in=links, state=Link.State.RETIRED).values_list("pk", flat=True))
    return frozenset(entry.pk for entry in entries if entry.link_id in retired)
