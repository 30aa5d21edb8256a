"""The screens of value tables: list, add, change, delete."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connectors.types import FieldType
from portal.accounts.models import User
from portal.connections.models import KnownSchema
from portal.connections.schema import schema_from_json
from portal.mappings.definition import SideName
from portal.mappings.means import table_of
from portal.mappings.models import ValueTable
from portal.mappings.table_append import lacking
from portal.mappings.table_check import flaws
from portal.mappings.table_csv import Pair
from portal.mappings.table_forms import GridRow, TableForm, grid_of, pairs_of
from portal.mappings.table_save import TableInUse, delete_table, save_table
from portal.mappings.table_uses import Place, Use, uses_of, uses_of_all
from portal.mappings.table_values import End, Offered, end_of, ends_of, missing, offered_at, suggested
from portal.mappings.tables import Table
from portal.ui.tables import query
from portal.ui.wording import translated

SIDES: tuple[SideName, SideName] = ("left", "right")
SPARE = 3  # empty rows under the others, for a browser without scripts
NAMED = 60  # values without a row that are named
LISTED = frozenset({FieldType.CHOICE, FieldType.MULTICHOICE, FieldType.OWNER, FieldType.BOOLEAN})


@dataclass(slots=True)
class Around:
    """What a table stands between: its uses, and the pairs of fields, from the address or else from the uses."""

    uses: list[Use] = field(default_factory=list)
    ends: list[tuple[End | None, End | None]] = field(default_factory=list)
    asked: dict[str, str] = field(default_factory=dict)

    def at(self, side: SideName) -> list[End]:
        """Return the fields of one side."""
        found = [pair[0 if side == "left" else 1] for pair in self.ends]
        return list({end.place: end for end in found if end}.values())


def page(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    """Return a page of the value tables."""
    return render(
        request, f"mappings/tables/{template}", {**admin.site.each_context(request), "title": title, **context}
    )


@permission_required("mappings.view_valuetable", raise_exception=True)
def table_list(request: HttpRequest) -> HttpResponse:
    """Every value table, and which mappings use it."""
    uses = uses_of_all()
    tables = list(ValueTable.objects.annotate(rows=Count("pairs")))
    used_by = {name: list(dict.fromkeys(use.mapping for use in found)) for name, found in uses.items()}
    rows = [(table, used_by.get(table.name, [])) for table in tables]
    return page(request, "list.html", _("Value tables"), tables=rows)


@permission_required("mappings.add_valuetable", raise_exception=True)
def add(request: HttpRequest) -> HttpResponse:
    """The form of a new table; `left` and `right` in the address are the fields it is made for."""
    return _edit(request, None)


@permission_required("mappings.view_valuetable", raise_exception=True)
def change(request: HttpRequest, name: str) -> HttpResponse:
    """The head and the grid of one table. Whoever may not change it can read it."""
    row = get_object_or_404(ValueTable, name=name)
    if request.method == "POST" and not request.user.has_perm("mappings.change_valuetable"):
        raise PermissionDenied
    return _edit(request, row)


@permission_required("mappings.delete_valuetable", raise_exception=True)
def delete(request: HttpRequest, name: str) -> HttpResponse:
    """Ask, then delete the table; one that is in use stays."""
    row = get_object_or_404(ValueTable, name=name)
    needed_by = list(dict.fromkeys(use.mapping for use in uses_of(row.name)))
    if request.method == "POST":
        try:
            delete_table(row, user=user_of(request))
        except TableInUse as e:
            messages.error(request, str(e))
            return redirect("mappings:table", row.name)
        messages.success(request, _("The value table “%(name)s” was deleted.") % {"name": name})
        return redirect("mappings:tables")
    return page(request, "delete.html", _("Delete value table"), table=row, needed_by=needed_by)


def _edit(request: HttpRequest, row: ValueTable | None) -> HttpResponse:
    around = around_of(request, row)
    if request.method != "POST":
        kept = table_of(row) if row else Table("", ())
        return _show(request, row, _form_of(row, kept), kept.pairs, around)
    form, pairs = TableForm(request.POST, row=row), pairs_of(request.POST)
    understood = form.is_valid()
    if "suggest" in request.POST:
        return _suggest(request, row, form, pairs, around)
    errors = _show_flaws(form, pairs)
    if row and request.POST.get("seen", "") not in ("", row.updated_at.isoformat()):
        told = _(
            "Somebody saved this table while you were at it. Below is what you typed: saving it now replaces theirs."
        )
        form.add_error(None, told)
    if understood and form.is_valid() and not errors and (saved := _save(request, row, form, pairs)):
        return redirect(reverse("mappings:table", args=[saved.name]) + (query(around.asked) if around.asked else ""))
    return _show(request, row, form, pairs, around, errors=errors)


def _save(request: HttpRequest, row: ValueTable | None, form: TableForm, pairs: tuple[Pair, ...]) -> ValueTable | None:
    try:
        saved, deed = save_table(row, form.table(pairs), form.cleaned_data["description"], user=user_of(request))
    except TableInUse as e:
        form.add_error("name", str(e))
        return None
    text = _("“%(name)s” says this already.") if deed == "unchanged" else _("The value table “%(name)s” was saved.")
    messages.success(request, text % {"name": saved.name})
    return saved


def _suggest(
    request: HttpRequest, row: ValueTable | None, form: TableForm, pairs: tuple[Pair, ...], around: Around
) -> HttpResponse:
    """Show the form with the rows that are suggested added; nothing is saved by it."""
    found = suggested(Table("", pairs), around.ends)
    reason = _("suggested: %(why)s")
    fresh = {len(pairs) + at: reason % {"why": translated(one.reason)} for at, one in enumerate(found)}
    text = ngettext("%(n)d row is suggested. Look at it, then save.", "%(n)d rows are suggested. Look at them, then save.", len(found))  # fmt: skip
    none = _("Nothing more is suggested: what stands in no row has no partner that is alike.")
    messages.info(request, text % {"n": len(found)} if found else none)
    with_new = pairs + tuple((str(one.left), str(one.right)) for one in found)
    return _show(request, row, form, with_new, around, fresh=fresh)


def _show_flaws(form: TableForm, pairs: tuple[Pair, ...]) -> dict[int, list[str]]:
    """Put what is wrong with the table beside its fields; return what is wrong with rows, by their numbers."""
    errors: dict[int, list[str]] = defaultdict(list)
    said = form.table(())
    for flaw in flaws(Table(said.name, pairs, said.unlisted, said.default_left, said.default_right)):
        if flaw.row is None:
            form.show(flaw)
        else:
            errors[flaw.row].append(translated(flaw.text))
    return errors


def _show(
    request: HttpRequest,
    row: ValueTable | None,
    form: TableForm,
    pairs: tuple[Pair, ...],
    around: Around,
    **said: Any,
) -> HttpResponse:
    offered = {side: offered_at(around.at(side)) for side in SIDES}
    closed = {side: bool(around.at(side)) and all(end.is_closed for end in around.at(side)) for side in SIDES}
    may = request.user.has_perm("mappings.change_valuetable" if row else "mappings.add_valuetable")
    return page(
        request,
        "change.html",
        _("Change value table") if row else _("Add value table"),
        subtitle=row.name if row else None,
        table=row,
        form=form,
        grid=[*grid_of(pairs, offered, closed, **said), *(GridRow() for _n in range(SPARE if may else 0))],
        blank=[GridRow()],
        sides=[_side(side, around, pairs, offered[side]) for side in SIDES],
        around=around,
        mappings=list(dict.fromkeys(use.mapping for use in around.uses)),
        lacking=lacking(table_of(row), around.ends, around.uses) if row else [],
        fields=_fields() if not around.uses else [],
        may=may,
    )


def _side(side: SideName, around: Around, pairs: tuple[Pair, ...], offered: dict[str, Offered]) -> dict[str, Any]:
    """Return what the page says of one side: its fields, what they hold, and what of it stands in no row."""
    absent = missing(Table("", pairs), side, offered)
    return {
        "name": side,
        "ends": around.at(side),
        "offered": offered.values(),
        "absent": absent[:NAMED],
        "more": max(0, len(absent) - NAMED),
    }


def _form_of(row: ValueTable | None, kept: Table) -> TableForm:
    names = ("name", "unlisted", "default_left", "default_right")
    initial = {name: getattr(kept, name) for name in names}
    return TableForm(initial=initial | {"description": row.description if row else ""}, row=row)


def around_of(request: HttpRequest, row: ValueTable | None) -> Around:
    """Return what the table stands between. Fields named in the address come before those of mappings."""
    asked: dict[str, str] = {
        side: request.GET[side].strip() for side in SIDES if request.GET.get(side, "").count("/") > 1
    }
    uses = uses_of(row.name) if row else []
    if not asked:
        return Around(uses, ends_of(uses))
    ends = [end_of(Place(*asked[side].split("/", 2))) if side in asked else None for side in SIDES]
    for side, end in zip(SIDES, ends, strict=True):
        if side in asked and end is None:
            messages.warning(request, _("There is no field “%(field)s”.") % {"field": asked[side]})
    return Around(uses, [(ends[0], ends[1])], asked)


def _fields() -> list[str]:
    """Return the fields with a list of values, of every module whose fields are kept, as the address names them."""
    found = []
    for known in KnownSchema.objects.exclude(module="").select_related("connection"):
        try:
            fields = schema_from_json(known.document).fields
        except (KeyError, TypeError, ValueError):  # no description of a module
            continue
        places = (Place(known.connection.name, known.module, f.name) for f in fields if f.type in LISTED and f.editable)
        found += [str(place) for place in places]
    return sorted(found)


def user_of(request: HttpRequest) -> User:
    """Return who asks: somebody, as nobody else gets here."""
    user = request.user
    assert isinstance(user, User)
    return user
