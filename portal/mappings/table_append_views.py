"""The page on which a person adds entries to a CRM's own list: which ones, to which list, and nothing that was not shown."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from connectors.errors import ConnectorError
from portal.connections.models import Connection
from portal.connections.permissions import may_write
from portal.mappings.means import table_of
from portal.mappings.models import ValueTable
from portal.mappings.table_append import Lacking, append, lacking
from portal.mappings.table_views import around_of, page, user_of
from portal.ui.wording import translated


@permission_required("mappings.change_valuetable", raise_exception=True)
def append_values(request: HttpRequest, name: str) -> HttpResponse:
    """Show what each list lacks; add what was ticked of one of them."""
    row = get_object_or_404(ValueTable, name=name)
    around = around_of(request, row)
    lists = lacking(table_of(row), around.ends, around.uses)
    if request.method == "POST":
        _append(request, row, lists)
        return redirect(request.get_full_path())
    shown = [(found, _is_allowed(request, found)) for found in lists]
    return page(request, "append.html", _("Add to the CRM’s list"), subtitle=row.name, table=row, lists=shown)


def _append(request: HttpRequest, row: ValueTable, lists: list[Lacking]) -> None:
    wanted = next((found for found in lists if str(found.place) == request.POST.get("place")), None)
    values = [value for value in request.POST.getlist("value") if wanted and value in wanted.values]
    if wanted is None or not values:
        messages.info(request, _("Nothing was added: tick the values that the list shall get."))
        return
    if not _is_allowed(request, wanted):
        raise PermissionDenied
    try:
        append(row, wanted.place, values, user=user_of(request))
    except ConnectorError as e:
        messages.error(request, translated(e))
        return
    told = _("Added to %(place)s: %(values)s. The next run carries over what waited for it.")
    messages.success(request, told % {"place": wanted.place, "values": ", ".join(values)})


def _is_allowed(request: HttpRequest, found: Lacking) -> bool:
    return may_write(request.user, Connection.objects.get(name=found.place.connection))
