"""Problems and the audit trail as lists to look at; nobody changes what happened."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from portal.ledger.links import links_of
from portal.ledger.models import AuditEntry, Problem
from portal.ui.templatetags.portal import age, badge

DEEDS = {  # what `write.audit` is told, in words
    "add_comment": _("add comment"),
    "add_connection": _("add connection"),
    "authorise_connection": _("authorise connection at the CRM"),
    "add_sync_set": _("add sync set"),
    "add_to_list": _("add to a CRM’s list"),
    "add_value_table": _("add value table"),
    "allow_writing": _("allow writing"),
    "apply_all_again": _("apply to all again"),
    "approve_run": _("approve run"),
    "call_operation": _("call operation"),
    "change_connection": _("change connection"),
    "change_sync_set": _("change sync set"),
    "change_value_table": _("change value table"),
    "decide_entry": _("decide what waits"),
    "delete_connection": _("delete connection"),
    "delete mapping": _("delete mapping"),
    "delete_sync_set": _("delete sync set"),
    "delete_value_table": _("delete value table"),
    "drop_draft": _("drop draft"),
    "forbid_writing": _("forbid writing"),
    "join_records": _("say that records are one"),
    "make_mapping_live": _("make mapping live"),
    "other_crm": _("begin anew: another CRM"),
    "pause mapping": _("pause mapping"),
    "part_records": _("take back that records are one"),
    "reconcile_mapping": _("compare both sides"),
    "reject_match": _("say that records are not the same"),
    "reread_mapping": _("read both sides again"),
    "reset_mapping": _("reset mapping"),
    "resume mapping": _("resume mapping"),
    "revive_record": _("sync a record again"),
    "save mapping": _("save mapping"),
    "settle_edit": _("settle an edit"),
    "stop_run": _("stop run"),
    "take_back_decision": _("take back a choice"),
    "take_back_match": _("take back that records are not the same"),
    "undo_run": _("take run back"),
}


class _OnlyToLookAt(admin.ModelAdmin):  # type: ignore[type-arg]
    title: Any = ""
    actions = None

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": self.title, **(extra_context or {})})

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class StillOpen(admin.SimpleListFilter):
    """Open problems, or those that are over."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", _("open")), ("over", _("over"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Problem]) -> QuerySet[Problem]:
        return queryset if self.value() is None else queryset.filter(closed_at__isnull=self.value() == "open")


@admin.register(Problem)
class ProblemAdmin(_OnlyToLookAt):
    """What is or was wrong, since when, and what to do."""

    title = _("Problems")
    list_display = ("what", "connection", "leads_to", "state", "since", "times", "advice")
    list_filter = (StillOpen, "connection", "kind")
    list_select_related = ("connection",)
    search_fields = ("title", "detail")

    @admin.display(description=_("what is wrong"), ordering="title")
    def what(self, problem: Problem) -> str:
        return problem.title

    @admin.display(description=_("look at"), empty_value="–")
    def leads_to(self, problem: Problem) -> SafeString | None:
        found = links_of([problem])[problem.pk]
        return format_html_join(", ", '<a href="{}">{}</a>', ((link.url, link.name) for link in found)) or None

    @admin.display(description=_("state"), ordering="closed_at")
    def state(self, problem: Problem) -> SafeString:
        return badge("calm", _("over")) if problem.closed_at else badge("failed", _("open"))

    @admin.display(description=_("since"), ordering="opened_at")
    def since(self, problem: Problem) -> str:
        return age(problem.opened_at)


class ByDeed(admin.SimpleListFilter):
    """What was done, in words."""

    title = _("deed")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        used = AuditEntry.objects.order_by("action").values_list("action", flat=True).distinct()
        return [(action, DEEDS.get(action, action)) for action in used]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        return queryset.filter(action=self.value()) if self.value() else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(_OnlyToLookAt):
    """Who did what in the portal itself."""

    title = _("Audit trail")
    list_display = ("at", "actor", "deed", "kind", "object_label", "what")
    list_filter = (ByDeed, "object_type")
    search_fields = ("actor", "object_label")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Let the pages of other things lead to what was done to them."""
        return lookup == "object_id" or super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    @admin.display(description=_("kind"), ordering="object_type")
    def kind(self, entry: AuditEntry) -> str:
        model = apps.get_model(entry.object_type) if entry.object_type else None
        return str(model._meta.verbose_name) if model else ""

    @admin.display(description=_("what"))
    def what(self, entry: AuditEntry) -> str:
        """Tell the changes: "fields: Address, Access key"."""
        told = ((name, v if isinstance(v, list) else [v]) for name, v in entry.changes.items() if v not in ([], None))
        return "; ".join(f"{name}: {', '.join(map(str, values))}" for name, values in told)

    @admin.display(description=_("did"), ordering="action")
    def deed(self, entry: AuditEntry) -> Any:
        return DEEDS.get(entry.action, entry.action)
