"""`undo_run RUN`: take a run back in this process, slice after slice; needs no qcluster."""

from __future__ import annotations

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.ledger.models import Run
from portal.sync.command import RunCommand
from portal.sync.run import SyncRefused
from portal.sync.undo import request_undo
from portal.ui.command import WrongUse


class Command(RunCommand):
    help = gettext_noop(
        "Take a run back: restore what it changed, delete what it made, make again what it deleted, wherever nobody changed "
        "it since; the rest is listed. The mapping is left paused. Exit 0 done, 1 failed (also partly), 3 awaiting approval."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int, help=_("The run's number."))
        parser.add_argument(
            "--plan",
            action="store_true",
            help=_("Stop at the plan and send nothing: exit 3. “sync MAPPING --approve” carries it out."),
        )
        parser.add_argument("--keep-created", action="store_true", help=_("Delete nothing that the run made."))
        parser.add_argument("--background", action="store_true", help=_("Only hand it to the qcluster."))

    def work(self, *, run: int, plan: bool, keep_created: bool, background: bool, **options: bool) -> JSON:
        found = Run.objects.filter(pk=run).first()
        if found is None:
            raise WrongUse(_("There is no run %(run)s.") % {"run": run})
        try:
            undo = request_undo(
                found,
                actor="command",
                trigger="command",
                plan_only=plan,
                keep_created=keep_created,
                enqueue=background,
            )
        except SyncRefused as e:
            raise WrongUse(str(e)) from e
        return self.told_of(undo, background=background, as_json=options["json"])
