"""A run as a script reads it, and as a person does."""

from __future__ import annotations

from dataclasses import asdict

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from connectors.types import JSON
from portal.ledger.models import Entry, Run
from portal.sync.matching.standing import matched
from portal.sync.plan_cost import as_json, calls_of, plan_cost, sentence
from portal.sync.reasons import describe
from portal.sync.undo.load import entries_of
from portal.sync.undo.plan import EDITS

MOST = 50  # entries listed; the screen has them all
MOST_LEFT = 1_000


def run_as_json(run: Run) -> JSON:
    """Return the run as the commands print it: id, state, counts by kind, calls sent, seconds worked; `cost`: what carrying out
    a plan that waits for approval costs each CRM; `matched`: of a first plan, how both sides stand by the match key; of an undo also which run it takes back, and what it leaves as it is: at
    most a thousand records with the reason; a sync set's with its parts, in the order in which they began."""
    told = _one_as_json(run)
    if run.sync_set is None:
        return told
    return {**told, "message": run.message, "runs": [_part_as_json(part) for part in run.children.order_by("pk")]}


def _part_as_json(part: Run) -> JSON:
    return {"mapping": part.mapping_name, **_one_as_json(part), "message": part.message}


def _one_as_json(run: Run) -> dict[str, JSON]:
    return {
        "id": run.pk,
        "state": run.state,
        "counts": run.counts,
        "calls": run.calls,
        "seconds": round(run.seconds, 3),
        **({"cost": as_json(costs)} if (costs := plan_cost(run)) else {}),
        **({"matched": [asdict(side) for side in standing]} if (standing := matched(run)) else {}),
        **(_undo_as_json(run) if run.kind == Run.Kind.UNDO else {}),
    }


def _undo_as_json(run: Run) -> dict[str, JSON]:
    left = left_by(run).select_related("connection")[:MOST_LEFT]
    told = ("connection", "module", "record_id", "reason")
    return {
        "undoes": run.undoes_id,
        "left": [{**{n: str(getattr(e, n)) for n in told}, "fields": e.evidence.get(EDITS, {})} for e in left],
    }


def left_by(run: Run) -> QuerySet[Entry]:
    """Return what an undo leaves as it is, in its order."""
    left = entries_of(run).filter(state=Entry.State.SKIPPED, superseded_by=None, undoes__isnull=False)
    return left.exclude(action=Entry.Action.SKIP).order_by("run", "number")


def waiting_as_json(run: Run) -> list[JSON]:
    """Return the entries that the run left, with what a script needs to choose about them; `calls`: what carrying out one that
    waits for approval costs."""
    costs = plan_cost(run)
    return [
        {
            "entry": entry.pk,
            "action": entry.action,
            "state": entry.state,
            "reason": entry.reason,
            "message": entry.message or str(describe(entry.reason).text),
            "source": entry.source_id,
            "record": entry.record_id,
            "label": entry.label,
            "evidence": entry.evidence,
            "decision": entry.decision,
            "calls": calls_of(entry, costs),
        }
        for entry in _waiting(run).iterator()
    ]


def as_text(run: Run) -> str:
    """Return the run in lines: how it ended, what it did, and what waits and why; a sync set's with each of its parts."""
    parts = run.children.order_by("pk") if run.sync_set is not None else ()
    return "\n".join([_as_text(run), *(_as_text(part) for part in parts)])


def _as_text(run: Run) -> str:
    nothing = _("nothing to do") if run.state == Run.State.SUCCEEDED else _("nothing done yet")
    done = ", ".join(f"{name} {number}" for name, number in run.counts.items() if number) or nothing
    if run.is_plan and any(run.counts.values()):
        done = _("planned: %(counts)s") % {"counts": done}
    text = _("%(run)s: %(state)s – %(done)s (%(calls)d calls, %(seconds).1f s)")
    lines = [
        text % {"run": run, "state": run.get_state_display(), "done": done, "calls": run.calls, "seconds": run.seconds}
    ]
    lines += [run.message] if run.message else []
    lines += [side.sentence for side in matched(run)]
    for side in plan_cost(run):
        lines += [sentence(side), *(f"  {_('Not known before:')} {text}" for text in side.unknown)]
    waiting = _waiting(run)
    for entry in waiting[:MOST]:
        why = entry.message or describe(entry.reason).text
        lines.append(f"  #{entry.pk} {entry.source_id} {entry.label} [{entry.get_state_display()}] {why}")
    if waiting.count() > MOST:
        lines.append(_("  … and %(count)d more") % {"count": waiting.count() - MOST})
    return "\n".join(lines)


def _waiting(run: Run) -> QuerySet[Entry]:
    told = Q(state__in=(*Entry.WAITING, *Entry.UNSETTLED, Entry.State.AWAITING))
    if run.kind == Run.Kind.UNDO:
        told |= Q(pk__in=left_by(run).values("pk"))
    return Entry.objects.filter(told, run=run, superseded_by=None).order_by("number")
