"""`describe_module NAME MODULE`: the fields of a module, as the CRM tells them now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.connections.access import open_connector
from portal.connections.command import ConnectionCommand
from portal.connections.named import connection_named
from portal.connections.schema import refresh, schema_to_json


class Command(ConnectionCommand):
    help = gettext_noop(
        "Describe a module: its fields, their types, which are required, and their choices, as the CRM tells them now."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=_("The connection's name."))
        parser.add_argument("module", help=_("The module's name, as list_modules tells it."))

    def work(self, *, name: str, module: str, **options: Any) -> JSON:
        connection = connection_named(name)
        with open_connector(connection, purpose="person") as crm:
            document = schema_to_json(refresh(connection, module, crm))
        return {key: value for key, value in document.items() if key != "format"}

    def show(self, result: JSON, **options: Any) -> None:
        width = max((len(field["name"]) for field in result["fields"]), default=0)
        for field in result["fields"]:
            marks = [field["type"]]
            marks += [_("required")] * field[_("required")] + [_("read only")] * (not field["editable"])
            marks += [f"→ {', '.join(field['refers_to'])}"] * bool(field["refers_to"])
            self.stdout.write(f"{field['name']:{width}}  {field['label']} ({', '.join(marks)})")
