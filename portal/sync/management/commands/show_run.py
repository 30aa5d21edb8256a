"""`show_run ID`: what a run did, and what it left and why."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.ledger.models import Run
from portal.sync.show import as_text, run_as_json, waiting_as_json
from portal.ui.command import PortalCommand, WrongUse


class Command(PortalCommand):
    help = gettext_noop("Show a run: its state and counts, and the entries that are not settled for good.")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int, help=_("The run's number."))

    def work(self, *, run: int, **options: Any) -> JSON:
        found = Run.objects.filter(pk=run).first()
        if found is None:
            raise WrongUse(_("There is no run %(run)s.") % {"run": run})
        return {**run_as_json(found), "waiting": waiting_as_json(found)}

    def show(self, result: JSON, **options: Any) -> None:
        self.stdout.write(as_text(Run.objects.get(pk=result["id"])))
