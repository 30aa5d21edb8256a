"""`save_record NAME MODULE [ID] --set field=value`: create a record, or change the fields given of one."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from connectors.types import JSON
from portal.connections.access import open_connector
from portal.connections.named import connection_named
from portal.connections.schema import module_schema
from portal.records.as_json import record_as_json, values_of
from portal.records.edit import Editor
from portal.ui.command import PortalCommand, WrongUse


class Command(PortalCommand):
    help = "Create a record, or change fields of one, and print it as read back from the CRM."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="The connection's name.")
        parser.add_argument("module", help="The module's name in the CRM, such as Contacts.")
        parser.add_argument("id", nargs="?", help="The record to change; left out, a new one is created.")
        parser.add_argument(
            "--set", action="append", default=[], metavar="FIELD=VALUE", help="A field's new value; FIELD= clears it."
        )

    def work(self, *, name: str, module: str, id: str | None, **options: Any) -> JSON:
        if not options["set"]:
            raise WrongUse("Say what to save: --set field=value, as often as needed.")
        connection = connection_named(name)
        with open_connector(connection, purpose="person") as crm:
            schema = module_schema(connection, module, crm=crm)
            editor = Editor(connection, crm, schema)
            values = values_of(options["set"], schema)
            edited = editor.create(values) if id is None else editor.change(id, values)
        for field, (sent, stored) in edited.different.items():
            self.say(f"The CRM stored “{field}” differently: {sent!r} was sent, {stored!r} is there.")
        return record_as_json(edited.record) if edited.record else None
