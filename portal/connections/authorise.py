"""The screens by which a person authorises a connection at the CRM's own pages: go there, come back. What the CRM granted is
traded and stored before anything is shown, and the browser is sent on, so that the CRM's code stays in no address."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables

from connectors import connector_class
from connectors.errors import ConnectorError
from connectors.oauth import plain_word
from portal.connections import check, grants
from portal.connections.access import open_connector
from portal.connections.account import InUse, is_kept
from portal.connections.forms import OTHER_CRM, SAME_DATA, ConnectionForm
from portal.connections.grants import Begun
from portal.connections.models import Connection
from portal.connections.permissions import may_change
from portal.connections.save import authorise
from portal.connections.views import page
from portal.ui.wording import translated


def ask(request: HttpRequest, name: str) -> HttpResponse:
    """Say what is about to happen, then send the browser to the CRM; before that, ask whose data it will be where records
    are kept here: another account may be chosen there."""
    connection = get_object_or_404(Connection, name=name)
    if not may_change(request.user, connection):
        raise PermissionDenied
    if not grants.may_be_authorised(connector_class(connection.connector), connection):
        raise Http404
    kept, said = is_kept(connection), request.POST.get("same_data", "")
    if request.method == "POST" and (not kept or said in (SAME_DATA, OTHER_CRM)):
        try:
            return redirect(grants.begin(request, connection, other_crm=kept and said == OTHER_CRM))
        except ConnectorError as e:
            messages.error(request, translated(e))
            return redirect("connections:change", connection.name)
    context = {
        "title": _("Authorise at the CRM"), "subtitle": str(connection), "connection": connection, "unsaid": request.method == "POST",
        "field": ConnectionForm.base_fields["same_data"] if kept else None,
        "there": grants.origin(connection.settings["authorize_url"]), "back": grants.return_address(request),
    }  # fmt: skip
    response = page(request, "connections/authorise.html", context)
    # A form whose answer leads elsewhere is stopped by browsers unless this page, and only this one, allows that host.
    response._csp_update = {"form-action": [context["there"]]}  # type: ignore[attr-defined]
    return response


@never_cache
def come_back(request: HttpRequest) -> HttpResponse:
    """Take the CRM's answer, which is the browser's address; whatever it is, send the browser on to the connection."""
    begun = grants.take(request, request.GET.get("state", ""))  # of nobody where nobody is logged in
    if begun is None:
        told = _(
            "This answer of a CRM does not belong to an authorisation begun in this browser within the last ten minutes, or"
            " it was used already. Nothing was changed. Begin again on the connection's page."
        )
        messages.error(request, told)
        return redirect("connections:list")  # leads to the login, if need be, without the code in its address
    connection = get_object_or_404(Connection, pk=begun.connection_id)
    if not may_change(request.user, connection):
        raise PermissionDenied
    try:
        _conclude(request, connection, begun)
    except ConnectorError as e:
        messages.error(request, translated(e))
    except InUse as e:
        messages.error(request, str(e))
    return redirect("connections:change", connection.name)


@sensitive_variables()
def _conclude(request: HttpRequest, connection: Connection, begun: Begun) -> None:
    code = request.GET.get("code", "")
    if not code:
        told = _("The CRM did not authorise “%(name)s” (%(word)s). Nothing was changed.")
        word = plain_word(request.GET.get("error")) or _("without a reason")
        messages.warning(request, told % {"name": connection.name, "word": word})
        return
    with open_connector(connection, purpose="person") as crm:
        granted = crm.exchange(code, begun.verifier, begun.redirect)
    authorise(connection, granted, other_crm=begun.other_crm, user=request.user)  # type: ignore[arg-type]
    messages.success(request, _("The CRM authorised “%(name)s”.") % {"name": connection.name})
    check.check(connection)
