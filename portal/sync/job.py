"""What one slice of a run works with: the lease, the mapping as the run began with it, both mirrors, both CRMs opened."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from django.conf import settings
from django.utils import timezone

from connectors.base import Connector
from portal.connections.access import open_connector
from portal.connections.models import Connection
from portal.connections.schema import module_schema
from portal.ledger.lease import Held, renewing
from portal.ledger.models import Run
from portal.mappings.compare import key_kinds
from portal.mappings.means import means_of
from portal.mappings.models import Mapping as MappingRow
from portal.mappings.stored import definition_of
from portal.mappings.transform import Place, Side
from portal.records.models import Mirror
from portal.records.pull import mirror_lease, mirror_of
from portal.sync.cases import SIDES, Terms
from portal.sync.lead import stage_around
from portal.sync.models import Checkpoint
from portal.sync.planning import Planning, passes, place
from portal.sync.sets.references import circles_of
from portal.sync.sets.step import Stage

Progress = Callable[[str, int, int | None], None]  # phase, how many, of how many


class Stopped(Exception):
    """A person asked the run to stop."""


@dataclass(frozen=True, slots=True)
class Job(Planning):
    """One slice's work. `ends_at` is time.monotonic() when the slice should hand over."""

    run: Run
    held: Held
    crms: Mapping[Side, Connector]
    ends_at: float
    progress: Progress
    leases: list[Held]  # renewed before each request
    stage: Stage = "apply"  # how far the sync set's run is that this one is part of

    @property
    def family(self) -> int | None:
        """Return the sync set's run whose other parts have plans too that none of them has carried out yet."""
        return None if self.stage == "apply" else self.run.parent_id

    @property
    def is_over(self) -> bool:
        """Say whether the slice's time is up."""
        return time.monotonic() >= self.ends_at

    @property
    def calls(self) -> int:
        """Return how many requests this slice has sent."""
        return sum(crm.context.observer.calls for crm in self.crms.values())  # type: ignore[attr-defined]

    def write_down_calls(self, side: Side) -> None:
        """Store which calls the sender threads made: they touch no database themselves."""
        self.crms[side].context.observer.flush()  # type: ignore[attr-defined]

    def keep_alive(self) -> None:
        """Make sure the lease outlasts any request begun now. Raises LeaseLost, and Stopped where a person said so."""
        self.held.outlast(2 * settings.CALL_DEADLINE_SECONDS + 5)
        if Run.objects.filter(pk=self.run.pk, stop_requested=True).exists():
            raise Stopped

    @contextmanager
    def holding(self, mirror: Mirror) -> Iterator[Held]:
        """Hold the mirror's lease; it is renewed with the run's own as long as the CRMs are asked. Raises MirrorBusy."""
        with mirror_lease(mirror, None) as held:
            self.leases.append(held)
            try:
                yield held
            finally:
                self.leases.remove(held)

    def after_sweep(self) -> Job:
        """Return the job that knows which sides this run has swept."""
        return replace(self, terms=replace(self.terms, swept=frozenset(self.run.position.get("swept", ()))))

    def checkpoint(self, side: Side) -> Checkpoint:
        """Return how far this side was carried out; from the start for a newer version of the mapping."""
        row, _ = Checkpoint.objects.get_or_create(mapping=self.mapping, mirror=self.mirrors[side])
        if row.mapping_version != self.run.mapping_version:
            row.version = row.keyed = 0
            row.mapping_version = self.run.mapping_version or 0
        return row


@contextmanager
def open_job(run: Run, held: Held, ends_at: float, progress: Progress, above: Sequence[Held] = ()) -> Iterator[Job]:
    """Yield the job of a run; the leases `above` are renewed with its own. Raises ConnectorError when a CRM cannot even be
    described."""
    mapping = MappingRow.objects.select_related("left_connection", "right_connection").get(uuid=str(run.mapping))
    sides: dict[Side, Connection] = {"left": mapping.left_connection, "right": mapping.right_connection}
    modules: dict[Side, str] = {"left": mapping.left_module, "right": mapping.right_module}
    leases = [held, *above]
    opened = partial(open_connector, purpose="sync", run_id=run.pk, guard=renewing(leases))
    with opened(sides["left"]) as left, opened(sides["right"]) as right:
        crms: dict[Side, Connector] = {"left": left, "right": right}
        definition = definition_of(mapping, run.mapping_version)
        places = {side: _place(sides[side], modules[side], crms[side]) for side in SIDES}
        known = circles_of(mapping, definition)
        terms = Terms(definition, means_of(definition, places), timezone.now().isoformat())
        yield Job(
            run=run,
            held=held,
            mapping=mapping,
            terms=replace(terms, circles=known.circles, stuck=known.stuck),
            kinds=key_kinds(definition.match, places),
            passes={side: passes(getattr(definition, side).filter, places[side]) for side in SIDES},
            connections=sides,
            crms=crms,
            mirrors={side: mirror_of(sides[side], modules[side]) for side in SIDES},
            ends_at=ends_at,
            progress=progress,
            leases=leases,
            stage=stage_around(run),
        )


def _place(connection: Connection, module: str, crm: Connector) -> Place:
    schema = module_schema(connection, module, crm=crm)
    return place(schema, crm.config, appends=crm.capabilities.appends_choices)
