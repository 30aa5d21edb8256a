"""What templates of every app share: ages, states, and figures that people can read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

register = template.Library()

# The tone of a badge follows from the word of the state, whichever table it stands in.
TONES = {
    "good": {"ok", "succeeded", "done", "active", "linked", "present", "create"},
    "bad": {"failed", "refused", "gone", "missing", "delete"},
    "warn": {"partly_failed", "awaiting_approval", "awaiting", "unknown_outcome", "conflict", "blocked", "parked"}
    | {"stored_differently", "interrupted", "paused", "postponed", "unknown"},
    "busy": {"running", "queued", "sent", "planned", "pending"},
}
STEPS: tuple[tuple[int, Callable[[int], str]], ...] = (
    (86400 * 365, lambda n: ngettext("%(n)d year", "%(n)d years", n)),
    (86400 * 30, lambda n: ngettext("%(n)d month", "%(n)d months", n)),
    (86400, lambda n: ngettext("%(n)d day", "%(n)d days", n)),
    (3600, lambda n: ngettext("%(n)d hour", "%(n)d hours", n)),
    (60, lambda n: ngettext("%(n)d minute", "%(n)d minutes", n)),
)


@register.filter
def age(moment: datetime | str | None) -> SafeString | str:
    """Return "3 minutes ago" or "in 2 hours" as a `<time>` whose title is the moment in the person's zone.

    Takes an aware datetime or UTC ISO text; None and "" are "never".
    """
    if not moment:
        return _("never")
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    seconds = (timezone.now() - at).total_seconds()
    words = _distance(abs(seconds))
    if not words:
        text = _("just now")
    else:
        text = _("%(time)s ago") % {"time": words} if seconds > 0 else _("in %(time)s") % {"time": words}
    title = date_format(timezone.localtime(at), "DATETIME_FORMAT")
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), title, text)


@register.filter
def due(moment: datetime | None) -> SafeString | str:
    """Return when something happens next: "now" for what is due, else as `age`."""
    if moment is None or (moment - timezone.now()).total_seconds() >= 60:
        return age(moment)
    return format_html('<time datetime="{}">{}</time>', moment.isoformat(), _("now"))


def _distance(seconds: float) -> str:
    for size, words in STEPS:
        if seconds >= size:
            n = int(seconds // size)
            return words(n) % {"n": n}
    return ""


@register.filter
def moment(value: datetime | date | None) -> SafeString | str:
    """Return a date-time in the person's zone as a `<time>`; "–" for None."""
    if not value:
        return "–"
    if not isinstance(value, datetime):
        return format_html('<time datetime="{}">{}</time>', value.isoformat(), date_format(value, "DATE_FORMAT"))
    text = date_format(timezone.localtime(value), "SHORT_DATETIME_FORMAT")
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), text)


@register.simple_tag
def badge(state: str, label: Any = "") -> SafeString:
    """Return a state as a coloured label; the colour follows from the state, the words from `label`."""
    tone = next((tone for tone, states in TONES.items() if state in states), "calm")
    return format_html('<span class="badge badge-{}">{}</span>', tone, label or state)


@register.simple_tag
def icon(name: str) -> SafeString:
    """Return one of the symbols of `portal/icons.html`, for decoration only."""
    return format_html('<svg class="icon" aria-hidden="true" focusable="false"><use href="#icon-{}"></use></svg>', name)
