"""The list of mappings, and what is done to one as a whole: pause, read its modules, copy, delete."""

from __future__ import annotations

from itertools import count
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portal.ledger import write
from portal.mappings import pause as pauses
from portal.mappings.copy import copy_mapping
from portal.mappings.models import Mapping
from portal.mappings.save import why_taken
from portal.records.models import Mirror
from portal.records.tasks import ask_to_read, reading_of
from portal.ui.panels import draw_panels


@permission_required("mappings.view_mapping", raise_exception=True)
def mapping_list(request: HttpRequest) -> HttpResponse:
    """Every mapping with its sides and state."""
    found = Mapping.objects.select_related("left_connection", "right_connection")
    panels = draw_panels("mappings", request, mappings=found)
    return _page(request, "mappings/list.html", _("Mappings"), mappings=found, panels=panels)


@require_POST
@permission_required("mappings.change_mapping", raise_exception=True)
def pause(request: HttpRequest, name: str) -> HttpResponse:
    """Pause or resume the whole mapping."""
    mapping = get_object_or_404(Mapping, name=name)
    who: dict[str, Any] = {"user": request.user, "actor": request.user.get_username()}
    try:
        pause_or_resume = pauses.pause if mapping.state == Mapping.State.ACTIVE else pauses.resume
        pause_or_resume(mapping, **who)
    except pauses.NotFit as e:
        messages.error(request, str(e))
    return redirect("mappings:change", mapping.name)


@permission_required("mappings.change_mapping", raise_exception=True)
def read(request: HttpRequest, name: str) -> HttpResponse:
    """POST: have both modules read into their mirrors in the background, with `afresh` all of both. GET: how far that is, for
    the page to ask again."""
    mapping = get_object_or_404(Mapping.objects.select_related("left_connection", "right_connection"), name=name)
    sides = ((mapping.left_connection, mapping.left_module), (mapping.right_connection, mapping.right_module))
    if request.method == "POST":
        if afresh := "afresh" in request.POST:
            write.audit(request.user, "reread_mapping", mapping)  # type: ignore[arg-type]
        for connection, module in sides:
            ask_to_read(connection, module, afresh=afresh)
    mirrors = [Mirror.objects.filter(connection=connection, module=module).first() for connection, module in sides]
    lines = [
        {
            "connection": connection,
            "module": module,
            "mirror": mirror,
            "reading": reading_of(mirror) if mirror else None,
            "so_far": mirror.reading.get("done") if mirror else None,
        }
        for (connection, module), mirror in zip(sides, mirrors, strict=True)
    ]
    goes_on = any(line["reading"] and "error" not in line["reading"] for line in lines)  # type: ignore[operator]
    response = render(request, "mappings/reading.html", {"mapping": mapping, "lines": lines, "goes_on": goes_on})
    if not goes_on and request.method == "GET" and request.GET.get("began"):
        response["HX-Refresh"] = "true"
    return response


@require_POST
@permission_required("mappings.add_mapping", raise_exception=True)
def copy(request: HttpRequest, name: str) -> HttpResponse:
    """Begin a new mapping that says the same, as a draft of its own."""
    mapping = get_object_or_404(Mapping, name=name)
    free = next(wanted for n in count(2) if not why_taken(wanted := f"{name[:90]}-{n}"))
    made = copy_mapping(mapping, free, user=request.user, actor=request.user.get_username())  # type: ignore[arg-type]
    write.audit(request.user, "save mapping", made, {"copied from": name})  # type: ignore[arg-type]
    messages.success(
        request, _("“%(copy)s” says the same as “%(name)s”; it is not live yet.") % {"copy": free, "name": name}
    )
    return redirect("mappings:schedule", made.name)


@permission_required("mappings.delete_mapping", raise_exception=True)
def delete(request: HttpRequest, name: str) -> HttpResponse:
    """Ask, then delete the mapping. Links stay: they say which records are one, whatever becomes of the mapping."""
    mapping = get_object_or_404(Mapping, name=name)
    if request.method == "POST":
        write.audit(request.user, "delete mapping", mapping)  # type: ignore[arg-type]
        mapping.delete()
        messages.success(request, _("The mapping “%(name)s” was deleted.") % {"name": name})
        return redirect("mappings:list")
    return _page(request, "mappings/delete.html", _("Delete mapping"), mapping=mapping)


def _page(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    return render(request, template, {**admin.site.each_context(request), "title": title, **context})
