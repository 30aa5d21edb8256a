"""Draws the dashboard's panels: first steps, problems, connections, mappings, worker."""

from __future__ import annotations

from django.http import HttpRequest

from portal.connections.permissions import may_view
from portal.ledger.links import links_of
from portal.ops import dashboard
from portal.ui.panels import Drawn, register_panel


@register_panel("dashboard", 10)
def first_steps(request: HttpRequest) -> Drawn:
    """Lead a new portal's person: connect, map, sync. Gone once something was synced."""
    if not may_view(request.user) or dashboard.something_was_synced():
        return None
    return "ops/first_steps.html", {"steps": dashboard.steps()}


@register_panel("dashboard", 20)
def problems(request: HttpRequest) -> Drawn:
    """What is wrong now, with what to do about it."""
    if not request.user.has_perm("ledger.view_problem"):
        return None
    found = dashboard.open_problems()
    may = request.user.has_perm("mappings.view_mapping")
    links = links_of(found) if may else {}
    lines = [(problem, links.get(problem.pk, ())) for problem in found]
    return ("ops/problems.html", {"lines": lines}) if found else None


@register_panel("dashboard", 30)
def mappings(request: HttpRequest) -> Drawn:
    """What each mapping did last, does next, and what of it is stuck."""
    if not request.user.has_perm("mappings.view_mapping"):
        return None
    lines = dashboard.mapping_lines()
    return ("ops/mappings.html", {"lines": lines, "workers": dashboard.workers()}) if lines else None


@register_panel("dashboard", 40)
def connections(request: HttpRequest) -> Drawn:
    """Which accounts work, when that was last seen, and whose credentials run out."""
    if not may_view(request.user):
        return None
    lines = [line for line in dashboard.connection_lines() if may_view(request.user, line.connection)]
    return ("ops/connections.html", {"lines": lines}) if lines else None
