"""Lets an app show something on a page of an app below it, without the lower one knowing.

An app's `panels` module registers functions; the page asks for all that were registered under its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

Drawn = SafeString | tuple[str, Mapping[str, Any]] | None
Panel = Callable[..., Drawn]

_panels: dict[str, list[tuple[int, Panel]]] = {}


def register_panel(page: str, order: int = 100) -> Callable[[Panel], Panel]:
    """Decorate `panel(request, **about)`, which returns safe HTML, (template, context), or None to show nothing.

    `page` is "dashboard", "record", "connection", "mapping" …; smaller orders come first.
    """

    def register(panel: Panel) -> Panel:
        _panels.setdefault(page, []).append((order, panel))
        _panels[page].sort(key=lambda entry: entry[0])
        return panel

    return register


def draw_panels(page: str, request: HttpRequest, **about: Any) -> list[SafeString]:
    """Return the HTML of every panel of the page that has something to show, in order."""
    drawn = (_draw(panel(request, **about), request) for _, panel in _panels.get(page, []))
    return [html for html in drawn if html]


def _draw(result: Drawn, request: HttpRequest) -> SafeString | None:
    if isinstance(result, tuple):
        template, context = result
        return render_to_string(template, dict(context), request=request)
    return result
