"""What the commands share that start a run: it is carried out with a bar for each phase, and the exit code says how it ended."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from connectors.types import JSON
from portal.ledger.models import Run
from portal.sync.run import carry_out
from portal.sync.show import as_text, run_as_json
from portal.ui.command import PortalCommand

EXIT_CODES = {Run.State.SUCCEEDED: 0, Run.State.AWAITING_APPROVAL: 3}


class RunCommand(PortalCommand):
    """A command whose result is a run."""

    def told_of(self, run: Run, *, background: bool, as_json: bool) -> JSON:
        """Carry the run out, unless a qcluster shall, and return it as JSON; the exit code says how it ended."""
        if not background:
            run = self.carry_out(run)
            self.exit_code = EXIT_CODES.get(Run.State(run.state), 1)
        if as_json and self.exit_code:
            self.tell_why(run)  # without --json it stands in what is shown
        return run_as_json(run)

    def tell_why(self, run: Run) -> None:
        """Say why the run did not end well, or what it waits for."""
        state = _("Run %(run)d ended as “%(state)s”.") % {"run": run.pk, "state": run.get_state_display()}
        (self.fall_short if self.exit_code == 1 else self.say)(run.message or state)

    def carry_out(self, run: Run) -> Run:
        """Carry the run out with a bar for each phase."""
        bars: dict[str, Any] = {}

        def show(phase: str, done: int, total: int | None) -> None:
            if phase not in bars:
                bars[phase] = self.progress(desc=phase, unit=_(" records"))
            bars[phase].total = total
            bars[phase].update(max(0, done - bars[phase].n))

        try:
            return carry_out(run, show)
        finally:
            for bar in bars.values():
                bar.close()

    def show(self, result: JSON, **options: Any) -> None:
        self.stdout.write(as_text(Run.objects.get(pk=result["id"])))
