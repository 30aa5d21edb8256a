"""The screens of what waits for a person: look at both sides, choose, one by one or many at once; see what was chosen and when."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from portal.ledger.models import Entry
from portal.mappings.models import Mapping
from portal.sync.choices import decide
from portal.sync.choices.choice import RETRY
from portal.sync.choices.relink import RelinkRefused
from portal.sync.choices.revive import revive
from portal.sync.inbox.form import choices_on_page, one_choice_for
from portal.sync.inbox.known import known_about
from portal.sync.inbox.past import past_lines
from portal.sync.inbox.sections import sections
from portal.sync.inbox.told import tell
from portal.sync.inbox.waiting import DECIDE, MEND, Asked, groups, parts, waiting

PAGE = 50
MOST = 2_000  # entries about which one press chooses


@require_GET
@permission_required("ledger.view_run", raise_exception=True)
def inbox(request: HttpRequest) -> HttpResponse:
    """What waits, by mapping and reason, narrowed as the address says."""
    asked = Asked.of(request.GET)
    found = waiting(asked)
    page = Paginator(_with_records(found), PAGE).get_page(request.GET.get("p"))
    return _page(
        request,
        "sync/inbox.html",
        _("To decide"),
        asked=asked,
        page=page,
        sections=sections(page),
        may=request.user.has_perm("ledger.change_run"),
        groups=groups(found) if not asked.entry else [],
        parts=_parts(asked),
        names=Mapping.objects.values_list("name", flat=True),
        back=request.get_full_path(),
    )


@require_POST
@permission_required("ledger.change_run", raise_exception=True)
def choose(request: HttpRequest) -> HttpResponse:
    """Keep what was chosen on the page, about one entry, all that were answered, or all that are marked; and have it done."""
    entries, word = _chosen_entries(request.POST)
    known = known_about(entries)
    if word:
        made = one_choice_for(entries, word, request.POST.dict(), known)
    else:
        made = choices_on_page(entries, request.POST, known)
    done = decide.decide(made.choices, user=request.user, actor=request.user.get_username())  # type: ignore[arg-type]
    tell(request, made, done)
    return redirect(_back(request))


@require_POST
@permission_required("ledger.change_run", raise_exception=True)
def take_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget what was chosen about an entry, as long as no run took it up."""
    entry = get_object_or_404(Entry, pk=pk)
    if decide.take_back(entry, user=request.user):  # type: ignore[arg-type]
        messages.info(request, _("The choice is taken back: the entry waits again."))
    else:
        messages.warning(request, _("A run has taken the choice up or may have: it cannot be taken back now."))
    return redirect(_back(request))


@require_GET
@permission_required("ledger.view_run", raise_exception=True)
def past(request: HttpRequest) -> HttpResponse:
    """What was chosen, by whom, when, and what came of it; newest first."""
    decided = Entry.objects.filter(decision__isnull=False, mapping__isnull=False).order_by("-pk")
    page = Paginator(_with_records(decided), PAGE).get_page(request.GET.get("p"))
    return _page(
        request,
        "sync/inbox_past.html",
        _("What was chosen"),
        page=page,
        lines=past_lines(list(page.object_list)),
        parts=_parts(Asked()),
        back=request.get_full_path(),
    )


@require_POST
@permission_required("ledger.change_run", raise_exception=True)
def sync_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a record synced again of which somebody said that it never shall be."""
    entry = get_object_or_404(Entry, pk=pk)
    try:
        revive(entry, user=request.user, actor=request.user.get_username())  # type: ignore[arg-type]
        messages.success(request, _("The record is synced again: the next run plans it."))
    except RelinkRefused as e:
        messages.warning(request, str(e))
    return redirect(_back(request))


def _chosen_entries(post: QueryDict) -> tuple[list[Entry], str]:
    """Return the entries that were chosen about, and the one word for all of them; "" where each has words of its own. Those
    of a page stand in `shown`."""
    found = _with_records(waiting())
    if "retry" in post:
        return list(found.filter(pk__in=_numbers(post.getlist("retry")))), RETRY
    if "bulk" not in post:
        return list(found.filter(pk__in=_numbers(post.getlist("one" if "one" in post else "shown")))), ""
    if "whole" in post:
        asked = Asked(mapping=post.get("mapping", "-"), reason=post.get("reason", "-"))
        found = _with_records(waiting(asked)).filter(decision__isnull=True)[:MOST]
    else:
        found = found.filter(pk__in=_numbers(post.getlist("marked")))
    return list(found), post.get("word", RETRY)


def _numbers(texts: list[str]) -> list[int]:
    return [int(text) for text in texts[:MOST] if text.isdecimal()]


def _with_records(entries: Any) -> Any:
    return entries.select_related("connection", "source_connection", "run")


def _back(request: HttpRequest) -> str:
    """Return the page a form came from, if it is one of ours."""
    back, home = request.POST.get("back", ""), reverse("sync:inbox")
    return back if back.startswith(home) else home


def _parts(asked: Asked) -> list[tuple[str, str, int]]:
    words = {"": _("All that waits"), DECIDE: _("To choose"), MEND: _("To mend")}
    return [(part, words[part], number) for part, number in parts(asked).items()]


def _page(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    return render(request, template, {**admin.site.each_context(request), "title": title, **context})
