"""The screens of sync sets: list, add, look at, change, delete; have one planned or run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portal.ledger.models import Entry, Run
from portal.mappings.models import Mapping
from portal.sync.models import SyncSet
from portal.sync.run import SyncRefused
from portal.sync.schedules import next_run
from portal.sync.sets.forms import SetForm, set_initial
from portal.sync.sets.order import Order, order_of
from portal.sync.sets.references import references_of
from portal.sync.sets.save import BadSet, SaidSet, SetBusy, delete_set, said_of, save_set
from portal.sync.sets.start import request_set

RUNS = 10


@dataclass(frozen=True, slots=True)
class SetLine:
    """A set at one glance: its mappings in their order, its newest run, when it runs next by itself."""

    row: SyncSet
    order: Order
    run: Run | None
    next_run: datetime | None


@permission_required("sync.view_syncset", raise_exception=True)
def set_list(request: HttpRequest) -> HttpResponse:
    """Every sync set."""
    rows = list(SyncSet.objects.prefetch_related("mappings"))
    newest = Run.objects.filter(sync_set__in=[row.uuid for row in rows], kind=Run.Kind.SYNC).values("sync_set")
    ids = newest.order_by().annotate(id=Max("id")).values_list("id", flat=True)
    runs = {run.sync_set: run for run in Run.objects.filter(pk__in=list(ids))}
    lines = [SetLine(row, _order(list(row.mappings.all())), runs.get(row.uuid), next_run(row)) for row in rows]
    return _page(request, "list.html", _("Sync sets"), lines=lines, enough=Mapping.objects.count() > 1)


@permission_required("sync.add_syncset", raise_exception=True)
def add(request: HttpRequest) -> HttpResponse:
    """The form of a new set; `mapping` in the address is chosen already."""
    form = SetForm(request.POST or None, initial={"mappings": request.GET.getlist("mapping")})
    if request.method == "POST" and form.is_valid() and (saved := _save(request, None, form)):
        return redirect("sync:set", saved.name)
    return _page(request, "change.html", _("Add sync set"), form=form, row=None)


@permission_required("sync.view_syncset", raise_exception=True)
def show(request: HttpRequest, name: str) -> HttpResponse:
    """One set: its mappings in their order and what breaks a circle, its runs, the buttons."""
    row = get_object_or_404(SyncSet, name=name)
    mappings = list(row.mappings.select_related("left_connection", "right_connection"))
    order = _order(mappings)
    by_name = {mapping.name: mapping for mapping in mappings}
    uuids = [mapping.uuid for mapping in mappings]
    waiting = Entry.objects.filter(mapping__in=uuids, superseded_by=None, undoes=None, state__in=Entry.WAITING).count()
    return _page(
        request,
        "show.html",
        row.name,
        row=row,
        order=order,
        mappings=[by_name[one] for one in order.names],
        runs=Run.objects.filter(sync_set=row.uuid).select_related("approved_by")[:RUNS],
        next_run=next_run(row),
        waiting=waiting,
    )


@permission_required("sync.change_syncset", raise_exception=True)
def change(request: HttpRequest, name: str) -> HttpResponse:
    """The form of a set."""
    row = get_object_or_404(SyncSet, name=name)
    form = SetForm(request.POST or None, initial=set_initial(said_of(row)))
    if request.method == "POST" and form.is_valid() and (saved := _save(request, row, form)):
        return redirect("sync:set", saved.name)
    return _page(request, "change.html", _("Change sync set"), subtitle=name, form=form, row=row)


@permission_required("sync.delete_syncset", raise_exception=True)
def delete(request: HttpRequest, name: str) -> HttpResponse:
    """Ask, then delete the set. Its mappings stay."""
    row = get_object_or_404(SyncSet, name=name)
    if request.method == "POST":
        try:
            delete_set(row, user=request.user)  # type: ignore[arg-type]
        except SetBusy as e:
            messages.error(request, str(e))
            return redirect("sync:set", name)
        messages.success(request, _("The sync set “%(name)s” was deleted.") % {"name": name})
        return redirect("sync:sets")
    return _page(request, "delete.html", _("Delete sync set"), row=row)


@require_POST
@permission_required("ledger.add_run", raise_exception=True)
def start(request: HttpRequest, name: str) -> HttpResponse:
    """Have the set run in the background now, or only planned, and show the run."""
    row = get_object_or_404(SyncSet, name=name)
    who: dict[str, Any] = {"user": request.user, "actor": request.user.get_username(), "trigger": "button"}
    try:
        run = request_set(row, plan_only="plan" in request.POST, **who)
    except SyncRefused as e:
        messages.error(request, str(e))
        return redirect("sync:set", name)
    return redirect("sync:run", run.pk)


def _save(request: HttpRequest, row: SyncSet | None, form: SetForm) -> SyncSet | None:
    said: SaidSet = form.said()
    try:
        saved, deed = save_set(row, said, user=request.user)  # type: ignore[arg-type]
    except BadSet as e:
        form.add_error(e.field, str(e))
        return None
    text = _("“%(name)s” says this already.") if deed == "unchanged" else _("The sync set “%(name)s” was saved.")
    messages.success(request, text % {"name": saved.name})
    return saved


def _order(mappings: list[Mapping]) -> Order:
    return order_of((mapping.name for mapping in mappings), references_of(mappings))


def _page(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    return render(request, f"sync/sets/{template}", {**admin.site.each_context(request), "title": title, **context})
