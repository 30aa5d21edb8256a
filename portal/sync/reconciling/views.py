"""The comparison of both sides of a mapping: started, stopped, and shown with why each record is not equal. Nothing is sent here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from portal.connections.permissions import may_view
from portal.mappings.models import Mapping
from portal.sync.models import Reconciliation
from portal.sync.reconciling import job as reconcile_job
from portal.sync.reconciling.compare import LISTED, sums
from portal.sync.reconciling.page import TITLES, lines, reasons_of, summary
from portal.sync.run import SyncRefused


@require_GET
def show(request: HttpRequest, name: str) -> HttpResponse:
    """The last comparison of the mapping."""
    mapping = _mapping(request, name)
    row = mapping.reconciliations.first()
    listed = lines(mapping, row.listed) if row and not row.goes_on else []
    whole = {**admin.site.each_context(request), "title": mapping.name, "mapping": mapping, "lines": listed}
    return render(request, "sync/reconcile.html", {**whole, **state_of(row), "most": LISTED})


@require_POST
@permission_required("ledger.add_run", raise_exception=True)
def start(request: HttpRequest, name: str) -> HttpResponse:
    """Have both sides read afresh and compared in the background."""
    mapping = _mapping(request, name)
    try:
        reconcile_job.start(mapping, user=request.user, actor=request.user.get_username())  # type: ignore[arg-type]
    except SyncRefused as e:
        messages.error(request, str(e))
        return redirect("mappings:show", mapping.name)
    return redirect("sync:reconcile", mapping.name)


@require_GET
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The moving part of the page; once the comparison has ended, the whole page is asked for again."""
    row = get_object_or_404(Reconciliation.objects.select_related("mapping"), pk=pk)
    mapping = _mapping(request, row.mapping.name)
    response = render(request, "sync/reconcile_progress.html", {"mapping": mapping, **state_of(row)})
    if not row.goes_on:
        response["HX-Refresh"] = "true"
    return response


@require_POST
@permission_required("ledger.add_run", raise_exception=True)
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the comparison end; what was read stays read."""
    row = get_object_or_404(Reconciliation.objects.select_related("mapping"), pk=pk)
    mapping = _mapping(request, row.mapping.name)
    reconcile_job.request_stop(row)
    return redirect("sync:reconcile", mapping.name)


def state_of(row: Reconciliation | None) -> dict[str, Any]:
    """Return what a page or a panel shows of a comparison: its figures, its sentence, and why what is not equal is not."""
    if row is None:
        return {"row": None, "goes_on": False}
    counts = sums(row.counts)
    figures = [(kind, title, counts[kind]) for kind, title in TITLES.items()]
    return {
        "row": row,
        "goes_on": row.goes_on,
        "phase": _phase(row),
        "figures": figures if row.counts else [],
        "counts": counts,
        "summary": summary(counts),
        "reasons": reasons_of(row),
    }


def _phase(row: Reconciliation) -> str:
    if row.not_before:
        return row.message
    mapping = row.mapping
    where = {"left": mapping.left_connection.name, "right": mapping.right_connection.name}
    if row.phase in where:
        return _("reading %(connection)s afresh") % {"connection": where[row.phase]}
    return _("comparing") if row.phase else _("waiting for a worker")


def _mapping(request: HttpRequest, name: str) -> Mapping:
    """Return the mapping, if the person may see it and read records through both of its connections."""
    if not request.user.has_perm("mappings.view_mapping"):
        raise PermissionDenied
    found = get_object_or_404(Mapping.objects.select_related("left_connection", "right_connection"), name=name)
    if not all(may_view(request.user, c) for c in (found.left_connection, found.right_connection)):
        raise PermissionDenied
    return found
