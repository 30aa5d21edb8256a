"""The screens of connections: choose a CRM, add, change. The rule: a test comes before the saving, outside of any database
transaction; a connection that does not work is saved only when the person insists."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from connectors import CONNECTORS, OFFERED, connector_class
from connectors.base import Connector
from connectors.errors import ConnectorError
from connectors.types import Identity
from portal.connections import drafts, grants
from portal.connections.account import InUse
from portal.connections.advice import Advice, advise
from portal.connections.check import Checked, Outcome, try_out
from portal.connections.fields import time_zones
from portal.connections.forms import PREFIX, ConnectionForm, Kept
from portal.connections.models import Connection
from portal.connections.overview import overview_of
from portal.connections.permissions import may_add, may_change, may_view
from portal.connections.save import access_changed, save
from portal.ui.panels import draw_panels
from portal.ui.wording import translated


@dataclass(frozen=True, slots=True)
class Tested:
    """How a test went, for the page."""

    identity: Identity | None = None
    advice: Advice | None = None
    zone_set: bool = False  # the form's time zone was set to what the server tells


def choose(request: HttpRequest) -> HttpResponse:
    """Show the CRMs there are; each leads to its form."""
    if not may_add(request.user):
        raise PermissionDenied
    crms = [_described(connector_class(slug)) for slug in OFFERED]
    return page(request, "connections/choose.html", {"title": _("Add connection"), "crms": crms})


@sensitive_post_parameters()
def add(request: HttpRequest, connector: str) -> HttpResponse:
    """Show the form of a new connection; test it; save it."""
    if not may_add(request.user):
        raise PermissionDenied
    if connector not in CONNECTORS:
        raise Http404
    return _edit(request, connector_class(connector), None)


@sensitive_post_parameters()
def change(request: HttpRequest, name: str) -> HttpResponse:
    """Show a connection with all that is known about it, and its form."""
    connection = get_object_or_404(Connection, name=name)
    if not may_view(request.user, connection):
        raise PermissionDenied
    if request.method == "POST" and not may_change(request.user, connection):
        raise PermissionDenied
    return _edit(request, connector_class(connection.connector), connection)


def show(
    request: HttpRequest, form: ConnectionForm, connection: Connection | None, tested: Tested | None = None
) -> HttpResponse:
    """Return the page of a connection: the form and, for a stored one, what is known about it."""
    context: dict[str, Any] = {
        "title": _("Change connection") if connection else _("Add connection"),
        "subtitle": str(connection) if connection else form.connector.label,
        "form": form,
        "crm": _described(form.connector),
        "connection": connection,
        "tested": tested,
        "may_change": may_change(request.user, connection) if connection else may_add(request.user),
    }
    if connection is not None:
        context["overview"] = overview_of(connection)
        context["may_be_authorised"] = grants.may_be_authorised(form.connector, connection)
        context["panels"] = draw_panels("connection", request, connection=connection)
    return page(request, "connections/change.html", context)


def form_for(
    kind: type[Connector], connection: Connection | None, data: Any = None, kept: Kept | None = None
) -> ConnectionForm:
    """Return the form: as stored, empty, or filled in; on a row of its own, so that the page shows the stored one."""
    row = Connection(connector=kind.slug) if connection is None else Connection.objects.get(pk=connection.pk)
    return ConnectionForm(kind, data, instance=row, kept=kept or Kept.of(kind, connection))


def _edit(request: HttpRequest, kind: type[Connector], connection: Connection | None) -> HttpResponse:
    form = form_for(kind, connection)
    if request.method != "POST":
        drafts.drop(request, form)
        return show(request, form, connection)
    form = form_for(kind, connection, request.POST, drafts.kept(request, form))
    if not form.is_valid():
        return show(request, form, connection)
    testing = "_test" in request.POST
    outcome = try_out(form.instance, form.secrets) if testing or access_changed(form, connection) else None
    if isinstance(outcome, Checked) and not form.heed(outcome.identity):
        return _show_tested(request, form, connection, outcome)
    failed = isinstance(outcome, ConnectorError) and "_save_anyway" not in request.POST
    if outcome is not None and (testing or failed):
        return _show_tested(request, form, connection, outcome)
    return _save(request, form, connection, outcome)


def _save(
    request: HttpRequest, form: ConnectionForm, connection: Connection | None, outcome: Outcome | None
) -> HttpResponse:
    try:
        saved = save(form, user=request.user, outcome=outcome)  # type: ignore[arg-type]
    except InUse as e:
        form.add_error("same_data", str(e))
        return show(request, form, connection)
    drafts.drop(request, form)
    messages.success(request, _("The connection “%(name)s” was saved.") % {"name": saved.name})
    if isinstance(outcome, ConnectorError):
        messages.warning(request, _("It does not work yet: %(why)s") % {"why": saved.check_message})
    if connection is None and not saved.writable:
        messages.info(request, _("It is read-only until you allow writing."))
    return redirect("connections:change", saved.name)


def _show_tested(
    request: HttpRequest, form: ConnectionForm, connection: Connection | None, outcome: Outcome
) -> HttpResponse:
    """Show the same form again with how the test went; typed secrets wait for the saving."""
    data = request.POST.copy()
    for setting in form.connector.settings:
        if setting.secret:
            data.pop(PREFIX + setting.name, None)
    if isinstance(outcome, Checked):
        tested = Tested(identity=_translated(outcome.identity), zone_set=_propose_zone(form, data, outcome.identity))
    else:
        tested = Tested(advice=advise(outcome, form.connector))
    again = form_for(form.connector, connection, data, drafts.keep(request, form))
    if isinstance(outcome, Checked) and again.is_valid():
        again.heed(outcome.identity)
    return show(request, again, connection, tested)


def _propose_zone(form: ConnectionForm, data: Any, identity: Identity) -> bool:
    """Put the server's time zone into the form where nobody chose another than the default."""
    told = identity.time_zone
    for setting in form.connector.settings:
        chosen = form.instance.settings.get(setting.name)
        if setting.type == "time_zone" and chosen == setting.default != told and told in time_zones():
            data[PREFIX + setting.name] = told
            return True
    return False


def _translated(identity: Identity) -> Identity:
    return replace(identity, notes=tuple(map(translated, identity.notes)))


def _described(kind: type[Connector]) -> dict[str, str]:
    """Return what a template may say of a connector: it would call the class itself."""
    return {"slug": kind.slug, "label": kind.label, "help": translated(kind.credentials_help)}


def page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """Return a page of ours inside the admin."""
    return TemplateResponse(request, template, {**admin.site.each_context(request), **context}, status=status)
