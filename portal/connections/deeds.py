"""What a person does to a stored connection beside changing it: test it, read its fields again, allow or forbid writing,
delete it, read its history. Each deed that changes something asks first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, ProtectedError
from django.db.models.deletion import Collector
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from connectors import connector_class
from connectors.errors import ConnectorError
from portal.connections import check, reread
from portal.connections.advice import advise
from portal.connections.models import Connection
from portal.connections.permissions import may_change, may_delete, may_view
from portal.connections.save import allow_writing
from portal.connections.save import delete as delete_connection
from portal.connections.views import Tested, form_for, page, show
from portal.ui.wording import translated

PATIENCE = 12.0  # seconds; a web server gives a request 30, and the last module may take its time
FEW = 5  # changes told on the page


@require_POST
def test(request: HttpRequest, name: str) -> HttpResponse:
    """Ask the CRM who we are with what is stored, and show the answer."""
    connection = get_object_or_404(Connection, name=name)
    if not may_change(request.user, connection):
        raise PermissionDenied
    kind = connector_class(connection.connector)
    try:
        tested = Tested(identity=check.check(connection))
    except ConnectorError as e:
        tested = Tested(advice=advise(e, kind))
    return show(request, form_for(kind, connection), connection, tested)


@require_POST
def read_again(request: HttpRequest, name: str) -> HttpResponse:
    """Read the fields of the modules in use again, for as long as a person waits, the rest in the background; say what is
    different. What that breaks becomes a Problem."""
    connection = get_object_or_404(Connection, name=name)
    if not may_change(request.user, connection):
        raise PermissionDenied
    try:
        came = reread.read(connection, seconds=PATIENCE)
    except ConnectorError as e:
        messages.error(request, _("The fields could not be read: %(why)s") % {"why": translated(e)})
        return redirect("connections:change", connection.name)
    if came.last is not None:
        reread.go_on(connection.pk, came.last)
    for level, text in _told(came):
        messages.add_message(request, level, text)
    return redirect("connections:change", connection.name)


def _told(came: reread.Reading) -> Iterator[tuple[int, str]]:
    read = [one.module for one in came.done if one.error is None]
    if not came.done:
        yield messages.INFO, _("No module of this connection is in use yet: nothing was read.")
    elif read:
        yield messages.SUCCESS, _("Read again: %(modules)s.") % {"modules": ", ".join(read)}
    if came.last is not None:
        yield messages.INFO, _("The other modules are read in the background.")
    for one in came.done:
        told = [translated(change.sentence) for change in one.changes[:FEW]]
        told += ["…"] * (len(one.changes) > FEW)
        if one.error is not None:
            told = [translated(one.error)]
        elif one.doubted is not None:
            text = _("Only %(count)d fields were told, which is not believed; what was known is kept.")
            told = [text % {"count": one.doubted}]
        if told:
            yield messages.WARNING, f"{one.module}: {' '.join(told)}"


def writing(request: HttpRequest, name: str) -> HttpResponse:
    """Allow writing, or forbid it, after saying what that means."""
    connection = get_object_or_404(Connection, name=name)
    if not may_change(request.user, connection):
        raise PermissionDenied
    if request.method == "POST":
        allowed = request.POST.get("writable") == "yes"
        allow_writing(connection, allowed, user=request.user)  # type: ignore[arg-type]
        text = _("Writing to “%(name)s” is allowed.") if allowed else _("“%(name)s” is read-only now.")
        messages.success(request, text % {"name": connection.name})
        return redirect("connections:change", connection.name)
    title = _("Forbid writing") if connection.writable else _("Allow writing")
    context = {"title": title, "subtitle": str(connection), "connection": connection}
    return page(request, "connections/writing.html", context)


def delete(request: HttpRequest, name: str) -> HttpResponse:
    """Delete the connection after asking; refused, with the reason, while something needs it."""
    connection = get_object_or_404(Connection, name=name)
    if not may_delete(request.user, connection):
        raise PermissionDenied
    needed_by = [_described(thing) for thing in _protected(connection)]
    if request.method == "POST" and not needed_by:
        delete_connection(connection, user=request.user)  # type: ignore[arg-type]
        messages.success(request, _("The connection “%(name)s” was deleted.") % {"name": name})
        return redirect("connections:list")
    context = {"title": _("Delete connection"), "subtitle": name, "connection": connection, "needed_by": needed_by}
    return page(request, "connections/delete.html", context, status=409 if request.method == "POST" else 200)


def history(request: HttpRequest, name: str) -> HttpResponse:
    """Lead to who did what to this connection, in the audit trail."""
    connection = get_object_or_404(Connection, name=name)
    if not may_view(request.user, connection):
        raise PermissionDenied
    about = urlencode({"object_type": connection._meta.label_lower, "object_id": connection.pk})
    return redirect(f"{reverse('admin:ledger_auditentry_changelist')}?{about}")


def _protected(connection: Connection) -> Iterable[Model]:
    """Return what forbids the deletion: nothing, or the mappings that use the connection."""
    try:
        Collector(using="default", origin=connection).collect([connection])
    except ProtectedError as e:
        return sorted(e.protected_objects, key=str)
    return []


def _described(thing: Model) -> str:
    return f"{thing._meta.verbose_name} “{thing}”"
