"""`call_operation NAME OPERATION --set parameter=value`: carry out one of the CRM's own calls and print its answer."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.connections.access import open_connector
from portal.connections.command import ConnectionCommand
from portal.connections.named import connection_named, resolved
from portal.records.operations import carry_out
from portal.ui.command import parse_pairs


class Command(ConnectionCommand):
    help = gettext_noop(
        "Carry out one of the CRM's own operations, as list_operations tells them, and print its answer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=_("The connection's name."))
        parser.add_argument("operation", help=_("The operation's name, as list_operations tells it."))
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="PARAMETER=VALUE",
            help=_(
                "A parameter; an object as JSON, a list as JSON or line by line; env:NAME is read from the environment."
            ),
        )

    def work(self, *, name: str, operation: str, **options: Any) -> JSON:
        connection = connection_named(name)
        params = {key: resolved(value) for key, value in parse_pairs(options["set"])}
        with open_connector(connection, purpose="person") as crm:
            return carry_out(connection, crm, operation, params)
