"""The mapping screens: list, add in three questions, change, pause, delete."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from connectors.errors import ConnectorError
from connectors.types import ModuleSchema
from portal.connections.models import Connection
from portal.connections.schema import module_schema, modules
from portal.ledger import write
from portal.mappings.check import check
from portal.mappings.definition import Definition, Side, SideName
from portal.mappings.drift import broken
from portal.mappings.forms import MappingForms
from portal.mappings.known import what_is_known
from portal.mappings.models import Mapping
from portal.mappings.save import pause_mapping, save_mapping
from portal.mappings.stored import definition_of
from portal.ui.panels import draw_panels
from portal.ui.wording import translated


def _page(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    return render(request, template, {**admin.site.each_context(request), "title": title, **context})


@permission_required("mappings.view_mapping", raise_exception=True)
def mapping_list(request: HttpRequest) -> HttpResponse:
    """Every mapping with its sides and state."""
    found = Mapping.objects.select_related("left_connection", "right_connection")
    panels = draw_panels("mappings", request, mappings=found)
    return _page(request, "mappings/list.html", _("Mappings"), mappings=found, panels=panels)


@permission_required("mappings.add_mapping", raise_exception=True)
def add(request: HttpRequest) -> HttpResponse:
    """Two connections, then two modules, then the form; each question is answered in the address."""
    connections = {c.name: c for c in Connection.objects.all()}
    asked = {side: request.GET.get(f"{side}_connection", "") for side in ("left", "right")}
    chosen = {side: request.GET.get(f"{side}_module", "") for side in ("left", "right")}
    context: dict[str, Any] = {"connections": list(connections), "asked": asked, "chosen": chosen}
    if not all(name in connections for name in asked.values()):
        return _page(request, "mappings/choose.html", _("Add mapping"), **context)
    try:
        if not all(chosen.values()):
            context["modules"] = {side: modules(connections[name]) for side, name in asked.items()}
            return _page(request, "mappings/choose.html", _("Add mapping"), **context)
        sides = Side(asked["left"], chosen["left"]), Side(asked["right"], chosen["right"])
        schemas = _schemas(*sides)
    except ConnectorError as e:
        messages.error(request, str(e))
        return _page(request, "mappings/choose.html", _("Add mapping"), **context)
    return _edit(request, *sides, schemas, None)


@permission_required("mappings.change_mapping", raise_exception=True)
def change(request: HttpRequest, name: str) -> HttpResponse:
    """The form of one mapping, its versions, and what upper apps have to say about it."""
    mapping = get_object_or_404(Mapping, name=name)
    old = definition_of(mapping)
    try:
        schemas = _schemas(old.left, old.right)
    except ConnectorError as e:
        messages.error(request, _("The fields could not be read: %(why)s") % {"why": e})
        return redirect("mappings:list")
    return _edit(request, old.left, old.right, schemas, mapping)


def _schemas(left: Side, right: Side) -> dict[SideName, ModuleSchema]:
    sides: tuple[tuple[SideName, Side], ...] = (("left", left), ("right", right))
    return {name: module_schema(Connection.objects.get(name=s.connection), s.module) for name, s in sides}


def _edit(
    request: HttpRequest, left: Side, right: Side, schemas: dict[SideName, ModuleSchema], mapping: Mapping | None
) -> HttpResponse:
    old = definition_of(mapping) if mapping else None
    forms = MappingForms(left, right, schemas, request.POST or None, old)
    if request.method == "POST" and (definition := _read(request, forms, schemas, mapping)):
        saved = _save(request, definition, mapping)
        return redirect("mappings:change", saved.name)
    title = _("Change mapping") if mapping else _("Add mapping")
    return _page(
        request,
        "mappings/change.html",
        title,
        subtitle=mapping.name if mapping else None,
        forms=forms,
        mapping=mapping,
        versions=mapping.versions.select_related("author")[:10] if mapping else [],
        panels=draw_panels("mapping", request, mapping=mapping) if mapping else [],
    )


def _read(
    request: HttpRequest, forms: MappingForms, schemas: dict[SideName, ModuleSchema], mapping: Mapping | None
) -> Definition | None:
    """Return what was posted; None when anything is wrong with it, which the forms then show, all of it at once."""
    understood = forms.is_valid()
    definition = forms.definition()
    findings = check(definition, schemas, what_is_known())
    errors = [finding for finding in findings if finding.level == "error"]
    forms.show(errors)
    if not _name_is_free(forms, definition, mapping) or errors or not understood:
        return None
    for finding in findings:
        messages.warning(request, translated(finding.text))
    return definition


def _name_is_free(forms: MappingForms, definition: Definition, mapping: Mapping | None) -> bool:
    renamed = mapping is None or definition.name != mapping.name
    if renamed and Mapping.objects.filter(name=definition.name).exists():
        forms.head.add_error("name", _("Another mapping has this name."))
        return False
    return True


def _save(request: HttpRequest, definition: Definition, mapping: Mapping | None) -> Mapping:
    with transaction.atomic():
        if mapping and mapping.name != definition.name:
            Mapping.objects.filter(pk=mapping.pk).update(name=definition.name)
        saved = save_mapping(definition, user=request.user, actor=request.user.get_username())  # type: ignore[arg-type]
        write.audit(request.user, "save mapping", saved, {"version": saved.version})  # type: ignore[arg-type]
    messages.success(request, _("The mapping “%(name)s” was saved.") % {"name": saved.name})
    return saved


@require_POST
@permission_required("mappings.change_mapping", raise_exception=True)
def pause(request: HttpRequest, name: str) -> HttpResponse:
    """Pause or resume the whole mapping."""
    mapping = get_object_or_404(Mapping, name=name)
    pausing = mapping.state == Mapping.State.ACTIVE
    if not pausing and (why := broken(mapping)):
        messages.error(request, _("It cannot be resumed before it fits: %(why)s") % {"why": why})
        return redirect("mappings:change", mapping.name)
    pause_mapping(mapping, pausing, request.user.get_username())
    write.audit(request.user, "pause mapping" if pausing else "resume mapping", mapping)  # type: ignore[arg-type]
    return redirect("mappings:change", mapping.name)


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
