"""`export_config`: what is set up, as the file that `import_config` reads."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.ops.export_file import Exported, NoSuchMapping, as_yaml, export_document
from portal.ui.command import PortalCommand, WrongUse


class Command(PortalCommand):
    help = gettext_noop(
        "Print mappings with their filters, schedules and value tables as YAML that import_config reads; imported where it came"
        " from it changes nothing."
    )
    exported: Exported

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--connections",
            action="store_true",
            help=_("The connections too; a secret stands as env:NAME, the name of an environment variable."),
        )
        parser.add_argument(
            "--mapping",
            metavar="NAME",
            action="append",
            default=[],
            help=_("Only this mapping and what it uses; may be said several times. Unless given: all there is."),
        )
        parser.add_argument(
            "--draft", action="store_true", help=_("What each mapping says in its newest version, live or not.")
        )

    def work(self, **options: Any) -> JSON:
        try:
            self.exported = export_document(
                options["mapping"], connections=options["connections"], draft=options["draft"]
            )
        except NoSuchMapping as e:
            raise WrongUse(str(e)) from e
        for warning in self.exported.warnings:
            self.say(_("Warning: %(text)s") % {"text": warning})
        return self.exported.document

    def show(self, result: JSON, **options: Any) -> None:
        self.stdout.write(as_yaml(self.exported), ending="")
