"""`show_run ID`: what a run did, and what it left and why."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from connectors.types import JSON
from portal.ledger.models import Run
from portal.sync.show import as_text, run_as_json
from portal.ui.command import PortalCommand, WrongUse


class Command(PortalCommand):
    help = "Show a run: its state and counts, and the entries that are not settled for good."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int, help="The run's number.")

    def work(self, *, run: int, **options: Any) -> JSON:
        found = Run.objects.filter(pk=run).first()
        if found is None:
            raise WrongUse(f"There is no run {run}.")
        return run_as_json(found)

    def show(self, result: JSON, **options: Any) -> None:
        self.stdout.write(as_text(Run.objects.get(pk=result["id"])))
