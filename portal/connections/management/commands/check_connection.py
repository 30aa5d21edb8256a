"""`check_connection NAME`: ask the CRM who we are, and keep the answer."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors import connector_class
from connectors.errors import ConnectorError
from connectors.types import JSON
from portal.connections.advice import advise
from portal.connections.check import check
from portal.connections.named import connection_named
from portal.ui.command import Failed, PortalCommand
from portal.ui.wording import translated


class Command(PortalCommand):
    help = gettext_noop("Test a connection: log in and tell the account, the user, the version and the modules.")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=_("The connection's name."))

    def work(self, *, name: str, **options: Any) -> JSON:
        connection = connection_named(name)
        try:
            identity = check(connection)
        except ConnectorError as e:
            advice = advise(e, connector_class(connection.connector))
            causes = "".join(f"\n  · {cause}" for cause in advice.causes)
            raise Failed(f"{advice.title} {advice.detail}{causes}\n{advice.what_to_do}") from e
        modules = [module.name for module in identity.modules]
        return {
            "connection": name,
            **asdict(identity),
            "notes": list(map(translated, identity.notes)),
            "modules": modules,
        }

    def show(self, result: JSON, **options: Any) -> None:
        told = {
            _("account"): result["account"],
            _("user"): result["user"],
            _("version"): result["version"],
            _("time zone"): result["time_zone"],
            _("expires at"): result["expires_at"],
            _("modules"): ", ".join(result["modules"]),
        }
        for name, value in told.items():
            if value:
                self.stdout.write(f"{name}: {value}")
        for note in result["notes"]:
            self.stdout.write(note)
