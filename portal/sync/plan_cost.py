"""What carrying out a plan that waits for approval costs each CRM, and what nobody can know before. The rule: calls are what the
connector declares, unknown is only what the connector or the module's fields say; a fixed number of queries, however long the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.db.models import Avg, Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connectors import connector_class
from connectors.base import Connector
from connectors.errors import ConnectorError
from connectors.types import JSON, ModuleSchema
from portal.connections.access import open_connector
from portal.connections.limits import share, spent
from portal.connections.models import Call, Connection
from portal.connections.schema import kept_schema
from portal.ledger.models import Entry, Run
from portal.mappings.definition import Definition
from portal.mappings.models import Mapping as MappingRow
from portal.mappings.models import MappingVersion
from portal.mappings.stored import definition_of
from portal.sync.cost import Cost, Limits, cost
from portal.sync.plan import PARTNERLESS
from portal.ui.wording import translated

SENDS = ("create", "update", "delete", "append")
RECENT = 200  # writes whose time is looked at
MOST = 6  # fields named in a sentence


@dataclass(frozen=True, slots=True)
class SideCost:
    """What one CRM is asked: actions by kind, calls of one of each, the sum, and what cannot be known before."""

    connection: Connection
    numbers: Mapping[str, int]
    each: Mapping[str, int]
    cost: Cost
    limits: Limits
    unknown: tuple[str, ...]


def plan_cost(run: Run) -> list[SideCost]:
    """Return the cost for each CRM that the run would write to once it is approved; nothing for one that does not wait."""
    if run.state != Run.State.AWAITING_APPROVAL:
        return []
    runs = Run.objects.filter(Q(pk=run.pk) | Q(parent=run), mapping__isnull=False)
    waiting = Entry.objects.filter(run__in=runs, superseded_by=None)
    rows = waiting.filter(state=Entry.State.AWAITING, action__in=SENDS).order_by()
    numbers: dict[int, Counter[str]] = {}
    for row in rows.values("connection", "action").annotate(n=Count("pk")):
        numbers.setdefault(row["connection"], Counter())[row["action"]] += row["n"]
    later = waiting.filter(state=Entry.State.BLOCKED, reason__in=PARTNERLESS).order_by().values("connection")
    blocked = dict(later.annotate(n=Count("pk")).values_list("connection", "n"))
    connections = Connection.objects.filter(pk__in=numbers).order_by("name")
    return [_side(c, numbers[c.pk], blocked.get(c.pk, 0), list(runs)) for c in connections]


def calls_of(entry: Entry, costs: list[SideCost]) -> int:
    """Return how many calls carrying out that entry costs; 0 for one that waits for no approval."""
    if entry.state != Entry.State.AWAITING:
        return 0
    return next((side.each.get(entry.action, 0) for side in costs if side.connection.pk == entry.connection_id), 0)


def as_json(costs: list[SideCost]) -> list[JSON]:
    """Return the costs as the commands print them; seconds are None where nothing tells."""
    return [
        {
            "connection": side.connection.name,
            "actions": dict(side.numbers),
            "calls_each": {kind: side.each[kind] for kind in side.numbers},
            "calls": side.cost.calls,
            "seconds": None if side.cost.seconds is None else round(side.cost.seconds),
            "left_today": side.limits.left_today,
            "suffices": side.cost.suffices,
            "unknown": list(side.unknown),
        }
        for side in costs
    ]


def sentence(side: SideCost) -> str:
    """Return what the plan costs one CRM: calls, time, and whether today's calls suffice."""
    text = ngettext("%(n)d call to %(crm)s", "%(n)d calls to %(crm)s", side.cost.calls)
    told = [text % {"n": side.cost.calls, "crm": side.connection.name}]
    if side.cost.seconds is not None:
        told.append(_("takes %(time)s") % {"time": _time(side.cost.seconds)})
    if side.limits.left_today is not None:
        told.append(_today(side))
    return "; ".join(told) + "."


def _today(side: SideCost) -> str:
    left = side.limits.left_today
    if side.cost.suffices:
        return _("today’s calls suffice: %(left)d are left for background work") % {"left": left}
    text = ngettext(
        "today’s calls do not suffice: %(left)d are left for background work, the rest takes %(days)d more day",
        "today’s calls do not suffice: %(left)d are left for background work, the rest takes %(days)d more days",
        side.cost.more_days,
    )
    return text % {"left": left, "days": side.cost.more_days}


def _time(seconds: float) -> str:
    if seconds < 60:
        return _("less than a minute")
    minutes = round(seconds / 60)
    if minutes < 120:
        return ngettext("about %(n)d minute", "about %(n)d minutes", minutes) % {"n": minutes}
    return _("about %(n)d hours") % {"n": round(minutes / 60)}


def _side(connection: Connection, numbers: Mapping[str, int], blocked: int, runs: list[Run]) -> SideCost:
    crm = _declared(connection)
    able, limits = crm.capabilities, _limits(connection)
    each = {"create": able.create_calls, "update": able.update_calls, "delete": able.delete_calls, "append": 1}
    unknown = list(dict.fromkeys(text for run in runs for text in _unknown(run, connection, crm, numbers)))
    if blocked:
        text = ngettext("%(n)d record waits for the partner of another; once that exists it is sent too.", "%(n)d records wait for the partner of another; once that exists they are sent too.", blocked)  # fmt: skip
        unknown.append(text % {"n": blocked})
    return SideCost(connection, dict(numbers), each, cost(numbers, each, limits), limits, tuple(unknown))


def _declared(connection: Connection) -> Connector | type[Connector]:
    """Return who declares what this very connection can do; its kind where its settings are wrong just now. Nobody is asked."""
    try:
        with open_connector(connection, purpose="person") as crm:
            return crm
    except ConnectorError:
        return connector_class(connection.connector)


def _limits(connection: Connection) -> Limits:
    minute, day = connection.calls_per_minute, connection.calls_per_day
    ours = share(day, "sync") if day is not None else None
    recent = Call.objects.filter(connection=connection, writes=True).order_by("-id").values("ms")[:RECENT]
    ms: float | None = Call.objects.filter(pk__in=recent.values("pk")).aggregate(ms=Avg("ms"))["ms"]
    return Limits(
        per_minute=share(minute, "sync") if minute is not None else None,
        per_day=ours,
        left_today=max(0, ours - spent(connection.pk, "day", timezone.now())) if ours is not None else None,
        parallel=share(connection.max_parallel, "sync"),
        ms=ms,
    )


def _unknown(
    run: Run, connection: Connection, crm: Connector | type[Connector], numbers: Mapping[str, int]
) -> Iterator[str]:
    """Yield what cannot be known before that mapping's records are stored by this CRM, in words."""
    found = _written(run, connection)
    if found is None:
        return
    schema, names = found
    types = {field.type for name in names if (field := schema.field(name))}
    yield from (
        _("It may be stored otherwise: %(what)s.") % {"what": translated(a.what)} for a in crm.alters if a.types & types
    )
    if not numbers.get("create"):
        return
    owner = schema.owner_field
    if owner and owner not in names and not schema.default_owner:
        yield _(
            "Who owns the new records: no rule and no setting says so; the CRM chooses, mostly this connection’s user."
        )
    filled = [f.label or f.name for f in schema.fields if f.default is not None and f.name not in {*names, owner}]
    if filled:
        more = "…" if len(filled) > MOST else ""
        yield _("What the CRM fills in itself in new records: %(fields)s%(more)s.") % {"fields": ", ".join(filled[:MOST]), "more": more}  # fmt: skip


def _written(run: Run, connection: Connection) -> tuple[ModuleSchema, frozenset[str]] | None:
    """Return the module that the run's mapping writes in this connection, and the fields its rules fill; None where it does not."""
    rows = MappingRow.objects.select_related("left_connection", "right_connection")
    mapping = rows.filter(uuid=run.mapping).first() if run.mapping else None
    if mapping is None or not run.mapping_version:
        return None
    try:
        definition: Definition = definition_of(mapping, run.mapping_version)
    except MappingVersion.DoesNotExist:
        return None
    for side in definition.targets:
        place = definition.left if side == "left" else definition.right
        schema = kept_schema(connection, place.module) if place.connection == connection.name else None
        if schema is not None:
            rules = (rule for rule in definition.rules if side in definition.targets_of(rule))
            return schema, frozenset(rule.at(side) for rule in rules)
    return None
