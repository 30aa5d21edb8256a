"""The record screens: what there is to look at, a module's records, one record. They only read."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from connectors import connector_class
from connectors.errors import ConnectorError, QueryError, RecordNotFound
from connectors.types import Module
from portal.accounts.models import User
from portal.connections.advice import advise
from portal.connections.models import Connection
from portal.connections.permissions import may_view
from portal.connections.schema import module_schema, modules
from portal.records import changelist, lists, record
from portal.records.changelist import Asked
from portal.records.models import Copy, Mirror
from portal.ui.panels import draw_panels
from portal.ui.wording import translated


def _page(request: HttpRequest, template: str, title: str, *, status: int = 200, **context: Any) -> HttpResponse:
    whole = {**admin.site.each_context(request), "title": title, **context}
    return render(request, template, whole, status=status)


def _connection(request: HttpRequest, name: str) -> Connection:
    """Return the connection of that name, if the person may read records through it."""
    if not may_view(request.user):
        raise PermissionDenied
    connection = get_object_or_404(Connection, name=name)
    if not may_view(request.user, connection):
        raise PermissionDenied
    return connection


def index(request: HttpRequest) -> HttpResponse:
    """Every connection with the modules we keep a mirror of."""
    if not may_view(request.user):
        raise PermissionDenied
    connections = [c for c in Connection.objects.prefetch_related("mirrors") if may_view(request.user, c)]
    return _page(request, "records/index.html", _("Records"), connections=connections)


def module_list(request: HttpRequest, connection: str) -> HttpResponse:
    """A connection's modules: the mirrored ones with counts and age, the others to be read live."""
    crm = _connection(request, connection)
    mirrors = {mirror.module: mirror for mirror in crm.mirrors.all()}
    trouble = None
    try:
        found = modules(crm)
    except ConnectorError as e:
        trouble = advise(e, connector_class(crm.connector))
        found = [Module(name, name) for name in sorted(mirrors)]
    rows = [(module, mirrors.get(module.name)) for module in found if module.readable]
    rows.sort(key=lambda row: row[1] is None)  # mirrored ones first, else in the vendor's order
    return _page(request, "records/modules.html", crm.name, connection=crm, rows=rows, trouble=trouble)


def change_list(request: HttpRequest, connection: str, module: str) -> HttpResponse:
    """A module's records, from the mirror where one is kept, else from the CRM."""
    crm, name = _connection(request, connection), unquote(module)
    asked = Asked.of(request.GET)
    mirror = Mirror.objects.filter(connection=crm, module=name).first()
    try:
        schema = module_schema(crm, name)
        user = cast(User, request.user)
        shown = lists.build(crm, schema, mirror, asked, user)
    except ConnectorError as e:
        return _trouble(request, crm, name, e, mirror, asked)
    template = "records/change_list.html"
    panels = draw_panels("records", request, connection=crm, module=name)
    return _page(request, template, schema.module.label, connection=crm, cl=shown, mirror=mirror, panels=panels)


@require_POST
def columns(request: HttpRequest, connection: str, module: str) -> HttpResponse:
    """Keep which columns the person wants to see, and go back to the list."""
    crm, name = _connection(request, connection), unquote(module)
    try:
        schema = module_schema(crm, name)
    except ConnectorError as e:
        messages.error(request, translated(e))
    else:
        names = [] if "reset" in request.POST else request.POST.getlist("column")
        changelist.save_columns(cast(User, request.user), f"{crm.name}/{name}", names, schema)
    back = request.POST.get("back", "")
    return redirect(reverse("records:list", args=[crm.name, quote(name)]) + (f"?{back}" if back else ""))


def show(request: HttpRequest, connection: str, module: str, id: str) -> HttpResponse:
    """One record with all its fields, as our copy has it or as the CRM has it now."""
    crm, name, record_id = _connection(request, connection), unquote(module), unquote(id)
    copy = Copy.objects.filter(mirror__connection=crm, mirror__module=name, record_id=record_id).first()
    live = copy is None or request.GET.get("source") == "live"
    try:
        schema = module_schema(crm, name)
        page = record.build(crm, schema, record_id, None if live else copy)
    except ConnectorError as e:
        mirror = copy.mirror if copy else Mirror.objects.filter(connection=crm, module=name).first()
        return _trouble(request, crm, name, e, mirror, Asked(), record_id if copy else "")
    panels = draw_panels("record", request, connection=crm, module=name, record_id=record_id, schema=schema)
    title = page.title
    return _page(request, "records/record.html", title, connection=crm, page=page, copy=copy, panels=panels)


def _trouble(
    request: HttpRequest,
    crm: Connection,
    module: str,
    error: ConnectorError,
    mirror: Mirror | None,
    asked: Asked,
    record_id: str = "",
) -> HttpResponse:
    """Say what is the case and what to do; offer our mirror where there is one."""
    unknown = isinstance(error, QueryError | RecordNotFound)
    context = {
        "connection": crm,
        "module": module,
        "trouble": advise(error, connector_class(crm.connector)),
        "mirror": mirror if mirror and not isinstance(error, QueryError) else None,
        "asked": asked,
        "record_id": record_id,
    }
    title = _("This could not be shown")
    return _page(request, "records/trouble.html", title, status=404 if unknown else 503, **context)
