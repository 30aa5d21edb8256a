"""What the commands share that start a run: it is carried out with a bar for each phase, and the exit code says how it ended."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from connectors.types import JSON
from portal.ledger.models import Entry, Run
from portal.sync.choices.decide import Decided, settled, start
from portal.sync.choices.decided import undone_decisions
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


class DecisionCommand(RunCommand):
    """A command that chooses about entries that wait: it succeeds once what was chosen is done."""

    def done(self, made: Decided, *, background: bool) -> JSON:
        """Carry out what was chosen, unless a qcluster shall; return entries, those not done, runs, and why there is none."""
        runs, kept = list(made.runs), list(made.kept)
        if not background:
            runs = [self.carry_out(run) for run in runs]
            if runs and (missed := undone_decisions().filter(pk__in=[entry.pk for entry in made.stored])):
                more, why = start(missed, user=None, actor="command", enqueue=False)  # that run was just ending
                runs, kept = [*runs, *(self.carry_out(run) for run in more)], kept + why
        undone = [] if background and not kept else [entry.pk for entry in made.stored if not settled(entry)]
        self._tell(undone, runs, kept, [entry.pk for entry in made.late])
        return {
            "entries": [entry.pk for entry in made.stored],
            "undone": undone,
            "runs": [run_as_json(run) for run in runs],
            "kept": kept,
        }

    def _tell(self, undone: list[int], runs: list[Run], kept: list[str], late: list[int]) -> None:
        """Set the exit code, and say what is not done and why."""
        numbers = ", ".join(str(pk) for pk in [*late, *undone][:10])
        if late:
            self.fall_short(_("Somebody chose about %(entries)s already, or a run took it up; nothing was overwritten.") % {"entries": numbers})  # fmt: skip
        elif undone and (any(run.state == Run.State.AWAITING_APPROVAL for run in runs) or self._plan_waits(undone)):
            self.exit_code = 3
            self.say(" ".join(kept) or _("A plan awaits approval: what was chosen is done with it."))
        elif undone:
            text = _("Not done yet: %(entries)s. %(why)s")
            why = " ".join(kept) or _(
                "Look at what “show_run” says of it; where the record changed meanwhile it is asked anew."
            )
            self.fall_short(text % {"entries": numbers, "why": why})

    def _plan_waits(self, undone: list[int]) -> bool:
        mappings = list(Entry.objects.filter(pk__in=undone).values_list("mapping", flat=True))
        return Run.objects.filter(mapping__in=mappings, state=Run.State.AWAITING_APPROVAL).exists()

    def show(self, result: JSON, **options: Any) -> None:
        for run in result["runs"]:
            self.stdout.write(as_text(Run.objects.get(pk=run["id"])))
        if not result["entries"] and not self.shortfall:
            self.stdout.write(_("Nothing waits: there was nothing to do."))
