"""The versions of a mapping: what each changed, two compared, an old one taken up again, the draft made live or dropped."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portal.ledger import write
from portal.mappings.diff import Difference, differences
from portal.mappings.editing import Editing
from portal.mappings.models import Mapping, MappingVersion
from portal.mappings.save import drop_draft, make_live, restore
from portal.mappings.seen import is_overtaken, read_seen
from portal.mappings.steps import on_desk, page
from portal.mappings.stored import definition_of
from portal.ui.wording import translated

SHOWN = 50


@on_desk
def versions(request: HttpRequest, editing: Editing) -> HttpResponse:
    """Every version with what it changed; two of them compared where the address names them."""
    rows = list(editing.mapping.versions.select_related("author")[:SHOWN])
    said = {row.number: definition_of(editing.mapping, row.number) for row in rows}
    told = [(row, _told(differences(said[row.number - 1], said[row.number])) if row.number - 1 in said else None) for row in rows]  # fmt: skip
    numbers = [int(n) for n in (request.GET.get("from", ""), request.GET.get("to", "")) if n.isdecimal()]
    compared = (
        _told(differences(*(said[n] for n in numbers))) if len(numbers) == 2 and set(numbers) <= set(said) else None
    )
    return page(request, editing, "versions", told=told, compared=compared, numbers=numbers)


@require_POST
@on_desk
def live(request: HttpRequest, editing: Editing) -> HttpResponse:
    """Make the newest version live, where nothing is wrong with it."""
    if (later := _unseen(request, editing.mapping)) is not None:
        return later
    errors = [finding for finding in editing.findings if finding.level == "error"]
    if errors:
        for finding in errors:
            messages.error(request, translated(str(finding)))
        messages.error(request, _("It was not made live: put right what is named above first."))
        return redirect(request.POST.get("back") or "mappings:change", editing.mapping.name)
    make_live(editing.mapping, by=request.user.get_username())
    write.audit(request.user, "make_mapping_live", editing.mapping, {"version": editing.mapping.version})  # type: ignore[arg-type]
    number = editing.mapping.version
    messages.success(request, _("Version %(number)d is live: the next run goes by it.") % {"number": number})
    return redirect("mappings:show", editing.mapping.name)


@require_POST
@permission_required("mappings.change_mapping", raise_exception=True)
def drop(request: HttpRequest, name: str) -> HttpResponse:
    """Forget the draft; of a mapping that was never live there would be nothing left, so that is deleted instead."""
    mapping = get_object_or_404(Mapping, name=name)
    if not mapping.is_live:
        return redirect("mappings:delete", mapping.name)
    if (later := _unseen(request, mapping)) is not None:
        return later
    drop_draft(mapping)
    write.audit(request.user, "drop_draft", mapping, {"version": mapping.version})  # type: ignore[arg-type]
    messages.success(request, _("The draft was dropped; version %(number)d stays live.") % {"number": mapping.version})
    return redirect("mappings:change", mapping.name)


@require_POST
@permission_required("mappings.change_mapping", raise_exception=True)
def take_up(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Make a draft that says what that version said."""
    mapping = get_object_or_404(Mapping, name=name)
    if (later := _unseen(request, mapping)) is not None:
        return later
    try:
        restore(mapping, number, user=request.user, actor=request.user.get_username())  # type: ignore[arg-type]
    except MappingVersion.DoesNotExist:
        messages.error(request, _("There is no version %(number)d any more.") % {"number": number})
        return redirect("mappings:versions", mapping.name)
    write.audit(request.user, "save mapping", mapping, {"as in version": number})  # type: ignore[arg-type]
    told = _("A draft says again what version %(number)d said. Check it and make it live.")
    messages.success(request, told % {"number": number})
    return redirect("mappings:change", mapping.name)


def _unseen(request: HttpRequest, mapping: Mapping) -> HttpResponse | None:
    """Lead to the versions where somebody saved one that the page, on which the button was pressed, did not show."""
    if not is_overtaken(read_seen(request.POST.get("seen", "")), mapping):
        return None
    newest = mapping.versions.first()
    told = {"who": newest.actor or "–", "number": newest.number} if newest else {"who": "–", "number": 0}
    text = _(
        "Nothing was done: there is version %(number)d by %(who)s, which that page did not show. Look at it first."
    )
    messages.error(request, text % told)
    return redirect("mappings:versions", mapping.name)


def _told(found: list[Difference]) -> list[tuple[str, str, str, str]]:
    return [(d.kind, translated(d.what), translated(d.before), translated(d.after)) for d in found]
