"""`delete_record NAME MODULE ID`: delete one record in the CRM; what it held stays in our ledger."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.connections.access import open_connector
from portal.connections.command import ConnectionCommand
from portal.connections.named import connection_named
from portal.connections.schema import module_schema
from portal.records.edit import Editor


class Command(ConnectionCommand):
    help = gettext_noop("Delete one record in the CRM. What it held is kept in the portal's ledger.")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=_("The connection's name."))
        parser.add_argument("module", help=_("The module's name in the CRM, such as Contacts."))
        parser.add_argument("id", help=_("The record's id in the CRM."))

    def work(self, *, name: str, module: str, id: str, **options: Any) -> JSON:
        connection = connection_named(name)
        with open_connector(connection, purpose="person") as crm:
            edited = Editor(connection, crm, module_schema(connection, module, crm=crm)).delete(id)
        return {"id": id, "module": module, "deleted": True, "run": edited.run.pk}
