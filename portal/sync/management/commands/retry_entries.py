"""`retry_entries RUN` or `--mapping M`: have what failed, was parked or is blocked tried again now, in this process."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.ledger.models import Entry, Run
from portal.mappings.named import mapping_named
from portal.sync.choices.decide import retry
from portal.sync.command import DecisionCommand
from portal.ui.command import WrongUse

TRIED = (Entry.State.FAILED, Entry.State.PARKED, Entry.State.BLOCKED)


class Command(DecisionCommand):
    help = gettext_noop(
        "Try again now what failed, was parked or is blocked, of a run or of a whole mapping. Exit 0 only if all of it went "
        "through (or nothing waits), 1 if not, 3 while a plan awaits approval."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int, nargs="?", help=_("The run that left them."))
        parser.add_argument("--mapping", default="", metavar="NAME", help=_("All that wait of this mapping."))
        parser.add_argument("--background", action="store_true", help=_("Only hand it to the qcluster."))

    def work(self, *, run: int | None, mapping: str, background: bool, **options: Any) -> JSON:
        if (run is None) == (not mapping):
            raise WrongUse(_("Name a run, or a mapping with --mapping: one of them."))
        entries = Entry.objects.filter(superseded_by=None, undoes=None, state__in=TRIED, decision__isnull=True)
        if mapping:
            entries = entries.filter(mapping=mapping_named(mapping).uuid)
        else:
            if not Run.objects.filter(pk=run or 0).exists():
                raise WrongUse(_("There is no run %(run)s.") % {"run": run})
            entries = entries.filter(run=run, mapping__isnull=False)
        made = retry(list(entries.order_by("pk")), user=None, actor="command", enqueue=background)
        return self.done(made, background=background)
