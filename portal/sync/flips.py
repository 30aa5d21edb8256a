"""Records that go back and forth between the two CRMs. The rule: a field that would be given back a value it had before its last
one, for the third time within an hour, is written no more until a person has looked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from connectors.types import JSON
from portal.ledger import write
from portal.ledger.models import Entry, Run
from portal.mappings.compare import same
from portal.mappings.transform import Side
from portal.sync.cases import SIDES, Action, Lone, Pair
from portal.sync.job import Job

FLIPS = "flips"  # the reason of what is stopped, and the key of its evidence: field -> the values in order
TIMES = 3
WITHIN = timedelta(hours=1)
Written = Mapping[
    tuple[Side, str], Sequence[Mapping[str, JSON]]
]  # side and id of a record -> what we wrote, oldest first


def flipping(written: Sequence[Mapping[str, JSON]], values: Mapping[str, JSON]) -> dict[str, list[JSON]]:
    """Return the fields that would flip once too often, with what they were given in order, this time included. PURE."""
    found = {}
    for name, value in values.items():
        given = [each[name] for each in written if name in each]
        if (
            len(given) >= TIMES - 1
            and any(same(value, earlier) for earlier in given[:-1])
            and not same(value, given[-1])
        ):
            found[name] = [*given, value]
    return found


def written_lately(job: Job, cases: Iterable[Pair | Lone]) -> Written:
    """Return what this mapping wrote to these records within the hour; nothing where it writes one side only."""
    found: dict[tuple[Side, str], list[Mapping[str, JSON]]] = defaultdict(list)
    if len(job.terms.definition.targets) < len(SIDES):
        return found
    pairs = [case for case in cases if isinstance(case, Pair)]
    for side in SIDES:
        ids = [seen.id for pair in pairs if (seen := pair.left if side == "left" else pair.right)]
        rows = Entry.objects.filter(
            mapping=job.mapping.uuid,
            action=Entry.Action.UPDATE,
            state__in=(Entry.State.DONE, Entry.State.STORED_DIFFERENTLY),
            connection=job.connections[side],
            module=job.mirrors[side].module,
            record_id__in=ids,
            settled_at__gt=timezone.now() - WITHIN,
        )
        for id, intended in rows.order_by("pk").values_list("record_id", "intended"):
            found[side, id].append(intended)
    return found


def stopping(actions: Iterable[Action], written: Written, known: Iterable[Entry]) -> tuple[Action, ...]:
    """Return the actions, with a blocked one for each that would flip or was stopped before; but for what a person has had
    looked at again. `known` are the entries that wait about these records."""
    stopped = {entry.record_id: entry for entry in known if entry.reason == FLIPS}
    return tuple(_stopping(action, written, stopped) for action in actions)


def tell(run: Run) -> None:
    """Open the mapping's problem while records of it are stopped, and close it when none is."""
    key = f"mapping:{run.mapping}:{FLIPS}"
    waiting = Entry.objects.filter(mapping=run.mapping, superseded_by=None, state=Entry.State.BLOCKED, reason=FLIPS)
    names = [entry.label or entry.source_id for entry in waiting.order_by("pk")[:5]]
    if not names:
        write.close_problem(key)
        return
    write.open_problem(
        key,
        kind=FLIPS,
        title=_("Records of “%(mapping)s” go back and forth") % {"mapping": run.mapping_name},
        detail=_("%(count)d are stopped: %(names)s.") % {"count": waiting.count(), "names": ", ".join(names)},
        advice=_("Something in one of the CRMs changes back what arrives. Mend that, then have them looked at again."),
        mapping=run.mapping,
    )


def _stopping(action: Action, written: Written, stopped: Mapping[str, Entry]) -> Action:
    if action.kind != "update" or action.target is None:
        return action
    earlier = stopped.get(action.target.id)
    if earlier is not None:
        return action if earlier.decision else _stopped(action, earlier.evidence)
    fields = flipping(written.get((action.side, action.target.id), ()), action.values)
    return _stopped(action, {FLIPS: fields}) if fields else action


def _stopped(action: Action, evidence: Mapping[str, JSON]) -> Action:
    return replace(action, kind="blocked", values={}, rules=(), base={}, reason=FLIPS, evidence=evidence)
