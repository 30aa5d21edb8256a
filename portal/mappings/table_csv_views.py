"""A value table from CSV and as CSV. The rule: what a file would change is shown before anything is saved, and half of it never is."""

from __future__ import annotations

from dataclasses import replace

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from portal.mappings.means import table_of
from portal.mappings.models import ValueTable
from portal.mappings.table_check import flaws, tidied
from portal.mappings.table_csv import changes, merged, new_rows, write_csv
from portal.mappings.table_forms import CsvForm
from portal.mappings.table_save import save_table
from portal.mappings.table_views import page, user_of
from portal.mappings.tables import Table
from portal.ui.wording import translated

SHOWN = 100  # rows of each kind of change


@permission_required("mappings.change_valuetable", raise_exception=True)
def take_in(request: HttpRequest, name: str) -> HttpResponse:
    """Ask for a text or a file, show what it changes, then save it."""
    row = get_object_or_404(ValueTable, name=name)
    if request.method != "POST":
        return _show(request, row, CsvForm())
    form = CsvForm(request.POST, request.FILES)
    if not form.is_valid():
        return _show(request, row, form)
    after = _after(table_of(row), form)
    if found := flaws(after):
        form.add_error(None, translated(found[0].text))
        return _show(request, row, form)
    if "save" not in request.POST:
        return _show(request, row, _with_text(form), after)
    saved, deed = save_table(row, after, row.description, user=user_of(request))
    text = _("The file changed nothing.") if deed == "unchanged" else _("The rows of “%(name)s” were saved.")
    messages.success(request, text % {"name": saved.name})
    return redirect("mappings:table", saved.name)


@permission_required("mappings.view_valuetable", raise_exception=True)
def give_out(request: HttpRequest, name: str) -> HttpResponse:
    """The rows as a file."""
    row = get_object_or_404(ValueTable, name=name)
    answer = HttpResponse(write_csv(table_of(row).pairs), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = content_disposition_header(True, f"{row.name}.csv") or "attachment"
    return answer


def _after(table: Table, form: CsvForm) -> Table:
    """Return the table as it would be."""
    read = form.cleaned_data["pairs"]
    pairs = merged(table.pairs, read) if form.cleaned_data["mode"] == "merge" else new_rows(read)
    return tidied(replace(table, pairs=pairs))


def _with_text(form: CsvForm) -> CsvForm:
    """Return the form with the text of a file in its box, from where it is saved: a browser sends no file twice."""
    names = ("text", "heading", "mode")
    return CsvForm({name: form.cleaned_data[name] for name in names if form.cleaned_data[name]})


def _show(request: HttpRequest, row: ValueTable, form: CsvForm, after: Table | None = None) -> HttpResponse:
    said = {}
    if after is not None:
        found = changes(table_of(row).pairs, after.pairs)
        kinds = [(_("New"), found.added), (_("Gone"), found.removed)]
        said = {
            "changes": found,
            "kinds": [(title, pairs[:SHOWN], len(pairs)) for title, pairs in kinds if pairs],
            "changed": found.changed[:SHOWN],
            "rows": len(after.pairs),
        }
    return page(request, "import.html", _("Rows from CSV"), subtitle=row.name, table=row, form=form, **said)
