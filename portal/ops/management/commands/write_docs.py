"""`write_docs`: make the pages of docs/ that are made from the code."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.ops.docs import pages
from portal.ui.command import Failed, PortalCommand


class Command(PortalCommand):
    help = gettext_noop(
        "Make the pages of docs/ that are made from the code: capabilities, commands, settings, one a CRM."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help=_("Write nothing; exit 1 when a page is out of date."))

    def work(self, **options: Any) -> JSON:
        changed = []
        try:
            made = pages()
        except FileNotFoundError as e:
            told = _("A page cannot be made: there is no %(file)s. CONTRIBUTING.md says what it holds.")
            raise Failed(told % {"file": e.filename}) from e
        for name, text in made.items():
            path = settings.BASE_DIR / "docs" / name
            if path.is_file() and path.read_text() == text:
                continue
            changed.append(str(name))
            if not options["check"]:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        if changed and options["check"]:
            self.fall_short(_("Out of date: %(pages)s. Run: manage.py write_docs") % {"pages": ", ".join(changed)})
        return {"changed": changed}

    def show(self, result: JSON, **options: Any) -> None:
        for name in result["changed"]:
            self.stdout.write(name)
