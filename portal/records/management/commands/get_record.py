"""`get_record NAME MODULE ID`: one record as the CRM has it now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.connections.access import open_connector
from portal.connections.command import ConnectionCommand
from portal.connections.named import connection_named
from portal.records.as_json import record_as_json


class Command(ConnectionCommand):
    help = gettext_noop("Show one record with all its fields, as the CRM has it now.")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=_("The connection's name."))
        parser.add_argument("module", help=_("The module's name in the CRM, such as Contacts."))
        parser.add_argument("id", help=_("The record's id in the CRM."))

    def work(self, *, name: str, module: str, id: str, **options: Any) -> JSON:
        with open_connector(connection_named(name), purpose="person") as crm:
            return record_as_json(crm.get(module, id))
