"""The tables of connections, of calls and of owners' names, in Django's admin. A connection's own pages are ours: its links
lead there."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from portal.connections.models import Call, Connection, OwnerLabel
from portal.ui.templatetags.portal import age, badge

FEW = 12  # connections, which need no filter


class ConnectionList(ChangeList):
    """Django's list, whose links lead to our page of a connection."""

    def url_for_result(self, result: Any) -> str:
        return reverse("connections:change", args=[result.name])


class ByConnector(admin.SimpleListFilter):
    """Only the connections to one CRM; the choices carry its label."""

    title = _("CRM")
    parameter_name = "connector"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        used = Connection.objects.order_by("connector").values_list("connector", flat=True).distinct()
        return [(slug, Connection(connector=slug).crm) for slug in used]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(connector=self.value()) if self.value() else queryset


@admin.register(Connection)
class ConnectionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The list. Adding, changing and deleting are our own pages."""

    list_display = ("name", "label", "state", "tested", "writing", "expires", "limits")
    list_filter = (ByConnector, "check_state", "writable")
    search_fields = ("name",)
    actions = None

    def get_urls(self) -> list[URLPattern]:
        """Keep the admin's own names, so that its links work, and lead them to our pages. Other forms of the admin make a
        link of `__fk__`, which stands for a key not chosen yet: so a key may be any text."""

        def to(view: str, with_name: bool = True) -> Any:
            def lead(request: HttpRequest, object_id: str = "") -> HttpResponse:
                key = int(object_id) if object_id.isdecimal() else 0
                found = [get_object_or_404(Connection, pk=key).name] if with_name else []
                return redirect(view, *found)

            return self.admin_site.admin_view(lead)

        name = "connections_connection_%s"
        return [
            path("", to("connections:list", False), name=name % "changelist"),
            path("add/", to("connections:choose", False), name=name % "add"),
            path("<str:object_id>/change/", to("connections:change"), name=name % "change"),
            path("<str:object_id>/delete/", to("connections:delete"), name=name % "delete"),
            path("<str:object_id>/history/", to("connections:history"), name=name % "history"),
        ]

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Spare a list that fits on a page its filters."""
        return self.list_filter if request.GET or Connection.objects.count() > FEW else ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ConnectionList

    @admin.display(description=_("CRM"), ordering="connector")
    def label(self, connection: Connection) -> str:
        return connection.crm

    @admin.display(description=_("state"), ordering="check_state")
    def state(self, connection: Connection) -> str:
        return badge(connection.check_state, connection.get_check_state_display())

    @admin.display(description=_("last tested"), ordering="checked_at")
    def tested(self, connection: Connection) -> str:
        return age(connection.checked_at)

    @admin.display(description=_("writing allowed"), boolean=True, ordering="writable")
    def writing(self, connection: Connection) -> bool:
        return connection.writable

    @admin.display(description=_("credentials expire"), ordering="token_expires_at", empty_value="–")
    def expires(self, connection: Connection) -> str | None:
        return age(connection.token_expires_at) if connection.token_expires_at else None

    @admin.display(description=_("calls a minute, a day"))
    def limits(self, connection: Connection) -> str:
        return f"{connection.calls_per_minute or '∞'} / {connection.calls_per_day or '∞'}"


def connection_list(request: HttpRequest) -> HttpResponse:
    """Show Django's list of connections under our address."""
    return admin.site.get_model_admin(Connection).changelist_view(request, {"title": _("Connections")})


@admin.register(Call)
class CallAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What was asked of the CRMs; nobody changes it."""

    list_display = (
        "at",
        "connection",
        "operation",
        "method",
        "status",
        "ms",
        "received_bytes",
        "outcome",
        "purpose",
        "run_id",
    )
    list_filter = ("connection", "writes", "purpose", ("error", admin.AllValuesFieldListFilter))
    list_select_related = ("connection",)
    search_fields = ("operation",)
    ordering = ("-id",)  # as they were stored; an index on the time would cost every call
    show_full_result_count = False
    actions = None

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": _("Calls"), **(extra_context or {})})

    @admin.display(description=_("outcome"), ordering="error")
    def outcome(self, call: Call) -> str:
        if call.error or call.status >= 400:
            return badge("failed", call.error or _("refused"))
        return badge("ok", _("answered"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Call | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Call | None = None) -> bool:
        return False


@admin.register(OwnerLabel)
class OwnerLabelAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Names for owners where a CRM tells only their ids. What a person typed is not overwritten by the CRM's answer."""

    list_display = ("label", "owner_id", "connection", "typed")
    list_filter = ("connection", "typed")
    search_fields = ("label", "owner_id")
    fields = ("connection", "owner_id", "label")

    def save_model(self, request: HttpRequest, obj: OwnerLabel, form: Any, change: bool) -> None:
        obj.typed = True
        super().save_model(request, obj, form, change)
