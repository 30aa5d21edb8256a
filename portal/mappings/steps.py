"""The pages of a mapping, each of which changes one part of its newest version: match key, fields, policies, schedule.

The rule: whatever a person said is kept as a draft at once, whole or not; what is wrong with it stands beside it, and only
making it live asks that nothing is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial, wraps
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from connectors.errors import ConnectorError
from portal.ledger import write
from portal.mappings.both import Both, settle
from portal.mappings.definition import Definition, SideName
from portal.mappings.diff import rule_in_words
from portal.mappings.editing import Editing, open_editing
from portal.mappings.filtered import passing
from portal.mappings.forms import PairFormSet, PoliciesForm, ScheduleForm, policies_initial, schedule_initial
from portal.mappings.match_counts import count_matches
from portal.mappings.models import Mapping
from portal.mappings.save import save_draft, why_taken
from portal.mappings.seen import Overtaken, is_overtaken
from portal.mappings.stored import definition_of
from portal.mappings.suggest import suggest_match_key
from portal.mappings.tabs import next_step
from portal.ui.panels import draw_panels
from portal.ui.wording import translated

View = Callable[[HttpRequest, Editing], HttpResponse]


def on_desk(view: View) -> Callable[[HttpRequest, str], HttpResponse]:
    """Have a view get the mapping of the address on the desk; where a CRM does not tell its fields, say so instead."""

    @permission_required("mappings.change_mapping", raise_exception=True)
    @wraps(view)
    def wrapped(request: HttpRequest, name: str) -> HttpResponse:
        rows = Mapping.objects.select_related("left_connection", "right_connection")
        try:
            editing = open_editing(get_object_or_404(rows, name=name))
        except ConnectorError as e:
            messages.error(request, _("The fields could not be read: %(why)s") % {"why": e})
            return redirect("mappings:list")
        return view(request, editing)

    return wrapped


@on_desk
def show(request: HttpRequest, editing: Editing) -> HttpResponse:
    """What a live mapping says, in words, and what upper apps tell of it; one that is not live yet is gone on with."""
    if not editing.mapping.is_live:
        return redirect("mappings:change" if editing.definition.match else "mappings:match", editing.mapping.name)
    said = definition_of(editing.mapping)
    words = [translated(rule_in_words(rule, said.direction)) for rule in said.rules]
    panels = draw_panels("mapping", request, mapping=editing.mapping)
    return page(request, editing, "show", said=said, words=words, panels=panels)


@on_desk
def match(request: HttpRequest, editing: Editing) -> HttpResponse:
    """By which fields the partner of a record is found, with how many are found that way in the mirrors."""
    said = editing.definition
    initial = [{"left": a, "right": b} for a, b in said.match]
    data = request.POST if request.method == "POST" and "use" not in request.POST else None
    pairs = PairFormSet(data, prefix="match", initial=initial, form_kwargs={"schemas": editing.schemas})
    if "use" in request.POST:  # a suggestion: “email=email,last=lastname”
        wanted = [pair.partition("=") for pair in request.POST["use"].split(",") if "=" in pair]
        return keep(request, editing, replace(said, match=tuple((a, b) for a, _is, b in wanted)), "match")
    if data is not None and pairs.is_valid():
        chosen = ((f.cleaned_data.get("left"), f.cleaned_data.get("right")) for f in pairs.forms)
        return keep(request, editing, replace(said, match=tuple((a, b) for a, b in chosen if a and b)), "match")
    profiles = {side: figures.profiles for side, figures in editing.figures.items()}
    suggestions = [
        {"use": ",".join(f"{a}={b}" for a, b in key.pairs), "key": key, "reasons": [translated(r) for r in key.reasons]}
        for key in suggest_match_key(editing.schemas["left"], editing.schemas["right"], profiles)[:4]
        if key.pairs != said.match
    ]
    counts = count_matches(editing) if said.match else None
    return page(request, editing, "match", pairs=pairs, suggestions=suggestions, counts=counts)


@on_desk
def policies(request: HttpRequest, editing: Editing) -> HttpResponse:
    """Which records, which way, who wins, and when a run stops."""
    before = policies_initial(editing.definition)
    form = PoliciesForm(request.POST or None, initial=before, schemas=editing.schemas)
    if request.method == "POST" and form.is_valid():
        wanted = form.changing(editing.definition)
        wrong = [f for f in editing.saying(wanted).findings if f.level == "error" and f.place.endswith(".filter")]
        for finding in wrong:
            form.add_error(finding.place.replace(".", "_"), translated(finding.text))
        if not wrong:
            return keep(request, editing, wanted, "policies")
    said: dict[SideName, str] = {"left": editing.definition.left.filter, "right": editing.definition.right.filter}
    return page(request, editing, "policies", form=form, filtered=passing(editing, _filters(request, said)))


@require_POST
@on_desk
def filtered(request: HttpRequest, editing: Editing) -> HttpResponse:
    """Return what passes the filters as they are typed; saves nothing."""
    found = passing(editing, _filters(request, {"left": "", "right": ""}))
    return render(request, "mappings/filtered.html", {"filtered": found})


def _filters(request: HttpRequest, said: dict[SideName, str]) -> dict[SideName, str]:
    return {side: request.POST.get(f"{side}_filter", text) for side, text in said.items()}


@on_desk
def schedule(request: HttpRequest, editing: Editing) -> HttpResponse:
    """Its name, and when it runs by itself. Holds at once, as no part of a version."""
    form = ScheduleForm(request.POST or None, initial=schedule_initial(editing.definition))
    if request.method == "POST" and form.is_valid():
        wanted = form.changing(editing.definition)
        why = why_taken(wanted.name, editing.mapping)
        if not why:
            return keep(request, editing, wanted, "schedule")
        form.add_error("name", why)
    return page(request, editing, "schedule", form=form)


def keep(request: HttpRequest, editing: Editing, wanted: Definition, step: str) -> HttpResponse:
    """Save what was said, and go to the next step, or stay where the mapping is live or the person wants to. Where somebody
    else saved the same part since the page was made, show both instead."""
    settled = settle(request, editing, wanted, step)
    if isinstance(settled, Both):
        return page(request, editing, step, template="both", both=settled)
    before, who = editing.draft, request.user.get_username()
    overtaken = partial(is_overtaken, editing.seen, step=step)
    try:
        saved = save_draft(editing.mapping, settled, user=request.user, actor=who, unless=overtaken)  # type: ignore[arg-type]
    except Overtaken:  # this very moment
        return keep(request, open_editing(editing.mapping), wanted, step)
    if (draft := editing.draft) != before or settled.name != editing.definition.name:
        details = {"draft": draft.number if draft else saved.version}
        write.audit(request.user, "save mapping", saved, details)  # type: ignore[arg-type]
    behind = next_step(step) if "next" in request.POST else None
    if behind is None:
        messages.success(request, _("Saved."))
    name = behind.url if behind else {"fields": "mappings:change"}.get(step, f"mappings:{step}")
    return redirect(reverse(name, args=[saved.name]))


def page(request: HttpRequest, editing: Editing, tab: str, *, template: str = "", **context: Any) -> HttpResponse:
    """Return one of the mapping's pages, or another in its place."""
    shown = {
        **admin.site.each_context(request),
        "title": editing.mapping.name,
        "mapping": editing.mapping,
        "editing": editing,
        "tab": tab,
        "findings": [(f.level, f.place, translated(f.text), f.hits) for f in editing.findings],
        **context,
    }
    return render(request, f"mappings/{template or tab}.html", shown)
