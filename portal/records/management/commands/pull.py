"""`pull NAME MODULE`: bring the mirror of one module up to date; it is made if there is none yet."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.base import Connector
from connectors.types import JSON
from portal.connections.access import open_connector
from portal.connections.command import ConnectionCommand
from portal.connections.named import connection_named
from portal.connections.schema import refresh
from portal.ledger.lease import Held, renewing
from portal.records.models import Mirror
from portal.records.pull import Progress, mirror_lease, mirror_of, pull
from portal.records.sweep import sweep


class Command(ConnectionCommand):
    help = gettext_noop("Read what changed in one module of a CRM into our mirror; everything on the first time.")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=_("The connection's name."))
        parser.add_argument("module", help=_("The module's name in the CRM, such as Contacts."))
        parser.add_argument("--full", action="store_true", help=_("Read every record again, changed or not."))
        parser.add_argument(
            "--sweep", action="store_true", help=_("Then ask for every id there is: finds what was deleted and missed.")
        )

    def work(self, *, name: str, module: str, full: bool, sweep: bool, **options: Any) -> JSON:
        connection = connection_named(name)
        began, leases = time.monotonic(), list[Held]()
        with open_connector(connection, purpose="sync", guard=renewing(leases)) as crm:
            refresh(connection, module, crm)  # a module that does not exist leaves no empty mirror behind
            mirror = mirror_of(connection, module)
            with mirror_lease(mirror, None) as held:
                leases.append(held)
                result = self.pull(mirror, crm, held, full) | (self.sweep(mirror, crm, held) if sweep else {})
            calls = crm.context.observer.calls  # type: ignore[attr-defined]
        spent = {"records": mirror.records, "calls": calls, "seconds": round(time.monotonic() - began, 3)}
        return {"connection": name, "module": module, **result, **spent}

    def pull(self, mirror: Mirror, crm: Connector, held: Held, full: bool) -> dict[str, JSON]:
        """Return what came."""
        with self.bar(mirror.module) as show:
            return asdict(pull(mirror, crm, full=full, held=held, progress=show))

    def sweep(self, mirror: Mirror, crm: Connector, held: Held) -> dict[str, JSON]:
        """Return what the mirror had that is there no more, and what it lacked."""
        with self.bar(_("ids of %(module)s") % {"module": mirror.module}) as show:
            swept = sweep(mirror, crm, held=held, progress=show)
        return {"missing": swept.missing, "found": swept.found}

    @contextmanager
    def bar(self, what: str) -> Iterator[Progress]:
        """Show how far it is."""
        with self.progress(unit=_(" records"), desc=what) as bar:

            def show(done: int, total: int | None) -> None:
                bar.total = total
                bar.update(done - bar.n)

            yield show

    def show(self, result: JSON, **options: Any) -> None:
        text = _(
            "%(connection)s · %(module)s: %(new)d new, %(changed)d changed, %(unchanged)d unchanged, %(gone)d gone; "
            "%(records)d records kept; %(calls)d calls, %(seconds)s s."
        )
        self.stdout.write(text % result)
        if "missing" in result:
            self.stdout.write(_("Swept: %(missing)d missing, %(found)d that we did not have.") % result)
