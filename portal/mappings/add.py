"""The beginning of a new mapping: two connections, two modules, a direction. Then it is a draft, to be gone on with at any
time."""

from __future__ import annotations

from itertools import chain, count
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connectors.errors import ConnectorError
from connectors.types import Module
from portal.connections.models import Connection
from portal.connections.schema import modules
from portal.ledger import write
from portal.mappings.begin import begin, keep_tables
from portal.mappings.definition import Definition, Side, SideName
from portal.mappings.forms import DIRECTIONS
from portal.mappings.models import Mapping
from portal.mappings.ready import Ready
from portal.mappings.ready_tables import ReadyTable
from portal.mappings.save import save_draft, why_taken
from portal.mappings.suggest import suggest_modules
from portal.records.models import Mirror
from portal.ui.wording import translated

SIDES = ("left", "right")
SHOWN = 5  # entries without a partner that are named


@permission_required("mappings.add_mapping", raise_exception=True)
def add(request: HttpRequest) -> HttpResponse:
    """Two connections, then two modules and the direction; each answer is in the address until the draft is made."""
    connections = {c.name: c for c in Connection.objects.all()}
    asked = {side: request.GET.get(f"{side}_connection", "") for side in SIDES}
    context: dict[str, Any] = {"connections": list(connections.values()), "asked": asked, "directions": DIRECTIONS}
    if all(name in connections for name in asked.values()):
        try:
            found = {side: modules(connections[name]) for side, name in asked.items()}
        except ConnectorError as e:
            messages.error(request, str(e))
            return _page(request, context)
        if request.method == "POST" and (made := _make(request, asked, found)):
            return redirect("mappings:match", made.name)
        context |= {"modules": {side: _counted(connections[asked[side]], found[side]) for side in SIDES}}
        context |= {"pairs": suggest_modules(found["left"], found["right"])[:8], "chosen": _chosen(request, found)}
    return _page(request, context)


def _make(request: HttpRequest, asked: dict[str, str], found: dict[str, list[Module]]) -> Mapping | None:
    """Make the draft; None, with a message, where what was chosen does not exist or is the same on both sides."""
    chosen = {side: request.POST.get(f"{side}_module", "") for side in SIDES}
    known = all(any(m.name == chosen[side] for m in found[side]) for side in SIDES)
    left, right = (Side(asked[side], chosen[side]) for side in SIDES)
    if not known or left == right:
        messages.error(request, _("Choose a module on each side, not the same one twice."))
        return None
    direction = request.POST.get("direction", "")
    direction = direction if direction in dict(DIRECTIONS) else "left-to-right"
    definition = Definition(_free_name(left, right), left, right, direction)
    ready = _ready(request, definition) if request.POST.get("ready") else Ready(definition, ())
    who = request.user.get_username()
    with transaction.atomic():
        keep_tables(ready, definition, user=request.user)  # type: ignore[arg-type]
        made = save_draft(None, ready.definition, user=request.user, actor=who)  # type: ignore[arg-type]
        write.audit(request.user, "save mapping", made, {"draft": 1})  # type: ignore[arg-type]
    _tell(request, ready)
    return made


def _ready(request: HttpRequest, definition: Definition) -> Ready:
    """Return the ready mapping of that name and these sides, with value tables where the person may make some; the same
    definition, with a message, where a CRM does not tell its fields."""
    sides: dict[SideName, Side] = {"left": definition.left, "right": definition.right}
    connections = {name: Connection.objects.get(name=side.connection) for name, side in sides.items()}
    try:
        return begin(definition, connections, with_tables=request.user.has_perm("mappings.add_valuetable"))
    except ConnectorError as e:
        text = _("The mapping begins empty, since the fields could not be read: %(why)s")
        messages.warning(request, text % {"why": translated(e)})
        return Ready(definition, ())


def _tell(request: HttpRequest, made: Ready) -> None:
    """Say which value tables were made, with the entries that have no partner yet, and what the ready mapping leaves out."""
    if made.tables:
        rows = [
            (reverse("mappings:table", args=[one.table.name]), one.table.name, _row_words(one)) for one in made.tables
        ]
        listed = format_html_join("", '<br><a href="{}"><bdi>{}</bdi></a>: {}', rows)
        messages.info(request, format_html("{}{}", _("Value tables were made for it. Look at them:"), listed))
    if made.left_out:
        lines = [(one.left, one.right, translated(one.reason)) for one in made.left_out]
        listed = format_html_join("", "<br><bdi>{}</bdi> – <bdi>{}</bdi>: {}", lines)
        messages.info(request, format_html("{}{}", _("Left out of the ready mapping:"), listed))


def _row_words(made: ReadyTable) -> str:
    count = len(made.table.pairs)
    text = ngettext("%(n)d row", "%(n)d rows", count) % {"n": count}
    if not made.without:
        return text
    named = ", ".join(f"“{value}”" for value in made.without[:SHOWN]) + (" …" if len(made.without) > SHOWN else "")
    return _("%(rows)s; without a partner, so empty there until you name one: %(values)s") % {
        "rows": text,
        "values": named,
    }


def _free_name(left: Side, right: Side) -> str:
    """Return a name after what is joined: “contacts”, “contacts-people”, with a number where it is taken."""
    parts = dict.fromkeys(slugify(side.module, allow_unicode=True) for side in (left, right))
    wanted = "-".join(part for part in parts if part)[:90] or "mapping"
    numbered = (f"{wanted}-{n}" for n in count(2))
    return next(name for name in chain((wanted,), numbered) if not why_taken(name))


def _counted(connection: Connection, found: list[Module]) -> list[tuple[Module, int | None]]:
    """Return the modules with how many records our mirror of each has; None where there is no mirror."""
    counts = dict(
        Mirror.objects.filter(connection=connection, pulled_at__isnull=False).values_list("module", "records")
    )
    return [(module, counts.get(module.name)) for module in found]


def _chosen(request: HttpRequest, found: dict[str, list[Module]]) -> dict[str, str]:
    """Return the modules to begin with: those posted, those of the address, else the likeliest pair."""
    said = {side: request.POST.get(f"{side}_module") or request.GET.get(f"{side}_module") or "" for side in SIDES}
    if all(said.values()):
        return said
    likely = suggest_modules(found["left"], found["right"])
    return {"left": likely[0].left, "right": likely[0].right} if likely else said


def _page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    shown = {**admin.site.each_context(request), "title": _("Add mapping"), **context}
    return render(request, "mappings/add.html", shown)
