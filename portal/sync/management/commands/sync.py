"""`sync MAPPING|SET`: carry the run out in this process, slice after slice; needs no qcluster."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.ledger.models import Run
from portal.mappings.models import Mapping
from portal.sync.approve import approve as approve_run
from portal.sync.command import RunCommand
from portal.sync.models import SyncSet
from portal.sync.run import SyncRefused, request_sync
from portal.sync.sets.start import request_set
from portal.ui.command import WrongUse


def _named(name: str) -> Mapping | SyncSet:
    """Return the mapping or the sync set of that name. Raises WrongUse naming those there are."""
    tables: tuple[type[Mapping], type[SyncSet]] = (Mapping, SyncSet)
    for table in tables:
        if (found := table.objects.filter(name=name).first()) is not None:
            return found
    known = ", ".join(one for table in tables for one in table.objects.values_list("name", flat=True)) or _("none yet")
    text = _("There is no mapping and no sync set “%(name)s”. There are: %(known)s.")
    raise WrongUse(text % {"name": name, "known": known})


def _run(
    found: Mapping | SyncSet, *, approve_all: bool, approve: int | None, plan: bool, all_again: bool, **options: Any
) -> Run:
    """Return the run to carry out: a new one, or the one that is approved. Raises SyncRefused, WrongUse."""
    how: dict[str, Any] = {"actor": "command", "trigger": "command", "enqueue": options["enqueue"]}
    if approve is None:
        how |= {"approve_all": approve_all, "plan_only": plan, "anew": all_again}
        return request_sync(found, **how) if isinstance(found, Mapping) else request_set(found, **how)
    whose = {"mapping": found.uuid} if isinstance(found, Mapping) else {"sync_set": found.uuid}
    run = Run.objects.filter(pk=approve, **whose).first()
    if run is None:
        text = _("“%(name)s” has no run %(run)d. Look at its runs in the portal, or take the number that sync printed.")
        raise WrongUse(text % {"name": found.name, "run": approve})
    return approve_run(run, actor="command", enqueue=options["enqueue"])


class Command(RunCommand):
    help = gettext_noop(
        "Run a mapping or a sync set: pull both sides, plan, write. Exit 0 done, 1 failed (also partly), 3 awaiting approval."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("mapping", metavar="MAPPING|SET", help=_("The name of the mapping or of the sync set."))
        parser.add_argument("--background", action="store_true", help=_("Only hand it to the qcluster."))
        how = parser.add_mutually_exclusive_group()
        how.add_argument(
            "--plan", action="store_true", help=_("Stop at the plan and send nothing: exit 3, or 0 for none.")
        )
        how.add_argument(
            "--all-again",
            action="store_true",
            help=_(
                "Plan every linked record as if its source had changed, and stop at that plan: exit 3, or 0 for none."
            ),
        )
        how.add_argument("--approve-all", action="store_true", help=_("Pass every guard; true conflicts stay."))
        how.add_argument(
            "--approve",
            type=int,
            metavar="RUN",
            help=_("Carry out what this run stopped at, as it was shown; what is new or changed since waits: exit 3."),
        )

    def work(self, *, mapping: str, background: bool, **options: Any) -> JSON:
        try:
            run = _run(_named(mapping), enqueue=background, **options)
        except SyncRefused as e:
            raise WrongUse(str(e)) from e
        return self.told_of(run, background=background, as_json=options["json"])
