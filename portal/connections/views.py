"""The screens of connections: list, choose a CRM, add, change. A test comes before the saving and outside of any database
transaction; what was typed as a secret waits sealed in the person's session between the two."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from connectors import CONNECTORS, OFFERED, connector_class
from connectors.base import Connector
from connectors.errors import ConnectorError
from connectors.types import Identity
from portal.connections.advice import Advice, advise
from portal.connections.check import Checked, Outcome, try_out
from portal.connections.crypto import seal, unseal
from portal.connections.fields import time_zones
from portal.connections.forms import PREFIX, ConnectionForm, Kept, host_of
from portal.connections.models import Connection
from portal.connections.overview import overview_of
from portal.connections.permissions import may_add, may_change, may_view
from portal.connections.save import access_changed, save
from portal.ui.panels import draw_panels

DRAFT_SECONDS = 3600  # how long typed secrets wait in the session for the saving


@dataclass(frozen=True, slots=True)
class Tested:
    """How a test went, for the page."""

    identity: Identity | None = None
    advice: Advice | None = None
    zone_set: bool = False  # the form's time zone was set to what the server tells
    may_save_anyway: bool = False


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
        context["panels"] = draw_panels("connection", request, connection=connection)
    return page(request, "connections/change.html", context)


def blank_form(kind: type[Connector], connection: Connection | None) -> ConnectionForm:
    """Return the form as the connection is stored, or empty."""
    return ConnectionForm(kind, instance=_fresh(kind, connection), kept=Kept.of(kind, connection))


def _edit(request: HttpRequest, kind: type[Connector], connection: Connection | None) -> HttpResponse:
    if request.method != "POST":
        request.session.pop(_draft_name(kind, connection), None)
        return show(request, blank_form(kind, connection), connection)
    kept = _draft(request, kind, connection) or Kept.of(kind, connection)
    form = ConnectionForm(kind, request.POST, instance=_fresh(kind, connection), kept=kept)
    if not form.is_valid():
        return show(request, form, connection)
    testing = "_test" in request.POST
    outcome = try_out(form.instance, form.secrets) if testing or access_changed(form, connection) else None
    failed = isinstance(outcome, ConnectorError)
    if testing or (failed and "_save_anyway" not in request.POST):
        assert outcome is not None
        return _show_tested(request, form, connection, outcome, may_save_anyway=failed)
    return _save(request, form, outcome)


def _save(request: HttpRequest, form: ConnectionForm, outcome: Outcome | None) -> HttpResponse:
    is_new = form.instance.pk is None
    request.session.pop(_draft_name(form.connector, None if is_new else form.instance), None)
    saved = save(form, user=request.user, outcome=outcome)  # type: ignore[arg-type]
    messages.success(request, _("The connection “%(name)s” was saved.") % {"name": saved.name})
    if isinstance(outcome, ConnectorError):
        messages.warning(request, _("It does not work yet: %(why)s") % {"why": saved.check_message})
    if is_new and not saved.writable:
        messages.info(request, _("It is read-only until you allow writing."))
    return redirect("connections:change", saved.name)


def _show_tested(
    request: HttpRequest,
    form: ConnectionForm,
    connection: Connection | None,
    outcome: Outcome,
    *,
    may_save_anyway: bool,
) -> HttpResponse:
    """Show the same form again with how the test went; typed secrets are kept, sealed, for the saving."""
    host = host_of(form.connector, form.instance.settings)
    request.session[_draft_name(form.connector, connection)] = {
        "sealed": seal(form.secrets).decode(),
        "host": host,
        "until": time.time() + DRAFT_SECONDS,
    }
    data = request.POST.copy()
    for setting in form.connector.settings:
        if setting.secret:
            data.pop(PREFIX + setting.name, None)
    zone_set = isinstance(outcome, Checked) and _propose_zone(form, data, outcome.identity)
    again = ConnectionForm(
        form.connector, data, instance=_fresh(form.connector, connection), kept=Kept(form.secrets, host)
    )
    if isinstance(outcome, Checked):
        return show(request, again, connection, Tested(identity=outcome.identity, zone_set=zone_set))
    advice = advise(outcome, form.connector)
    return show(request, again, connection, Tested(advice=advice, may_save_anyway=may_save_anyway))


def _propose_zone(form: ConnectionForm, data: Any, identity: Identity) -> bool:
    """Put the server's time zone into the form where nobody chose another than the default."""
    told = identity.time_zone
    for setting in form.connector.settings:
        chosen = form.instance.settings.get(setting.name)
        if setting.type == "time_zone" and chosen == setting.default != told and told in time_zones():
            data[PREFIX + setting.name] = told
            return True
    return False


def _described(kind: type[Connector]) -> dict[str, str]:
    """Return what a template may say of a connector: it would call the class itself."""
    return {"slug": kind.slug, "label": kind.label, "help": kind.credentials_help}


def _fresh(kind: type[Connector], connection: Connection | None) -> Connection:
    """Return a row the form may write into without touching the one the page shows."""
    return Connection(connector=kind.slug) if connection is None else Connection.objects.get(pk=connection.pk)


def _draft_name(kind: type[Connector], connection: Connection | None) -> str:
    return f"connection {connection.pk}" if connection else f"new connection {kind.slug}"


def _draft(request: HttpRequest, kind: type[Connector], connection: Connection | None) -> Kept | None:
    """Return the secrets typed for the last test, while they wait."""
    draft = request.session.get(_draft_name(kind, connection))
    if not draft or draft["until"] < time.time():
        return None
    try:
        return Kept(unseal(draft["sealed"].encode()), draft["host"])
    except ImproperlyConfigured:
        return None


def page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """Return a page of ours inside the admin."""
    return TemplateResponse(request, template, {**admin.site.each_context(request), **context}, status=status)
