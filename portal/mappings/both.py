"""What is to be saved of a page that is older than somebody else's save. The rule: it is compared part by part, and what both changed is
never decided here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from portal.mappings.collision import PARTS, Clash, chosen, clashes
from portal.mappings.definition import Definition
from portal.mappings.editing import Editing
from portal.mappings.models import MappingVersion
from portal.mappings.seen import read_seen, said_then
from portal.ui.wording import translated

_OURS = ("csrfmiddlewaretoken", "seen", "base", "take")


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is different, as a person reads it."""

    clash: Clash
    what: str
    before: str
    mine: str
    theirs: str
    chosen: str  # "mine", "theirs", "" for what nobody has decided


@dataclass(frozen=True, slots=True)
class Both:
    """What I and they changed; `base`: the state my page was made from; `sent`: what it said, to be sent again with the choice;
    `versions` are theirs."""

    lines: Sequence[Line]
    base: str
    sent: Sequence[tuple[str, str]]
    versions: Sequence[MappingVersion]


def settle(request: HttpRequest, editing: Editing, wanted: Definition, step: str) -> Definition | Both:
    """Return what is to be saved; both where somebody has to choose."""
    sent, theirs = request.POST, editing.definition
    then = read_seen(sent.get("seen", ""))
    wanted = replace(theirs, **{part: getattr(wanted, part) for part in PARTS[step]})
    if then is None or editing.seen is None:
        return wanted
    is_new = then.holds(editing.seen, step)
    if is_new and sent.get("take") != "chosen":
        return wanted
    begun = read_seen(sent.get("base", "")) or then
    base = said_then(editing.mapping, begun) if step != "schedule" else None
    found = clashes(base, wanted, theirs, step)
    if is_new and all(clash.key in sent for clash in found):
        return chosen(wanted, theirs, step, [clash.key for clash in found if sent[clash.key] == "mine"])
    newer = editing.mapping.versions.filter(number__gt=begun.number if base else begun.number - 1)
    if not is_new and all(clash.changed_by == "me" for clash in found):
        who = ", ".join(sorted({version.actor for version in newer} - {""})) or "–"
        messages.info(
            request, _("%(who)s changed other parts of this mapping meanwhile; both are kept.") % {"who": who}
        )
        return wanted
    again = [(name, value) for name in sent if name not in _OURS for value in sent.getlist(name)]
    again = [(name, value) for name, value in again if name not in {clash.key for clash in found}]
    return Both([_line(clash, sent.get(clash.key, "")) for clash in found], str(begun), again, list(newer))


def _line(clash: Clash, said: str) -> Line:
    preset = {"me": "mine", "them": "theirs"}.get(clash.changed_by, "")
    words = (translated(text) for text in (clash.what, clash.before, clash.mine, clash.theirs))
    what, before, mine, theirs = words
    return Line(clash, what, before, mine, theirs, said or preset)
