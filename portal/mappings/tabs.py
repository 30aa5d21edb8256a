"""The pages of one mapping, in the order in which a new one is made. Apps above add theirs."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Tab:
    """One page: its key, its title, and the name of its address, which takes the mapping's name. A step belongs to the making
    of a new mapping."""

    key: str
    title: str | Promise
    url: str
    is_step: bool = True


TABS: list[Tab] = [
    Tab("show", _("Overview"), "mappings:show", is_step=False),
    Tab("match", _("Match key"), "mappings:match"),
    Tab("fields", _("Fields"), "mappings:change"),
    Tab("policies", _("Filters and policies"), "mappings:policies"),
    Tab("schedule", _("Schedule"), "mappings:schedule"),
    Tab("versions", _("Versions"), "mappings:versions", is_step=False),
]


def add_tab(tab: Tab, after: str) -> None:
    """Add a page behind the one of that key."""
    if tab not in TABS:
        TABS.insert(next(n for n, known in enumerate(TABS) if known.key == after) + 1, tab)


def next_step(key: str) -> Tab | None:
    """Return the step behind that one; None behind the last."""
    steps = [tab for tab in TABS if tab.is_step]
    place = next(n for n, tab in enumerate(steps) if tab.key == key)
    return steps[place + 1] if place + 1 < len(steps) else None
