"""What a person is told after choosing: what is kept and who does it, what is not and why."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.ledger.models import Entry
from portal.sync.choices.decide import Decided
from portal.sync.inbox.form import Chosen


def tell(request: HttpRequest, made: Chosen, done: Decided) -> None:
    """Say what came of what was chosen on the page."""
    for text in made.refused:
        messages.error(request, text)
    for entry in done.late:
        messages.warning(request, _late(entry))
    if made.left_out:
        messages.warning(request, _left_out(made.left_out))
    if done.stored:
        messages.success(request, _stored(done))
    for text in done.kept:
        messages.info(request, text)
    if not (done.stored or done.late or made.refused or made.left_out):
        gone = ("one" in request.POST or "retry" in request.POST) and not made.asked
        taken_up = _("It waits no longer: a run took it up meanwhile. Look again.")
        messages.warning(request, taken_up if gone else _("Nothing was chosen."))


def _late(entry: Entry) -> str:
    entry.refresh_from_db()
    who = (entry.decision or {}).get("by") or _("a run")
    text = _("About “%(name)s” %(who)s was faster; nothing was overwritten.")
    return text % {"name": entry.label or entry.source_id, "who": who}


def _left_out(number: int) -> str:
    text = ngettext(
        "%(n)d entry was left out: it would clear a field, or cannot be settled so. Choose about it by itself.",
        "%(n)d entries were left out: they would clear a field, or cannot be settled so. Choose about them one by one.",
        number,
    )
    return text % {"n": number}


def _stored(done: Decided) -> SafeString:
    text = ngettext("%(n)d choice is kept.", "%(n)d choices are kept.", len(done.stored)) % {"n": len(done.stored)}
    runs = ((reverse("sync:run", args=[run.pk]), str(run)) for run in done.runs)
    links = format_html_join(", ", '<a href="{}">{}</a>', runs)
    return format_html("{} {} {}", text, _("Carried out by run:") if done.runs else "", links)
