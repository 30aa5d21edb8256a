"""`resume_mapping NAME`: have a paused mapping run again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.types import JSON
from portal.mappings.named import mapping_named
from portal.mappings.pause import NotFit, resume
from portal.ui.command import Failed, PortalCommand


class Command(PortalCommand):
    help = gettext_noop(
        "Resume a paused mapping: its schedule counts from now, and its next run plans everything that changed meanwhile. Exit 1 "
        "while it does not fit the fields of its modules."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=_("The mapping's name."))

    def work(self, *, name: str, **options: Any) -> JSON:
        mapping = mapping_named(name)
        try:
            done = resume(mapping, user=None, actor="command")
        except NotFit as e:
            raise Failed(str(e)) from e
        return {"mapping": name, "state": mapping.state, "changed": done}

    def show(self, result: JSON, **options: Any) -> None:
        text = _("“%(mapping)s” is resumed.") if result["changed"] else _("“%(mapping)s” was not paused.")
        self.stdout.write(text % result)
