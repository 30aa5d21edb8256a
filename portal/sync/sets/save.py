"""The one writer of sync sets. The rule: a set and a mapping never have the same name, for a command takes either; the set says
when it runs by itself, beside its mappings' own schedules."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from connectors.types import JSON
from portal.accounts.models import User
from portal.ledger import write
from portal.ledger.models import Run
from portal.mappings.definition import Schedule
from portal.mappings.models import Mapping
from portal.sync import schedules
from portal.sync.models import SyncSet


class BadSet(ValueError):
    """The set cannot be saved; `field` is what is wrong with it: "name" or "mappings"."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class SetBusy(Exception):
    """A run of the set is under way, or waits for approval."""


@dataclass(frozen=True, slots=True)
class SaidSet:
    """What is said about a set: its name, those of its mappings in any order, and when it runs by itself."""

    name: str
    mappings: frozenset[str]
    schedule: Schedule = Schedule()


def said_of(row: SyncSet) -> SaidSet:
    """Return what a stored set says."""
    names = frozenset(row.mappings.values_list("name", flat=True))
    return SaidSet(row.name, names, Schedule(row.every_minutes, row.cron, row.schedule_paused))


def save_set(row: SyncSet | None, said: SaidSet, *, user: User | None = None, actor: str = "") -> tuple[SyncSet, str]:
    """Keep the set, as a new one for None; return its row and "created", "updated" or "unchanged". Raises BadSet."""
    with transaction.atomic():
        before = said_of(row) if row else None
        if row and before == said:
            return row, "unchanged"
        found = _mappings(said)
        _refuse_name(said.name, row)
        saved = row or SyncSet()
        saved.name, saved.cron = said.name, said.schedule.cron
        saved.every_minutes, saved.schedule_paused = said.schedule.minutes, said.schedule.paused
        saved.save()
        saved.mappings.set(found)
        schedules.keep_set_in_step(saved)
        write.audit(user, "change_sync_set" if row else "add_sync_set", saved, _differences(before, said), actor=actor)
    return saved, "updated" if row else "created"


def delete_set(row: SyncSet, *, user: User | None = None, actor: str = "") -> None:
    """Delete the set; its mappings and its runs stay. Raises SetBusy."""
    with transaction.atomic():
        if Run.objects.filter(sync_set=row.uuid, state__in=(*Run.OPEN, Run.State.AWAITING_APPROVAL)).exists():
            text = _("“%(name)s” has a run that goes on or waits for approval: let it end or stop it first.")
            raise SetBusy(text % {"name": row.name})
        write.audit(user, "delete_sync_set", row, {"mappings": sorted(said_of(row).mappings)}, actor=actor)
        schedules.forget_set(row.uuid)
        row.delete()


def set_named(name: str) -> str:
    """Return the sentence that says that a set has this name; "" where none has."""
    if SyncSet.objects.filter(name=name).exists():
        return _("A sync set is called “%(name)s”: commands could not tell the two apart.") % {"name": name}
    return ""


def _mappings(said: SaidSet) -> list[Mapping]:
    found = list(Mapping.objects.filter(name__in=said.mappings))
    if not said.mappings:
        raise BadSet("mappings", _("Choose at least one mapping."))
    if lacking := sorted(said.mappings - {mapping.name for mapping in found}):
        raise BadSet("mappings", _("There is no mapping “%(name)s”.") % {"name": lacking[0]})
    return found


def _refuse_name(name: str, row: SyncSet | None) -> None:
    if SyncSet.objects.filter(name=name).exclude(pk=row.pk if row else 0).exists():
        raise BadSet("name", _("Another sync set has this name."))
    if Mapping.objects.filter(name=name).exists():
        text = _("A mapping is called “%(name)s”: commands could not tell the two apart.")
        raise BadSet("name", text % {"name": name})


def _differences(before: SaidSet | None, said: SaidSet) -> dict[str, JSON]:
    """What the audit trail says: which mappings came and went, and what else is different."""
    old = before.mappings if before else frozenset()
    told: dict[str, JSON] = {"added": sorted(said.mappings - old), "removed": sorted(old - said.mappings)}
    if before and before.name != said.name:
        told["name"] = [before.name, said.name]
    if before and before.schedule != said.schedule:
        told["schedule"] = True
    return {key: value for key, value in told.items() if value}
