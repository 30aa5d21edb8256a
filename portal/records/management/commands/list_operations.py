"""`list_operations NAME`: the CRM's own calls that `call_operation` carries out."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors import connector_class
from connectors.types import JSON
from portal.connections.command import ConnectionCommand
from portal.connections.named import connection_named
from portal.records.operations import as_json


class Command(ConnectionCommand):
    help = gettext_noop("List the CRM's own operations with their parameters; asks the CRM nothing.")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=_("The connection's name."))

    def work(self, *, name: str, **options: Any) -> JSON:
        return [as_json(operation) for operation in connector_class(connection_named(name).connector).operations]

    def show(self, result: JSON, **options: Any) -> None:
        for operation in result:
            marks = [_("writes")] * operation["writes"] + [_("administrators only")] * operation["admin_only"]
            takes = [p["name"] if p["required"] else f"[{p['name']}]" for p in operation["parameters"]]
            self.stdout.write(f"{operation['name']} {' '.join(takes)}".rstrip())
            told = f" ({', '.join(marks)})" if marks else ""
            self.stdout.write(f"    {operation['summary']}{told}")
