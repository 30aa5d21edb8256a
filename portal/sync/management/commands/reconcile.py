"""`reconcile MAPPING`: read both sides afresh, compare every record, and say what is not equal and why."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.mappings.named import mapping_named
from portal.sync.models import Preview, Reconciliation
from portal.sync.reconciling import job as reconcile_job
from portal.sync.reconciling.compare import sums
from portal.sync.reconciling.page import summary, why_in_words
from portal.sync.run import PATIENCE, SyncRefused
from portal.ui.command import Failed, PortalCommand, WrongUse

SHOWN = 50  # records printed for a person; --json and the page have more


class Command(PortalCommand):
    help = gettext_noop(
        "Read all records and ids of both sides afresh, compare every pair by the live version, and say what is not equal and why. "
        "Nothing is sent; the next run mends what it can. Exit 0 when all that the mapping covers is equal, 1 when not: what its "
        "filter or direction leaves out is counted, and no fault."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("mapping", help=_("The mapping's name."))

    def work(self, *, mapping: str, **options: Any) -> JSON:
        try:
            row = reconcile_job.start(mapping_named(mapping), user=None, actor="command", enqueue=False)
        except SyncRefused as e:
            raise WrongUse(str(e)) from e
        row = self.carry_out(row)
        if row.state != Preview.State.DONE:
            raise Failed(row.message or _("The comparison was stopped."))
        self.exit_code = 1 if sums(row.counts)["unexpected"] else 0
        return {
            "mapping": mapping,
            "version": row.version,
            "counts": sums(row.counts),
            "reasons": {kind: reasons for kind, reasons in row.counts.items() if kind != "equal"},
            "records": row.listed,
            "calls": row.calls,
            "seconds": round(row.seconds, 3),
        }

    def carry_out(self, row: Reconciliation) -> Reconciliation:
        """Carry it out slice by slice, with a bar for each phase. Raises Failed."""
        bars: dict[str, Any] = {}

        def show(phase: str, done: int, total: int | None) -> None:
            bar = bars.setdefault(phase, self.progress(desc=phase, unit=_(" records")))
            bar.total = total
            bar.update(max(0, done - bar.n))

        try:
            while row.goes_on:
                found = reconcile_job.work(row.pk, show)
                if found is None:
                    raise Failed(_("The mapping was deleted meanwhile."))
                row, wait = found, found.not_before - timezone.now() if found.not_before else None
                if row.goes_on and wait and wait > PATIENCE:
                    raise Failed(row.message)
                if row.goes_on and wait:
                    time.sleep(min(max(wait.total_seconds(), 0.2), 1.0))
        finally:
            for bar in bars.values():
                bar.close()
        return row

    def show(self, result: JSON, **options: Any) -> None:
        self.stdout.write(summary(result["counts"]))
        for kind, reasons in result["reasons"].items():
            for why, number in sorted(reasons.items(), key=lambda item: -item[1]):
                self.stdout.write(f"  {kind}: {number} – {why_in_words(why)}")
        for record in result["records"][:SHOWN]:
            self.stdout.write(
                f"  {record['left'] or '–'} / {record['right'] or '–'} {record['label']}: {why_in_words(record['why'])}"
            )
            for field in record["fields"]:
                names = field["left_field"] or "–", field["right_field"] or "–"
                self.stdout.write(
                    f"      {names[0]} = {field['left']} / {names[1]} = {field['right']}: {why_in_words(field['why'])}"
                )
