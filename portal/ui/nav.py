"""What stands in the navigation: a list of URL names, so that this package imports none of the apps.

An entry whose URL does not exist, or that the person may not see, is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class NavEntry:
    """One line: `permission` is Django's "app.deed_model", "" for everybody who is logged in; `icon` a symbol's name."""

    label: Any
    url_name: str
    permission: str = ""
    icon: str = ""


@dataclass(frozen=True, slots=True)
class NavLink:
    """An entry as one person sees it on one page."""

    label: Any
    url: str
    icon: str
    current: bool


NAV: tuple[tuple[Any, tuple[NavEntry, ...]], ...] = (
    (
        "",
        (
            NavEntry(_("Dashboard"), "admin:index", icon="dashboard"),
            NavEntry(_("Connections"), "connections:list", "connections.view_connection", "plug"),
            NavEntry(_("Records"), "records:index", "connections.view_connection", "table"),
            NavEntry(_("Mappings"), "mappings:list", "mappings.view_mapping", "arrows"),
            NavEntry(_("Value tables"), "mappings:tables", "mappings.view_valuetable", "list"),
            NavEntry(_("Sync sets"), "sync:sets", "sync.view_syncset", "stack"),
            NavEntry(_("Runs"), "sync:runs", "ledger.view_run", "play"),
            NavEntry(_("To decide"), "sync:inbox", "ledger.view_run", "check"),
        ),
    ),
    (
        _("Keeping an eye on it"),
        (
            NavEntry(_("Problems"), "admin:ledger_problem_changelist", "ledger.view_problem", "alert"),
            NavEntry(_("Calls"), "admin:connections_call_changelist", "connections.view_call", "pulse"),
            NavEntry(_("Call alerts"), "admin:ops_callalert_changelist", "ops.view_callalert", "bell"),
            NavEntry(_("Audit trail"), "admin:ledger_auditentry_changelist", "ledger.view_auditentry", "list"),
        ),
    ),
    (
        _("People"),
        (
            NavEntry(_("Users"), "admin:accounts_user_changelist", "accounts.view_user", "people"),
            NavEntry(_("Groups"), "admin:auth_group_changelist", "auth.view_group", "badge"),
            NavEntry(_("My preferences"), "accounts:preferences", icon="sliders"),
        ),
    ),
)


def nav_for(request: HttpRequest) -> list[tuple[Any, list[NavLink]]]:
    """Return (heading, links) for the person of the request; the link the page belongs to is `current`."""
    found = [(heading, [(e, url) for e in entries if (url := _url(request, e))]) for heading, entries in NAV]
    urls = [url for _, entries in found for _, url in entries if request.path.startswith(url)]
    here = max(urls, key=len, default="")
    return [
        (heading, [NavLink(entry.label, url, entry.icon, url == here) for entry, url in entries])
        for heading, entries in found
        if entries
    ]


def _url(request: HttpRequest, entry: NavEntry) -> str:
    if entry.permission and not request.user.has_perm(entry.permission):
        return ""
    try:
        return reverse(entry.url_name)
    except NoReverseMatch:
        return ""
