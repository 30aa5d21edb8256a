"""The run screens: what ran, what it did to which record, how far it is; start it, approve its plan, stop it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db.models import Case, Count, Prefetch, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portal.ledger.models import Entry, Run
from portal.mappings.models import Mapping
from portal.records.lost import decide
from portal.sync.approve import approve
from portal.sync.lead import lead_of
from portal.sync.lines import entry_lines
from portal.sync.matching.standing import matched
from portal.sync.models import SyncSet
from portal.sync.run import SyncRefused, request_stop, request_sync
from portal.sync.sets.report import entries_of, report_of
from portal.sync.undo.views import resting, undoing

PAGE = 50


@permission_required("ledger.view_run", raise_exception=True)
def run_list(request: HttpRequest) -> HttpResponse:
    """Every run, newest first; of one mapping or in one state where the address says so."""
    asked = {name: request.GET.get(name, "") for name in ("mapping", "state")}
    runs = Run.objects.prefetch_related(Prefetch("children", Run.objects.order_by("pk")))
    if asked["mapping"]:
        runs = runs.filter(mapping_name=asked["mapping"])
    if asked["state"] in Run.State.values:
        runs = runs.filter(state=asked["state"])
    if not any(asked.values()):
        runs = runs.filter(parent=None)  # parts stand below their whole
    page = Paginator(runs, PAGE).get_page(request.GET.get("p"))
    names = [name for table in (Mapping, SyncSet) for name in table.objects.values_list("name", flat=True)]
    return _page(request, "sync/runs.html", _("Runs"), page=page, asked=asked, names=names, states=Run.State.choices)


@permission_required("ledger.view_run", raise_exception=True)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One run: its figures, its progress while it goes on, and its entries."""
    run = get_object_or_404(Run.objects.select_related("parent"), pk=pk)
    entries = _entries(run)
    states = dict(entries.order_by().values_list("state").annotate(n=Count("id")))
    state = request.GET.get("state", "")
    shown = entries.filter(state=state) if state in Entry.State.values else entries
    page = Paginator(shown, PAGE).get_page(request.GET.get("p"))
    mapping = Mapping.objects.filter(uuid=run.mapping).first() if run.mapping else None
    return _page(
        request,
        "sync/run.html",
        str(run),
        run=run,
        mapping=mapping,
        matched=matched(run),
        undoing=undoing(run),
        resting=resting(run, list(page.object_list)),
        report=report_of(run),
        set=SyncSet.objects.filter(uuid=run.sync_set).first() if run.sync_set else None,
        lead=lead if (lead := lead_of(run)) != run else None,
        states=[(value, label, states[value]) for value, label in Entry.State.choices if value in states],
        state=state,
        page=page,
        lines=entry_lines(page.object_list),
        goes_on=run.state in Run.OPEN,
    )


@permission_required("ledger.view_run", raise_exception=True)
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The moving part of the run's page; once the run has ended, the whole page is asked for again."""
    run = get_object_or_404(Run, pk=pk)
    response = render(request, "sync/progress.html", {"run": run, "goes_on": run.state in Run.OPEN})
    if run.state not in Run.OPEN:
        response["HX-Refresh"] = "true"
    return response


@require_POST
@permission_required("ledger.add_run", raise_exception=True)
def start(request: HttpRequest, name: str) -> HttpResponse:
    """Have the mapping run in the background now, or only plan, and show the run."""
    mapping = get_object_or_404(Mapping, name=name)
    try:
        run = request_sync(
            mapping,
            user=request.user,  # type: ignore[arg-type]
            actor=request.user.get_username(),
            trigger="button",
            plan_only="plan" in request.POST,
        )
    except SyncRefused as e:
        messages.error(request, str(e))
        return redirect("mappings:show", mapping.name)
    return redirect("sync:run", run.pk)


@require_POST
@permission_required("ledger.add_run", raise_exception=True)
def approve_plan(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the run carry out what its page shows, and nothing else."""
    run = get_object_or_404(Run, pk=pk)
    try:
        approve(run, user=request.user, actor=request.user.get_username())  # type: ignore[arg-type]
    except SyncRefused as e:
        messages.error(request, str(e))
    return redirect("sync:run", run.pk)


@require_POST
@permission_required("ledger.change_run", raise_exception=True)
def settle(request: HttpRequest, pk: int, entry: int) -> HttpResponse:
    """Settle an edit of which nobody knew whether it arrived, by what the person saw in the CRM."""
    found = get_object_or_404(Entry.objects.select_related("run"), pk=entry, run=pk)
    answer = request.POST.get("arrived")
    if answer in ("yes", "no") and not decide(found, answer == "yes", request.user):  # type: ignore[arg-type]
        messages.warning(request, _("That was settled meanwhile."))
    return redirect("sync:run", pk)


@require_POST
@permission_required("ledger.change_run", raise_exception=True)
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the run end after what is being sent now."""
    run = get_object_or_404(Run, pk=pk)
    request_stop(run, request.user)  # type: ignore[arg-type]
    messages.info(request, _("The run stops as soon as what was sent is settled."))
    return redirect("sync:run", run.pk)


def _entries(run: Run) -> QuerySet[Entry]:
    """Return the run's entries in their order; a sync set's are those of its parts, as it left them."""
    entries = Entry.objects.filter(run=run) if run.sync_set is None else entries_of(run)
    first = Case(When(action=Entry.Action.APPEND, then=0), default=1)  # additions are sent before the records
    entries = entries.select_related("connection", "source_connection", "obeys", "run")
    return entries.order_by("run_id", first, "number")


def _page(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    return render(request, template, {**admin.site.each_context(request), "title": title, **context})
