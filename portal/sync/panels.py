"""What sync shows on the pages of the apps below it: a mapping's runs, and a record's partners in other CRMs."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from portal.connections.models import Connection
from portal.ledger.models import Entry, Run
from portal.mappings.models import Mapping
from portal.records.models import Mirror
from portal.sync import care_panel  # noqa: F401  its panel registers itself
from portal.sync.inbox.waiting import DECIDE, Asked, groups, waiting
from portal.sync.lines import record_url
from portal.sync.models import Link
from portal.sync.reasons import describe
from portal.sync.schedules import next_run
from portal.ui.panels import Drawn, register_panel


@register_panel("mapping", 10)
def runs(request: HttpRequest, *, mapping: Mapping) -> Drawn:
    """The mapping's last runs, when it runs next, and the button."""
    if not request.user.has_perm("ledger.view_run"):
        return None
    open_entries = Entry.objects.filter(mapping=mapping.uuid, superseded_by=None, undoes=None, state__in=Entry.WAITING)
    return "sync/mapping_panel.html", {
        "mapping": mapping,
        "runs": Run.objects.filter(mapping=mapping.uuid)[:5],
        "next_run": next_run(mapping),
        "links": _links(mapping).count(),
        "waiting": open_entries.count(),
    }


@register_panel("dashboard", 15)
def to_decide(request: HttpRequest) -> Drawn:
    """What waits for somebody to choose, before all figures; nothing where nothing does."""
    if not request.user.has_perm("ledger.view_run"):
        return None
    found = [group for group in groups(waiting(Asked(part=DECIDE))) if group.number > group.chosen]
    return ("sync/waiting_panel.html", {"groups": found}) if found else None


@register_panel("record", 10)
def partners(request: HttpRequest, *, connection: Connection, module: str, record_id: str, **_: object) -> Drawn:
    """The records that are one with this, and what waits for it."""
    mirror = Mirror.objects.filter(connection=connection, module=module).first()
    found = [] if mirror is None else [_partner(link, mirror) for link in _links_of(mirror, record_id)]
    open_entries = Entry.objects.filter(
        source_connection=connection,
        source_module=module,
        source_id=record_id,
        superseded_by=None,
        undoes=None,
        state__in=(*Entry.WAITING, *Entry.UNSETTLED),
    )
    lines = [(entry, entry.message or describe(entry.reason).text) for entry in open_entries[:5]]
    return (
        ("sync/record_panel.html", {"partners": found, "waiting": lines, "deciding": Entry.WAITING})
        if found or lines
        else None
    )


def _links(mapping: Mapping) -> QuerySet[Link]:
    mirrors = [
        Mirror.objects.filter(connection=connection, module=module).values("pk")
        for connection, module in (
            (mapping.left_connection, mapping.left_module),
            (mapping.right_connection, mapping.right_module),
        )
    ]
    one, other = mirrors
    return Link.objects.filter(
        Q(left_mirror__in=one, right_mirror__in=other) | Q(left_mirror__in=other, right_mirror__in=one),
        state=Link.State.LINKED,
    )


def _links_of(mirror: Mirror, id: str) -> QuerySet[Link]:
    ours = Q(left_mirror=mirror, left_id=id) | Q(right_mirror=mirror, right_id=id)
    return Link.objects.filter(ours).select_related("left_mirror__connection", "right_mirror__connection")


def _partner(link: Link, mirror: Mirror) -> dict[str, object]:
    here_left = link.left_mirror_id == mirror.pk
    other, id = (link.right_mirror, link.right_id) if here_left else (link.left_mirror, link.left_id)
    return {"link": link, "mirror": other, "id": id, "url": record_url(other.connection, other.module, id)}
