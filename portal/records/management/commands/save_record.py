"""`save_record NAME MODULE [ID] --set field=value`: create a record, or change the fields given of one."""

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
from portal.records.as_json import record_as_json, values_of
from portal.records.edit import Editor
from portal.ui.command import WrongUse


class Command(ConnectionCommand):
    help = gettext_noop("Create a record, or change fields of one, and print it as read back from the CRM.")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=_("The connection's name."))
        parser.add_argument("module", help=_("The module's name in the CRM, such as Contacts."))
        parser.add_argument("id", nargs="?", help=_("The record to change; left out, a new one is created."))
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="FIELD=VALUE",
            help=_("A field's new value; FIELD= clears it."),
        )

    def work(self, *, name: str, module: str, id: str | None, **options: Any) -> JSON:
        if not options["set"]:
            raise WrongUse(_("Say what to save: --set field=value, as often as needed."))
        connection = connection_named(name)
        with open_connector(connection, purpose="person") as crm:
            schema = module_schema(connection, module, crm=crm)
            editor = Editor(connection, crm, schema)
            values = values_of(options["set"], schema)
            edited = editor.create(values) if id is None else editor.change(id, values)
        for field, (sent, stored) in edited.different.items():
            self.say(
                _("The CRM stored “%(field)s” differently: %(sent)s was sent, %(stored)s is there.")
                % {"field": field, "sent": f"{sent!r}", "stored": f"{stored!r}"}
            )
        return record_as_json(edited.record) if edited.record else None
