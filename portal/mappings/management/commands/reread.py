"""`reread MAPPING`: read both its modules again in full, every record and every id."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.connections.access import open_connector
from portal.connections.models import Connection
from portal.ledger import write
from portal.ledger.lease import Held, renewing
from portal.mappings.models import Mapping
from portal.mappings.named import mapping_named
from portal.records.afresh import read_afresh
from portal.records.models import Mirror
from portal.records.pull import mirror_lease, mirror_of
from portal.ui.command import PortalCommand


class Command(PortalCommand):
    help = gettext_noop(
        "Read the modules of a mapping again in full, every record and every id, into our copies. Nothing is emptied first: what "
        "the CRM holds differently is corrected, what it has no more is marked, and the next run plans all of that."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("mapping", help=_("The mapping's name."))
        parser.add_argument("--side", choices=("left", "right"), help=_("Only this side; both when not given."))

    def work(self, *, mapping: str, side: str | None, **options: Any) -> JSON:
        found = mapping_named(mapping)
        wanted = [at for at in ("left", "right") if side in (None, at)]
        write.audit(None, "reread_mapping", found, {"sides": wanted}, actor="command")
        return {"mapping": mapping, "sides": {at: self.read(*_place(found, at)) for at in wanted}}

    def read(self, connection: Connection, module: str) -> JSON:
        """Read one side, and return what came of it."""
        began, leases = time.monotonic(), list[Held]()
        mirror = mirror_of(connection, module)
        before = mirror.version
        with (
            open_connector(connection, purpose="sync", guard=renewing(leases)) as crm,
            mirror_lease(mirror, None) as held,
            self.progress(unit=_(" records"), desc=str(mirror)) as bar,
        ):
            leases.append(held)

            def show(done: int, total: int | None) -> None:
                bar.total = total
                bar.update(done - bar.n)

            read_afresh(mirror, crm, timezone.now(), held=held, progress=show)
            calls = crm.context.observer.calls  # type: ignore[attr-defined]
        return _told(mirror, before) | {"calls": calls, "seconds": round(time.monotonic() - began, 3)}

    def show(self, result: JSON, **options: Any) -> None:
        text = _("%(connection)s · %(module)s: %(records)d records, %(corrected)d of our copies corrected; %(calls)d calls, %(seconds)s s.")  # fmt: skip
        for side in result["sides"].values():
            self.stdout.write(text % side)


def _place(mapping: Mapping, side: str) -> tuple[Connection, str]:
    left = mapping.left_connection, mapping.left_module
    return left if side == "left" else (mapping.right_connection, mapping.right_module)


def _told(mirror: Mirror, before: int) -> dict[str, JSON]:
    mirror.refresh_from_db()
    where = {"connection": mirror.connection.name, "module": mirror.module}
    return {**where, "records": mirror.records, "corrected": mirror.version - before}
