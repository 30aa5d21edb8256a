"""`add_comment NAME MODULE ID TEXT`: add a comment to a record in the CRM."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.connections.access import open_connector
from portal.connections.command import ConnectionCommand
from portal.connections.named import connection_named
from portal.records.operations import comment


class Command(ConnectionCommand):
    help = gettext_noop("Add a comment to a record in the CRM.")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=_("The connection's name."))
        parser.add_argument("module", help=_("The module's name in the CRM, such as Contacts."))
        parser.add_argument("id", help=_("The record's id in the CRM."))
        parser.add_argument("text", help=_("The comment."))

    def work(self, *, name: str, module: str, id: str, text: str, **options: Any) -> JSON:
        connection = connection_named(name)
        with open_connector(connection, purpose="person") as crm:
            comment(connection, crm, module, id, text)
        return {"module": module, "id": id, "commented": True}
