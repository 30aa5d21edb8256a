"""The screens of a match review: which records may be one, and a person's word on it. They ask no CRM and send nothing."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from portal.ledger.models import Run
from portal.mappings.models import Mapping
from portal.mappings.transform import OTHER, Side
from portal.sync.cases import SIDES
from portal.sync.choices.relink import RelinkRefused
from portal.sync.matching import page as match_page
from portal.sync.matching.decide import accept, accept_above, numbers_above, reject, take_back
from portal.sync.matching.scores import OFFERED
from portal.sync.models import MatchCandidate, Preview
from portal.sync.planning import Planning
from portal.sync.previews import job as preview_job
from portal.sync.previews.ready import NotReady, ages, planning_of, sources
from portal.sync.previews.views import mapping_of, state_of

PAGE = 50
SHOWS = ("decide", "alone", "without", "unlike", "doubles", "said")
OF_BOTH = ("unlike", "said")  # lists that are not of one side
THRESHOLDS = (98, 95, 90, 85, 80, 75, 70)
FIRST = 90  # the threshold that is offered first


@require_GET
def show(request: HttpRequest, name: str) -> HttpResponse:
    """The last review of the mapping, and the records it leaves to a person."""
    mapping = mapping_of(request, name)
    row = mapping.previews.filter(kind=Preview.Kind.MATCHES).first()
    context: dict[str, Any] = {"review": row, "mirrors": _mirrors(mapping), **(state_of(row) if row else {})}
    try:
        known = planning_of(mapping)
    except NotReady as e:
        return _page(request, mapping, **context, reasons=e.reasons, unread=e.unread)
    done = mapping.previews.filter(kind=Preview.Kind.MATCHES, state=Preview.State.DONE).first()
    if done is not None and not context["goes_on"]:
        context |= {"done": done, "changed": preview_job.changed_since(done), **_lists(request, known, done)}
    return _page(request, mapping, **context)


@require_POST
def look(request: HttpRequest, name: str) -> HttpResponse:
    """Look for partners: at once where the records are few, else in the background."""
    mapping = mapping_of(request, name)
    who: dict[str, Any] = {"user": request.user, "actor": request.user.get_username()}
    try:
        preview_job.start(mapping, kind=Preview.Kind.MATCHES, **who)
    except NotReady as e:
        messages.error(request, str(e))
    return redirect("sync:matches", mapping.name)


@require_GET
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The moving part of the page; once the review has ended, the whole page is asked for again."""
    row = get_object_or_404(Preview.objects.select_related("mapping"), pk=pk)
    mapping = mapping_of(request, row.mapping.name)
    context = {**state_of(row), "mapping": mapping, "review": row}
    response = render(request, "sync/matches_progress.html", context)
    if not context["goes_on"]:
        response["HX-Refresh"] = "true"
    return response


@require_POST
@permission_required("ledger.add_run", raise_exception=True)
def decide(request: HttpRequest, name: str) -> HttpResponse:
    """Say of one pair that the two are one, that they are not, or take back what was said."""
    mapping = mapping_of(request, name)
    deed = next((deed for deed in ("accept", "reject", "back") if deed in request.POST), "")
    number = request.POST.get(deed, "")
    rows = MatchCandidate.objects.select_related("mapping__left_connection", "mapping__right_connection")
    pair = get_object_or_404(rows, pk=int(number) if number.isdecimal() else 0, mapping=mapping)
    refused = _decide(request, deed, pair)
    if request.headers.get("HX-Request"):
        return render(request, "sync/match_said.html", {"mapping": mapping, "pair": pair, "refused": refused})
    if refused:
        messages.error(request, refused)
    return redirect(_back(request, mapping))


@require_POST
@permission_required("ledger.add_run", raise_exception=True)
def accept_many(request: HttpRequest, name: str) -> HttpResponse:
    """Say of all clear pairs from a score on that they are one."""
    mapping = mapping_of(request, name)
    least = request.POST.get("least", "")
    if not least.isdecimal() or not OFFERED <= int(least) <= 100:
        messages.error(request, _("Choose from which score on."))
        return redirect(_back(request, mapping))
    try:
        done = accept_above(mapping, int(least), user=request.user, actor=request.user.get_username())  # type: ignore[arg-type]
    except RelinkRefused as e:
        messages.error(request, str(e))
        return redirect(_back(request, mapping))
    text = ngettext("%(n)d pair is one from now on.", "%(n)d pairs are one from now on.", done.number)
    messages.success(request, text % {"n": done.number})
    for left, right, why in done.refused[:5]:
        messages.warning(request, f"{left} · {right}: {why}")
    return redirect(_back(request, mapping))


def _decide(request: HttpRequest, deed: str, pair: MatchCandidate) -> str:
    """Do it; return why not, "" where it was done."""
    who: dict[str, Any] = {"user": request.user, "actor": request.user.get_username()}
    try:
        if deed == "accept":
            accept(pair, **who)
        elif deed == "reject":
            reject([pair], **who)
        else:
            take_back(pair, **who)
    except RelinkRefused as e:
        return str(e)
    return ""


def _lists(request: HttpRequest, known: Planning, done: Preview) -> dict[str, Any]:
    """Return the counts, and the list that the address asks for."""
    show = request.GET.get("show", "")
    show, side = show if show in SHOWS else SHOWS[0], _side(known, request.GET.get("side", ""))
    rows: dict[str, Any] = {name: match_page.unmatched(known, done, side, name) for name in SHOWS[:3]}
    rows |= {"unlike": match_page.unlike(known.mapping), "doubles": match_page.doubles(known.mapping, side)}
    rows["said"] = match_page.said(known.mapping)
    page = Paginator(rows[show], PAGE).get_page(request.GET.get("p"))
    pairs = show in ("doubles", *OF_BOTH)
    found: Any = match_page.pair_lines(known, page) if pairs else match_page.record_lines(known, side, list(page))
    return {
        "show": show,
        "side": side,
        "of_both": show in OF_BOTH,
        "sides": [(s, known.connections[s].name, known.mirrors[s].module) for s in SIDES],
        "target": known.connections[OTHER[side]],
        "is_source": side in sources(known),
        "page": page,
        "sizes": {name: page.paginator.count if name == show else listed.count() for name, listed in rows.items()},
        "lines": found,
        "figures": [(s, known.connections[s].name, known.mirrors[s].module, done.counts[s]) for s in SIDES],
        "numbers": [(least, n) for least, n in numbers_above(known.mapping, THRESHOLDS) if n]
        if show == "decide"
        else (),
        "first": FIRST,
        "old_plan": _old_plan(known.mapping),
    }


def _old_plan(mapping: Mapping) -> Run | None:
    """Return the run whose plan waits for approval and knows nothing of what was said since."""
    run = Run.objects.filter(mapping=mapping.uuid, state=Run.State.AWAITING_APPROVAL, approved_at=None).first()
    accepted = MatchCandidate.objects.filter(mapping=mapping, state=MatchCandidate.State.ACCEPTED)
    return run if run and accepted.filter(decided_at__gt=run.created_at).exists() else None


def _side(known: Planning, asked: str) -> Side:
    return next((side for side in SIDES if side == asked), sources(known)[0])


def _mirrors(mapping: Mapping) -> list[tuple[str, str, Any]]:
    names = (mapping.left_connection.name, mapping.left_module), (mapping.right_connection.name, mapping.right_module)
    return [(*where, mirror) for where, mirror in zip(names, ages(mapping).values(), strict=True)]


def _back(request: HttpRequest, mapping: Mapping) -> str:
    """Return the page the person was on."""
    at, own = request.POST.get("at", ""), reverse("sync:matches", args=[mapping.name])
    return at if at.startswith(own) and url_has_allowed_host_and_scheme(at, None) else own


def _page(request: HttpRequest, mapping: Mapping, **context: Any) -> HttpResponse:
    whole = {**admin.site.each_context(request), "title": mapping.name, "mapping": mapping, **context}
    return render(request, "sync/matches.html", whole)
