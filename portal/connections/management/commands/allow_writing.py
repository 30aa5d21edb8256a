"""`allow_writing NAME`: let records of this CRM be changed from here; with --off, forbid it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.connections.named import connection_named
from portal.connections.save import allow_writing
from portal.ui.command import PortalCommand


class Command(PortalCommand):
    help = gettext_noop("Allow writing to a connection; --off makes it read-only again, for runs under way too.")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=_("The connection's name."))
        parser.add_argument("--off", action="store_true", help=_("Forbid writing."))

    def work(self, *, name: str, off: bool, **options: Any) -> JSON:
        connection = connection_named(name)
        if connection.writable == off:
            allow_writing(connection, not off)
        return {"name": connection.name, "writable": connection.writable}

    def show(self, result: JSON, **options: Any) -> None:
        text = _("“%(name)s” may be written to.") if result["writable"] else _("“%(name)s” is read-only.")
        self.stdout.write(text % {"name": result["name"]})
