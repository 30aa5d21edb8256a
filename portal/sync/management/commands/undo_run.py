"""`undo_run RUN`: take a run back in this process, slice after slice; needs no qcluster."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.ledger.models import Entry, Run
from portal.sync.command import RunCommand
from portal.sync.reasons import describe
from portal.sync.run import SyncRefused
from portal.sync.undo.edit import look, undo_edit
from portal.sync.undo.start import request_undo
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
        if found.kind == Run.Kind.EDIT:
            return self._edit(found, plan=plan, as_json=options["json"])
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

    def _edit(self, run: Run, *, plan: bool, as_json: bool) -> JSON:
        """Take the edit of one record back at once; its plan is one line."""
        try:
            if plan:
                found = look(run).undo
                self.exit_code = 0 if found.reason else 3
                return {"id": None, "kind": found.kind, "values": dict(found.values), "reason": found.reason}
            undo = undo_edit(run, user=None, actor="command")
        except SyncRefused as e:
            raise WrongUse(str(e)) from e
        return self.told_of(undo, background=False, as_json=as_json)

    def show(self, result: JSON, **options: Any) -> None:
        if result["id"] is not None:
            super().show(result, **options)
            return
        kind = Entry.Action(result["kind"]).label if result["kind"] else _("left as it is")
        told = [f"  {name} = {value}" for name, value in result["values"].items()]
        self.stdout.write("\n".join([f"{kind} {describe(result['reason']).text if result['reason'] else ''}", *told]))
