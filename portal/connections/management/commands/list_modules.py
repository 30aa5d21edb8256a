"""`list_modules NAME`: the modules the CRM tells now."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.connections.access import open_connector
from portal.connections.command import ConnectionCommand
from portal.connections.named import connection_named
from portal.connections.schema import refresh_modules


class Command(ConnectionCommand):
    help = gettext_noop("List the modules of a connection, as the CRM tells them now.")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=_("The connection's name."))

    def work(self, *, name: str, **options: Any) -> JSON:
        connection = connection_named(name)
        with open_connector(connection, purpose="person") as crm:
            return [asdict(module) for module in refresh_modules(connection, crm)]

    def show(self, result: JSON, **options: Any) -> None:
        width = max((len(module["name"]) for module in result), default=0)
        for module in result:
            self.stdout.write(f"{module['name']:{width}}  {module['label']}")
