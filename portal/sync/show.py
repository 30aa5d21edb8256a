"""A run as a script reads it, and as a person does."""

from __future__ import annotations

from django.utils.translation import gettext as _

from connectors.types import JSON
from portal.ledger.models import Entry, Run
from portal.sync.plan_cost import as_json, plan_cost, sentence
from portal.sync.reasons import describe

MOST = 50  # entries listed; the screen has them all


def run_as_json(run: Run) -> JSON:
    """Return the run as the commands print it: id, state, counts by kind, calls sent, seconds worked; `cost`: what carrying out
    a plan that waits for approval costs each CRM."""
    return {
        "id": run.pk,
        "state": run.state,
        "counts": run.counts,
        "calls": run.calls,
        "seconds": round(run.seconds, 3),
        "cost": as_json(plan_cost(run)),
    }


def as_text(run: Run) -> str:
    """Return the run in lines: how it ended, what it did, and what waits and why."""
    nothing = _("nothing to do") if run.state == Run.State.SUCCEEDED else _("nothing done yet")
    done = ", ".join(f"{name} {number}" for name, number in run.counts.items() if number) or nothing
    if run.is_plan and any(run.counts.values()):
        done = _("planned: %(counts)s") % {"counts": done}
    text = _("%(run)s: %(state)s – %(done)s (%(calls)d calls, %(seconds).1f s)")
    lines = [
        text % {"run": run, "state": run.get_state_display(), "done": done, "calls": run.calls, "seconds": run.seconds}
    ]
    lines += [run.message] if run.message else []
    for side in plan_cost(run):
        lines += [sentence(side), *(f"  {_('Not known before:')} {text}" for text in side.unknown)]
    waiting = Entry.objects.filter(
        run=run, superseded_by=None, state__in=(*Entry.WAITING, *Entry.UNSETTLED, Entry.State.AWAITING)
    )
    for entry in waiting.order_by("number")[:MOST]:
        why = entry.message or describe(entry.reason).text
        lines.append(f"  {entry.source_id} {entry.label} [{entry.get_state_display()}] {why}")
    if waiting.count() > MOST:
        lines.append(_("  … and %(count)d more") % {"count": waiting.count() - MOST})
    return "\n".join(lines)
