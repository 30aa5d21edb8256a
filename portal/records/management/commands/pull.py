"""`pull NAME MODULE`: bring the mirror of one module up to date; it is made if there is none yet."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.connections.access import open_connector
from portal.connections.named import connection_named
from portal.connections.schema import refresh
from portal.records.pull import mirror_of, pull
from portal.ui.command import PortalCommand


class Command(PortalCommand):
    help = gettext_noop("Read what changed in one module of a CRM into our mirror; everything on the first time.")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=_("The connection's name."))
        parser.add_argument("module", help=_("The module's name in the CRM, such as Contacts."))
        parser.add_argument("--full", action="store_true", help=_("Read every record again, changed or not."))

    def work(self, *, name: str, module: str, full: bool, **options: Any) -> JSON:
        connection = connection_named(name)
        began = time.monotonic()
        with open_connector(connection, purpose="sync") as crm, self.progress(unit=_(" records"), desc=module) as bar:
            refresh(connection, module, crm)  # a module that does not exist leaves no empty mirror behind

            def show(done: int, total: int | None) -> None:
                bar.total = total
                bar.update(done - bar.n)

            mirror = mirror_of(connection, module)
            pulled = pull(mirror, crm, full=full, progress=show)
            calls = crm.context.observer.calls  # type: ignore[attr-defined]
        return {
            "connection": name,
            "module": module,
            "new": pulled.new,
            "changed": pulled.changed,
            "unchanged": pulled.unchanged,
            "gone": pulled.gone,
            "records": mirror.records,
            "complete": pulled.complete,
            "calls": calls,
            "seconds": round(time.monotonic() - began, 3),
        }

    def show(self, result: JSON, **options: Any) -> None:
        text = _(
            "%(connection)s · %(module)s: %(new)d new, %(changed)d changed, %(unchanged)d unchanged, %(gone)d gone; "
            "%(records)d records kept; %(calls)d calls, %(seconds)s s."
        )
        self.stdout.write(text % result)
