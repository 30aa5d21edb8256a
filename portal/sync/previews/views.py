"""The preview of a mapping: what it would do with one record, and with all. These screens ask no CRM and send nothing."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from portal.connections.permissions import may_view
from portal.mappings.models import Mapping
from portal.mappings.stored import newest
from portal.mappings.transform import OTHER, Side
from portal.sync.cases import SIDES
from portal.sync.models import Preview
from portal.sync.planning import Planning
from portal.sync.previews import job as preview_job
from portal.sync.previews import record as preview_record
from portal.sync.previews.keys import TooMany
from portal.sync.previews.page import WORDS, found_records, record_part
from portal.sync.previews.ready import NotReady, ages, planning_of, sources
from portal.sync.previews.samples import from_json, lines
from portal.sync.previews.tally import APPEND, KINDS

AT_MOST = 50_000  # records that are read while a person waits for a page
NEXT = {"change": ("create", "change", "delete"), "fail": ("fail", "blocked", "conflict")}


@require_GET
def show(request: HttpRequest, name: str) -> HttpResponse:
    """The preview of the newest version: the last one on all records, and one record where the address names it."""
    mapping = mapping_of(request, name)
    context = {**_heads(mapping), **_last(mapping)}
    try:
        known = planning_of(mapping)
    except NotReady as e:
        return _page(request, mapping, **context, reasons=e.reasons, unread=e.unread)
    side = _side(known, request.GET.get("side", ""))
    record, text = (_text(request, key) for key in ("record", "q"))
    try:
        if (wanted := request.GET.get("next", "")) in NEXT:
            return _go_on(request, mapping, known, side, record, wanted)
        shown = _shown(request, known, side, record)
    except TooMany:
        messages.info(request, _("These are too many records to look through while you wait. Preview all records first; then each is shown at once."))  # fmt: skip
        shown = None
    return _page(request, mapping, **context, **_one(known, side, shown, text))


@require_POST
def start(request: HttpRequest, name: str) -> HttpResponse:
    """Preview all records: at once where they are few, else in the background."""
    mapping = mapping_of(request, name)
    try:
        preview_job.start(mapping, user=request.user, actor=request.user.get_username())  # type: ignore[arg-type]
    except NotReady as e:
        messages.error(request, str(e))
    return redirect("sync:preview", mapping.name)


@require_GET
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The moving part of the page; once the preview has ended, the whole page is asked for again."""
    row = get_object_or_404(Preview.objects.select_related("mapping"), pk=pk)
    mapping = mapping_of(request, row.mapping.name)
    context = {**state_of(row), "mapping": mapping}
    response = render(request, "sync/preview_progress.html", context)
    if not context["goes_on"]:
        response["HX-Refresh"] = "true"
    return response


@require_POST
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the preview end."""
    row = get_object_or_404(Preview.objects.select_related("mapping"), pk=pk)
    mapping = mapping_of(request, row.mapping.name)
    preview_job.request_stop(row)
    return redirect("sync:matches" if row.kind == Preview.Kind.MATCHES else "sync:preview", mapping.name)


def mapping_of(request: HttpRequest, name: str) -> Mapping:
    """Return the mapping, if the person may see it and read records through both of its connections."""
    if not request.user.has_perm("mappings.view_mapping"):
        raise PermissionDenied
    found = get_object_or_404(Mapping.objects.select_related("left_connection", "right_connection"), name=name)
    if not all(may_view(request.user, c) for c in (found.left_connection, found.right_connection)):
        raise PermissionDenied
    return found


def _shown(request: HttpRequest, known: Planning, side: Side, record: str) -> preview_record.Shown | None:
    """Return the record the address names; say so where we have none of it. Raises TooMany."""
    shown = preview_record.show(known, side, record, AT_MOST) if record else None
    if record and shown is None:
        messages.warning(request, _("We have no copy of the record “%(id)s”.") % {"id": record})
    return shown


def _one(known: Planning, side: Side, shown: preview_record.Shown | None, text: str) -> dict[str, Any]:
    """Return what the part about one record needs: both sides, that record, or those that a search found."""
    return {
        "side": side,
        "sides": [(s, known.connections[s].name, known.mirrors[s].module) for s in sources(known)],
        "target": known.connections[OTHER[side]],
        "target_module": known.mirrors[OTHER[side]].module,
        "part": record_part(known, shown) if shown else None,
        "q": text,
        "found": found_records(known, side, text) if text or shown is None else [],
    }


def _go_on(
    request: HttpRequest, mapping: Mapping, known: Planning, side: Side, record: str, wanted: str
) -> HttpResponse:
    """Show the next record that would change, or that fails; say so when there is none."""
    found = preview_record.find_next(known, side, record, NEXT[wanted], AT_MOST)
    if not found.id and found.is_end:
        text = (
            _("No record behind this one would change.")
            if wanted == "change"
            else _("No record behind this one fails.")
        )
        messages.info(request, text)
    elif not found.id:
        text = ngettext("None of the next %(n)d record is one. Look on from here.", "None of the next %(n)d records is one. Look on from here.", found.looked)  # fmt: skip
        messages.info(request, text % {"n": found.looked})
    at = found.id or (record if found.is_end else found.at)
    return redirect(f"{reverse('sync:preview', args=[mapping.name])}?{urlencode({'side': side, 'record': at})}#record")


def _heads(mapping: Mapping) -> dict[str, Any]:
    number = newest(mapping)
    return {
        "version": number,
        "is_draft": number > mapping.version,
        "mirrors": [(where, m) for where, m in zip(_names(mapping), ages(mapping).values(), strict=True)],
    }


def _names(mapping: Mapping) -> list[tuple[str, str]]:
    return [
        (mapping.left_connection.name, mapping.left_module),
        (mapping.right_connection.name, mapping.right_module),
    ]


def _last(mapping: Mapping) -> dict[str, Any]:
    row = mapping.previews.filter(kind=Preview.Kind.PLAN).first()
    if row is None:
        return {"preview": None}
    places = {
        SIDES[0]: (mapping.left_connection, mapping.left_module),
        SIDES[1]: (mapping.right_connection, mapping.right_module),
    }
    kept = ((kind, [from_json(one) for one in row.samples.get(kind, [])]) for kind in KINDS)
    samples = [(kind, WORDS[kind], row.counts[kind], lines(found, places)) for kind, found in kept if found]
    return {**state_of(row), "samples": samples, "changed": preview_job.changed_since(row) if not row.goes_on else []}


def state_of(row: Preview) -> dict[str, Any]:
    """Return how far it is, as its page shows it: `goes_on`, `is_dead`, and for a preview its counts."""
    is_dead = preview_job.is_dead(row)
    row.refresh_from_db()  # it may have ended while that was asked
    is_dead = is_dead and row.goes_on
    counts = [(kind, WORDS[kind], row.counts.get(kind, 0)) for kind in (*KINDS, APPEND)]
    always = ("create", "change", "same", "fail", "blocked", "conflict")
    return {
        "preview": row,
        "is_dead": is_dead,
        "goes_on": row.goes_on and not is_dead,
        "counts": [count for count in counts if count[2] or count[0] in always],
        "has_counts": any(n for _kind, _word, n in counts) or row.state == Preview.State.DONE,
    }


def _side(known: Planning, asked: str) -> Side:
    found = sources(known)
    return next((side for side in found if side == asked), found[0])


def _text(request: HttpRequest, key: str) -> str:
    return request.GET.get(key, "").replace("\x00", "").strip()[:200]


def _page(request: HttpRequest, mapping: Mapping, **context: Any) -> HttpResponse:
    whole = {
        **admin.site.each_context(request),
        "title": mapping.name,
        "mapping": mapping,
        **context,
    }
    return render(request, "sync/preview.html", whole)
