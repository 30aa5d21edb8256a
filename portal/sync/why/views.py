"""Why a value stands in a record, for whoever clicks on it: a part of the record's page, or a page of its own without scripts."""

from __future__ import annotations

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from portal.connections.permissions import may_view
from portal.records.models import Copy
from portal.sync.lines import record_url
from portal.sync.why.answer import field_named, schema_of, why
from portal.sync.why.words import sentences


@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """The answer for the field that the address names."""
    copy = _copy(request)
    schema = schema_of(copy)
    name = field_named(schema, copy, request.GET.get("field", ""))
    if name is None:
        raise Http404
    told = why(copy, name)
    source = told.source.entry if told.source else None
    described = schema.field(name) if schema else None
    context = {
        "told": told,
        "label": described.label if described and described.label else name,
        "sentences": sentences(told),
        "run": told.run if request.user.has_perm("ledger.view_run") else None,
        "source_url": record_url(source.source_connection, source.source_module, source.source_id) if source else "",
        "record_url": record_url(copy.mirror.connection, copy.mirror.module, copy.record_id),
    }
    if request.headers.get("HX-Request"):
        return render(request, "sync/why_part.html", context)
    return render(request, "sync/why.html", {**admin.site.each_context(request), "title": context["label"], **context})


def _copy(request: HttpRequest) -> Copy:
    """Return our copy of the record that the address names, if the person may read records through its connection."""
    if not may_view(request.user):
        raise PermissionDenied
    connection, module, id = (request.GET.get(key, "").replace("\x00", "") for key in ("connection", "module", "id"))
    places = Copy.objects.select_related("mirror__connection")
    copy = get_object_or_404(places, mirror__connection__name=connection, mirror__module=module, record_id=id)
    if not may_view(request.user, copy.mirror.connection):
        raise PermissionDenied
    return copy
