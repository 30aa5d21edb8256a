"""The head of every page of a mapping: what state it is in, and its pages."""

from __future__ import annotations

from typing import Any

from django import template

from portal.mappings.models import Mapping
from portal.mappings.seen import seen_of
from portal.mappings.stored import draft_of
from portal.mappings.tabs import TABS

register = template.Library()


@register.inclusion_tag("mappings/head.html", takes_context=True)
def mapping_head(context: dict[str, Any], mapping: Mapping, tab: str) -> dict[str, Any]:
    """Show the mapping's sides, whether it is live, what is a draft of it, and its pages."""
    draft = draft_of(mapping)
    live = mapping.versions.filter(number=mapping.version).first() if mapping.is_live else None
    tabs = [t for t in TABS if mapping.is_live or t.is_step]
    return {
        "mapping": mapping,
        "tab": tab,
        "tabs": tabs,
        "live": live,
        "draft": draft,
        "seen": seen_of(mapping),
        "direction": next((row.direction for row in (draft, live) if row), "left-to-right"),
        "perms": context.get("perms"),
        "request": context.get("request"),
        "csrf_token": context.get("csrf_token"),
    }
